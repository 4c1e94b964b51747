// Whether there is room for more mail: asked before a message is taken, so that a disk that fills up is answered with
// 452 while other programs, and our own bookkeeping, still have some of it.
import { statfs } from 'node:fs/promises';
import type { Clock } from '../src/clock.ts';

/** How old an answer may be. A message is written in less, and the limit leaves room for what comes meanwhile. */
const FRESH_MS = 1_000;

export class DiskSpace {
  private readonly folder: string;
  private readonly clock: Clock;
  /** Bytes that must stay free; 0 asks for nothing. */
  minFree: number;
  private free = Number.POSITIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(folder: string, minFree: number, clock: Clock) {
    this.folder = folder;
    this.minFree = minFree;
    this.clock = clock;
  }

  /** By what is known; asks anew, for the next caller, when that is old. */
  get isLow(): boolean {
    if (this.minFree === 0) return false;
    if (this.clock.steady() - this.askedAt >= FRESH_MS) void this.look();
    return this.free < this.minFree;
  }

  /** Resolves with the bytes that are free; Infinity where the system does not tell. */
  async look(): Promise<number> {
    this.askedAt = this.clock.steady();
    try {
      const { bavail, bsize } = await statfs(this.folder);
      this.free = bavail * bsize;
    } catch {
      // Not every file system tells; a folder that is gone shows in the store.
      this.free = Number.POSITIVE_INFINITY;
    }
    return this.free;
  }
}
