// The query parameters that routes understand, and what may be their values. A bad value is refused before any handler
// runs, which can then rely on it.

interface Rule {
  readonly allowed: string;
  readonly accepts: (value: string) => boolean;
}

export const MAX_LIMIT = 500;
export const DEFAULT_LIMIT = 50;

const QUERY = {
  limit: {
    allowed: `a number from 1 to ${MAX_LIMIT}`,
    accepts: (value) => isCount(value) && Number(value) <= MAX_LIMIT,
  },
  before: { allowed: 'the seq of a message', accepts: isCount },
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

function isCount(value: string): boolean {
  return /^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value));
}
