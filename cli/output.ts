// Writing to stdout and stderr as a program among others: a reader that went away is no failure of ours.
import type { Writable } from 'node:stream';

const guarded = new WeakSet<Writable>();

/** Resolves when `text` is written, or when there is nobody left who reads; rejects when it cannot be written. */
export function print(text: string, stream: Writable = process.stdout): Promise<void> {
  // `lonedot --help | head -1`: EPIPE is told to the callback, and then as an event that ends the program if nobody
  // listens. Whoever closed the pipe has seen enough.
  if (!guarded.has(stream)) stream.on('error', () => {});
  guarded.add(stream);
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error && 'code' in error && error.code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}
