// Dot stuffing (RFC 5321 4.5.2, RFC 3977 3.1.1, RFC 1939 3): a line that starts with a dot gets one more on the wire,
// so that a lone dot can end the text. Streaming, without I/O; a chunk with nothing to change is returned as it is.
// A line starts at the start of the stream and behind CRLF, nowhere else: who lets a bare LF start a line reads an end
// of the message where the sender wrote text (SMTP smuggling).

const CR = 13;
const LF = 10;
const DOT = 46;
const CRLF_DOT = Buffer.from('\r\n.', 'latin1');
const EMPTY = Buffer.alloc(0);

/** What the last byte so far means to the next one. */
const LINE_START = 0;
const BEHIND_CR = 1;
const INSIDE = 2;

/** A native search costs as much as looking at this many bytes one by one: so much is looked at before the next one. */
const NEAR_BYTES = 64;
/** Below this a copy by hand is quicker than a call. */
const SHORT_COPY_BYTES = 24;

/** Places of the dots found by the last `find`; shared, because nothing else runs between finding and using them. */
const found: number[] = [];

class LineStartDots {
  #state = LINE_START;

  get isAtLineStart(): boolean {
    return this.#state === LINE_START;
  }

  /** Fills `found` with the places in this chunk of dots that start a line, and says how many they are. */
  find(chunk: Buffer): number {
    const size = chunk.length;
    if (size === 0) return 0;
    let count = 0;
    if (this.#state === LINE_START && chunk[0] === DOT) found[count++] = 0;
    if (this.#state === BEHIND_CR && chunk[0] === LF && size > 1 && chunk[1] === DOT) found[count++] = 1;
    // From here on the CRLF in front of the dot is in this chunk.
    let at = 2;
    let near = Math.min(size, NEAR_BYTES);
    for (;;) {
      for (; at < near; at++) {
        if (chunk[at] !== DOT || chunk[at - 1] !== LF || chunk[at - 2] !== CR) continue;
        found[count++] = at;
        near = Math.min(size, at + NEAR_BYTES);
      }
      if (at >= size) break;
      const next = chunk.indexOf(CRLF_DOT, at - 2);
      if (next < 0) break;
      at = next + 2;
      near = at + 1;
    }
    this.#state = stateAfter(chunk, this.#state);
    return count;
  }
}

/** Takes the stuffing away: one leading dot of each line that starts with a dot. */
export class DotUnstuffer {
  readonly #dots = new LineStartDots();

  /** The text in this chunk: the chunk itself, a part of it, or one new buffer. */
  write(chunk: Buffer): Buffer {
    const count = this.#dots.find(chunk);
    if (count === 0) return chunk;
    if (chunk.length === 1) return EMPTY;
    if (count === 1 && found[0] === 0) return chunk.subarray(1);
    const out = Buffer.allocUnsafe(chunk.length - count);
    let from = 0;
    let to = 0;
    for (let i = 0; i < count; i++) {
      const dot = found[i]!;
      to = copy(chunk, from, dot, out, to);
      from = dot + 1;
    }
    copy(chunk, from, chunk.length, out, to);
    return out;
  }

  /** Nothing is ever held back; here so that all transforms are driven alike. */
  end(): Buffer {
    return EMPTY;
  }
}

/** Adds the stuffing: one more dot to each line that starts with a dot. */
export class DotStuffer {
  readonly #dots = new LineStartDots();

  write(chunk: Buffer): Buffer {
    const count = this.#dots.find(chunk);
    if (count === 0) return chunk;
    const out = Buffer.allocUnsafe(chunk.length + count);
    let from = 0;
    let to = 0;
    for (let i = 0; i < count; i++) {
      const dot = found[i]!;
      to = copy(chunk, from, dot, out, to);
      out[to++] = DOT;
      from = dot;
    }
    copy(chunk, from, chunk.length, out, to);
    return out;
  }

  /** With `terminator`: what is missing up to and including the lone dot and its CRLF. The last line gets its CRLF. */
  end(options: { terminator?: boolean } = {}): Buffer {
    if (!options.terminator) return EMPTY;
    return Buffer.from(this.#dots.isAtLineStart ? '.\r\n' : '\r\n.\r\n', 'latin1');
  }
}

function stateAfter(chunk: Buffer, before: number): number {
  const last = chunk[chunk.length - 1];
  if (last === CR) return BEHIND_CR;
  if (last !== LF) return INSIDE;
  const isCrlf = chunk.length > 1 ? chunk[chunk.length - 2] === CR : before === BEHIND_CR;
  return isCrlf ? LINE_START : INSIDE;
}

/** Copies `source` from..end to `target` at `to`; returns the place behind it. */
function copy(source: Buffer, from: number, end: number, target: Buffer, to: number): number {
  if (end - from >= SHORT_COPY_BYTES) return to + source.copy(target, to, from, end);
  let at = to;
  for (let i = from; i < end; i++) target[at++] = source[i]!;
  return at;
}
