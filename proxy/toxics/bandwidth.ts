// bandwidth: `rate` kilobytes (of 1000 bytes) a second. A chunk leaves when it would have been sent at that rate; one of
// more than 100 ms leaves in pieces of 100 ms. Rate 0 lets nothing through.
import { type Chunk, Effect, MAX_CREDIT_MS } from './effect.ts';

const SLICE_MS = 100;

export class BandwidthEffect extends Effect {
  /** Bytes a millisecond. */
  private readonly rate: number;
  private sliceDue = 0;
  private restDue = 0;
  /** What the last chunk was late by: taken off the next one, or late timers would lower the rate. */
  private credit = 0;

  constructor({ rate }: { rate: number }) {
    super();
    this.rate = rate;
  }

  override begin(chunk: Chunk, now: number): void {
    this.sliceDue = now + SLICE_MS;
    this.restDue = now - this.credit + chunk.bytes.length / this.rate;
  }

  override look(chunk: Chunk, now: number): number {
    if (this.rate <= 0) return 0;
    const slice = this.rate * SLICE_MS;
    const isLong = chunk.bytes.length > slice;
    this.wakesAt = isLong ? this.sliceDue : this.restDue;
    if (now < this.wakesAt) return 0;
    return isLong ? slice : chunk.bytes.length;
  }

  override passed(_length: number, isLast: boolean, now: number): void {
    if (isLast) this.credit = Math.min(Math.max(0, now - this.restDue), MAX_CREDIT_MS);
    else this.sliceDue = Math.max(this.sliceDue + SLICE_MS, now - MAX_CREDIT_MS);
  }
}
