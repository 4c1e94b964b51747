// The minimum data rate: an idle timer alone lets a client that sends a byte now and then hold its place for hours.
// Counted like a credit: each byte buys its time, waiting uses it up. What was sent fast before is not saved for later.

export class Pace {
  private readonly bytesPerMs: number;
  private readonly graceMs: number;
  private until: number;

  /** `bytesPerSecond` over each `graceMs`; Infinity for `graceMs` never ends. */
  constructor(bytesPerSecond: number, graceMs: number, now: number) {
    this.bytesPerMs = bytesPerSecond / 1000;
    this.graceMs = graceMs;
    this.until = now + graceMs;
  }

  /** Whether the client is still fast enough now that so many bytes more have come. */
  take(bytes: number, now: number): boolean {
    const until = this.until + bytes / this.bytesPerMs;
    if (now > until) return false;
    this.until = Math.min(until, now + this.graceMs);
    return true;
  }

  /** The client had to wait for us. */
  restart(now: number): void {
    this.until = now + this.graceMs;
  }
}
