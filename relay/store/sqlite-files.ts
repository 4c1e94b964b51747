// Long content, in files beside the database, one for each message: docs/decisions/020. SQLite would write each byte
// twice, to its log and at the checkpoint to its place, and that is what a mail of a megabyte costs. The first piece
// stands in the database all the same: below some 100 KB a file of its own, with its own sync, costs more.
//
// The database decides what there is. A file is synced before the commit of its message; one without a message was on
// its way in or on its way out, and is found at the next start, as the pieces in the database are. The folder is known
// to one database only: another one, put in the first one's place for a while, finds no files that are not its own.

import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Database } from './sqlite-database.ts';
import { PIECE_BYTES, type ServeOptions } from './sqlite-protocol.ts';

/** Pieces from this one on are in the file, one behind the other. */
export const FIRST_IN_FILE = 1;
/** What is written to a file between syncs: the last one, which holds up everybody's commit, has no more to do. */
const SYNC_BYTES = 4 << 20;

/** Instead of a number of bytes: no piece can come behind it, and no message fits it. */
const UNUSABLE = -1;

interface Upload {
  readonly fd: number;
  bytes: number;
  unsynced: number;
}

export class ContentFiles {
  readonly #folder: string;
  readonly #isSynced: boolean;
  readonly #uploads = new Map<string, Upload>();
  /** Those whose messages are in the transaction under way. */
  readonly #bound = new Set<string>();
  #isReady = false;

  constructor(db: Database, { file, synced }: Pick<ServeOptions, 'file' | 'synced'>) {
    const [name] = db.query<[string]>('SELECT name FROM content_folder').first()!;
    this.#folder = join(`${file}-content`, name);
    this.#isSynced = synced;
  }

  /** Writes a piece of a message to come; the same one again when the transaction was rolled back. */
  write(id: string, n: number, bytes: Uint8Array): void {
    const upload = this.#uploads.get(id) ?? this.#begin(id);
    const start = (n - FIRST_IN_FILE) * PIECE_BYTES;
    if (start > upload.bytes) throw new Error('a part of the content was not stored');
    for (let at = 0; at < bytes.length; ) at += writeSync(upload.fd, bytes, at, bytes.length - at, start + at);
    upload.bytes = Math.max(upload.bytes, start + bytes.length);
    upload.unsynced += bytes.length;
    if (this.#isSynced && upload.unsynced >= SYNC_BYTES) sync(upload);
  }

  /** The message is about to be committed: its file must hold so many pieces. */
  bind(id: string, pieces: number): void {
    const upload = this.#uploads.get(id);
    if (upload?.bytes !== (pieces - FIRST_IN_FILE) * PIECE_BYTES)
      throw new Error('a part of the content was not stored');
    this.#bound.add(id);
  }

  /** Before the commit. */
  sync(): void {
    if (this.#bound.size === 0 || !this.#isSynced) return;
    for (const id of this.#bound) sync(this.#uploads.get(id)!);
    syncFolder(this.#folder);
  }

  committed(): void {
    for (const id of this.#bound) this.#close(id);
    this.#bound.clear();
  }

  rolledBack(): void {
    this.#bound.clear();
  }

  /** A message that will not come. */
  abandon(id: string): void {
    if (!this.#uploads.has(id)) return;
    this.#close(id);
    this.remove(id);
  }

  /** A piece in memory of its own; null when there is no such file. */
  read(id: string, n: number): Uint8Array | null {
    let fd: number;
    try {
      fd = openSync(this.#pathOf(id), 'r');
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    try {
      const bytes = new Uint8Array(PIECE_BYTES);
      return bytes.subarray(0, readSync(fd, bytes, 0, PIECE_BYTES, (n - FIRST_IN_FILE) * PIECE_BYTES));
    } finally {
      closeSync(fd);
    }
  }

  /** Also of a message that never had a file. */
  remove(id: string): void {
    try {
      unlinkSync(this.#pathOf(id));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** The ids of all messages with a file. */
  list(): string[] {
    try {
      return readdirSync(this.#folder).map((name) => Buffer.from(name, 'hex').toString('latin1'));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  #begin(id: string): Upload {
    if (!this.#isReady) {
      if (mkdirSync(this.#folder, { recursive: true, mode: 0o700 }) !== undefined && this.#isSynced) {
        const outer = dirname(this.#folder);
        syncFolder(outer);
        syncFolder(dirname(outer));
      }
      this.#isReady = true;
    }
    const upload = { fd: openSync(this.#pathOf(id), 'wx', 0o600), bytes: 0, unsynced: 0 };
    this.#uploads.set(id, upload);
    return upload;
  }

  #close(id: string): void {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    if (upload) closeSync(upload.fd);
  }

  /** In hexadecimal digits: there are file systems for which ids that differ in their case would be the same. */
  #pathOf(id: string): string {
    return join(this.#folder, Buffer.from(id, 'latin1').toString('hex'));
  }
}

/** After a sync that failed a second one succeeds without having written anything: such an upload is good for nothing. */
function sync(upload: Upload): void {
  const { bytes } = upload;
  upload.bytes = UNUSABLE;
  fdatasyncSync(upload.fd);
  upload.bytes = bytes;
  upload.unsynced = 0;
}

/** There is no such file, or there cannot be: something else is in its folder's place. */
function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** A new file is there after a crash only if its folder was synced, too. */
function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
