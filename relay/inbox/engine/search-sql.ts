// A search as a condition in SQL on `inbox AS i`, for the mails of one span of seqs.
//
// Text is looked for in the mails themselves. The table of trigrams tells in which: those that have some of the threes of
// characters that the text is made of. Where the span is short, or a mail is not in the table yet, all are read. What no table helps with, regular expressions, comes in as lists of seqs that were found before.

import { foldAddress } from '../../queue/address-pattern.ts';
import type { Value } from '../../store/sqlite-database.ts';
import type { SearchQuery, TextField } from '../search-query.ts';
import { clean, fold } from './mail-row.ts';

export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Seqs: behind `from`, up to `to`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export type RegexQuery = Extract<SearchQuery, { kind: 'regex' }>;

/** What the condition rests on, as it is at the moment. */
export interface SearchState {
  readonly trigrams: 'a' | 'b';
  /** The last seq in it. */
  readonly searchable: number;
  /** To read so many mails takes no longer than to look into the table first. */
  readonly shortSpan: number;
}

const TRIGRAM = 3;
/** More of them hardly make fewer mails. */
const MAX_TRIGRAMS = 6;
/** What is seldom in a text: trigrams with it are looked for first. */
const SELDOM = /[^a-z .,<>@"]|[jkqvwxyz]/g;

type Column = 'sent_by' | 'sent_to' | 'cc' | 'bcc' | 'reply_to' | 'subject' | 'message_id' | 'rcpt' | 'other' | 'body';

const ADDRESSED = ['sent_by', 'sent_to', 'cc', 'bcc', 'reply_to'] as const;

const COLUMNS: Readonly<Record<TextField, readonly Column[]>> = {
  any: [...ADDRESSED, 'subject', 'other', 'body'],
  from: ['sent_by'],
  to: ['sent_to'],
  cc: ['cc'],
  bcc: ['bcc'],
  'reply-to': ['reply_to'],
  addressed: ADDRESSED,
  subject: ['subject'],
  'message-id': ['message_id'],
  body: ['body'],
};

const TRUE: Condition = { sql: '1', values: [] };
const FALSE: Condition = { sql: '0', values: [] };

export class SearchSql {
  readonly #state: SearchState;
  readonly #span: Span;
  /** JSON arrays of seqs; null: not known yet, any mail may match. */
  readonly #hits: ReadonlyMap<RegexQuery, string> | null;
  /** Trigrams that every mail has that can match in the end. */
  #needed: readonly string[] = [];

  constructor(state: SearchState, span: Span, hits: ReadonlyMap<RegexQuery, string> | null) {
    this.#state = state;
    this.#span = span;
    this.#hits = hits;
  }

  /** `isDenied`: inside of an odd number of negations. */
  condition(query: SearchQuery, isDenied = false): Condition {
    switch (query.kind) {
      case 'all': {
        const outside = this.#needed;
        // What any of them needs, all need together: each is looked for only where the others may be found.
        this.#needed = seldomFirst([...outside, ...query.of.flatMap(neededTrigrams)]);
        const conditions = query.of.map((one) => this.condition(one, isDenied));
        this.#needed = outside;
        return joined(' AND ', TRUE, conditions);
      }
      case 'one':
        return joined(
          ' OR ',
          FALSE,
          query.of.map((one) => this.condition(one, isDenied)),
        );
      case 'not': {
        const { sql, values } = this.condition(query.of, !isDenied);
        return { sql: `NOT ${sql}`, values };
      }
      case 'text':
        return this.#text(COLUMNS[query.field], searchedText(query.text));
      case 'address':
        return this.#text(query.field === 'any' ? ADDRESSED : COLUMNS[query.field], searchedAddress(query.address));
      case 'regex':
        if (this.#hits === null) return isDenied ? FALSE : TRUE;
        return { sql: 'i.seq IN (SELECT value FROM json_each(?))', values: [this.#hits.get(query) ?? '[]'] };
      case 'header':
        return this.#header(query.name, query.value);
      case 'recipient':
        return this.#recipient(query.pattern);
      case 'namespace':
        return { sql: 'i.namespace = ?', values: [clean(query.name)] };
      case 'tag':
        return { sql: 'i.seq IN (SELECT seq FROM inbox_tag WHERE tag = ?)', values: [clean(query.tag)] };
      case 'is':
        return { sql: { read: 'i.read = 1', unread: 'i.read = 0', tagged: "i.tags <> '[]'" }[query.what], values: [] };
      case 'has':
        return { sql: query.what === 'attachment' ? 'i.attachments > 0' : 'i.inlines > 0', values: [] };
      case 'after':
        return { sql: 'i.received_at >= ?', values: [query.time] };
      case 'before':
        return { sql: 'i.received_at < ?', values: [query.time] };
      case 'larger':
        return { sql: 'i.size > ?', values: [query.bytes] };
      case 'smaller':
        return { sql: 'i.size < ?', values: [query.bytes] };
    }
  }

  #text(columns: readonly Column[], text: string): Condition {
    const { sql, values } = this.#having(columns, text);
    return { sql: `i.seq IN (${sql})`, values };
  }

  /** The seqs of the mails that have this in one of the columns. */
  #having(columns: readonly Column[], text: string): Condition {
    const { trigrams, searchable, shortSpan } = this.#state;
    const { from, to } = this.#span;
    const terms = trigramsOf(text);
    if (to - from <= shortSpan || from >= searchable || terms.length === 0) return readingText(columns, text, from, to);
    const table = `inbox_trigrams_${trigrams}`;
    const all = new Set([...terms, ...this.#needed]);
    const perhaps: Condition = {
      sql: `SELECT rowid FROM ${table} WHERE ${table} MATCH ? AND rowid > ? AND rowid <= ?`,
      values: [[...all].map((term) => `"${term.replaceAll('"', '""')}"`).join(' AND '), from, Math.min(to, searchable)],
    };
    const having = likes(columns, text);
    const found: Condition[] = [
      {
        sql: `SELECT seq FROM inbox_text WHERE seq IN (${perhaps.sql}) AND (${having.sql})`,
        values: [...perhaps.values, ...having.values],
      },
    ];
    if (to > searchable) found.push(readingText(columns, text, searchable, to));
    return together(' UNION ALL ', found);
  }

  #header(name: string, value: string | null): Condition {
    const { from, to } = this.#span;
    const key = fold(clean(name));
    const wanted = value === null ? TRUE : { sql: 'instr(field.value ->> 1, ?) > 0', values: [fold(clean(value))] };
    return {
      // The first comparison spares nearly all the reading of JSON.
      sql: `i.seq IN (SELECT seq FROM inbox_text WHERE seq > ? AND seq <= ? AND instr(headers, ?) > 0 AND EXISTS (
        SELECT 1 FROM json_each(headers) AS field WHERE field.value ->> 0 = ? AND ${wanted.sql}))`,
      values: [from, to, `[${JSON.stringify(key)},`, key, ...wanted.values],
    };
  }

  #recipient(pattern: string): Condition {
    const folded = fold(clean(foldAddress(pattern.startsWith('@') ? `*${pattern}` : pattern)));
    const parts = folded.split(/\*+/);
    // As it stands in the JSON array.
    if (parts.length === 1) return this.#text(['rcpt'], JSON.stringify(folded));
    const longest = parts.reduce((best, part) => (part.length > best.length ? part : best));
    const perhaps = this.#having(['rcpt'], JSON.stringify(longest).slice(1, -1));
    return {
      sql: `i.seq IN (SELECT seq FROM inbox_text WHERE seq IN (${perhaps.sql}) AND EXISTS (
        SELECT 1 FROM json_each(rcpt) AS address WHERE address.value LIKE ? ESCAPE '\\'))`,
      values: [...perhaps.values, parts.map(escapeLike).join('%')],
    };
  }
}

/** The regular expressions of a search. */
export function regexesOf(query: SearchQuery): RegexQuery[] {
  switch (query.kind) {
    case 'regex':
      return [query];
    case 'all':
    case 'one':
      return query.of.flatMap(regexesOf);
    case 'not':
      return regexesOf(query.of);
    default:
      return [];
  }
}

export function together(operator: string, conditions: readonly Condition[]): Condition {
  return { sql: conditions.map(({ sql }) => sql).join(operator), values: conditions.flatMap(({ values }) => values) };
}

function joined(operator: string, none: Condition, conditions: readonly Condition[]): Condition {
  if (conditions.length === 0) return none;
  const { sql, values } = together(operator, conditions);
  return { sql: `(${sql})`, values };
}

function readingText(columns: readonly Column[], text: string, from: number, to: number): Condition {
  const { sql, values } = likes(columns, text);
  return { sql: `SELECT seq FROM inbox_text WHERE seq > ? AND seq <= ? AND (${sql})`, values: [from, to, ...values] };
}

function likes(columns: readonly Column[], text: string): Condition {
  const pattern = `%${escapeLike(text)}%`;
  const comparisons = columns.map(
    (column) => `${column === 'body' ? 'coalesce(folded, body)' : column} LIKE ? ESCAPE '\\'`,
  );
  return { sql: comparisons.join(' OR '), values: columns.map(() => pattern) };
}

/** Some of those that every text has that has this text in it; none for a shorter one. */
function trigramsOf(text: string): string[] {
  const characters = [...text];
  const trigrams: string[] = [];
  for (let at = 0; at + TRIGRAM <= characters.length; at++) trigrams.push(characters.slice(at, at + TRIGRAM).join(''));
  return seldomFirst(trigrams);
}

function neededTrigrams(query: SearchQuery): string[] {
  if (query.kind === 'text') return trigramsOf(searchedText(query.text));
  return query.kind === 'address' ? trigramsOf(searchedAddress(query.address)) : [];
}

function seldomFirst(trigrams: readonly string[]): string[] {
  const seldomness = (trigram: string): number => trigram.match(SELDOM)?.length ?? 0;
  return [...new Set(trigrams)].sort((a, b) => seldomness(b) - seldomness(a)).slice(0, MAX_TRIGRAMS);
}

function searchedText(text: string): string {
  return fold(clean(text));
}

/** As mailboxesText() writes it. */
function searchedAddress(address: string): string {
  return searchedText(`<${foldAddress(address)}>`);
}

/** Whether the mails that match are found by looking them up, and not by going through all of the span. */
export function isLookedUp(query: SearchQuery): boolean {
  switch (query.kind) {
    case 'text':
    case 'address':
    case 'recipient':
    case 'header':
    case 'regex':
    case 'tag':
      return true;
    case 'all':
      return query.of.some(isLookedUp);
    default:
      return false;
  }
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
