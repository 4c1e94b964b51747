// Opens stores on SQLite files: says plainly what is wrong with a path, starts the database thread, hands out the
// store.

import { constants } from 'node:fs';
import { access, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, realClock } from '../../src/clock.ts';
import { ChatError } from '../../src/errors.ts';
import { DatabaseLink } from './sqlite-link.ts';
import type { ServeOptions } from './sqlite-protocol.ts';
import { SqliteStore } from './sqlite-store.ts';
import type { Store } from './store.ts';

const BUSY_MS = 5000;

export interface SqliteOptions {
  file: string;
  clock?: Clock;
  /** How long a commit waits for another process that writes to the same file. */
  busyMs?: number;
  /** Called for each commit: how long it took, sync included, and how many calls shared it. */
  onCommit?: (ms: number, writes: number) => void;
}

export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { clock = realClock, busyMs = BUSY_MS } = options;
  // Absolute, also because libsql takes names like http:x for addresses.
  const file = resolve(options.file);
  await prepare(file);
  return connect({ file, busyMs, synced: true }, clock, options.onCommit);
}

/**
 * A store in a fresh directory, deleted by close(). Nothing opens it again after a crash, so its commits are not
 * synced: that would wait for the disk to keep what is going to be thrown away.
 */
export async function openTemporaryStore(options: Pick<SqliteOptions, 'clock' | 'onCommit'> = {}): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), 'lonedot-')).catch((error: NodeJS.ErrnoException) => {
    const reason = `no temporary database can be made in ${tmpdir()} (${error.code}); set TMPDIR or choose a file`;
    throw new ChatError('STORE_FAILED', reason, { directory: tmpdir() }, error);
  });
  const file = join(directory, 'lonedot.db');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const { clock = realClock, onCommit } = options;
    const store = await connect({ file, busyMs: BUSY_MS, synced: false }, clock, onCommit);
    const close = store.close.bind(store);
    store.close = () => close().finally(remove);
    return store;
  } catch (error) {
    await remove();
    throw error;
  }
}

function connect(options: ServeOptions, clock: Clock, onCommit: SqliteOptions['onCommit']): Promise<Store> {
  const link = new DatabaseLink(startWorker(options), options.file);
  link.onCommit = onCommit ?? null;
  return SqliteStore.over(link, clock, options);
}

export function startWorker(options: ServeOptions): Worker {
  const isCompiled = !import.meta.url.endsWith('.ts');
  const entry = new URL(isCompiled ? './sqlite-worker.js' : './sqlite-worker.dev.js', import.meta.url);
  return new Worker(entry, { name: 'lonedot-store', workerData: options, ...(isCompiled ? {} : { execArgv: [] }) });
}

/** Refuses what can be told from the outside, and makes a new file that only its owner can read: it will hold mail. */
async function prepare(file: string): Promise<void> {
  const directory = dirname(file);
  const refuse = (reason: string, cause?: unknown): ChatError =>
    new ChatError('STORE_FAILED', `database ${file}: ${reason}`, { file }, cause);

  const kind = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw refuse(`${directory} cannot be reached (${error.code}); choose another file`);
    throw refuse(`the directory ${directory} does not exist; create it or choose another file`);
  });
  if (!kind.isDirectory()) throw refuse(`${directory} is not a directory; choose another file`);

  try {
    // Only ever created, never opened here: closing it would drop the locks that this process holds on it elsewhere.
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw refuse(`it cannot be created (${code}); make ${directory} writable or choose another file`);
  }
  if (!(await stat(file)).isFile()) throw refuse('it is not a file; choose another file');
  for (const path of [file, directory]) {
    await access(path, constants.R_OK | constants.W_OK).catch(() => {
      throw refuse(`${path} may not be read and written; change its permissions or choose another file`);
    });
  }
}
