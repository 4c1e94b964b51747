// slicer: chunks leave in pieces of `average_size` bytes, give or take `size_variation`, with `delay` microseconds behind
// each. No timer is that fine: pieces have due times, and all that are due leave when the timer fires.
import { type Chunk, Effect, MAX_CREDIT_MS } from './effect.ts';
import type { Random } from './random.ts';

/** How late a timer of a millisecond comes on a machine that is not busy. */
const TIMER_MS = 2;

export class SlicerEffect extends Effect {
  private readonly average: number;
  private readonly variation: number;
  private readonly delayMs: number;
  private readonly random: Random;
  private pieces: number[] = [];
  /** When the next piece may leave, in fractions of milliseconds. */
  private due = 0;

  constructor(attributes: { average_size: number; size_variation: number; delay: number }, random: Random) {
    super();
    this.average = Math.max(1, attributes.average_size);
    this.variation = Math.max(0, attributes.size_variation);
    this.delayMs = Math.max(0, attributes.delay) / 1000;
    this.random = random;
  }

  override begin(chunk: Chunk, now: number): void {
    this.pieces = cut(chunk.bytes.length, this.average, this.variation, this.random).reverse();
    // Whoever was idle has no time to make up for. But with delays below a millisecond nobody can tell one who was idle
    // from one whom the timer has held back.
    if (chunk.at > this.due) this.due = Math.max(this.due, now - (this.delayMs < 1 ? TIMER_MS : 0));
  }

  override look(_chunk: Chunk, now: number): number {
    this.wakesAt = this.due;
    return now >= this.due ? this.pieces.at(-1)! : 0;
  }

  override passed(_length: number, _isLast: boolean, now: number): void {
    this.pieces.pop();
    this.due = Math.max(this.due + this.delayMs, now - MAX_CREDIT_MS);
  }

  override mayEnd(now: number): boolean {
    this.wakesAt = this.due;
    return now >= this.due;
  }
}

/**
 * Lengths that sum up to `size`, in order: whatever is longer than `average + variation` is cut about in half, until
 * nothing is.
 */
export function cut(size: number, average: number, variation: number, random: Random): number[] {
  const lengths: number[] = [];
  const open = [size];
  for (let length = open.pop(); length !== undefined; length = open.pop()) {
    if (length - average <= variation) {
      lengths.push(length);
      continue;
    }
    const swing = variation > 0 ? random.below(variation * 2) - variation : 0;
    // A variation above the average could put the cut outside.
    const left = Math.min(Math.max(1, Math.floor(length / 2) + swing), length - 1);
    open.push(length - left, left);
  }
  return lengths;
}
