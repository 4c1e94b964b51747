// The mails that a question means: walked in spans of seqs, from either end, so that a page is found without looking at
// what lies behind it, and other questions are answered in between.
import type { Database, Value } from '../../store/sqlite-database.ts';
import type { SearchQuery } from '../search-query.ts';
import { RegexSearch } from './search-regex.ts';
import {
  type Condition,
  isLookedUp,
  type RegexQuery,
  regexesOf,
  SearchSql,
  type SearchState,
  type Span,
  together,
} from './search-sql.ts';

/** Seqs in the first span, and how much longer each is than the one before. */
const FIRST_SPAN = 256;
const GROWTH = 8;
const SPARSE_GROWTH = 64;
/** Mails, and bytes of mail, that are read in some milliseconds. */
const SHORT_SPAN = { mails: 2048, bytes: 3 << 20, least: 64 };

export interface Question {
  readonly query: SearchQuery;
  /** Undefined: any. */
  readonly namespace: string | undefined;
  /** Received before this time. */
  readonly before: number | undefined;
}

export const EVERYTHING: SearchQuery = { kind: 'all', of: [] };

export type Match = readonly [seq: number, read: 0 | 1];

export class Matches {
  readonly #db: Database;
  readonly #scope: Condition;
  readonly #query: SearchQuery;
  readonly #regexes: readonly RegexQuery[];
  readonly #regexSearch: RegexSearch | null;
  readonly #bounds: string;
  /** Whether every mail matches: then one that stands far down is found by counting rows. */
  readonly isEverything: boolean;

  constructor(db: Database, { query, namespace, before }: Question) {
    this.#db = db;
    const scope: Condition[] = [];
    if (namespace !== undefined) {
      // The second half is what the index holds for.
      const isNamed = namespace === '' ? '' : " AND i.namespace > ''";
      scope.push({ sql: `i.namespace = ?${isNamed}`, values: [namespace] });
    }
    if (before !== undefined) scope.push({ sql: 'i.received_at < ?', values: [before] });
    this.#scope = together(
      '',
      scope.map(({ sql, values }) => ({ sql: ` AND ${sql}`, values })),
    );
    this.isEverything = query === EVERYTHING && scope.length === 0;
    this.#query = query;
    this.#regexes = regexesOf(query);
    this.#regexSearch = this.#regexes.length > 0 ? new RegexSearch(db) : null;
    // The plus keeps SQLite from going through the span where what it finds inside can be looked up.
    const seq = isLookedUp(query) ? '+i.seq' : 'i.seq';
    this.#bounds = `${seq} > ? AND ${seq} <= ?`;
  }

  /** All seqs that there are, as one span. */
  all(): Span {
    const [least, greatest] = this.#first<[number | null, number | null]>(
      'SELECT (SELECT min(seq) FROM inbox), (SELECT max(seq) FROM inbox)',
    )!;
    return { from: (least ?? 1) - 1, to: greatest ?? 0 };
  }

  count(span: Span): { messages: number; unread: number } {
    const { sql, values } = this.#within(span);
    const [messages, unread] = this.#first<[number, number]>(
      `SELECT count(*), total(i.read = 0) FROM inbox AS i WHERE ${sql}`,
      values,
    )!;
    return { messages, unread };
  }

  /** In the order asked for. */
  list(span: Span, oldestFirst: boolean, limit: number, offset = 0): Match[] {
    if (limit <= 0) return [];
    const { sql, values } = this.#within(span);
    const order = oldestFirst ? 'ASC' : 'DESC';
    return this.#db
      .query<[number, 0 | 1]>(
        `SELECT i.seq, i.read FROM inbox AS i WHERE ${sql} ORDER BY i.seq ${order} LIMIT ? OFFSET ?`,
      )
      .all(...values, Number.isFinite(limit) ? limit : -1, offset);
  }

  seqs(span: Span): number[] {
    return this.list(span, true, Number.POSITIVE_INFINITY).map(([seq]) => seq);
  }

  /** Seqs of a span in which texts are read one by one. */
  shortSpan(): number {
    const [messages, bytes] = this.#first<[number, number]>('SELECT total(messages), total(bytes) FROM inbox_count')!;
    const perMail = messages === 0 ? 1 : Math.max(1, bytes / messages);
    return Math.max(SHORT_SPAN.least, Math.min(SHORT_SPAN.mails, Math.floor(SHORT_SPAN.bytes / perMail)));
  }

  #within(span: Span): Condition {
    const state = this.#state();
    const { from, to } = span;
    const inSpan: Condition = {
      sql: `${this.#bounds}${this.#scope.sql}`,
      values: [from, to, ...this.#scope.values],
    };
    const search = new SearchSql(state, span, this.#hits(state, span, inSpan));
    return together(' AND ', [inSpan, search.condition(this.#query)]);
  }

  /** What the regular expressions find in the span; looked for only in mails that could match with them. */
  #hits(state: SearchState, span: Span, inSpan: Condition): Map<RegexQuery, string> {
    const hits = new Map<RegexQuery, string>();
    if (!this.#regexSearch) return hits;
    const { sql, values } = together(' AND ', [inSpan, new SearchSql(state, span, null).condition(this.#query)]);
    const perhaps = this.#db
      .query<[number]>(`SELECT i.seq FROM inbox AS i WHERE ${sql}`)
      .all(...values)
      .map(([seq]) => seq);
    for (const regex of this.#regexes) hits.set(regex, JSON.stringify(this.#regexSearch.hits(regex, perhaps)));
    return hits;
  }

  #state(): SearchState {
    const [trigrams, searchable] = this.#first<['a' | 'b', number]>('SELECT trigrams, searchable FROM inbox_state')!;
    return { trigrams, searchable, shortSpan: this.shortSpan() };
  }

  #first<Row extends readonly unknown[]>(sql: string, values: readonly Value[] = []): Row | undefined {
    return this.#db.query<Row>(sql).first(...values);
  }
}

/** Cuts a span into longer and longer ones, beginning at the end asked for. `isSparse`: little was found so far. */
export function pieces(span: Span, oldestFirst: boolean, isSparse: () => boolean = () => false): Generator<Span> {
  return cut(span, oldestFirst, FIRST_SPAN, () => (isSparse() ? SPARSE_GROWTH : GROWTH));
}

/** Cuts a span into equal ones. */
export function steps(span: Span, oldestFirst: boolean, length: number): Generator<Span> {
  return cut(span, oldestFirst, length, () => 1);
}

function* cut({ from, to }: Span, oldestFirst: boolean, first: number, growth: () => number): Generator<Span> {
  let length = first;
  for (let [low, high] = [from, to]; low < high; length *= growth()) {
    if (oldestFirst) {
      yield { from: low, to: Math.min(high, low + length) };
      low += length;
    } else {
      yield { from: Math.max(low, high - length), to: high };
      high -= length;
    }
  }
}
