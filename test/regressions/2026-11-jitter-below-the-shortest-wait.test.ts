// The jitter went a quarter up and down: --retry-min 60s tried again after 45 s, --retry-max 1h after 75 minutes.
// Both are limits, and upstreams that greylist count on the first: who comes back too early starts anew.
// The jitter stays between the two.
import { expect } from 'chai';
import { retryDelay } from '../../relay/queue/schedule.ts';

describe('2026-11: the jitter of the retries', () => {
  it('never leaves --retry-min and --retry-max', () => {
    const policy = { min: 60_000, max: 3_600_000, expire: 432_000_000 };
    for (let attempts = 1; attempts < 30; attempts++) {
      for (const dice of [0, 0.1, 0.5, 0.9, 0.999999]) {
        expect(retryDelay(policy, attempts, () => dice)).to.be.within(policy.min, policy.max);
      }
    }
  });
});
