// Cuts an mbox file into its messages (RFC 4155 and what came before it): a message begins behind a line that begins
// with "From ". Streaming, without I/O, line by line, in every chunking the same; what it holds is one such line.
//
// A message's own lines that look like that were given a ">" when the file was written. `mboxrd` gave one more to those
// that had some already, and so can be taken back exactly; `mboxo` did not, and only the first kind is taken back.
//
// Not every "From " begins a message: one that stands in a text whose writer did not quote it is told apart by the empty
// line that must stand before it, and by the date in it.

export type MboxKind = 'mboxrd' | 'mboxo';

export interface MboxSink {
  /** `line`: the From line without its end. */
  begin(line: string): void;
  /** A piece of the message that has begun: a view. */
  data(bytes: Buffer): void;
  end(): void;
}

const LF = 10;
const CR = 13;
const QUOTE = 62;
const FROM = Buffer.from('From ', 'latin1');
/** A line that has no end in so many bytes is text. */
const LONGEST_FROM_LINE = 1000;
const DAY_AND_MONTH = /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.*\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b/;
const TIME_AND_YEAR = /\b\d{1,2}:\d{2}\b.*\b\d{4}\b|\b\d{4}\b.*\b\d{1,2}:\d{2}\b/;
const EMPTY = Buffer.alloc(0);

export class MboxSplitter {
  readonly #sink: MboxSink;
  readonly #kind: MboxKind;
  #isOpen = false;
  /** The beginning of a line that is cut, while it may still be one that means something. */
  #held: Buffer = EMPTY;
  /** Inside of a line whose beginning was passed on. */
  #isInLine = false;
  #isBehindEmpty = true;
  /** An empty line that ended the last chunk: the separator, if a message begins behind it. */
  #emptyLine: Buffer = EMPTY;
  /** Where what is not passed on yet begins in the chunk, and where a last empty line in it begins. */
  #from = 0;
  #emptyFrom = -1;

  constructor(sink: MboxSink, kind: MboxKind = 'mboxrd') {
    this.#sink = sink;
    this.#kind = kind;
  }

