// slow_close: bytes pass, the end of the stream waits `delay` milliseconds.
import { Effect } from './effect.ts';

export class SlowCloseEffect extends Effect {
  private readonly delay: number;

  constructor({ delay }: { delay: number }) {
    super();
    this.delay = delay;
  }

  override mayEnd(now: number): boolean {
    if (this.wakesAt === Number.POSITIVE_INFINITY) this.wakesAt = now + this.delay;
    return now >= this.wakesAt;
  }
}
