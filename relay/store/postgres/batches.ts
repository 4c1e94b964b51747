// Group commit over a network: what is asked for while one batch is with the database goes into the next one, all of it
// in one statement and so one sync. A batch is under way at a time: that makes batches as large as the load is high, and
// keeps what one node commits in the order in which it is committed.
//
// What fails must not take its neighbours along: when the database refuses a batch, it is done again one by one.

import { StoreError } from './connections.ts';

export interface BatchOptions<In, Out> {
  /** Does all of it or nothing; the answers are in the same order. */
  readonly run: (batch: readonly In[]) => Promise<readonly Out[]>;
  /** What a batch may hold. */
  readonly most: number;
  readonly bytes?: { of(one: In): number; readonly most: number };
  /** What no two in one batch may have in common. */
  readonly keys?: (one: In) => readonly unknown[];
  /** Whether it has a batch for itself. */
  readonly isAlone?: (one: In) => boolean;
}

interface Waiting<In, Out> {
  readonly one: In;
  resolve(out: Out): void;
  reject(error: unknown): void;
}

export class Batches<In, Out> {
  readonly #options: BatchOptions<In, Out>;
  #waiting: Waiting<In, Out>[] = [];
  #isRunning = false;
  #idle: (() => void)[] = [];

  constructor(options: BatchOptions<In, Out>) {
    this.#options = options;
  }

  add(one: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ one, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // After the sockets of this turn have all been read: their messages share a commit.
      setImmediate(() => void this.#runAll());
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    if (this.#isRunning) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #runAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#runOne(this.#next());
    this.#isRunning = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #next(): Waiting<In, Out>[] {
    const { most, bytes, keys = () => [], isAlone = () => false } = this.#options;
    const seen = new Set<unknown>();
    let count = 0;
    let sum = 0;
    for (const { one } of this.#waiting) {
      const its = keys(one);
      const isFull = count === most || (bytes && sum >= bytes.most);
      if (isFull || its.some((key) => seen.has(key)) || (count > 0 && isAlone(one))) break;
      for (const key of its) seen.add(key);
      sum += bytes?.of(one) ?? 0;
      count++;
      if (isAlone(one)) break;
    }
    return this.#waiting.splice(0, count);
  }

  async #runOne(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#options.run(batch.map(({ one }) => one));
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i]!);
    } catch (error) {
      const isRefused = error instanceof StoreError && error.trouble === 'refused';
      if (batch.length === 1 || !isRefused) for (const { reject } of batch) reject(error);
      else for (const one of batch) await this.#runOne([one]);
    }
  }
}
