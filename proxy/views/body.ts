// The content of a message in the terminal: its first lines, or rows of a hexdump, and then how much more there was.
// It comes in pieces that the network has cut, so the line in hand is kept, up to a limit.
import { BYTES_A_ROW, hexRows, isBinary, lineText } from './text.ts';

/** A line of a body is not shown beyond this. */
const MAX_LINE = 2000;

export class BodyText {
  private readonly most: number;
  private isHex: boolean | null = null;
  private shown = 0;
  private hidden = 0;
  private offset = 0;
  private rest: Buffer = Buffer.alloc(0);

  /** `most` lines are shown. */
  constructor(most: number) {
    this.most = most;
  }

  /** What can be shown now. */
  piece(bytes: Buffer): string[] {
    if (bytes.length === 0) return [];
    this.isHex ??= isBinary(bytes);
    if (this.isHex) return this.hex(bytes);
    const lines: string[] = [];
    let from = 0;
    while (this.shown < this.most) {
      const end = bytes.indexOf(10, from);
      if (end === -1) break;
      lines.push(this.line(bytes.subarray(from, end)));
      from = end + 1;
    }
    const left = bytes.subarray(from);
    if (this.shown >= this.most) this.hidden += left.length;
    else if (this.rest.length + left.length <= MAX_LINE) this.rest = Buffer.concat([this.rest, left]);
    else lines.push(this.line(left));
    return lines;
  }

  /** The last line, and how much is not shown; never nothing if `isTimed`, since a time is to be told. */
  end(isTimed: boolean): string[] {
    const lines = this.rest.length > 0 ? [this.line(Buffer.alloc(0))] : [];
    if (this.hidden > 0) lines.push(`... ${this.hidden} more bytes`);
    if (isTimed && lines.length === 0) lines.push('(end)');
    return lines;
  }

  private line(bytes: Buffer): string {
    this.shown++;
    const whole = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : bytes;
    this.rest = Buffer.alloc(0);
    const isCut = whole.length > MAX_LINE;
    if (isCut) this.hidden += whole.length - MAX_LINE;
    const text = whole.at(-1) === 13 ? whole.subarray(0, -1) : whole;
    return lineText(text.subarray(0, MAX_LINE)) + (isCut ? '...' : '');
  }

  private hex(bytes: Buffer): string[] {
    const rows = hexRows(bytes, this.offset, this.most - this.shown);
    this.shown += rows.length;
    this.offset += bytes.length;
    this.hidden += Math.max(0, bytes.length - rows.length * BYTES_A_ROW);
    return rows;
  }
}
