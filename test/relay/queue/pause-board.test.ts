// What a queue lets others see of its pauses.
import { expect } from 'chai';
import type { LaneView } from '../../../relay/queue/lane.ts';
import { PauseBoard } from '../../../relay/queue/pause-board.ts';
import type { PausedUpstream, Store } from '../../../relay/store/store.ts';
import { FakeClock } from '../../../src/clock.ts';
import { turn } from '../../support/within.ts';
import { RecordingLog } from '../support/recording-log.ts';

class FakeLane {
  pause: { until: number; why: string; alarm: boolean } | null = null;
  gate = (): 'open' | 'paused' => (this.pause ? 'paused' : 'open');
  hurried: number[] = [];
  hurry(now: number): void {
    this.hurried.push(now);
  }
  view(): LaneView {
    const { until = null, why = '', alarm = false } = this.pause ?? {};
    return { name: 'main', state: this.pause ? 'paused' : 'open', until, why, alarm, running: 0 };
  }
}

describe('PauseBoard', () => {
  const PAUSE = { until: 5000, why: '535 no', alarm: true };
  let lane: FakeLane;
  let log: RecordingLog;
  let written: (readonly PausedUpstream[])[];
  let fails: boolean;
  let board: PauseBoard;

  beforeEach(() => {
    lane = new FakeLane();
    log = new RecordingLog();
    written = [];
    fails = false;
    const notePauses: Store['notePauses'] = async (owner, pauses) => {
      expect(owner).to.equal('me');
      if (fails) throw new Error('disk full');
      written.push(pauses);
    };
    const store = { notePauses } as Store;
    board = new PauseBoard({ store, owner: 'me', lanes: [lane, new FakeLane()], log, clock: new FakeClock() });
  });

  it('writes nothing while all is well', async () => {
    board.look();
    await board.clear();
    expect(written).to.deep.equal([]);
  });

  it('writes a pause once, and its end', async () => {
    lane.pause = PAUSE;
    for (let i = 0; i < 3; i++) {
      board.look();
      await turn();
    }
    expect(written).to.deep.equal([[{ upstream: 'main', ...PAUSE }]]);
    lane.pause = { ...PAUSE, until: 9000 };
    board.look();
    await turn();
    lane.pause = null;
    board.look();
    await turn();
    expect(written.slice(1)).to.deep.equal([[{ upstream: 'main', ...PAUSE, until: 9000 }], []]);
  });

  it('writes what changed while it wrote', async () => {
    lane.pause = PAUSE;
    board.look();
    lane.pause = null;
    board.look();
    await turn();
    expect(written).to.deep.equal([[{ upstream: 'main', ...PAUSE }], []]);
  });

  it('leaves nothing behind', async () => {
    lane.pause = PAUSE;
    board.look();
    await board.clear();
    expect(written.at(-1)).to.deep.equal([]);
  });

  it('does not mind a store in trouble', async () => {
    lane.pause = PAUSE;
    fails = true;
    board.look();
    await turn();
    expect(log.levels('queue.pauses_not_noted')).to.deep.equal(['warn']);
    fails = false;
    lane.pause = null;
    board.look();
    await turn();
    expect(written).to.deep.equal([[]]);
  });

  it('ends the pauses that somebody else has ended on it, and no others', async () => {
    const clock = new FakeClock(1000);
    let until = 5000;
    const store = {
      notePauses: async () => {},
      // Somebody else's pause of the same upstream is long over.
      pauses: async (_now: number, owner?: string) =>
        owner === 'me' ? [{ upstream: 'main', ...PAUSE, until }] : [{ upstream: 'main', ...PAUSE, until: 1 }],
    } as unknown as Store;
    board = new PauseBoard({ store, owner: 'me', lanes: [lane], log, clock });
    await board.heed();
    expect(lane.hurried, 'nothing was paused').to.deep.equal([]);
    lane.pause = PAUSE;
    board.look();
    await board.heed();
    expect(lane.hurried, 'the pause stands').to.deep.equal([]);
    until = 1000;
    await board.heed();
    expect(lane.hurried).to.deep.equal([1000]);
  });
});
