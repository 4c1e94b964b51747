// The query parameters that routes understand, and what may be their values. A bad value is refused before any handler
// runs, which can then rely on it.
import { parseDuration } from '../../src/option-types.ts';

interface Rule {
  readonly allowed: string;
  readonly accepts: (value: string) => boolean;
}

export const MAX_LIMIT = 500;
export const DEFAULT_LIMIT = 50;

export const DEFAULT_WAIT_MS = 30_000;
/** Below what proxies and clients bear. */
export const MAX_WAIT_MS = 300_000;

const QUERY = {
  limit: {
    allowed: `a number from 1 to ${MAX_LIMIT}`,
    accepts: (value) => isCount(value) && Number(value) <= MAX_LIMIT,
  },
  before: { allowed: 'the seq of a message', accepts: isCount },
  after: { allowed: 'the seq of a message, or 0', accepts: (value) => value === '0' || isCount(value) },
  count: {
    allowed: `a number from 1 to ${MAX_LIMIT}`,
    accepts: (value) => isCount(value) && Number(value) <= MAX_LIMIT,
  },
  timeout: {
    allowed: `a duration such as 500ms, 30s or 2m, at most ${MAX_WAIT_MS / 1000}s`,
    accepts: (value) => (waitMs(value) ?? Number.POSITIVE_INFINITY) <= MAX_WAIT_MS,
  },
  remote: { allowed: '0 or 1', accepts: (value) => value === '0' || value === '1' },
  format: { allowed: 'mbox or eml', accepts: (value) => value === 'mbox' || value === 'eml' },
  dl: { allowed: '0 or 1', accepts: (value) => value === '0' || value === '1' },
  refresh: { allowed: 'on or off', accepts: (value) => value === 'on' || value === 'off' },
} as const satisfies Readonly<Record<string, Rule>>;

export type QueryName = keyof typeof QUERY;

/** One line about the first bad value; undefined when all are good. Names that a route does not know are ignored. */
export function queryProblem(query: URLSearchParams, names: readonly QueryName[]): string | undefined {
  for (const name of names) {
    const { allowed, accepts } = QUERY[name];
    const values = query.getAll(name);
    if (values.length > 1) return `${name} is given more than once`;
    if (values.length === 1 && !accepts(values[0]!)) return `${name} must be ${allowed}`;
  }
  return undefined;
}

/** The value of a parameter that `queryProblem` has found to be good. */
export function numberFrom(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** A bare number counts seconds. */
export function waitMs(value: string): number | undefined {
  return /^\d{1,6}(\.\d+)?$/.test(value) ? Math.round(Number(value) * 1000) : parseDuration(value);
}

function isCount(value: string): boolean {
  return /^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value));
}
