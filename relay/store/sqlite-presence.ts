// Whether the files that are open are still those that their paths name. Who deletes or replaces a database, or its WAL,
// under a running program gets no error from SQLite: it goes on writing to a file that nobody will find again, and every
// 250 since would be a mail that is lost at the exit. So nothing new is taken then; what is there is delivered as long as
// this runs.

import { statSync } from 'node:fs';

export class Presence {
  readonly #file: string;
  readonly #identity: string;
  /** The WAL's; 'missing' until it has been seen. As long as a connection is open, SQLite keeps it. */
  #wal = MISSING;
  #isThere = true;

  /** What the path names now counts as the file that is open. */
  constructor(file: string) {
    this.#file = file;
    this.#identity = identityOf(file);
  }

  /** Asks the system: some microseconds, so once for all that shares a sync. */
  look(): void {
    const wal = identityOf(`${this.#file}-wal`);
    if (this.#wal === MISSING) this.#wal = wal;
    this.#isThere = wal === this.#wal && identityOf(this.#file) === this.#identity;
  }

  /** Throws when it was gone, or another one, at the last look. */
  check(): void {
    if (this.#isThere) return;
    throw new Error('it was deleted or replaced while this runs; let the queue drain, then stop and put things right');
  }
}

const MISSING = 'missing';

function identityOf(file: string): string {
  // Reading it might fail for many reasons that say nothing of the file; that it is not there is not one of them.
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? MISSING : `${stat.dev}:${stat.ino}`;
}
