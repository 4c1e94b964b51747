// What stands between `+OK` and the lone dot: messages, the beginnings of them, and lists, made piece by piece as the
// client takes them.
import { DotStuffer } from '../../src/dot-stuffing.ts';

const LF = 10;
const CR = 13;
/** Lines of a list that are sent together. */
const LINES_AT_ONCE = 500;

/** A message as POP3 sends it: dots stuffed, the last line ended, and the lone dot behind it. */
export async function* dotted(first: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(`${first}\r\n`, 'latin1');
  const stuffer = new DotStuffer();
  for await (const piece of content) yield stuffer.write(piece);
  yield stuffer.end({ terminator: true });
}

/** The header, the empty line, and so many lines of the body (TOP). */
export async function* topOf(content: AsyncIterable<Buffer>, lines: number): AsyncGenerator<Buffer, void, undefined> {
  let inHeader = true;
  let left = lines;
  /** Bytes of the line that is cut, and the last of them. */
  let begun = 0;
  let last: number | undefined;
  for await (const piece of content) {
    let at = 0;
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, at)) {
      const length = begun + lf - at;
      const before = lf > at ? piece[lf - 1] : last;
      const isEmpty = length === 0 || (length === 1 && before === CR);
      at = lf + 1;
      begun = 0;
      if (!inHeader) left--;
      else if (isEmpty) inHeader = false;
      if (!inHeader && left === 0) {
        yield piece.subarray(0, at);
        return;
      }
    }
    begun += piece.length - at;
    last = piece.at(-1);
    yield piece;
  }
}

/** The lines of a list, none of which begins with a dot. */
export async function* listed(first: string, lines: Iterable<string>): AsyncGenerator<Buffer, void, undefined> {
  let some = [first];
  for (const line of lines) {
    some.push(line);
    if (some.length < LINES_AT_ONCE) continue;
    yield Buffer.from(`${some.join('\r\n')}\r\n`, 'latin1');
    some = [];
  }
  yield Buffer.from([...some, '.', ''].join('\r\n'), 'latin1');
}
