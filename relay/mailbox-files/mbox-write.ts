// Writes messages as one mbox file (mboxrd): a From line before each, an empty line behind it, and a ">" before every line
// that a reader could take for a From line, so that reading it gives back what was written. Lines end in LF, as in every
// mbox that programs on Unix write; readMbox() and `lonedot ingest` make CRLF of them again.

export interface MboxEntry {
  /** The envelope's; '' is the null sender. */
  readonly sender: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly content: AsyncIterable<Buffer> | Iterable<Buffer>;
}

const LF = 10;
const CR = 13;
const QUOTE = 62;
const QUOTE_BYTE = Buffer.from('>');
const LF_BYTE = Buffer.from('\n');
const LF_TWICE = Buffer.from('\n\n');
const CR_BYTE = Buffer.from('\r');
const CRLF = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);
const FROM = Buffer.from('From ', 'latin1');
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The file in pieces, none much longer than those of the contents. */
export async function* mboxOf(
  messages: AsyncIterable<MboxEntry> | Iterable<MboxEntry>,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const { sender, receivedAt, content } of messages) {
    yield Buffer.from(fromLine(sender, receivedAt));
    const text = new MboxText();
    for await (const piece of content) {
      const bytes = text.write(piece);
      if (bytes.length > 0) yield bytes;
    }
    yield text.end();
  }
}

/** `From a@b.example Sun Nov 22 15:07:00 2026`, in UTC (RFC 4155 appendix A). */
function fromLine(sender: string, receivedAt: number): string {
  const date = new Date(receivedAt);
  const two = (n: number, fill: string): string => String(n).padStart(2, fill);
  const day = `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate(), ' ')}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map((n) => two(n, '0')).join(':');
  // A blank in a quoted local part would end the address here.
  const from = sender === '' ? 'MAILER-DAEMON' : sender.replaceAll(/[\s\p{Cc}]/gu, '_');
  return `From ${from} ${day} ${time} ${date.getUTCFullYear()}\n`;
}

/** One message's text on its way into the file. Streaming, in every chunking the same. */
class MboxText {
  /** What is cut at the end of a piece: a CR, or the first letters of "From ". */
  #held: Buffer = NOTHING;
  /** Before the first byte of a line, or behind nothing but quotes in it. */
  #isLineStart = true;
  #endsLine = true;

  write(piece: Buffer): Buffer {
    return this.#quote(this.#unixLines(this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece));
  }

  /** What was held, the end of the last line if it has none, and the empty line. */
  end(): Buffer {
    const rest = this.#held;
    const ends = rest.length > 0 ? false : this.#endsLine;
    return Buffer.concat([rest, ends ? LF_BYTE : LF_TWICE]);
  }

  /** Without the CR of each CRLF. One at the very end is held. */
  #unixLines(bytes: Buffer): Buffer {
    const isCut = bytes.at(-1) === CR;
    this.#held = isCut ? CR_BYTE : NOTHING;
    const size = isCut ? bytes.length - 1 : bytes.length;
    let crlf = bytes.indexOf(CRLF);
    if (crlf < 0) return bytes.subarray(0, size);
    const out = Buffer.allocUnsafe(size);
    let length = 0;
    let from = 0;
    for (; crlf >= 0; crlf = bytes.indexOf(CRLF, from)) {
      length += bytes.copy(out, length, from, crlf);
      out[length++] = LF;
      from = crlf + 2;
    }
    length += bytes.copy(out, length, from, size);
    return out.subarray(0, length);
  }

  #quote(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    let from = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#isLineStart) {
        while (bytes[at] === QUOTE) at++;
        if (at === bytes.length) break;
        const length = Math.min(FROM.length, bytes.length - at);
        if (bytes.subarray(at, at + length).equals(FROM.subarray(0, length))) {
          if (length < FROM.length && this.#held.length === 0) {
            this.#held = Buffer.from(bytes.subarray(at));
            out.push(bytes.subarray(from, at));
            from = bytes.length;
            break;
          }
          if (length === FROM.length) {
            // Where it stands among the quotes, nobody can tell afterwards.
            out.push(bytes.subarray(from, at), QUOTE_BYTE);
            from = at;
          }
        }
        this.#isLineStart = false;
      }
      const lf = bytes.indexOf(LF, at);
      if (lf < 0) break;
      this.#isLineStart = true;
      at = lf + 1;
    }
    if (from < bytes.length) out.push(bytes.subarray(from));
    const all = out.length === 1 ? out[0]! : Buffer.concat(out);
    if (all.length > 0) this.#endsLine = all.at(-1) === LF;
    return all;
  }
}
