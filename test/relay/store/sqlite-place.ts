// Databases for the tests of the SQLite engine: in a directory of their own, deleted afterwards.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import Libsql from 'libsql';
import { openSqliteStore } from '../../../relay/store/sqlite.ts';
import { DatabaseLink } from '../../../relay/store/sqlite-link.ts';
import { serve } from '../../../relay/store/sqlite-serve.ts';
import { SqliteStore } from '../../../relay/store/sqlite-store.ts';
import { type Clock, realClock } from '../../../src/clock.ts';
import type { Place } from './support.ts';

export class Directory {
  readonly path: string;
  readonly file: string;

  constructor(path: string) {
    this.path = path;
    this.file = join(path, 'mail.db');
  }

  static async make(): Promise<Directory> {
    return new Directory(await mkdtemp(join(tmpdir(), 'lonedot-test-')));
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }

  /** The names of the files with content. */
  async files(): Promise<string[]> {
    const all = await readdir(this.path, { recursive: true, withFileTypes: true });
    return all
      .filter((one) => one.isFile() && one.parentPath.includes('-content'))
      .map((one) => join(one.parentPath, one.name));
  }

  /** The first value that a query gives, by a connection of its own. */
  ask(sql: string): unknown {
    const db = new Libsql(this.file);
    try {
      const [row] = db.prepare(sql).all();
      return row && Object.values(row)[0];
    } finally {
      db.close();
    }
  }
}

/** The engine as programs use it. */
export async function inWorker(): Promise<Place> {
  const directory = await Directory.make();
  return {
    open: (clock) => openSqliteStore({ file: directory.file, clock }),
    remove: () => directory.remove(),
  };
}

/** The same without a thread, whose start under the tests' loader takes longer than most tests. */
export async function inThisThread(): Promise<Place> {
  const directory = await Directory.make();
  return { open: (clock) => serveHere(directory.file, clock), remove: () => directory.remove() };
}

export function serveHere(file: string, clock: Clock = realClock): Promise<SqliteStore> {
  const { port1, port2 } = new MessageChannel();
  const store = SqliteStore.over(new DatabaseLink(port1, file), clock);
  serve(port2, { file, busyMs: 50, synced: true });
  return store;
}
