// Housekeeping after removals, in steps short enough to stand between two sessions' commits: removes the pieces of
// loose ids, then gives space back to the file system. What it did not get to is found again at the next start.

import type { Command, Database, Query } from './sqlite-database.ts';

/** 1 MB of content. */
const PIECES_A_STEP = 16;
/** Pages given back in one step: 1 MB. */
const PAGES_A_STEP = 256;
/** Less free space than this (32 MB) is not worth it: new mail will fill it. */
const SPARE_PAGES = 8192;

export class Sweeper {
  readonly #db: Database;
  readonly #loose: Query<[string]>;
  readonly #isLoose: Query<[number]>;
  readonly #removePieces: Command;
  readonly #forget: Command;
  readonly #ids = new Set<string>();
  #mayShrink = true;

  constructor(db: Database) {
    this.#db = db;
    this.#loose = db.query('SELECT id FROM loose');
    this.#isLoose = db.query('SELECT 1 FROM loose WHERE id = ?');
    this.#removePieces = db.command(
      `DELETE FROM piece WHERE rowid IN (SELECT rowid FROM piece WHERE id = ? LIMIT ${PIECES_A_STEP})`,
    );
    this.#forget = db.command('DELETE FROM loose WHERE id = ?');
  }

  /** All ids with pieces but no message: to be added once it is known that no one is writing them. */
  findLoose(): string[] {
    return this.#loose.all().map(([id]) => id);
  }

  /** An id that is, or will be when the transaction under way commits, without a message. */
  add(id: string): void {
    this.#ids.add(id);
    this.#mayShrink = true;
  }

  /** Something was deleted: there may be space to give back. */
  noteFreed(): void {
    this.#mayShrink = true;
  }

  get hasWork(): boolean {
    return this.#ids.size > 0 || this.#mayShrink;
  }

  /** At most one short transaction. Throws when it failed: it can be tried again. */
  step(): void {
    const [id] = this.#ids;
    if (id !== undefined) this.#remove(id);
    else if (this.#mayShrink) this.#shrink();
  }

  #remove(id: string): void {
    this.#db.begin();
    try {
      // Not loose: it had no pieces, or its deletion was rolled back and the message still owns them.
      const isDone = !this.#isLoose.first(id) || this.#removePieces.run(id).changes < PIECES_A_STEP;
      if (isDone) this.#forget.run(id);
      this.#db.commit();
      if (isDone) this.#ids.delete(id);
    } catch (error) {
      this.#db.rollback();
      throw error;
    }
  }

  /** Only while most of the file is empty. */
  #shrink(): void {
    const spare = Number(this.#db.pragma('freelist_count'));
    this.#mayShrink = spare >= SPARE_PAGES && spare * 2 >= Number(this.#db.pragma('page_count'));
    if (this.#mayShrink) this.#db.pragma(`incremental_vacuum(${PAGES_A_STEP})`);
  }
}
