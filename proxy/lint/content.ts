// Checks of a text that ends with a lone dot, in whatever pieces it comes: ends of lines, their length, dots that were not
// doubled, bytes above 127 that nobody has declared.
import { isAscii } from 'node:buffer';
import { BareEnds } from '../profiles/bare-ends.ts';
import { Frame } from '../profiles/profile.ts';
import type { Transaction } from './lines.ts';
import type { Find, Seen } from './linter.ts';

/** RFC 5322 2.1.1: without its end. */
const MAX_LINE = 998;
const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

export class ContentCheck {
  private readonly bareEnds = new BareEnds();
  private readonly frame = new Frame();
  private line = 0;
  /** Bytes of the line in hand so far, and the first two of them. */
  private length = 0;
  private head: number[] = [];
  private last = 0;
  private isHeader = true;
  private isAscii = true;
  private highHeader = 0;
  private highBody = 0;

  look({ bytes, about, protocol, from }: Seen, transaction: Transaction, find: Find): void {
    this.frame.bytes = bytes;
    this.frame.start = 0;
    this.frame.end = bytes.length;
    if (bytes.length > 0) this.bareEnds.piece(this.frame);
    const areAllAscii = isAscii(bytes);
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      this.part(bytes, start, end, areAllAscii);
      this.last = end > start ? bytes[end - 1]! : this.last;
      this.endLine(find);
      this.last = LF;
      start = end + 1;
    }
    this.part(bytes, start, bytes.length, areAllAscii);
    if (bytes.length > start) this.last = bytes[bytes.length - 1]!;
    if (!about.more)
      this.end((protocol === 'smtp' || protocol === 'lmtp') && from === 'client' ? transaction : null, find);
  }

  private part(bytes: Buffer, start: number, end: number, areAllAscii: boolean): void {
    for (let at = start; at < end && this.head.length < 2; at++) this.head.push(bytes[at]!);
    this.length += end - start;
    if (!areAllAscii && this.isAscii) this.isAscii = isAscii(bytes.subarray(start, end));
  }

  private endLine(find: Find): void {
    this.line++;
    const length = this.length - (this.last === CR ? 1 : 0);
    if (length > MAX_LINE)
      find('long-line', `line ${this.line} of the content has ${length} bytes; the limit is ${MAX_LINE}`);
    if (this.head[0] === DOT && length > 1 && this.head[1] !== DOT)
      find('dot-stuffing', `line ${this.line} of the content begins with a dot that is not doubled`);
    if (!this.isAscii) {
      if (this.isHeader) this.highHeader++;
      else this.highBody++;
    }
    if (length === 0) this.isHeader = false;
    this.length = 0;
    this.head = [];
    this.isAscii = true;
  }

  private end(transaction: Transaction | null, find: Find): void {
    const bare = this.bareEnds.take();
    const [crs, lfs] = [/(\d+) bare CR/.exec(bare)?.[1], /(\d+) bare LF/.exec(bare)?.[1]];
    if (crs) find('bare-cr', `${crs} CR without LF in the content`);
    if (lfs) find('bare-lf', `${lfs} LF without CR in the content`);
    if (bare.includes('a lone dot'))
      find('smuggling', 'a lone dot between bare ends of lines, which some servers take for the end');
    if (transaction && !transaction.declaresUtf8 && this.highHeader > 0)
      find('eight-bit', `${this.highHeader} lines of the header have bytes above 127 without SMTPUTF8`);
    if (transaction && !transaction.declaresEightBit && this.highBody > 0)
      find('eight-bit', `${this.highBody} lines have bytes above 127 without BODY=8BITMIME`);
    this.line = this.length = this.last = this.highHeader = this.highBody = 0;
    this.head = [];
    this.isHeader = this.isAscii = true;
  }
}
