// A command of RESP is one thing in many frames (`*2`, `$3`, `GET`, `$1`, `k`): rules see it as `GET k`, and what is done
// to it is done to all of it. It is gathered, if it is not too long for that.
const MOST_GATHERED = 65_536;

export class RespCommand {
  private parts: Buffer[] = [];
  private size = 0;

  /** Whether the beginning of a command is in hand. */
  get isBegun(): boolean {
    return this.parts.length > 0;
  }

  /** Takes a frame; gives the whole when that was the last of it, or when there is too much. */
  add(frame: Buffer, isLast: boolean): Buffer | null {
    this.parts.push(frame);
    this.size += frame.length;
    return isLast || this.size > MOST_GATHERED ? this.take() : null;
  }

  /** What is in hand. */
  take(): Buffer {
    const whole = this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts);
    this.parts = [];
    this.size = 0;
    return whole;
  }
}

/** The words of a whole array of strings; null for what is none, such as an inline command. */
export function wordsOf(command: Buffer): string[] | null {
  const count = /^\*(\d{1,7})\r\n/.exec(command.toString('latin1', 0, 12));
  if (!count) return null;
  const words: string[] = [];
  let at = count[0].length;
  while (at < command.length) {
    const size = /^\$(\d{1,10})\r\n/.exec(command.toString('latin1', at, at + 16));
    if (!size) return null;
    const from = at + size[0].length;
    at = from + Number(size[1]) + 2;
    words.push(command.toString('latin1', from, at - 2));
  }
  return words.length === Number(count[1]) && at === command.length ? words : null;
}

/** Each word by itself, with the lengths that they then have. */
export function rewriteWords(words: readonly string[], find: RegExp, to: string): Buffer {
  const all = words.map((word) => word.replace(find, to)).map((word) => `$${word.length}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${all.join('')}`, 'latin1');
}
