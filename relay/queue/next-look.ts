// When the queue looks into the store next: the soonest of all times that were asked for, on one timer.
import type { Clock, TimerHandle } from '../../src/clock.ts';

export class NextLook {
  private readonly clock: Clock;
  private readonly look: () => void;
  private timer: TimerHandle | null = null;
  private due = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, look: () => void) {
    this.clock = clock;
    this.look = look;
  }

  /** In so many milliseconds, unless a look is to come sooner. */
  in(ms: number): void {
    const wait = Math.max(0, ms);
    const due = this.clock.steady() + wait;
    if (due >= this.due) return;
    this.clock.clearTimeout(this.timer);
    this.due = due;
    this.timer = this.clock.setTimeout(() => {
      // Before the look, which may ask for the next one: also for the same time, when a timer fires a little early.
      this.due = Number.POSITIVE_INFINITY;
      this.look();
    }, wait);
  }

  /** Forgets all that was asked for. */
  cancel(): void {
    this.clock.clearTimeout(this.timer);
    this.due = Number.POSITIVE_INFINITY;
  }
}
