// Stdout for a stream of events that must never hold up the program: where the reader stops reading (Ctrl-S in a
// terminal, a pager), what is written waits, and the writer is told to wait.
import { write } from 'node:fs';
import { Writable } from 'node:stream';

const HIGH_WATER_BYTES = 1024 * 1024;
const STDOUT = 1;

export function eventOutput(): Writable {
  // Node writes to terminals synchronously, so that a stopped one stops the program; a thread may wait instead. Pipes
  // are written to without waiting.
  return new Writable({
    highWaterMark: HIGH_WATER_BYTES,
    write: (chunk: Buffer, _encoding, done) => {
      if (process.stdout.isTTY) writeAll(chunk, done);
      else process.stdout.write(chunk, (error) => done(error));
    },
  });
}

function writeAll(bytes: Buffer, done: (error?: Error | null) => void): void {
  write(STDOUT, bytes, (error, written) => {
    if (error) done(error);
    else if (written < bytes.length) writeAll(bytes.subarray(written), done);
    else done();
  });
}
