// Answers in the server's place: how they look in each protocol, and when their turn is. An answer to a pipelined command
// comes behind the answers to those before it, as the client expects; the command itself never reaches the server.
import type { ProfileName } from '../profiles/names.ts';

/** Protocols without requests: an answer is said at once. */
export const UNPAIRED: ReadonlySet<string> = new Set(['line', 'raw', 'telnet', 'irc']);

export interface Waiting {
  /** How many requests are answered before it; null when it has a tag, and no turn. */
  readonly turn: number | null;
  readonly bytes: Buffer;
  readonly effect: string;
}

/** The bytes of an answer to `line`. */
export function answerTo(text: string, protocol: ProfileName | null, line: string): Buffer {
  if (protocol === 'http' && /^\d{3}\b/.test(text)) return http(text);
  const whole = /[\r\n]$/.test(text) ? text : `${text}\r\n`;
  if (protocol !== 'imap' || !/^(?:OK|NO|BAD)\b/i.test(text)) return Buffer.from(whole, 'latin1');
  return Buffer.from(`${line.split(' ', 1)[0]} ${whole}`, 'latin1');
}

/** `503 Busy`: a whole response with that as its text. */
function http(text: string): Buffer {
  const status = text.split('\r\n', 1)[0]!;
  const body = `${status}\n`;
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}

/** Answers that wait for their turn. */
export class Answers {
  private waiting: Waiting[] = [];

  add(one: Waiting): void {
    this.waiting.push(one);
  }

  get size(): number {
    return this.waiting.length;
  }

  /** The one whose turn it is when `answered` requests have their answers. */
  take(answered: number): Waiting | undefined {
    const at = this.waiting.findIndex(({ turn }) => turn === null || turn === answered);
    return at === -1 ? undefined : this.waiting.splice(at, 1)[0];
  }
}
