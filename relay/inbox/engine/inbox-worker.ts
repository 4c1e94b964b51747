// The inbox thread's entry: nothing but the loop, on the port to the thread that started it.

import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { InboxStart } from './inbox-protocol.ts';
import { serveInbox } from './inbox-server.ts';

/**
 * Where there are fewer processors than threads with work, those that take mail in go first: mail that comes faster than
 * it can be read is read a moment later. Linux has priorities for single threads; elsewhere nothing is changed.
 */
function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (thread > 0 && thread !== process.pid) setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // No /proc, or it may not be changed: then all have the same priority.
  }
}

stepBack();
if (parentPort) serveInbox(parentPort, workerData as InboxStart);
