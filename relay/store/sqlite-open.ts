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
    // Must come before the first table: lets the sweeper give space back to the file system.
    db.pragma('auto_vacuum=INCREMENTAL');
    withPatience(options.busyMs, () => db.pragma('journal_mode=WAL'));
    db.pragma(`synchronous=${options.synced ? 'FULL' : 'OFF'}`);
    db.pragma('foreign_keys=ON');
    db.pragma('cache_size=-8000');
    // The worker checkpoints between transactions (sqlite-serve.ts); this is for when it never gets to it.
    db.pragma('wal_autocheckpoint=16000');
    migrate(db);
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
  withPatience(busyMs, () => db.pragma('journal_mode=WAL'));
  return true;
}

export function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');
}

function refuseForeign(db: Database): void {
  const id = db.pragma('application_id');
  if (id === APPLICATION_ID) return;
  const tables = db.query<[number]>('SELECT count(*) FROM sqlite_schema').first()?.[0];
  if (id !== 0 || tables !== 0) throw new Refusal('it belongs to another program; choose another file');
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

/** Changing the journal mode does not wait for locks as everything else does, so this does. */
function withPatience(busyMs: number, run: () => void): void {
  const step = 10;
  for (let waited = 0; ; waited += step) {
    try {
      run();
      return;
    } catch (error) {
      if (!isBusy(error) || waited >= busyMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step);
    }
  }
}

const EXPLANATIONS: readonly [RegExp, string][] = [
  [/^SQLITE_NOTADB/, 'it is not a SQLite database; choose another file'],
  [/^SQLITE_BUSY/, 'another program keeps it locked; stop that program or choose another file'],
  [/^SQLITE_READONLY/, 'it may only be read; make the file and its directory writable or choose another file'],
  [/^SQLITE_CANTOPEN/, 'it cannot be opened; make the file and its directory writable or choose another file'],
  [/^SQLITE_CORRUPT/, 'it is damaged; restore it from a backup or choose another file'],
  [/^SQLITE_FULL/, 'the disk is full; make room or choose another file'],
];

function explain(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(String(code)));
  if (known) return known[1];
  // libsql's constructor has no code, only SQLite's number at the end of its text: 14 is SQLITE_CANTOPEN.
  if (/: 14"?\)?$/.test(String(message))) return 'it cannot be opened; make the file and its directory accessible';
  return String(message);
}
