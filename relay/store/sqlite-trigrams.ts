// The index of all substrings, made a step at a time when the database thread has nothing else to do: a mail of 1 KB
// costs it a tenth of a millisecond, which is as much as to take in several. Until it is made, searches read the text
// itself of the mails that are missing, so nobody waits for it and nothing is overlooked.
//
// Deleted mail stays in the table until it is half of it; then the other table is filled with what is left, and takes
// over.

import type { Command, Database, Query } from './sqlite-database.ts';

/** In lower case throughout; no word of a search reaches over two lines. */
const TEXT = [
  ...['sent_by', 'sent_to', 'cc', 'bcc', 'reply_to', 'subject', 'message_id', 'rcpt', 'other'],
  'coalesce(folded, body)',
].join(' || char(10) || ');
const TABLES = ['a', 'b'] as const;

/** What a step takes: some ten milliseconds. */
const ROWS_A_STEP = 64;
const CHARACTERS_A_STEP = 65_536;
/** Fewer are not worth the work. */
const LEAST_STALE = 1000;

interface State {
  readonly table: 'a' | 'b';
  readonly searchable: number;
  readonly stale: number;
  readonly renewed: number;
}

export class Trigrams {
  readonly #db: Database;
  readonly #state: Query<['a' | 'b', number, number, number]>;
  readonly #next: Query<[number, number]>;
  readonly #messages: Query<[number | null]>;
  readonly #add: Readonly<Record<'a' | 'b', Command>>;
  readonly #empty: Readonly<Record<'a' | 'b', Command>>;
  readonly #noteSearchable: Command;
  readonly #noteRenewed: Command;
  readonly #swap: Command;
  readonly #forgetStale: Command;

  constructor(db: Database) {
    this.#db = db;
    this.#state = db.query('SELECT trigrams, searchable, stale, renewed FROM inbox_state');
    this.#next = db.query(
      `SELECT seq, length(body) FROM inbox_text WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${ROWS_A_STEP}`,
    );
    this.#messages = db.query('SELECT sum(messages) FROM inbox_count');
    const [a, b] = TABLES.map((table) =>
      db.command(
        `INSERT INTO inbox_trigrams_${table} (rowid, text)
         SELECT seq, ${TEXT} FROM inbox_text WHERE seq > ? AND seq <= ?`,
      ),
    ) as [Command, Command];
    this.#add = { a, b };
    const [emptyA, emptyB] = TABLES.map((table) =>
      db.command(`INSERT INTO inbox_trigrams_${table} (inbox_trigrams_${table}) VALUES ('delete-all')`),
    ) as [Command, Command];
    this.#empty = { a: emptyA, b: emptyB };
    this.#noteSearchable = db.command('UPDATE inbox_state SET searchable = ?');
    this.#noteRenewed = db.command('UPDATE inbox_state SET renewed = ?');
    this.#swap = db.command('UPDATE inbox_state SET trigrams = ?, stale = 0, renewed = 0');
    this.#forgetStale = db.command('UPDATE inbox_state SET stale = 0');
  }

  /** One short transaction; false when there was nothing to do. Throws when it failed: it can be tried again. */
  step(): boolean {
    this.#db.begin();
    try {
      const hasWorked = this.#work();
      this.#db.commit();
      return hasWorked;
    } catch (error) {
      this.#db.rollback();
      throw error;
    }
  }

  #work(): boolean {
    const [table, searchable, stale, renewed] = this.#state.first()!;
    const state: State = { table, searchable, stale, renewed };
    const end = this.#end(searchable, Number.MAX_SAFE_INTEGER);
    if (end !== null) {
      this.#add[table].run(searchable, end);
      this.#noteSearchable.run(end);
      return true;
    }
    return this.#renew(state);
  }

  #renew({ table, searchable, stale, renewed }: State): boolean {
    const other = table === 'a' ? 'b' : 'a';
    const messages = this.#messages.first()?.[0] ?? 0;
    if (stale === 0 || (renewed === 0 && messages > 0 && stale < Math.max(LEAST_STALE, messages))) return false;
    if (messages === 0 && renewed === 0) {
      this.#empty[table].run();
      this.#forgetStale.run();
      return false;
    }
    const end = this.#end(renewed, searchable);
    if (end !== null) {
      this.#add[other].run(renewed, end);
      this.#noteRenewed.run(end);
      return true;
    }
    this.#empty[table].run();
    this.#swap.run(other);
    return true;
  }

  /** The last seq of what one step may take; null when there is nothing behind `from`. */
  #end(from: number, to: number): number | null {
    let end: number | null = null;
    let characters = 0;
    for (const [seq, length] of this.#next.all(from, to)) {
      characters += length;
      if (end !== null && characters > CHARACTERS_A_STEP) break;
      end = seq;
    }
    return end;
  }
}
