// When to try again: doubling waits with jitter, so that what failed together does not come back together.

export interface RetryPolicy {
  /** Milliseconds. */
  readonly min: number;
  readonly max: number;
  /** Age of a message at which it is given up. */
  readonly expire: number;
}

/** Milliseconds until the next attempt after `attempts` of them: min doubling up to max, three quarters to five quarters of it. */
export function retryDelay(policy: RetryPolicy, attempts: number, random: () => number = Math.random): number {
  const doubled = policy.min * 2 ** Math.min(attempts - 1, 40);
  return Math.round(Math.min(doubled, policy.max) * (0.75 + random() / 2));
}
