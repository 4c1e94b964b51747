// A client of a line protocol in a test's own words: says bytes, waits for the server's next message, and compares it but
// for what differs by its nature. What `lonedot replay --export` writes is made of it. Messages are told apart as the
// proxy does it, so a wrong answer fails at once, and a missing one when its time is over.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Journal } from '../proxy/dialogue/journal.ts';
import { Observer } from '../proxy/dialogue/observer.ts';
import { PROFILE_NAMES, type ProfileName } from '../proxy/profiles/names.ts';
import { PROFILES } from '../proxy/profiles/table.ts';
import { steady } from '../proxy/replay/differ.ts';
import { target } from '../proxy/wire/dial.ts';
import { formatAddress, parseAddress } from '../src/address.ts';
import { ChatError } from '../src/errors.ts';
import { NotSaidError } from './dialogue.ts';
import { escaped, transcriptOf } from './transcript.ts';

export interface TalkOptions {
  /** What is spoken: `smtp`, `imap`, ... Default: found out, as by `lonedot proxy`. */
  readonly protocol?: string;
  /** How long the server may take for its next message, in milliseconds. Default: 5000. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 5000;
const SECRET = '***';

/** Connects to a server. Rejects with what connecting failed with, or ChatError BAD_ADDRESS or BAD_OPTION. */
export async function talkTo(address: string | number, options: TalkOptions = {}): Promise<Talk> {
  const to = parseAddress(String(address));
  const { protocol = 'auto', timeout = DEFAULT_TIMEOUT_MS } = options;
  if (protocol !== 'auto' && !PROFILE_NAMES.includes(protocol as ProfileName))
    throw new ChatError('BAD_OPTION', `protocol: ${protocol} is none of auto, ${PROFILE_NAMES.join(', ')}`);
  const socket = connect({ ...target(to), allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  return new Talk(socket, formatAddress(to), protocol === 'auto' ? null : (protocol as ProfileName), timeout);
}

interface Waiting {
  /** What it waits for, in words. */
  readonly what: string;
  /** True when it has come. Throws when it cannot come any more. */
  look(): boolean;
  settle(error?: Error): void;
}

export class Talk {
  private readonly socket: Socket;
  private readonly journal = new Journal();
  private readonly observer: Observer;
  private readonly timeout: number;
  private readonly isRaw: boolean;
  /** All that the server has said, one character for each byte; and how much of it was heard. */
  private text = '';
  private heard = 0;
  /** Where messages end, and which bytes are secret. */
  private readonly boundaries: number[] = [];
  private readonly secrets: { readonly from: number; readonly to: number }[] = [];
  private seq = 0;
  /** Why nothing more will come; '' while it may. */
  private gone = '';
  private waiting: Waiting | null = null;

  constructor(socket: Socket, upstream: string, protocol: ProfileName | null, timeout: number) {
    this.socket = socket;
    this.timeout = timeout;
    this.isRaw = protocol === 'raw';
    const profile = protocol === null ? null : PROFILES[protocol];
    const { journal } = this;
    this.observer = new Observer({ journal, conn: 1, profile, client: 'the test', upstream, now: () => Date.now() });
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.observer.feed('server', chunk);
      this.look();
    });
    socket.on('end', () => {
      this.observer.finish('server');
      this.end('the server has ended its stream');
    });
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('the connection was closed'));
  }

  /** Each character is a byte. */
  says(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.socket.write(bytes);
    this.observer.feed('client', bytes);
    this.look();
  }

  /**
   * Resolves with the server's next message when it is the expected one. In a string, `<date>`, `<time>`, `<address>`,
   * `<id>` and `<number>` stand for any such thing, as do those that stand there themselves, and `***` for a secret.
   * Rejects with NotSaidError when it is another one, or does not come.
   */
  hears(expected: string | RegExp): Promise<string> {
    const wanted = typeof expected === 'string' ? steady(expected) : expected;
    const isWanted = (said: string): boolean =>
      typeof wanted === 'string'
        ? steady(said) === wanted
        : new RegExp(wanted.source, wanted.flags.replaceAll(/[gy]/g, '')).test(said);
    let said = '';
    return this.wait(typeof expected === 'string' ? `"${escaped(expected)}"` : String(expected), () => {
      // Raw bytes have no messages, and a prompt is one only when it was answered.
      const end = this.isRaw ? undefined : this.boundaries.find((at) => at > this.heard);
      said = this.visible(this.heard, end ?? this.text.length);
      if (said !== '' && isWanted(said)) {
        this.heard = end ?? this.text.length;
        return true;
      }
      if (end !== undefined) throw new Error(`it said "${escaped(said)}"`);
      return false;
    }).then(() => said);
  }

  /** Ends our stream; the server may go on. */
  ends(): void {
    this.socket.end();
    this.observer.finish('client');
  }

  /** Resolves when the server has ended its stream, and has said nothing more. */
  over(): Promise<void> {
    return this.wait('the end', () => {
      if (this.text.length > this.heard)
        throw new Error(`it said "${escaped(this.visible(this.heard, this.text.length))}"`);
      return this.gone !== '';
    });
  }

  /** Whatever the server does. */
  close(): void {
    this.socket.destroy();
  }

  /** What was said so far. */
  get transcript(): string {
    const events = [];
    for (let seq = this.journal.oldest; seq < this.journal.next; seq++) events.push(this.journal.event(seq)!);
    return transcriptOf(events);
  }

  private wait(what: string, look: () => boolean): Promise<void> {
    if (this.waiting) throw new Error('one expectation at a time: await the one before');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(`it has not come within ${this.timeout} ms`), this.timeout);
      this.waiting = {
        what,
        look,
        settle: (error) => {
          this.waiting = null;
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        },
      };
      this.look();
    });
  }

  private look(): void {
    for (; this.seq < this.journal.next; this.seq++) {
      const event = this.journal.event(this.seq)!;
      if (event.type !== 'frame' || event.from !== 'server') continue;
      const { offset, bytes, secret, more, part } = event;
      if (secret) this.secrets.push({ from: offset + secret.from, to: offset + secret.to });
      if (!more && !part) this.boundaries.push(offset + bytes.length);
    }
    if (!this.waiting) return;
    try {
      if (this.waiting.look()) this.waiting.settle();
      else if (this.gone !== '') this.fail(this.gone);
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  private fail(why: string): void {
    const { waiting, transcript } = this;
    waiting?.settle(
      new NotSaidError(
        `Expected of the server: ${waiting.what}; ${why}.\nSo far:\n${transcript.trimEnd()}`,
        transcript,
      ),
    );
  }

  private end(why: string): void {
    this.gone ||= why;
    this.look();
  }

  /** What was said there, its secrets masked. */
  private visible(from: number, to: number): string {
    let text = '';
    let at = from;
    for (const secret of this.secrets) {
      if (secret.from < at || secret.to > to) continue;
      text += this.text.slice(at, secret.from) + SECRET;
      at = secret.to;
    }
    return text + this.text.slice(at, to);
  }
}
