// What the database thread's loop must know of each call: whether it writes, what it may share a commit with, how much it
// brings.

import { FIRST_IN_FILE } from './sqlite-files.ts';
import type { Call, WriteName } from './sqlite-protocol.ts';

/** What a call writes besides content, roughly: its share of table and index pages. */
const CALL_BYTES = 2000;

/** A record, so that the compiler misses the call that was left out. */
const WRITE_NAMES: Readonly<Record<WriteName, true>> = {
  accept: true,
  piece: true,
  claim: true,
  renew: true,
  check: true,
  settle: true,
  hasten: true,
  purge: true,
  delete: true,
  trim: true,
  change: true,
  notePauses: true,
  setHookCursor: true,
  inboxIndex: true,
  inboxTranscripts: true,
  inboxMark: true,
  inboxTag: true,
  inboxRemove: true,
  inboxTrim: true,
  namespaceAdd: true,
  namespaceRemove: true,
};
export const WRITES: ReadonlySet<string> = new Set(Object.keys(WRITE_NAMES));
/** The writes to which it makes no difference whether what is doomed is still there: nearly all of a busy relay's. */
export const BESIDE_REMOVALS: ReadonlySet<string> = new Set<WriteName>(['accept', 'piece', 'check', 'settle']);
/** What can be made again, or is missed by nobody: their commits do not wait for the disk, the next one takes them along. */
export const UNSYNCED: ReadonlySet<string> = new Set<WriteName>(['inboxIndex', 'inboxTranscripts']);

/** Bytes that have their memory for themselves are moved: a copy left here would be garbage of both threads. */
export function moveWhole(value: unknown, moved: ArrayBuffer[]): void {
  if (!(value instanceof Uint8Array)) return;
  const { buffer, byteLength } = value;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) moved.push(buffer);
}

export function isForFile(call: Call): boolean {
  return call[1] === 'piece' && call[2].n >= FIRST_IN_FILE;
}

export function bytesOf(call: Call): number {
  if (call[1] === 'accept') return CALL_BYTES + call[2].tail.length;
  if (call[1] === 'piece') return CALL_BYTES + call[2].bytes.length;
  if (call[1] === 'inboxIndex')
    return call[2].rows.reduce((sum, row) => sum + CALL_BYTES + row.at(-1)!.toString().length, 0);
  if (call[1] === 'settle') return call[2].notices.reduce((sum, { message }) => sum + message.tail.length, CALL_BYTES);
  return CALL_BYTES;
}
