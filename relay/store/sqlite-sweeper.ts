// Housekeeping after removals, in steps short enough to stand between two sessions' commits: removes the pieces of
// loose ids, then gives space back to the file system. What it did not get to is found again at the next start.

import type { Command, Database, Query } from './sqlite-database.ts';
import type { ContentFiles } from './sqlite-files.ts';

/** 1 MB of content. */
const PIECES_A_STEP = 16;
/** Pages given back in one step: 1 MB. */
const PAGES_A_STEP = 128;
/** Less free space than this (32 MB) is not worth it: new mail will fill it. */
const SPARE_PAGES = 4096;

export class Sweeper {
  readonly #db: Database;
  readonly #files: ContentFiles;
  readonly #isMessage: Query<[number]>;
  readonly #loose: Query<[string]>;
  readonly #isLoose: Query<[number]>;
  readonly #removePieces: Command;
  readonly #forget: Command;
  readonly #ids = new Set<string>();
  #mayShrink = true;

  constructor(db: Database, files: ContentFiles) {
    this.#db = db;
    this.#files = files;
    this.#isMessage = db.query('SELECT 1 FROM message WHERE id = ?');
    this.#loose = db.query('SELECT id FROM loose');
    this.#isLoose = db.query('SELECT 1 FROM loose WHERE id = ?');
    this.#removePieces = db.command(
      `DELETE FROM piece WHERE rowid IN (SELECT rowid FROM piece WHERE id = ? LIMIT ${PIECES_A_STEP})`,
    );
    this.#forget = db.command('DELETE FROM loose WHERE id = ?');
  }

  /** What was on its way in or out when the last one to write here ended; `isAlone` tells whether there is none left. */
  addLeft(isAlone: () => boolean): void {
    // Found first, then alone: whoever wrote them is gone, and no one who comes now can be meant.
    const loose = this.#loose.all().map(([id]) => id);
    const inFiles = this.#files.list().filter((id) => !this.#isMessage.first(id));
    if (loose.length + inFiles.length === 0 || !isAlone()) return;
    for (const id of loose) this.add(id);
    // Looked up once more: it may have become a message just before its writer was gone.
    for (const id of inFiles) if (!this.#isMessage.first(id)) this.#files.remove(id);
  }

  /** An upload that no message will follow. */
  abandon(id: string): void {
    this.#files.abandon(id);
    this.add(id);
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
      const isLoose = this.#isLoose.first(id) !== undefined;
      const isDone = !isLoose || this.#removePieces.run(id).changes < PIECES_A_STEP;
      if (isDone && isLoose) this.#files.remove(id);
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
