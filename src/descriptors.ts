// How near this process is to its limit of open files. Behind the limit libuv accepts and closes new connections without
// a word to anybody: whoever should hear of it has to look before. The system gives out the lowest free number, so the
// number of the latest connection tells how many there are.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Few enough that the next connection, or what is opened for it, may fail. */
const LAST = 3;

let limit: number | undefined;

/** Whether a socket that was just accepted has one of the last numbers. Never, where the system does not tell. */
export function isAmongLast(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { _handle?: { readonly fd?: number } };
  limit ??= readLimit();
  return (handle?.fd ?? -1) >= limit - LAST;
}

function readLimit(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
