// Waiting with an end: a test that waits on an event fails with a sentence instead of the runner's time-out.
import { env } from 'node:process';

/** A machine of CI does other work beside: what takes long there is no failure yet. What is awaited in vain takes longer. */
const PATIENCE = env['CI'] ? 3 : 1;

/** So many milliseconds, and more of them where patience is in order. */
export function patient(ms: number): number {
  return ms * PATIENCE;
}

/** Rejects with `what` when the promise takes longer than `ms`. */
export async function within<T>(ms: number, promise: PromiseLike<T>, what = 'what the test waits for'): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms} ms`)), patient(ms));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when `holds()` does; looks again after each turn of the event loop. */
export async function until(ms: number, holds: () => boolean, what = 'the condition'): Promise<void> {
  const end = Date.now() + patient(ms);
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what} did not hold within ${ms} ms`);
    await turn();
  }
}

/** One turn of the event loop: everything that is due in memory has happened behind it. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise and the two ways to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
