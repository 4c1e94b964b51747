// The waits between attempts.
import { expect } from 'chai';
import { type Backoff, retryDelay } from '../../../relay/queue/schedule.ts';

const POLICY: Backoff = { min: 60_000, max: 3_600_000 };
/** Each with the least, the middle and the greatest of all dice. */
const delays = (policy: Backoff, attempts: number) =>
  [0, 0.5, 0.999999999].map((dice) => retryDelay(policy, attempts, () => dice));

describe('retryDelay', () => {
  const TABLE: readonly [attempts: number, least: number, most: number][] = [
    [1, 60_000, 90_000],
    [2, 120_000, 180_000],
    [3, 240_000, 360_000],
    [6, 1_920_000, 2_880_000],
    [7, 2_700_000, 3_600_000],
    [8, 2_700_000, 3_600_000],
    [1000, 2_700_000, 3_600_000],
  ];
  for (const [attempts, least, most] of TABLE) {
    it(`waits ${least} to ${most} ms behind attempt ${attempts}`, () => {
      expect(delays(POLICY, attempts)).to.deep.equal([least, (least + most) / 2, most]);
    });
  }

  it('never leaves the two limits, whatever they are', () => {
    for (const [min, max] of [
      [1000, 1000],
      [1000, 1100],
      [1000, 1500],
      [60_000, 61_000],
    ] as const) {
      for (let attempts = 1; attempts < 60; attempts++) {
        for (const delay of delays({ min, max }, attempts)) expect(delay).to.be.within(min, max);
      }
    }
  });

  it('rolls real dice: what failed together comes back apart', () => {
    const seen = new Set(Array.from({ length: 50 }, () => retryDelay(POLICY, 8)));
    expect(seen.size).to.be.greaterThan(40);
  });
});
