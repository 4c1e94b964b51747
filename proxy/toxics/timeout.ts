// timeout: nothing passes, and after `timeout` milliseconds the connection is closed; 0 never closes. Toxiproxy counts
// from the last chunk, so that a sender which keeps talking is never closed; with `absolute` the start counts.
import { type Chunk, Effect } from './effect.ts';

export class TimeoutEffect extends Effect {
  override readonly swallows = true;
  override readonly closesOnRemoval = true;
  private readonly timeout: number;
  private readonly isAbsolute: boolean;

  constructor({ timeout, absolute }: { timeout: number; absolute: boolean }, now: number) {
    super();
    this.timeout = timeout;
    this.isAbsolute = absolute;
    this.restart(now);
  }

  override begin(_chunk: Chunk, now: number): void {
    if (!this.isAbsolute) this.restart(now);
  }

  /** The end is dropped like the bytes before it. */
  override mayEnd(): boolean {
    return false;
  }

  private restart(now: number): void {
    if (this.timeout > 0) this.closesAt = now + this.timeout;
  }
}
