// When to try again: doubling waits with jitter, so that what failed together does not come back together.

/** Milliseconds. */
export interface Backoff {
  readonly min: number;
  readonly max: number;
}

export interface RetryPolicy extends Backoff {
  /** Age at which a recipient is given up, counted from when it was received or requeued. */
  readonly expire: number;
  /** Age at which the sender is told that it is late; 0 for never. */
  readonly delayNotice: number;
  /** What becomes of mail whose final dot was not answered: tried again after the longest wait, or held for somebody to decide. */
  readonly unknown: 'retry' | 'hold';
}

/** Milliseconds until the next attempt after `attempts` of them: min doubling up to max, and up to half of it more, between the two. */
export function retryDelay(policy: Backoff, attempts: number, random: () => number = Math.random): number {
  const { min, max } = policy;
  const doubled = Math.min(min * 2 ** Math.min(attempts - 1, 40), max);
  const longest = Math.min(doubled * 1.5, max);
  // Where there is no more room above, the jitter goes down.
  const shortest = Math.max(min, Math.min(doubled, longest * 0.75));
  return Math.round(shortest + (longest - shortest) * random());
}
