// CR without LF and LF without CR: what lenient readers take for the end of a line and strict ones do not. A message
// that two servers end in two places is how mail is smuggled, so a lone dot between such ends is told by itself.
import type { Frame } from './profile.ts';

const CR = 0x0d;
const LF = 0x0a;
/** A lone dot between two ends of lines, whatever ends them. */
const LONE_DOT = /(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)/g;
const REAL_END = '\r\n.\r\n';

/** What a line of which the CRLF is cut off holds: '', 'a bare CR', 'a bare LF'. */
export function bareEndIn({ bytes, start, end }: Frame): string {
  // In a chunk of lines the first one found is the terminator's own.
  const cr = bytes.indexOf(CR, start);
  if (cr !== -1 && cr < end) return 'a bare CR';
  const lf = bytes.indexOf(LF, start);
  return lf !== -1 && lf < end ? 'a bare LF' : '';
}

/** Counts them in a content that comes in pieces. */
export class BareEnds {
  private crs = 0;
  private lfs = 0;
  private dots = 0;
  /** The last bytes of the piece before. */
  private tail = '';

  piece({ bytes, start, end }: Frame): void {
    const before = this.crs + this.lfs;
    const last = this.tail.at(-1);
    if (last === '\r' && bytes[start] !== LF) this.crs++;
    for (let at = bytes.indexOf(LF, start); at !== -1 && at < end; at = bytes.indexOf(LF, at + 1)) {
      if (at > start ? bytes[at - 1] !== CR : last !== '\r') this.lfs++;
    }
    for (let at = bytes.indexOf(CR, start); at !== -1 && at < end - 1; at = bytes.indexOf(CR, at + 1)) {
      if (bytes[at + 1] !== LF) this.crs++;
    }
    // Rare enough to be looked at as text.
    if (this.crs + this.lfs > before || this.dots > 0) {
      for (const [found] of (this.tail + bytes.toString('latin1', start, end)).matchAll(LONE_DOT)) {
        if (found !== REAL_END) this.dots++;
      }
    }
    this.tail = (this.tail + bytes.toString('latin1', Math.max(start, end - 4), end)).slice(-4);
  }

  /** What was found, and begins anew: '' or `2 bare LF, a lone dot between bare ends`. */
  take(): string {
    const found: string[] = [];
    if (this.crs > 0) found.push(`${this.crs} bare CR`);
    if (this.lfs > 0) found.push(`${this.lfs} bare LF`);
    if (this.dots > 0) found.push('a lone dot between bare ends, which some servers take for the end');
    this.crs = this.lfs = this.dots = 0;
    this.tail = '';
    return found.join(', ');
  }
}
