// limit_data: exactly `bytes` bytes pass on each connection, then it is closed. With 0 the first byte closes it.
import { type Chunk, Effect } from './effect.ts';

/** What has passed so far. It outlives a change of the toxic. */
export interface Passed {
  bytes: number;
}

export class LimitDataEffect extends Effect {
  private readonly bytes: number;
  private readonly sum: Passed;

  constructor({ bytes }: { bytes: number }, sum: Passed) {
    super();
    this.bytes = bytes;
    this.sum = sum;
  }

  override begin(_chunk: Chunk, now: number): void {
    // A limit that was lowered below what has passed closes with the next chunk, as a limit of 0 does with the first.
    if (this.sum.bytes >= this.bytes) this.closesAt = now;
  }

  override look(chunk: Chunk): number {
    return Math.max(0, Math.min(chunk.bytes.length, this.bytes - this.sum.bytes));
  }

  override passed(length: number, _isLast: boolean, now: number): void {
    this.sum.bytes += length;
    if (this.sum.bytes >= this.bytes) this.closesAt = now;
  }
}
