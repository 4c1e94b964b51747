// A message's text as it goes out behind DATA: every line ended by CRLF, dots stuffed, and one lone dot at the end. What
// the store holds may have bare CR and LF (--line-endings preserve); sent on, they would be line ends to some servers
// and text to others (SMTP smuggling). Text that is already right is passed on without a copy.
import { DotStuffer } from '../../src/dot-stuffing.ts';
import { LineEndings } from '../../src/lines.ts';

export class WireText {
  readonly #endings = new LineEndings('normalise');
  readonly #stuffer = new DotStuffer();

  write(piece: Buffer): Buffer {
    return this.#stuffer.write(this.#endings.write(piece));
  }

  /** What is left, up to and including the lone dot. */
  end(): Buffer {
    const rest = this.#endings.end();
    // The LF of a last bare CR can hold no dot, but it decides whether the dot behind it needs a CRLF.
    if (rest.length > 0) this.#stuffer.write(rest);
    const mark = this.#stuffer.end({ terminator: true });
    return rest.length > 0 ? Buffer.concat([rest, mark]) : mark;
  }
}

/** All of it in one buffer, so that a short message leaves in one write. */
export function wholeWireText(pieces: readonly Buffer[]): Buffer {
  const text = new WireText();
  const parts = pieces.map((piece) => text.write(piece));
  parts.push(text.end());
  return Buffer.concat(parts);
}
