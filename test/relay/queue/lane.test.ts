// An upstream's pauses: when they begin, how they grow, who goes ahead to see, and what ends them.
import { expect } from 'chai';
import { Lane, type LaneOptions } from '../../../relay/queue/lane.ts';
import { type Courier, Unreachable } from '../../../relay/upstream/courier.ts';

const COURIER: Courier = {
  name: 'main',
  group: () => '',
  deliver: () => Promise.reject(new Error('nothing is sent here')),
  close: () => {},
  destroy: () => {},
};

const BUSY = new Unreachable({ message: 'busy', code: 'ECONNECTION' });
const WRONG_PASSWORD = new Unreachable({ message: '535 no', code: 'EAUTH' });

function open(changes: Partial<LaneOptions> = {}): Lane {
  return new Lane({ courier: COURIER, concurrency: 5, rate: null, pause: { min: 1000, max: 300_000 }, ...changes });
}

/** Fails once at this time; gives the length of the pause. */
function failAt(lane: Lane, now: number, error = BUSY, scope = ''): number {
  lane.failed(scope, lane.begin(scope, now), error, now);
  return lane.pausedUntil(scope, now) - now;
}

describe('Lane', () => {
  it('is open at first, and has room for some more mails than it sends at a time', () => {
    const lane = open({ concurrency: 3 });
    expect(lane.gate('', 0)).to.equal('open');
    expect(lane.room(0)).to.equal(12);
    lane.begin('', 0);
    lane.waiting.push({ scope: '' });
    expect(lane.room(0)).to.equal(10);
    expect(lane.view()).to.deep.equal({ name: 'main', state: 'open', until: null, why: '', alarm: false, running: 1 });
  });

  it('pauses for longer and longer, from a second up to five minutes', () => {
    const lane = open();
    let now = 0;
    const pauses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const pause = failAt(lane, now);
      pauses.push(pause);
      expect(lane.gate('', now + pause - 1)).to.equal('paused');
      expect(lane.room(now + pause - 1)).to.equal(0);
      now += pause;
      expect(lane.gate('', now)).to.equal('probe');
      expect(lane.room(now)).to.equal(1);
    }
    for (const [i, pause] of pauses.entries()) {
      const doubled = Math.min(1000 * 2 ** i, 300_000);
      expect(pause).to.be.within(Math.min(doubled, 225_000), Math.min(1.5 * doubled, 300_000));
    }
    expect(new Set(pauses.slice(9)).size, 'jitter').to.equal(3);
  });

  it('lets one through when the pause is over, and all when that one came through', () => {
    const lane = open();
    const now = failAt(lane, 0);
    lane.begin('', now);
    expect(lane.gate('', now)).to.equal('probing');
    expect(lane.room(now)).to.equal(0);
    expect(lane.succeeded('')).to.equal(true);
    expect(lane.gate('', now)).to.equal('open');
    expect(failAt(lane, now), 'begins anew').to.be.at.most(1500);
  });

  it('lets the next one through when the first ended for reasons of our own', () => {
    const lane = open();
    const now = failAt(lane, 0);
    lane.ended('', lane.begin('', now));
    expect(lane.gate('', now)).to.equal('probe');
    expect(lane.running).to.equal(0);
  });

  it('counts failures of deliveries that ran side by side as one', () => {
    const lane = open();
    const starts = [lane.begin('', 0), lane.begin('', 0), lane.begin('', 0)];
    for (const start of starts) lane.failed('', start, BUSY, 10);
    expect(lane.running).to.equal(0);
    expect(lane.pausedUntil('', 10)).to.be.at.most(10 + 1500);
  });

  it('is open again when a delivery that began before the pause comes through', () => {
    const lane = open();
    lane.begin('', 0);
    failAt(lane, 0);
    expect(lane.succeeded('')).to.equal(true);
    expect(lane.gate('', 0)).to.equal('open');
    lane.begin('', 1);
    expect(lane.succeeded('')).to.equal(false);
  });

  for (const [error, alarm] of [
    [BUSY, false],
    [WRONG_PASSWORD, true],
  ] as const) {
    it(`shows its pause${alarm ? ', and that somebody has to see to it' : ''}: ${error.message}`, () => {
      const lane = open();
      const pause = failAt(lane, 5000, error);
      const common = { name: 'main', running: 0, alarm };
      expect(lane.view()).to.deep.equal({ ...common, state: 'paused', until: 5000 + pause, why: error.message });
    });
  }

  it('pauses one domain and not the others, where a failure speaks of that alone', () => {
    const lane = open();
    failAt(lane, 0, BUSY, 'away.example');
    expect(lane.gate('away.example', 0)).to.equal('paused');
    expect(lane.gate('here.example', 0)).to.equal('open');
    expect(lane.room(0)).to.equal(20);
    expect(lane.view().state).to.equal('open');
    lane.waiting.push({ scope: 'away.example' }, { scope: 'here.example' }, { scope: 'away.example' });
    expect(lane.leave('away.example').length).to.equal(2);
    expect(lane.waiting).to.deep.equal([{ scope: 'here.example' }]);
  });

  it('forgets the oldest pause when there are too many domains', () => {
    const lane = open();
    for (let i = 0; i <= 10_000; i++) failAt(lane, 0, BUSY, `d${i}.example`);
    expect(lane.gate('d0.example', 0)).to.equal('open');
    expect(lane.gate('d1.example', 0)).to.equal('paused');
    expect(lane.gate('d10000.example', 0)).to.equal('paused');
  });

  it('keeps to its rate', () => {
    const lane = open({ rate: { count: 2, perMs: 1000 } });
    for (const now of [0, 100]) {
      expect(lane.rateWait(now)).to.equal(0);
      lane.begin('', now);
    }
    expect(lane.rateWait(200)).to.equal(800);
    expect(lane.rateWait(1000)).to.equal(0);
  });
});
