// Secrets in lines of which nobody knows the protocol: what stands behind the words that usually come before a secret.
const BEFORE_SECRET =
  /^\s*(?:pass|auth|authenticate|login|authorization:|cookie:|set-cookie:)\s+|\b(?:password|passwd|secret|token)["']?\s*[=:]\s*/i;
/** Part of everything that BEFORE_SECRET finds. */
const WORD = /pass|auth|login|cookie|secret|token/i;

export class Guess {
  /** The words are looked for once in each chunk: most have none. */
  private chunk: Buffer | null = null;
  private hasWord = false;

  /** Where the secret of the line chunk[start, end) begins; it goes to the line's end. -1 when there is none. */
  find(chunk: Buffer, start: number, end: number): number {
    if (chunk !== this.chunk) {
      this.chunk = chunk;
      this.hasWord = WORD.test(chunk.toString('latin1'));
    }
    if (!this.hasWord) return -1;
    const found = BEFORE_SECRET.exec(chunk.toString('latin1', start, end));
    return found ? start + found.index + found[0].length : -1;
  }
}
