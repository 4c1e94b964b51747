// The client's end of an SMTP connection as tests hold it: sends bytes, takes replies one by one, sees the end.
import type { Transport } from '../../../src/transport.ts';
import { within } from '../../support/within.ts';

const DEADLINE_MS = 4000;

export class Client {
  readonly transport: Transport;
  /** Resolves when the server has ended its stream, or the connection is gone. */
  readonly ended: Promise<void>;
  private received = '';
  private isEnded = false;
  private wake: () => void = () => {};

  constructor(transport: Transport) {
    this.transport = transport;
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.isEnded = true;
        this.wake();
        resolve();
      };
      transport.on('end', end);
      transport.on('close', end);
    });
    transport.on('error', () => {});
    transport.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.wake();
    });
  }

  /** Sends these bytes; text as latin1, a byte a character. */
  send(bytes: string | Buffer): void {
    this.transport.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends a line with its CRLF and gives the reply to it. */
  say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Says all of them, each awaited; gives the codes. */
  async codes(...lines: readonly string[]): Promise<string[]> {
    const codes: string[] = [];
    for (const line of lines) codes.push((await this.say(line)).slice(0, 3));
    return codes;
  }

  /** The next whole reply without its last CRLF; several lines are joined by LF. */
  async reply(ms = DEADLINE_MS): Promise<string> {
    const reply = await within(ms, this.next(), 'a reply');
    if (reply === null)
      throw new Error(`the connection ended instead of a reply; left: ${JSON.stringify(this.received)}`);
    return reply;
  }

  async replies(count: number): Promise<string[]> {
    const replies: string[] = [];
    while (replies.length < count) replies.push(await this.reply());
    return replies;
  }

  /** All replies until the server ends its stream. */
  async rest(): Promise<string[]> {
    const replies: string[] = [];
    for (;;) {
      const reply = await within(DEADLINE_MS, this.next(), 'the end of the connection');
      if (reply !== null) replies.push(reply);
      else if (this.received === '') return replies;
      else throw new Error(`half a reply: ${JSON.stringify(this.received)}`);
    }
  }

  /** What arrived and was not asked for. */
  get unread(): string {
    return this.received;
  }

  get gone(): boolean {
    return this.isEnded;
  }

  private async next(): Promise<string | null> {
    for (;;) {
      const found = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(this.received);
      if (found) {
        this.received = this.received.slice(found[0].length);
        return found[0].trimEnd().replaceAll('\r\n', '\n');
      }
      if (this.isEnded) return null;
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
    }
  }
}
