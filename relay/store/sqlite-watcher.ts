// Notices that another process has committed something to the same file: once a second SQLite is asked for a number
// that changes then, and only then. A look at two pages of shared memory; nobody is told by the file system.

import type { Database, Query } from './sqlite-database.ts';

const LOOK_MS = 1000;

export class Watcher {
  readonly #version: Query<[number]>;
  readonly #changed: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(db: Database, changed: () => void) {
    this.#version = db.query('PRAGMA data_version');
    this.#changed = changed;
  }

  start(): null {
    if (this.#timer !== null) return null;
    let known = this.#version.first()?.[0];
    this.#timer = setInterval(() => {
      const version = this.#version.first()?.[0];
      if (version === known) return;
      known = version;
      this.#changed();
    }, LOOK_MS);
    this.#timer.unref();
    return null;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
