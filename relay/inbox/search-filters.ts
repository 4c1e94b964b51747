// The filters of the search language: what may stand before the colon, and what its value means. The table is the
// documentation.
import { ChatError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { DATE_FORMS, parseSearchDate } from './search-date.ts';
import type { SearchQuery, TextField } from './search-query.ts';

export interface SearchContext {
  /** Milliseconds since the epoch, for `7d` and `today`. */
  readonly now: number;
  /** Name in the IANA database; the machine's zone when it is absent. */
  readonly timeZone?: string;
}

/** What was written behind the colon. */
export interface FilterValue {
  readonly text: string;
  /** Where the term begins in the search, counted from 1. */
  readonly place: number;
}

type Filter = (value: FilterValue, context: SearchContext) => SearchQuery;

export const FILTERS: Readonly<Record<string, Filter>> = {
  from: people('from'),
  to: people('to'),
  cc: people('cc'),
  bcc: people('bcc'),
  'reply-to': people('reply-to'),
  addressed: people('addressed'),
  subject: ({ text }) => ({ kind: 'text', field: 'subject', text }),
  body: ({ text }) => ({ kind: 'text', field: 'body', text }),
  'message-id': ({ text }) => ({ kind: 'text', field: 'message-id', text: withoutBrackets(text.replace(/^=/, '')) }),
  header,
  rcpt: ({ text }) => ({ kind: 'recipient', pattern: text === '<>' ? text : withoutBrackets(text.replace(/^=/, '')) }),
  ns: ({ text }) => ({ kind: 'namespace', name: text }),
  tag: ({ text }) => ({ kind: 'tag', tag: text }),
  is: (value) => ({ kind: 'is', what: oneOf('is', value, { read: 'read', unread: 'unread', tagged: 'tagged' }) }),
  has: (value) => ({
    kind: 'has',
    what: oneOf('has', value, {
      attachment: 'attachment',
      attachments: 'attachment',
      inline: 'inline',
      inlines: 'inline',
    }),
  }),
  after: (value, context) => ({ kind: 'after', time: time('after', value, context) }),
  // Both ends are meant, as Mailpit does; the query's `before` is without its end.
  before: (value, context) => ({ kind: 'before', time: time('before', value, context) + 1 }),
  larger: (value) => ({ kind: 'larger', bytes: size('larger', value) }),
  smaller: (value) => ({ kind: 'smaller', bytes: size('smaller', value) }),
};

/** Filters whose value may be a regular expression, and where it is looked for. */
export const REGEX_FIELDS: Readonly<Record<string, TextField>> = {
  from: 'from',
  to: 'to',
  cc: 'cc',
  bcc: 'bcc',
  'reply-to': 'reply-to',
  addressed: 'addressed',
  subject: 'subject',
  body: 'body',
  'message-id': 'message-id',
};

/** With these before the colon it is an address of the web or the like. */
const SCHEMES = new Set('callto cid data geo javascript magnet mailto mid news sip sips sms tel urn xmpp'.split(' '));
const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
};

/** Throws BAD_SEARCH when `name:value` looks like a filter and is none; what is clearly text passes. */
export function refuseUnknownFilter(name: string, value: string, place: number): void {
  const known = nearest(name, Object.keys(FILTERS));
  // C:\temp, http://x, std::list, mailto:x
  if (name.length === 1 || /^(\/\/|\\|:)/.test(value) || SCHEMES.has(name.toLowerCase())) return;
  // localhost:1025, but not larg:1025
  if (/^\d+$/.test(value) && known === undefined) return;
  const hint = known === undefined ? `put it in quotes to look for it as text` : `did you mean '${known}:'?`;
  throw badSearch(`unknown filter '${name}:'; ${hint}`, place);
}

export function badSearch(message: string, place: number): ChatError {
  return new ChatError('BAD_SEARCH', message, { place });
}

export function show(text: string): string {
  return `'${text.length > 60 ? `${text.slice(0, 57)}...` : text}'`;
}

function people(field: TextField): Filter {
  return ({ text }) => {
    if (!text.startsWith('=') || text === '=') return { kind: 'text', field, text };
    return { kind: 'address', field, address: withoutBrackets(text.slice(1).trim()) };
  };
}

function header({ text, place }: FilterValue): SearchQuery {
  const equals = text.indexOf('=');
  const name = (equals === -1 ? text : text.slice(0, equals)).trim().replace(/:$/, '');
  if (!/^[!-9;-~]+$/.test(name)) {
    throw badSearch(`${show(text)} names no header field; allowed are header:Name and header:Name=value`, place);
  }
  return { kind: 'header', name, value: equals === -1 ? null : text.slice(equals + 1).trim() };
}

function oneOf<T extends string>(filter: string, { text, place }: FilterValue, known: Readonly<Record<string, T>>): T {
  const found = text.toLowerCase();
  if (Object.hasOwn(known, found)) return known[found]!;
  const names = Object.keys(known);
  const meant = nearest(found, names);
  const hint = meant === undefined ? `allowed are ${names.join(', ')}` : `did you mean '${filter}:${meant}'?`;
  throw badSearch(`${show(text)} is nothing that '${filter}:' knows; ${hint}`, place);
}

function time(filter: string, { text, place }: FilterValue, { now, timeZone }: SearchContext): number {
  let found: number | null;
  try {
    found = parseSearchDate(text, now, timeZone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badSearch(`${show(timeZone ?? '')} is no time zone; use a name like Europe/Berlin`, place);
  }
  if (found === null) throw badSearch(`'${filter}:' needs a date, not ${show(text)}; write ${DATE_FORMS}`, place);
  return found;
}

function size(filter: string, { text, place }: FilterValue): number {
  const [, amount, unit = 'b'] = /^(\d{1,15}(?:\.\d{1,6})?)\s?([a-z]{1,3})?$/.exec(text.toLowerCase()) ?? [];
  if (amount === undefined || !Object.hasOwn(UNITS, unit)) {
    throw badSearch(`'${filter}:' needs a size, not ${show(text)}; write 5000, 100k or 2.5mb`, place);
  }
  return Math.floor(Number(amount) * UNITS[unit]!);
}

function withoutBrackets(text: string): string {
  return text.replace(/^<|>$/g, '');
}
