// What the queue learns of a clock that was set, and of its own sleep.
import { expect } from 'chai';
import { ClockWatch } from '../../../relay/queue/clock-watch.ts';
import { FakeClock } from '../../../src/clock.ts';
import { RecordingLog } from '../support/recording-log.ts';

const HOUR = 3_600_000;

describe('ClockWatch', () => {
  let clock: FakeClock;
  let log: RecordingLog;
  let calls: string[];
  let watch: ClockWatch;

  beforeEach(() => {
    clock = new FakeClock();
    log = new RecordingLog();
    calls = [];
    watch = new ClockWatch({
      store: {
        hasten: async (now, longest, lease) => {
          calls.push(`hasten ${now - clock.now()} ${longest} ${lease}`);
          return 1;
        },
      },
      leases: { renew: () => calls.push('renew') },
      longestWait: HOUR,
      clock,
      log,
    });
  });

  afterEach(() => watch.stop());

  it('asks at the start for what was put off too far, and not again', async () => {
    expect(await watch.look()).to.equal(0);
    expect(await watch.look()).to.equal(0);
    expect(calls).to.deep.equal(['hasten 0 3600000 15000']);
  });

  it('asks again when the clock was set back, and for leases at once', async () => {
    await watch.look();
    calls.length = 0;
    clock.jump(-HOUR);
    expect(await watch.look()).to.equal(0);
    expect(calls).to.deep.equal(['renew', 'hasten 0 3600000 15000']);
    expect(log.of('clock.set').length).to.equal(1);
  });

  it('rests for half a lease when it was set ahead', async () => {
    await watch.look();
    calls.length = 0;
    clock.jump(HOUR);
    expect(await watch.look()).to.equal(7_500);
    expect(await watch.look()).to.equal(0);
    expect(calls).to.deep.equal(['renew']);
  });

  it('makes nothing of the daily work of NTP', async () => {
    await watch.look();
    for (let day = 0; day < 100; day++) {
      clock.jump(900);
      expect(await watch.look()).to.equal(0);
    }
    expect(log.of('clock.set')).to.deep.equal([]);
  });

  it('rests when this process has slept, whichever of its timers is the first', async () => {
    await watch.look();
    clock.advance(60_000);
    expect(await watch.look(), 'awake all the time').to.equal(0);
    const { steady } = clock;
    clock.steady = () => steady.call(clock) + 20_000;
    expect(await watch.look()).to.equal(7_500);
    clock.advance(60_000);
    expect(await watch.look()).to.equal(0);
  });
});
