// A process's share of limits that it keeps together with others: asked for when there is mail, given back when not.

import { expect } from 'chai';
import { type LaneShare, Shares, type SharingLane } from '../../../relay/queue/shares.ts';
import type { Share, ShareAsk, Store } from '../../../relay/store/store.ts';
import { FakeClock } from '../../../src/clock.ts';
import { turn } from '../../support/within.ts';
import { RecordingLog } from '../support/recording-log.ts';

interface Desk {
  readonly clock: FakeClock;
  readonly log: RecordingLog;
  readonly lane: SharingLane & { running: number; waiting: { length: number }; share: LaneShare | null };
  readonly shares: Shares;
  readonly asks: ShareAsk[];
  /** What the store answers. */
  answer: Share | Error;
  grown: number;
  pass(ms: number): Promise<void>;
}

function desk(rate: SharingLane['rate'] = null): Desk {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const lane: Desk['lane'] = { name: 'main', concurrency: 4, rate, running: 0, waiting: { length: 0 }, share: null };
  const asks: ShareAsk[] = [];
  const share = async (ask: ShareAsk): Promise<Share> => {
    asks.push(ask);
    if (result.answer instanceof Error) throw result.answer;
    return result.answer;
  };
  const grown = (): void => void result.grown++;
  const store = { share } as unknown as Store;
  const result: Desk = {
    ...{ clock, log, lane, asks, grown: 0 },
    shares: new Shares({ store, owner: 'one', lanes: [lane], clock, log, grown }),
    answer: { slots: 2, slotsMs: 10_000, starts: 3, startsMs: 100 },
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= 50) {
        clock.advance(Math.min(left, 50));
        for (let i = 0; i < 3; i++) await turn();
      }
    },
  };
  return result;
}

describe("a process's share of limits", () => {
  it('is not there on a store that one process has for itself', () => {
    const lane: SharingLane = { name: 'main', concurrency: 4, rate: null, running: 0, waiting: [], share: null };
    const rest = { owner: 'one', clock: new FakeClock(), log: new RecordingLog(), grown: () => {} };
    new Shares({ store: {} as Store, lanes: [lane], ...rest });
    expect(lane.share).to.equal(null);
  });

  it('is asked for with the first mail at once, and holds for as many as it has slots', async () => {
    const { lane, asks, pass, ...rest } = desk();
    lane.waiting.length = 5;
    expect(lane.share!.allows(0)).to.equal(false);
    await pass(1);
    expect(asks).to.deep.equal([
      { upstream: 'main', owner: 'one', concurrency: 4, wanted: 4, running: 0, rate: null, starts: 0 },
    ]);
    expect(rest.shares && lane.share!.allows(1)).to.equal(true);
    expect(lane.share!.allows(2)).to.equal(false);
  });

  it('is asked for again every second, sooner when it does not suffice, and not once a mail', async () => {
    const { lane, asks, pass } = desk();
    lane.waiting.length = 1;
    lane.share!.allows(0);
    await pass(3_050);
    expect(asks.length).to.be.within(3, 5);
    const before = asks.length;
    for (let i = 0; i < 100; i++) lane.share!.allows(2);
    await pass(300);
    expect(asks.length - before).to.be.within(1, 2);
  });

  it('is given back after a while without mail, and at the stop', async () => {
    const { lane, asks, pass, shares, ...rest } = desk();
    lane.waiting.length = 1;
    lane.share!.allows(0);
    await pass(100);
    lane.waiting.length = 0;
    await pass(4_000);
    expect(asks.at(-1)?.wanted).to.equal(1);
    expect(rest.answer).to.be.an('object');
    await pass(3_000);
    expect(asks.at(-1)?.wanted).to.equal(0);
    await shares.stop();
    const { length } = asks;
    await pass(5_000);
    expect(asks.length).to.equal(length);
  });

  it('ends when the store does not answer any more', async () => {
    const one = desk();
    one.lane.waiting.length = 1;
    one.lane.share!.allows(0);
    await one.pass(100);
    expect(one.lane.share!.allows(0)).to.equal(true);
    one.answer = new Error('it is away');
    await one.pass(9_000);
    expect(one.lane.share!.allows(0), 'as long as it was given').to.equal(true);
    await one.pass(2_000);
    expect(one.lane.share!.allows(0)).to.equal(false);
    expect(one.log.of('queue.share_failed').length).to.be.greaterThan(5);
    one.answer = { slots: 1, slotsMs: 10_000, starts: 0, startsMs: 0 };
    await one.pass(1_500);
    expect(one.lane.share!.allows(0)).to.equal(true);
  });

  it('with a rate allows so many to begin, for a moment', async () => {
    const { lane, asks, pass } = desk({ count: 30, perMs: 1_000 });
    lane.waiting.length = 9;
    lane.share!.allows(0);
    await pass(1);
    expect(asks[0]?.starts, 'what can begin now').to.equal(4);
    for (let i = 0; i < 3; i++) {
      expect(lane.share!.allows(0)).to.equal(true);
      lane.share!.begin();
    }
    expect(lane.share!.allows(0)).to.equal(false);
    await pass(30);
    expect(asks[1]?.starts, 'that did not suffice').to.equal(6);
    expect(lane.share!.allows(0), 'given anew').to.equal(true);
    await pass(150);
    expect(lane.share!.allows(0), 'its moment is over').to.equal(false);
  });
});
