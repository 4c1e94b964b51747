// Looks through the header of a message that comes in pieces, on its way to the store: how often it passed a server,
// and this one; how long the header is; whether it holds more than ASCII. In every chunking the same answers.
//
// The header ends at the empty line, or before the first line that is no field and continues none: so a body that came
// without a header is not taken for one.
import { isAscii } from 'node:buffer';

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;
const COLON = 58;
const B = 98;
const TILDE = 126;
/** A line without a colon in so many bytes is no field (RFC 5322 2.1.1 allows no longer lines). */
const NAME_BYTES = 998;
const EMPTY = Buffer.alloc(0);

type Line = 'field' | 'end' | 'body';

export class HeaderScan {
  /** Received fields, and those of them that this server has written. */
  hops = 0;
  ownHops = 0;
  /** Whether a field holds bytes beyond ASCII (RFC 6532). */
  isUtf8 = false;
  private readonly mark: string;
  private bytes = 0;
  private open = true;
  private hasField = false;
  private inReceived = false;
  /** The beginning of a line that is cut, as much as is needed to know it, and what is known of it so far. */
  private held = EMPTY;
  private heldBytes = 0;
  private heldLine: Line | null = null;
  private heldIsAscii = true;

  /** `mark`: how the second line of this server's own Received fields begins. */
  constructor(mark: string) {
    this.mark = mark;
  }

  /** Bytes of the header so far, without the empty line. */
  get size(): number {
    return this.bytes + (this.heldLine === 'field' ? this.heldBytes : 0);
  }

  /** Whether there may be more of the header. */
  get isOpen(): boolean {
    return this.open;
  }

  /** `ascii`: whether all of the piece is. */
  add(piece: Buffer, ascii: boolean): void {
    for (let from = 0; this.open && from < piece.length; ) {
      const end = piece.indexOf(LF, from);
      const to = end === -1 ? piece.length : end + 1;
      if (end === -1 || this.heldBytes > 0) this.hold(piece.subarray(from, to), end !== -1);
      else if (this.knows(piece, from, to) === 'field')
        this.count(to - from, ascii || isAscii(piece.subarray(from, to)));
      from = to;
    }
  }

  private hold(part: Buffer, isEnd: boolean): void {
    this.heldBytes += part.length;
    this.heldIsAscii &&= isAscii(part);
    if (this.heldLine === null) {
      this.held = Buffer.concat([this.held, part.subarray(0, NAME_BYTES - this.held.length)]);
      if (isEnd || this.held.length === NAME_BYTES) this.heldLine = this.knows(this.held, 0, this.held.length);
    }
    if (!isEnd) return;
    if (this.heldLine === 'field') this.count(this.heldBytes, this.heldIsAscii);
    this.held = EMPTY;
    this.heldBytes = 0;
    this.heldLine = null;
    this.heldIsAscii = true;
  }

  private count(bytes: number, ascii: boolean): void {
    this.bytes += bytes;
    if (!ascii) this.isUtf8 = true;
  }

  /** What this line is; one that is no part of a field ends the header. */
  private knows(buf: Buffer, from: number, to: number): Line {
    const first = buf[from];
    if (first === SPACE || first === TAB) {
      if (!this.hasField) return this.close('body');
      if (this.inReceived && buf[from + 1] === B && buf.toString('latin1', from, from + this.mark.length) === this.mark)
        this.ownHops++;
      return 'field';
    }
    if (first === LF || (first === CR && buf[from + 1] === LF)) return this.close('end');
    const colon = endOfName(buf, from, Math.min(to, from + NAME_BYTES));
    if (colon === -1) return this.close('body');
    this.hasField = true;
    this.inReceived = colon - from === 8 && buf.toString('latin1', from, colon).toLowerCase() === 'received';
    if (this.inReceived) this.hops++;
    return 'field';
  }

  private close(line: Line): Line {
    this.open = false;
    return line;
  }
}

/** Where the name of a field ends, or -1 when the line does not begin with one (RFC 5322 3.6.8, and blanks behind it). */
function endOfName(buf: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && buf[at]! > SPACE && buf[at]! <= TILDE && buf[at] !== COLON) at++;
  const end = at;
  while (at < to && (buf[at] === SPACE || buf[at] === TAB)) at++;
  return end > from && buf[at] === COLON && at < to ? end : -1;
}
