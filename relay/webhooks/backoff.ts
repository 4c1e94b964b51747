// When to try again: doubling waits, each somewhere between the half and the whole of its length, so that many that
// failed together do not come back together.
const FIRST_MS = 1000;
const LONGEST_MS = 5 * 60_000;

/** Milliseconds before the next attempt, after so many failures in a row (1 or more). `dice` gives 0 to 1. */
export function waitAfter(failures: number, dice: () => number = Math.random): number {
  const whole = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 20), LONGEST_MS);
  return Math.round(whole * (0.5 + dice() / 2));
}

/** What the receiver asks for (RFC 9110 10.2.3), in bounds; undefined when it asks for nothing that can be read. */
export function waitAsked(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, FIRST_MS), LONGEST_MS);
}
