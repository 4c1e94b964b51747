// Finds the mails of one page and how many there are in all, in one walk from the newest on where that can be.
import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../../store/sqlite-database.ts';
import type { Count, Counting } from './counting.ts';
import { type Match, type Matches, pieces, type Question } from './matches.ts';
import type { Span } from './search-sql.ts';

/** So many are counted while the asker waits. */
const COUNTED_AT_ONCE = 1000;
/** All are counted in so many; in more of them until the page is full and this time over: the next span takes longer. */
const SMALL_SPAN = 16_384;
const COUNTING_MS = 1;
/** Of the page: when less than that was found in the first span, the next ones are long. */
const SPARSE = 1 / 8;
/** After so long other questions come in between. */
const TURN_MS = 10;

export interface Wanted {
  readonly oldestFirst: boolean;
  readonly start: number;
  readonly limit: number;
}

export interface Found {
  readonly seqs: readonly number[];
  readonly count: Count;
  /** There may be more. */
  readonly isLeast: boolean;
}

export class Finding {
  readonly #db: Database;
  readonly #counting: Counting;

  constructor(db: Database, counting: Counting) {
    this.#db = db;
    this.#counting = counting;
  }

  /** `all` is what is counted, `shown` the part of it of which the page is. */
  async find(question: Question, matches: Matches, all: Span, shown: Span, wanted: Wanted): Promise<Found> {
    const { oldestFirst, start, limit } = wanted;
    const known = this.#db.snapshot(() => this.#counting.known(question, matches, all));
    const isOneWalk = !oldestFirst && shown.to === all.to && start + limit <= COUNTED_AT_ONCE;
    if (known === undefined && isOneWalk) return this.#walk(question, matches, all, wanted);
    const seqs = await this.page(matches, shown, wanted);
    if (known !== undefined) return { seqs, count: known, isLeast: false };
    const { count, isLeast } = await this.#walk(question, matches, all, { oldestFirst: false, start: 0, limit: 0 });
    return { seqs, count, isLeast };
  }

  async page(matches: Matches, span: Span, { oldestFirst, start, limit }: Wanted): Promise<number[]> {
    if (matches.isEverything) return matches.list(span, oldestFirst, limit, start).map(([seq]) => seq);
    const seqs: number[] = [];
    let skip = start;
    const pause = pauser();
    const isSparse = (): boolean => skip > 0 || seqs.length < limit * SPARSE;
    for (const piece of limit > 0 ? pieces(span, oldestFirst, isSparse) : []) {
      await pause();
      const found = this.#db.snapshot((): Match[] => {
        const messages = skip > 0 ? matches.count(piece).messages : Number.POSITIVE_INFINITY;
        const rows = messages <= skip ? [] : matches.list(piece, oldestFirst, limit - seqs.length, skip);
        skip = Math.max(0, skip - messages);
        return rows;
      });
      for (const [seq] of found) seqs.push(seq);
      if (seqs.length >= limit) break;
    }
    return seqs;
  }

  async #walk(question: Question, matches: Matches, all: Span, { start, limit }: Wanted): Promise<Found> {
    const rows: Match[] = [];
    const began = performance.now();
    const enough = Math.max(COUNTED_AT_ONCE, start + limit);
    let reached = all.to;
    const pause = pauser();
    const isSparse = (): boolean => rows.length < (start + limit) * SPARSE;
    for (const piece of pieces(all, false, isSparse)) {
      await pause();
      for (const row of this.#db.snapshot(() => matches.list(piece, false, enough - rows.length))) rows.push(row);
      const isFull = rows.length >= enough;
      // What stands below the last one was not looked at.
      reached = isFull ? rows.at(-1)![0] - 1 : piece.from;
      const isLong = all.to - all.from > SMALL_SPAN && performance.now() - began > COUNTING_MS;
      if (isFull || (isLong && rows.length >= start + limit)) break;
    }
    const unread = rows.reduce((sum, [, read]) => sum + 1 - read, 0);
    const count = { messages: rows.length, unread };
    this.#counting.note(question, matches, all, { ...count, from: reached, to: all.to });
    return {
      seqs: rows.slice(start, start + limit).map(([seq]) => seq),
      count,
      isLeast: reached > all.from,
    };
  }
}

function pauser(): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < TURN_MS) return;
    await turn();
    began = performance.now();
  };
}