  /** False once the text before the first message is something else than empty lines: then this is no mbox. */
  feed(bytes: Buffer): boolean {
    const chunk = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    this.#held = EMPTY;
    this.#from = 0;
    this.#emptyFrom = -1;
    let pos = 0;
    while (pos < chunk.length) {
      const lf = chunk.indexOf(LF, pos);
      if (lf < 0) {
        if (this.#mayBeHeld(chunk, pos)) break;
        if (!this.#startsText(chunk, pos)) return false;
        this.#isInLine = true;
        pos = chunk.length;
        break;
      }
      if (!this.#line(chunk, pos, lf + 1)) return false;
      pos = lf + 1;
    }
    this.#keep(chunk, pos);
    return true;
  }

  /** The end of the file. */
  end(): boolean {
    const rest = this.#held;
    this.#held = EMPTY;
    if (rest.length > 0) {
      this.#from = 0;
      this.#emptyFrom = -1;
      if (!this.#line(rest, 0, rest.length)) return false;
      this.#keep(rest, rest.length);
    }
    // The empty line behind the last message separates it from nothing.
    if (this.#isOpen) this.#sink.end();
    this.#isOpen = false;
    return true;
  }

  /** A whole line, chunk[start, end). */
  #line(chunk: Buffer, start: number, end: number): boolean {
    if (this.#isInLine) {
      this.#isInLine = false;
      this.#isBehindEmpty = false;
      return true;
    }
    const first = chunk[start];
    if (first === LF || (first === CR && chunk[start + 1] === LF && end === start + 2)) {
      this.#passEmpty();
      this.#emptyFrom = start;
      this.#isBehindEmpty = true;
      return true;
    }
    if (first === FROM[0] && this.#isBehindEmpty && isFromLine(chunk, start, end)) {
      this.#begin(chunk, start, end);
      return true;
    }
    return this.#startsText(chunk, start);
  }

  /** A line of text begins at `start`. */
  #startsText(chunk: Buffer, start: number): boolean {
    if (this.#isInLine) return true;
    if (!this.#isOpen) return false;
    this.#passEmpty();
    this.#isBehindEmpty = false;
    const quotes = chunk[start] === QUOTE ? quotesAt(chunk, start) : 0;
    const isQuoted = quotes === 1 || (quotes > 1 && this.#kind === 'mboxrd');
    if (isQuoted && chunk.subarray(start + quotes, start + quotes + FROM.length).equals(FROM)) {
      this.#pass(chunk, start);
      this.#from = start + 1;
    }
    return true;
  }

  #begin(chunk: Buffer, start: number, end: number): void {
    if (this.#isOpen) {
      this.#pass(chunk, this.#emptyFrom >= 0 ? this.#emptyFrom : start);
      this.#sink.end();
    }
    this.#emptyLine = EMPTY;
    this.#emptyFrom = -1;
    this.#isOpen = true;
    this.#isBehindEmpty = false;
    this.#from = end;
    this.#sink.begin(chunk.toString('latin1', start, end).trimEnd());
  }

  /** An empty line was text after all. */
  #passEmpty(): void {
    this.#emptyFrom = -1;
    if (this.#emptyLine.length === 0) return;
    const line = this.#emptyLine;
    this.#emptyLine = EMPTY;
    // It stood at the end of the chunk before: nothing of this one has been passed on.
    if (this.#isOpen) this.#sink.data(line);
  }

  #pass(chunk: Buffer, to: number): void {
    if (to > this.#from && this.#isOpen) this.#sink.data(chunk.subarray(this.#from, to));
    this.#from = Math.max(this.#from, to);
  }

  /** At the end of a chunk: passes on what is sure, and keeps the rest for the next one. */
  #keep(chunk: Buffer, pos: number): void {
    if (this.#emptyFrom >= 0) {
      this.#pass(chunk, this.#emptyFrom);
      this.#emptyLine = Buffer.from(chunk.subarray(this.#emptyFrom, pos));
    } else this.#pass(chunk, pos);
    if (pos < chunk.length) this.#held = Buffer.from(chunk.subarray(pos));
  }

  /** Whether the line that is cut at the chunk's end may still be an empty line, a From line, or a quoted one. */
  #mayBeHeld(chunk: Buffer, start: number): boolean {
    if (this.#isInLine) return false;
    const length = chunk.length - start;
    const first = chunk[start];
    if (first === CR) return length === 1;
    if (length > LONGEST_FROM_LINE) return false;
    if (first === FROM[0]) return this.#isBehindEmpty && startsLike(chunk, start);
    if (first !== QUOTE) return false;
    const at = start + quotesAt(chunk, start);
    return at === chunk.length || (chunk.length - at < FROM.length && startsLike(chunk, at));
  }
}

function quotesAt(chunk: Buffer, start: number): number {
  let at = start;
  while (chunk[at] === QUOTE) at++;
  return at - start;
}

/** Whether what stands there is "From ", or the beginning of it at the end of the chunk. */
function startsLike(chunk: Buffer, start: number): boolean {
  const length = Math.min(FROM.length, chunk.length - start);
  return chunk.subarray(start, start + length).equals(FROM.subarray(0, length));
}

function isFromLine(chunk: Buffer, start: number, end: number): boolean {
  if (end - start > LONGEST_FROM_LINE + 2 || !chunk.subarray(start, start + FROM.length).equals(FROM)) return false;
  const line = chunk.toString('latin1', start + FROM.length, end);
  return DAY_AND_MONTH.test(line) && TIME_AND_YEAR.test(line);
}

/** The sender in a From line: '' for the null sender (`From MAILER-DAEMON ...`), undefined where it names none (`From - ...`). */
export function senderOfFromLine(line: string): string | undefined {
  const word = /^From (\S+)/.exec(line)?.[1] ?? '';
  if (word === 'MAILER-DAEMON') return '';
  return word.includes('@') ? word.replace(/^<|>$/g, '') : undefined;
}
