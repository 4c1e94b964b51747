// The orderly end of a listener as an account: how many were there, how many were cut, and until when they may stay.
import type { Clock, TimerHandle } from './clock.ts';

export interface DrainResult {
  /** Connections that came to their own end. */
  finished: number;
  /** Connections destroyed at the limit. */
  cut: number;
}

export class Drain {
  readonly result: Promise<DrainResult>;
  readonly #clock: Clock;
  readonly #total: number;
  readonly #cutRest: () => number;
  #cut = 0;
  #isCut = false;
  #due = Number.POSITIVE_INFINITY;
  #timer: TimerHandle;
  #resolve!: (result: DrainResult) => void;

  /** `cutRest` destroys the connections that are left and says how many they were. */
  constructor(clock: Clock, total: number, cutRest: () => number) {
    this.#clock = clock;
    this.#total = total;
    this.#cutRest = cutRest;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** A later, impatient call brings the end nearer; none puts it off. */
  limit(ms: number): void {
    const due = this.#clock.steady() + ms;
    if (due >= this.#due) return;
    this.#due = due;
    this.#clock.clearTimeout(this.#timer);
    if (ms <= 0) this.cutNow();
    else this.#timer = this.#clock.setTimeout(() => this.cutNow(), ms);
  }

  cutNow(): void {
    // Once: those that were cut are still in the count until they are closed, and nobody comes after them.
    if (this.#isCut) return;
    this.#isCut = true;
    this.#cut = this.#cutRest();
  }

  /** The last connection is closed. */
  finish(): void {
    this.#due = Number.NEGATIVE_INFINITY;
    this.#clock.clearTimeout(this.#timer);
    this.#resolve({ finished: this.#total - this.#cut, cut: this.#cut });
  }
}
