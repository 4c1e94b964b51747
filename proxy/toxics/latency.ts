// latency: every chunk leaves `latency` milliseconds after it came, give or take up to `jitter`. Order is kept, the end
// of the stream has no delay of its own, and two of them add up.
import { type Chunk, Effect } from './effect.ts';
import type { Random } from './random.ts';

export class LatencyEffect extends Effect {
  private readonly latency: number;
  private readonly jitter: number;
  private readonly random: Random;

  constructor({ latency, jitter }: { latency: number; jitter: number }, random: Random) {
    super();
    this.latency = latency;
    this.jitter = jitter;
    this.random = random;
  }

  override begin(chunk: Chunk): void {
    const swing = this.jitter > 0 ? this.random.below(this.jitter * 2) - this.jitter : 0;
    this.wakesAt = chunk.at + this.latency + swing;
  }

  override look(chunk: Chunk, now: number): number {
    return now >= this.wakesAt ? chunk.bytes.length : 0;
  }

  override stamp(chunk: Chunk): number {
    return Math.max(chunk.at, this.wakesAt);
  }
}
