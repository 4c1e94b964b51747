// Writing to stdout and stderr as a program among others: a reader that went away is no failure of ours,
// and a failure is one line.
import type { Writable } from 'node:stream';

/** Resolves when `text` is written, or when there is nobody left who reads. */
export function print(text: string, stream: Writable = process.stdout): Promise<void> {
  // `lonedot --help | head -1`: EPIPE comes as an event after the write. Whoever closed the pipe has seen enough.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return new Promise((resolve) => stream.write(text, () => resolve()));
}
