// A tar archive (POSIX.1-1988, ustar) of .eml files, written as it is sent: names and sizes are known before the content.

export interface TarMail {
  readonly id: string;
  /** Bytes of the content. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly content: AsyncIterable<Buffer>;
}

const BLOCK = 512;

export async function* tarOf(mails: AsyncIterable<TarMail>): AsyncGenerator<Buffer> {
  for await (const { id, size, receivedAt, content } of mails) {
    yield header(`${id}.eml`, size, Math.floor(receivedAt / 1000));
    yield* content;
    const rest = size % BLOCK;
    if (rest > 0) yield Buffer.alloc(BLOCK - rest);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function header(name: string, size: number, seconds: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  block.write(name, 0, 'latin1');
  block.write(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, 'latin1');
  block.write(`${octal(size, 11)}\0${octal(seconds, 11)}\0`, 124, 'latin1');
  // The sum is made with blanks in its place.
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return block;
}
