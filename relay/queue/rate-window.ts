// How many mails may begin in a time: at most `count` in any `perMs`, wherever one begins to count. That is what limits
// of providers mean; a bucket of tokens would let twice as many through in its first period.
import type { Rate } from '../upstream/upstream.ts';

export class RateWindow {
  private readonly perMs: number;
  /** When the last `count` of them began, the oldest at `place`. */
  private readonly starts: Float64Array;
  private place = 0;

  constructor({ count, perMs }: Rate) {
    this.perMs = perMs;
    this.starts = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  }

  /** Milliseconds until one more may begin; 0 for now. */
  wait(now: number): number {
    const left = this.starts[this.place]! + this.perMs - now;
    // After the clock was set back nothing waits longer than the one that began just now.
    return left <= 0 ? 0 : Math.min(left, this.perMs);
  }

  note(now: number): void {
    this.starts[this.place] = now;
    this.place = (this.place + 1) % this.starts.length;
  }
}
