// The kinds of option: how a value of each kind is written, read and described. Knows no names and no sources;
// see options.ts for tables and precedence. Adding a kind is one row here and one in config-schema.ts.
import type { Address } from './address.ts';
import { ADDRESS_FORMS, parseAddress } from './address.ts';

/** What a definition may demand of its values. Limits are written like the values themselves: '1k', '10s', 5. */
export interface OptionRules {
  readonly min?: number | string;
  readonly max?: number | string;
  /** What 0 means ('no limit', 'off'). With it 0 is allowed although it is below `min`. */
  readonly zero?: string;
  readonly choices?: readonly string[];
  /** For a url: the allowed protocols with their colon. */
  readonly protocols?: readonly string[];
  /** For a url: further protocols, which stand without `//host`; one that says all by itself needs no colon either. */
  readonly hostless?: readonly string[];
  /** For a string: what it must match, and how to say that in words. */
  readonly pattern?: { readonly test: RegExp; readonly says: string };
}

/** What reading a value of each kind gives. Durations are milliseconds, sizes bytes. */
export interface OptionTypeValues {
  string: string;
  boolean: boolean;
  integer: number;
  number: number;
  duration: number;
  size: number;
  address: Address;
  choice: string;
  url: URL;
  path: string;
  secret: string;
}

export type OptionType = keyof OptionTypeValues;

interface OptionKind<T> {
  /** What may stand in a config file besides a string that is read like a flag's value. */
  readonly json?: 'number' | 'boolean';
  /** A bare word from a config file will not do: `"5"` is not an integer there. */
  readonly onlyJson?: true;
  /** Values may hold passwords: they never appear in messages. */
  readonly secret?: true;
  /** Completes "expected ...". */
  expects(rules: OptionRules): string;
  /** The value; undefined when `text` is not one, or a ChatError that tells why. */
  read(text: string, rules: OptionRules): T | undefined;
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of '250ms', '60s', '1.5h', '5d' or '0'; undefined for anything else, a bare number included. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return match ? Math.round(Number(match[1]) * DURATION_UNITS[match[2] as string]!) : undefined;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes of '50MB', '64k', '1G' or '1000'. The units are powers of 1024, as mail servers count. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmg])b?|(b?))$/i.exec(text);
  if (!match) return undefined;
  const bytes = Number(match[1]) * SIZE_UNITS[(match[2] ?? match[3] ?? '').toLowerCase()]!;
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
}

/** A reader of numbers that keeps to min, max and zero; the limits are read by the same `parse`. */
function ranged(parse: (text: string) => number | undefined): OptionKind<number>['read'] {
  const limit = (value: number | string | undefined) => (value === undefined ? undefined : parse(String(value)));
  return (text, rules) => {
    const value = parse(text);
    if (value === undefined) return undefined;
    if (value === 0 && rules.zero !== undefined) return value;
    return value < (limit(rules.min) ?? 0) || value > (limit(rules.max) ?? Number.MAX_SAFE_INTEGER) ? undefined : value;
  };
}

function withRange(noun: string, rules: OptionRules): string {
  const { min, max, zero } = rules;
  const range = min !== undefined && max !== undefined ? ` from ${min} to ${max}` : '';
  const half = range ? '' : min !== undefined ? ` of at least ${min}` : max !== undefined ? ` of at most ${max}` : '';
  return `${noun}${range}${half}${zero === undefined ? '' : min === undefined ? ` (0: ${zero})` : `, or 0 (${zero})`}`;
}

const TRUE = /^(1|true|yes|on)$/i;
const FALSE = /^(0|false|no|off)$/i;

export const OPTION_TYPES: { readonly [T in OptionType]: OptionKind<OptionTypeValues[T]> } = {
  string: {
    expects: ({ pattern }) => pattern?.says ?? 'a text that is not empty',
    read: (text, { pattern }) => (text !== '' && (pattern?.test.test(text) ?? true) ? text : undefined),
  },
  boolean: {
    json: 'boolean',
    onlyJson: true,
    expects: () => 'true or false',
    read: (text) => (TRUE.test(text) ? true : FALSE.test(text) ? false : undefined),
  },
  integer: {
    json: 'number',
    onlyJson: true,
    expects: (rules) => withRange('a whole number', rules),
    read: ranged((text) => (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined)),
  },
  number: {
    json: 'number',
    onlyJson: true,
    expects: (rules) => withRange('a number', rules),
    read: ranged((text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined)),
  },
  duration: {
    json: 'number',
    expects: (rules) => withRange('a duration such as 250ms, 60s, 5m, 1h or 5d', rules),
    read: ranged(parseDuration),
  },
  size: {
    json: 'number',
    expects: (rules) => withRange('a size such as 50MB, 64k or a number of bytes', rules),
    read: ranged(parseSize),
  },
  address: {
    json: 'number',
    expects: () => `an address: ${ADDRESS_FORMS}`,
    // Throws BAD_ADDRESS, which says what is wrong better than expects() could.
    read: (text) => parseAddress(text),
  },
  choice: {
    expects: ({ choices = [] }) => `one of ${choices.join(', ')}`,
    read: (text, { choices = [] }) => (choices.includes(text) ? text : undefined),
  },
  url: {
    secret: true,
    expects: ({ protocols = [], hostless = [] }) =>
      `a URL such as ${[...protocols.map((protocol) => `${protocol}//host`), ...hostless].join(' or ')}`,
    read: (text, { protocols = [], hostless = [] }) => {
      const full = hostless.includes(`${text}:`) ? `${text}:` : text;
      const url = URL.canParse(full) ? new URL(full) : undefined;
      if (!url) return undefined;
      return hostless.includes(url.protocol) || (protocols.includes(url.protocol) && url.hostname !== '')
        ? url
        : undefined;
    },
  },
  path: {
    expects: () => 'the path of a file',
    read: (text) => (text !== '' && !text.includes('\0') ? text : undefined),
  },
  secret: {
    secret: true,
    expects: ({ pattern }) => pattern?.says ?? 'a text that is not empty',
    read: (text, { pattern }) => (text !== '' && (pattern?.test.test(text) ?? true) ? text : undefined),
  },
};
