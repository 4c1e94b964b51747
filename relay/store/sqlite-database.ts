// A thin, typed layer over libsql that keeps its sharp edges in one place: a value of a wrong type ends the whole
// process there (a native panic), and text is cut at a NUL when it is read back. Both are refused here instead.

import Libsql from 'libsql';

export type Value = string | number | null | Uint8Array;

/** NUL, or half of a surrogate pair: what SQLite would not give back unchanged. */
const UNSTORABLE = /[\0\ud800-\udfff]/u;

/** A statement that returns rows, each as an array of its columns. */
export interface Query<Row extends readonly unknown[]> {
  first(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
}

/** A statement that returns nothing but what it did. */
export interface Command {
  run(...values: Value[]): { changes: number; lastInsertRowid: number | bigint };
}

export class Database {
  readonly #db: InstanceType<typeof Libsql>;
  readonly #begin: Command;
  readonly #commit: Command;
  readonly #rollback: Command;

  constructor(file: string, busyMs: number, { readOnly = false } = {}) {
    this.#db = new Libsql(file, { timeout: busyMs, readonly: readOnly });
    this.#begin = this.command('BEGIN IMMEDIATE');
    this.#commit = this.command('COMMIT');
    this.#rollback = this.command('ROLLBACK');
  }

  query<Row extends readonly unknown[]>(sql: string): Query<Row> {
    const statement = this.#db.prepare(sql).raw();
    return {
      first: (...values) => statement.get(bindable(values)) as Row | undefined,
      all: (...values) => statement.all(bindable(values)) as Row[],
    };
  }

  command(sql: string): Command {
    const statement = this.#db.prepare(sql);
    return { run: (...values) => statement.run(bindable(values)) };
  }

  /** The first value that the pragma answers with; undefined when it says nothing. */
  pragma(text: string): unknown {
    const rows = this.#db.prepare(`PRAGMA ${text}`).all() as Record<string, unknown>[];
    return rows[0] && Object.values(rows[0])[0];
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  begin(): void {
    // What a failed commit or rollback may have left open.
    if (this.#db.inTransaction) this.#rollback.run();
    this.#begin.run();
  }

  commit(): void {
    this.#commit.run();
  }

  /** Also when SQLite has rolled back by itself, as it does on some errors. */
  rollback(): void {
    if (this.#db.inTransaction) this.#rollback.run();
  }

  /** Reads everything as it was at one moment, whatever is committed meanwhile. */
  snapshot<T>(read: () => T): T {
    if (this.#db.inTransaction) return read();
    this.#db.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  /** The file is let go of when the thread ends: only then are the prepared statements finalized. */
  close(): void {
    this.#db.close();
  }
}

function bindable(values: Value[]): Value[] {
  for (const value of values) {
    if (typeof value === 'string') {
      if (UNSTORABLE.test(value)) throw new TypeError('text with a NUL or half a character cannot be stored unchanged');
    } else if (typeof value !== 'number' && value !== null && !(value instanceof Uint8Array)) {
      throw new TypeError(`a ${typeof value} cannot be stored`);
    }
  }
  return values;
}
