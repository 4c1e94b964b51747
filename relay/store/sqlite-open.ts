// Opens a database file: makes a new one, brings an old one up to date, refuses what is not ours. Every refusal is
// one line that says what to do, because it is what the user sees when the program does not start.

import { Database } from './sqlite-database.ts';
import type { ServeOptions } from './sqlite-protocol.ts';
import { APPLICATION_ID, MIGRATIONS } from './sqlite-schema.ts';

/** An error whose message is meant for the user as it stands. */
export class Refusal extends Error {}

export function openDatabase(options: ServeOptions): Database {
  try {
    const db = new Database(options.file, options.busyMs);
    refuseForeign(db);
    // These two must come before the first table. With SQLite's pages of 4096 bytes the content of a mail of some KB
    // is written in twice as many parts; larger ones than these make the commit of a few short mails dearer.
    db.pragma('page_size=8192');
    // Lets the sweeper give space back to the file system.
    db.pragma('auto_vacuum=INCREMENTAL');
    useWal(db, options.busyMs);
    db.pragma(`synchronous=${options.synced ? 'FULL' : 'OFF'}`);
    db.pragma('foreign_keys=ON');
    db.pragma('cache_size=-8000');
    // The worker checkpoints between transactions (sqlite-serve.ts); this is for when it never gets to it.
    db.pragma('wal_autocheckpoint=8000');
    migrate(db);
    // A file that may only be read opens without complaint: it is the first write that fails.
    db.begin();
    db.commit();
    return db;
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(explain(error));
  }
}

/**
 * Whether no other connection has the file open, in this process or another: only then can it leave the WAL mode.
 * Pieces that were loose before this said yes belong to nobody who still lives.
 */
export function isAlone(db: Database, busyMs: number): boolean {
  db.pragma('busy_timeout=0');
  try {
    db.pragma('journal_mode=DELETE');
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  } finally {
    db.pragma(`busy_timeout=${busyMs}`);
  }
  useWal(db, busyMs);
  return true;
}

function isBusy(error: unknown): boolean {
  return primaryCode(error) === 5;
}

function refuseForeign(db: Database): void {
  // In this order: another process may be making the file at this moment, tables and application_id in one commit.
  const isEmpty = db.query<[number]>('SELECT count(*) FROM sqlite_schema').first()?.[0] === 0;
  const id = db.pragma('application_id');
  if (id === APPLICATION_ID || (isEmpty && id === 0)) return;
  throw new Refusal('it belongs to another program; choose another file');
}

function migrate(db: Database): void {
  const newest = MIGRATIONS.length;
  if (versionOf(db) === newest) return;
  db.begin();
  try {
    // Only now nobody else is migrating the same file.
    const version = versionOf(db);
    for (const step of MIGRATIONS.slice(version)) db.exec(step);
    db.pragma(`application_id=${APPLICATION_ID}`);
    db.pragma(`user_version=${newest}`);
    db.commit();
  } catch (error) {
    db.rollback();
    throw error;
  }
}

function versionOf(db: Database): number {
  const version = Number(db.pragma('user_version'));
  if (version <= MIGRATIONS.length) return version;
  const versions = `its schema is ${version}, this program knows ${MIGRATIONS.length}`;
  throw new Refusal(`it was written by a newer lonedot (${versions}); update lonedot or choose another file`);
}

/** Waits for locks by itself: changing the journal mode is the one thing that SQLite does not wait for. */
function useWal(db: Database, busyMs: number): void {
  const step = 10;
  for (let waited = 0; ; waited += step) {
    try {
      // SQLite does not fail where it cannot do it, it says what it does instead.
      if (db.pragma('journal_mode=WAL') === 'wal') return;
      throw new Refusal(
        'its file system cannot lock and share files as SQLite needs it; choose a file on a local disk',
      );
    } catch (error) {
      if (!isBusy(error) || waited >= busyMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step);
    }
  }
}

/** By SQLite's primary result codes. */
const EXPLANATIONS: Readonly<Record<number, string>> = {
  5: 'another program keeps it locked; stop that program or choose another file',
  8: 'it may only be read; make the file and its directory writable or choose another file',
  11: 'it is damaged; restore it from a backup or choose another file',
  13: 'the disk is full; make room or choose another file',
  14: 'it cannot be opened; make the file and its directory readable and writable or choose another file',
  26: 'it is not a SQLite database; choose another file',
};

function explain(error: unknown): string {
  return EXPLANATIONS[primaryCode(error)] ?? String((error as { message?: unknown }).message);
}

function primaryCode(error: unknown): number {
  const { rawCode, message } = error as { rawCode?: unknown; message?: unknown };
  // The lowest byte; those above it tell apart kinds that need no other answer, some of which libsql has no name for.
  if (typeof rawCode === 'number') return rawCode & 0xff;
  // libsql's constructor gives the number only at the end of its text.
  return Number(/: (\d+)\W*$/.exec(String(message))?.[1] ?? 0) & 0xff;
}
