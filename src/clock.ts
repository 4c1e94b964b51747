// Time as something that is handed in: the real clock for programs, one that tests move by hand.
// Everything that waits (deadlines, retries, leases) takes a Clock, so no test ever sleeps for luck.

export type TimerHandle = unknown;

export interface Clock {
  /** Milliseconds since the epoch: what people and other machines call the time. It can be set, back as well. */
  now(): number;
  /** Milliseconds since some moment: for whatever only asks how long ago. Nobody sets it, and timers run by it. */
  steady(): number;
  setTimeout(run: () => void, ms: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
}

/** The machine's clock. Its timers do not keep the process alive: a listening socket does that. */
export const realClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, 0x7fffffff)).unref(),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

interface FakeTimer {
  due: number;
  order: number;
  run: () => void;
}

/** A clock that stands still until `advance` moves it; due timers run in order of their time, then of their making. */
export class FakeClock implements Clock {
  #now: number;
  /** How far it was set ahead. */
  #ahead = 0;
  #order = 0;
  #timers = new Set<FakeTimer>();

  constructor(now = 1_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#ahead;
  }

  steady(): number {
    return this.#now;
  }

  /** Sets the time ahead, or back when it is negative, as an administrator does: no timer is any nearer for it. */
  jump(ms: number): void {
    this.#ahead += ms;
  }

  setTimeout(run: () => void, ms: number): TimerHandle {
    const timer: FakeTimer = { due: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers.delete(handle as FakeTimer);
  }

  /** How many timers are set: a test can claim that nothing is left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let next: FakeTimer | undefined;
      for (const t of this.#timers) {
        if (t.due <= end && (!next || t.due < next.due || (t.due === next.due && t.order < next.order))) next = t;
      }
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.run();
    }
    this.#now = end;
  }
}
