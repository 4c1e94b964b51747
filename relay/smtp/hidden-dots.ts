// Looks for lines that are a lone dot but for NULs. A server behind us that drops NULs would read the end of the message
// there, and what follows as commands of ours (SMTP smuggling). Streaming, and next to nothing while there are no NULs.

const NUL = 0;
const LF = 10;
const CR = 13;
const DOT = 46;

/** The line so far: nothing, NULs, one dot, NULs and one dot, anything else. */
type Line = 'empty' | 'nuls' | 'dot' | 'hidden' | 'other';

export class HiddenDots {
  found = false;
  private line: Line = 'empty';

  add(chunk: Buffer): void {
    const isPlain = this.line === 'empty' || this.line === 'other';
    if (isPlain && !chunk.includes(NUL)) this.line = this.lineBehind(chunk);
    else for (const byte of chunk) this.take(byte);
  }

  /** Without NULs only the last bytes tell how the line under way has begun. */
  private lineBehind(chunk: Buffer): Line {
    const last = chunk[chunk.length - 1];
    if (last === undefined) return this.line;
    if (isLineEnd(last)) return 'empty';
    const isFirst = chunk.length === 1 ? this.line === 'empty' : isLineEnd(chunk[chunk.length - 2]!);
    return last === DOT && isFirst ? 'dot' : 'other';
  }

  private take(byte: number): void {
    const { line } = this;
    if (isLineEnd(byte)) {
      if (line === 'hidden') this.found = true;
      this.line = 'empty';
    } else if (byte === NUL) {
      if (line !== 'other') this.line = line === 'dot' || line === 'hidden' ? 'hidden' : 'nuls';
    } else if (byte === DOT && line === 'empty') this.line = 'dot';
    else this.line = byte === DOT && line === 'nuls' ? 'hidden' : 'other';
  }
}

/** Either of them: a text in which they do not come together is refused for that. */
function isLineEnd(byte: number): boolean {
  return byte === CR || byte === LF;
}
