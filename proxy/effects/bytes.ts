// What effects do to bytes: where to cut them, and how to spoil them.
import type { Random } from '../toxics/random.ts';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** Cut at every edge of a line's end: before CR, between CR and LF, behind LF, and behind a lone dot. */
export function sliced(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  const cut = (at: number): void => {
    if (at > from && at < bytes.length) {
      pieces.push(bytes.subarray(from, at));
      from = at;
    }
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === CR) cut(at);
    if (byte === LF) cut(at);
    if (byte === CR || byte === LF) cut(at + 1);
    if (byte === DOT && (at === 0 || bytes[at - 1] === LF)) cut(at + 1);
  }
  pieces.push(bytes.subarray(from));
  return pieces;
}

/** A copy with one bit of some bytes flipped. What ends the line stays, or there would be no line any more. */
export function corrupted(bytes: Buffer, count: number, at: number | null, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const length = bytes.length - endOf(bytes);
  if (length === 0) return copy;
  for (let i = 0; i < count; i++) {
    const place = at === null ? random.below(length) : at + i;
    if (place >= bytes.length) break;
    copy[place] = copy[place]! ^ (1 << random.below(8));
  }
  return copy;
}

/** How many bytes at the end are CR LF, or LF. */
export function endOf(bytes: Buffer): number {
  const last = bytes.length - 1;
  if (last < 0 || bytes[last] !== LF) return 0;
  return bytes[last - 1] === CR ? 2 : 1;
}

/** How much of it passes; undefined when the place is not in it. `before` bytes of the frame came earlier. */
export function placeOfCut(bytes: Buffer, where: number | 'middle' | 'crlf', before: number): number | undefined {
  if (where === 'middle') return bytes.length >> 1;
  if (where === 'crlf') {
    const at = bytes.indexOf('\r\n');
    return at === -1 ? undefined : at + 1;
  }
  const at = where - before;
  return at <= bytes.length ? Math.max(0, at) : undefined;
}
