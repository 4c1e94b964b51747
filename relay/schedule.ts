// When to try again: doubling waits with jitter, so that what failed together does not come back together.

export interface RetryPolicy {
  /** Milliseconds. */
  readonly min: number;
  readonly max: number;
  /** Age of a message at which it is given up. */
  readonly expire: number;
}

/** Milliseconds until the next attempt after `attempts` of them: min doubling up to max, and up to half of it more, between the two. */
export function retryDelay(policy: RetryPolicy, attempts: number, random: () => number = Math.random): number {
  const { min, max } = policy;
  const doubled = Math.min(min * 2 ** Math.min(attempts - 1, 40), max);
  const longest = Math.min(doubled * 1.5, max);
  // Where there is no more room above, the jitter goes down.
  const shortest = Math.max(min, Math.min(doubled, longest * 0.75));
  return Math.round(shortest + (longest - shortest) * random());
}
