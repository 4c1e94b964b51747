// How many mails match: what was counted once is remembered until something but new mail changes, and new mail is added
// to it. What takes long to count, a word that a hundred thousand mails have, is a least number at first, and exact when
// it is asked for again: it is counted when nobody asks anything.
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../store/sqlite-database.ts';
import { type Matches, type Question, steps } from './matches.ts';
import type { Span } from './search-sql.ts';

const REMEMBERED = 32;
/** Counts that wait for a quiet moment. */
const MAX_WAITING = 8;
/** Nobody asked anything for so long. */
const QUIET_MS = 50;

export interface Count {
  readonly messages: number;
  readonly unread: number;
}

/** What is counted already of a question: all behind `from`, up to `to`. */
export interface Counted extends Count {
  readonly from: number;
  readonly to: number;
}

interface Known extends Count {
  readonly version: number;
  /** Up to this seq. */
  readonly to: number;
}

interface Unfinished {
  readonly matches: Matches;
  readonly version: number;
  readonly counted: Counted;
  readonly from: number;
}

export class Counting {
  readonly #db: Database;
  readonly #known = new Map<string, Known>();
  readonly #unfinished = new Map<string, Unfinished>();
  readonly #failed: (error: unknown) => void;
  #isAtWork = false;
  #isStopped = false;
  #askedAt = 0;

  constructor(db: Database, failed: (error: unknown) => void) {
    this.#db = db;
    this.#failed = failed;
  }

  /** Somebody asks something: what is counted in the background waits. */
  asked(): void {
    this.#askedAt = performance.now();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** How many there are in the span; undefined when that was not counted yet. */
  known(question: Question, matches: Matches, span: Span): Count | undefined {
    const key = keyOf(question, span);
    const version = this.#version();
    const known = this.#known.get(key);
    if (known?.version !== version || known.to > span.to) return undefined;
    if (known.to === span.to) return known;
    const added = matches.count({ from: known.to, to: span.to });
    const count = { messages: known.messages + added.messages, unread: known.unread + added.unread };
    this.#remember(key, { version, ...count, to: span.to });
    return count;
  }

  /** To be remembered; or, when it does not reach down to the beginning of the span, to be finished some time. */
  note(question: Question, matches: Matches, span: Span, counted: Counted): void {
    const key = keyOf(question, span);
    const version = this.#version();
    if (counted.from <= span.from) {
      this.#remember(key, { version, messages: counted.messages, unread: counted.unread, to: counted.to });
      return;
    }
    this.#unfinished.delete(key);
    this.#unfinished.set(key, { matches, version, counted, from: span.from });
    if (this.#unfinished.size > MAX_WAITING) this.#unfinished.delete(this.#unfinished.keys().next().value!);
    if (!this.#isAtWork) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isAtWork = true;
    for (const [key, unfinished] of this.#unfinished) {
      try {
        await this.#finish(key, unfinished);
      } catch (error) {
        // A regular expression that takes too long here was told about already, or will be.
        if (!this.#isStopped && (error as { code?: unknown }).code !== 'BAD_SEARCH') this.#failed(error);
      }
      if (this.#unfinished.get(key) === unfinished) this.#unfinished.delete(key);
    }
    this.#isAtWork = false;
  }

  async #finish(key: string, { matches, version, counted, from }: Unfinished): Promise<void> {
    let { messages, unread } = counted;
    // Steps in which texts are read: for what so many mails have, the table of trigrams is no help.
    for (const step of steps({ from, to: counted.from }, false, matches.shortSpan())) {
      do await pause(this.#isQuiet() ? 0 : QUIET_MS, undefined, { ref: false });
      while (!this.#isQuiet() && !this.#isStopped);
      if (this.#isStopped) return;
      const found = this.#db.snapshot(() => (this.#version() === version ? matches.count(step) : null));
      if (found === null) return;
      messages += found.messages;
      unread += found.unread;
    }
    this.#remember(key, { version, messages, unread, to: counted.to });
  }

  #isQuiet(): boolean {
    return performance.now() - this.#askedAt >= QUIET_MS;
  }

  #remember(key: string, known: Known): void {
    // The one that was asked for longest ago stands first.
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
  }

  #version(): number {
    return this.#db.query<[number]>('SELECT version FROM inbox_state').first()![0];
  }
}

function keyOf({ query, namespace, before }: Question, { from }: Span): string {
  return JSON.stringify([query, namespace, before, from]);
}
