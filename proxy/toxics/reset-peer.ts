// reset_peer: `timeout` milliseconds after the first chunk, or after the end, the connection is reset on both sides.
import { Effect } from './effect.ts';

export class ResetPeerEffect extends Effect {
  private readonly timeout: number;

  constructor({ timeout }: { timeout: number }, closesWith: 'closed' | 'reset') {
    super();
    this.timeout = timeout;
    this.closesWith = closesWith;
  }

  override begin(_chunk: unknown, now: number): void {
    this.closesAt = Math.min(this.closesAt, now + Math.max(0, this.timeout));
  }

  /** Kept, not dropped: if the toxic is taken away in time, nothing is missing. */
  override look(): number {
    return 0;
  }

  override mayEnd(now: number): boolean {
    this.begin(null, now);
    return false;
  }
}
