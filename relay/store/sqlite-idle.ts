// When the index of substrings is worked on: after a moment in which nobody called, or at last when too much has
// gathered for searches to read it as it stands.

import type { Call } from './sqlite-protocol.ts';
import type { Trigrams } from './sqlite-trigrams.ts';

/** Nobody called for so long. */
const IDLE_MS = 50;
/** Between two steps: a call that came meanwhile goes first. */
const BETWEEN_MS = 1;
/** Mails that may wait for it: a search reads them in some 20 ms. */
const MAX_WAITING = 10_000;

export class IdleIndexing {
  readonly #trigrams: Pick<Trigrams, 'step'>;
  #timer: NodeJS.Timeout | null = null;
  #waiting = 0;
  #hasWork = true;
  #isStopped = false;

  constructor(trigrams: Pick<Trigrams, 'step'>) {
    this.#trigrams = trigrams;
    this.#workIn(IDLE_MS);
  }

  /** These calls were answered. */
  put(calls: readonly Call[]): void {
    for (const call of calls) {
      if (call[1] === 'inboxIndex') this.#waiting += call[2].rows.length;
      if (MAKES_WORK.has(call[1])) this.#hasWork = true;
    }
    if (!this.#hasWork || this.#isStopped) return;
    if (this.#waiting > MAX_WAITING) this.#step();
    else this.#workIn(IDLE_MS);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #workIn(ms: number): void {
    // Each call begins the wait anew.
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#step(), ms);
    this.#timer.unref();
  }

  #step(): void {
    try {
      this.#hasWork = this.#trigrams.step();
    } catch {
      // Tried again after the next call: what cannot be written shows there, where someone waits for the answer.
      return;
    }
    if (!this.#hasWork) this.#waiting = 0;
    else this.#workIn(BETWEEN_MS);
  }
}

const MAKES_WORK: ReadonlySet<string> = new Set<Call[1]>(['inboxIndex', 'inboxRemove', 'inboxTrim', 'delete', 'trim']);
