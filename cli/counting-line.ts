// A line on a terminal that counts along while something long goes on; elsewhere nothing. Other lines go through it, so
// that they do not run into it.
import type { Writable } from 'node:stream';

const SHOW_EVERY_MS = 200;

export class CountingLine {
  readonly #stream: Writable & { readonly isTTY?: boolean };
  readonly #isOn: boolean;
  #shownAt = 0;
  #isShown = false;

  constructor(stream: Writable & { readonly isTTY?: boolean }, isQuiet: boolean) {
    this.#stream = stream;
    this.#isOn = stream.isTTY === true && !isQuiet;
  }

  show(text: () => string): void {
    const now = Date.now();
    if (!this.#isOn || now - this.#shownAt < SHOW_EVERY_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    this.#stream.write(`\r${text()}\u001b[K`);
  }

  /** A line of its own. */
  line(text: string): void {
    this.end();
    this.#stream.write(`${text}\n`);
  }

  end(): void {
    if (this.#isShown) this.#stream.write('\r\u001b[K');
    this.#isShown = false;
  }
}
