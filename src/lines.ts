// What becomes of line endings that are not CRLF. Streaming, without I/O; a clean chunk is returned as it is.
//   strict     changes nothing and counts: the owner refuses the text when bareCr or bareLf is not 0
//   preserve   changes nothing and counts: the owner keeps the text and shows the counts
//   normalise  turns every bare CR and every bare LF into CRLF
// A CR belongs to the LF right behind it and to no other: CR CR LF is a bare CR and a CRLF, two line ends. Nothing is
// ever dropped, so what one program takes for a line end, the next one behind us finds there too.

export const LINE_POLICIES = ['strict', 'normalise', 'preserve'] as const;
export type LinePolicy = (typeof LINE_POLICIES)[number];

const CR = 13;
const LF = 10;
const EMPTY = Buffer.alloc(0);
/** Two native searches cost about as much as looking at this many bytes one by one. */
const SMALL_CHUNK = 48;
/** A line behind one that was no longer than this is looked for by hand first: two searches would cost more. */
const SHORT_LINE = 16;
/** Text without a bare CR or LF: for short text, and short lines, one run of it is quicker than two searches a line. */
const CLEAN = /^(?:[^\r\n]*\r\n)*[^\r\n]*$/;
const FEW_BYTES = 2048;
const FEW_LINE_BYTES = 50;
const SAMPLE_LINES = 16;

export class LineEndings {
  readonly #normalises: boolean;
  readonly #measures: boolean;
  /** The last byte was a CR; what it is, the next one decides. */
  #isBehindCr = false;
  #bareCr = 0;
  #bareLf = 0;
  #line = 0;
  #longest = 0;

  /** Who has no use for `longestLine` says so (`measures: false`, it stays 0 then): clean text is quicker for it. */
  constructor(policy: LinePolicy, measures = true) {
    this.#normalises = policy === 'normalise';
    this.#measures = measures;
  }

  /** CRs without an LF behind them. A CR at the very end counts when `end()` is called. */
  get bareCr(): number {
    return this.#bareCr;
  }

  /** LFs without a CR in front of them. */
  get bareLf(): number {
    return this.#bareLf;
  }

  /** Bytes of the longest line without its end, the unfinished one included. Bare CR and LF that stay are text. */
  get longestLine(): number {
    return this.#measures ? Math.max(this.#longest, this.#line) : 0;
  }

  /** The text in this chunk: the chunk itself or, under `normalise` with something to change, one new buffer. */
  write(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk;
    if (!this.#measures && !this.#isBehindCr && isClean(chunk)) return chunk;
    const wasBehindCr = this.#isBehindCr;
    const bareBefore = this.#bareCr + this.#bareLf;
    this.#scan(chunk);
    const bare = this.#bareCr + this.#bareLf - bareBefore;
    // A CR at the end of a chunk goes out at once: CRLF is what it becomes in either case.
    return bare > 0 && this.#normalises ? complete(chunk, wasBehindCr, chunk.length + bare) : chunk;
  }

  /** Under `normalise` the LF that a last bare CR still lacks. */
  end(): Buffer {
    if (!this.#isBehindCr) return EMPTY;
    this.#isBehindCr = false;
    this.#countBareCr();
    return this.#normalises ? Buffer.from([LF]) : EMPTY;
  }

  #scan(chunk: Buffer): void {
    const size = chunk.length;
    let pos = 0;
    if (this.#isBehindCr) this.#scanBytes(chunk, pos++, 1);
    if (size >= SMALL_CHUNK && !this.#isBehindCr) {
      let isShort = false;
      // As long as the next CR and the next LF stand together, two searches read a line.
      while (pos < size) {
        let cr: number = isShort ? nearCr(chunk, pos) : -1;
        if (cr < 0) {
          const lf = chunk.indexOf(LF, pos);
          cr = chunk.indexOf(CR, pos);
          if (lf < 0 && cr < 0) {
            this.#line += size - pos;
            return;
          }
          if (cr < 0 || cr !== lf - 1) break;
          isShort = cr - pos < SHORT_LINE;
        }
        this.#line += cr - pos;
        this.#endLine();
        pos = cr + 2;
      }
    }
    this.#scanBytes(chunk, pos, size);
  }

  #scanBytes(chunk: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const byte = chunk[i];
      if (this.#isBehindCr) {
        this.#isBehindCr = false;
        if (byte === LF) {
          this.#endLine();
          continue;
        }
        this.#countBareCr();
      }
      if (byte === CR) this.#isBehindCr = true;
      else if (byte === LF) this.#countBareLf();
      else this.#line++;
    }
  }

  #countBareCr(): void {
    this.#bareCr++;
    this.#takeBare();
  }

  #countBareLf(): void {
    this.#bareLf++;
    this.#takeBare();
  }

  #takeBare(): void {
    if (this.#normalises) this.#endLine();
    else this.#line++;
  }

  #endLine(): void {
    if (this.#line > this.#longest) this.#longest = this.#line;
    this.#line = 0;
  }
}

/** Whether every CR and LF in it is part of a CRLF. */
function isClean(chunk: Buffer): boolean {
  let pos = 0;
  if (chunk.length > FEW_BYTES) {
    for (let lines = 0; lines < SAMPLE_LINES || pos > lines * FEW_LINE_BYTES; lines++) {
      const cr = chunk.indexOf(CR, pos);
      const lf = chunk.indexOf(LF, pos);
      if (lf < 0) return cr < 0;
      if (cr !== lf - 1) return false;
      pos = lf + 1;
    }
  }
  return CLEAN.test(chunk.toString('latin1', pos));
}

/** The place of a CRLF that ends a short line, or -1: it is longer, or does not end so. */
function nearCr(chunk: Buffer, pos: number): number {
  const end = Math.min(chunk.length - 1, pos + SHORT_LINE);
  for (let i = pos; i < end; i++) {
    const byte = chunk[i];
    if (byte === CR) return chunk[i + 1] === LF ? i : -1;
    if (byte === LF) return -1;
  }
  return -1;
}

/** The chunk with the missing half of each bare CR and bare LF; `size` is known from counting them. */
function complete(chunk: Buffer, wasBehindCr: boolean, size: number): Buffer {
  const out = Buffer.allocUnsafe(size);
  let isBehindCr = wasBehindCr;
  let to = 0;
  for (let i = 0; i < chunk.length; i++) {
    const byte = chunk[i]!;
    if (isBehindCr && byte !== LF) out[to++] = LF;
    if (!isBehindCr && byte === LF) out[to++] = CR;
    out[to++] = byte;
    isBehindCr = byte === CR;
  }
  return out;
}
