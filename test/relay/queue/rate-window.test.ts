// At most so many in any stretch of time, and no longer waits than that needs.
import { expect } from 'chai';
import { RateWindow } from '../../../relay/queue/rate-window.ts';

describe('RateWindow', () => {
  const RATES: readonly [count: number, perMs: number][] = [
    [1, 1000],
    [3, 1000],
    [7, 60_000],
    [100, 60_000],
  ];
  for (const [count, perMs] of RATES) {
    it(`lets ${count} begin in any ${perMs} ms, as early as that allows`, () => {
      const window = new RateWindow({ count, perMs });
      const starts: number[] = [];
      let now = 5_000_000;
      for (let i = 0; i < 5 * count; i++) {
        now += window.wait(now);
        expect(window.wait(now)).to.equal(0);
        window.note(now);
        starts.push(now);
        now += (i * 7) % 13;
      }
      for (const [i, start] of starts.entries()) {
        const earlier = starts[i - count];
        if (earlier !== undefined) expect(start - earlier).to.be.at.least(perMs);
      }
      expect(starts.at(-1)! - starts[0]!).to.be.at.most(5 * perMs);
    });
  }

  it('lets a burst through after a rest, and no second one', () => {
    const window = new RateWindow({ count: 2, perMs: 1000 });
    for (const now of [10_000, 10_001]) {
      expect(window.wait(now)).to.equal(0);
      window.note(now);
    }
    expect(window.wait(10_002)).to.equal(998);
  });

  it('waits one period at most when the clock is set back', () => {
    const window = new RateWindow({ count: 1, perMs: 1000 });
    window.note(10_000_000);
    expect(window.wait(5_000)).to.equal(1000);
  });
});
