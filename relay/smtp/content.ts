// One message's content on its way from the wire to the store: line endings, dots, size, what its header tells. Piece by
// piece, so that a message of any size needs no more memory than a small one.
import { isAscii } from 'node:buffer';
import { DotUnstuffer } from '../../src/dot-stuffing.ts';
import { LineEndings, type LinePolicy } from '../../src/lines.ts';
import type { Claim, Lease, MessageWriter, NewMessage, Trait } from '../store/store.ts';
import { HeaderScan } from './header-scan.ts';
import { HiddenDots } from './hidden-dots.ts';
import { REPLIES, type Reply, reply } from './replies.ts';

/** The end of the data, `.` CR LF. What stands before it, its last CR LF included, is the message. */
const END_MARK_BYTES = 3;
const CRLF = Buffer.from('\r\n');
const EMPTY = Buffer.alloc(0);
const NO_TRAITS: readonly Trait[] = [];

/** Infinity for no limit. */
export interface ContentLimits {
  /** Bytes of the message, of its header, of a line. */
  readonly maxSize: number;
  readonly maxHeader: number;
  readonly maxTextLine: number;
  /** Received fields above which a message is taken to go round in circles (RFC 5321 6.3 asks for at least 100). */
  readonly maxHops: number;
  /** How often it may have passed this server already. */
  readonly maxOwnHops: number;
}

export interface ContentOptions {
  readonly limits: ContentLimits;
  /** `binary` (RFC 3030): no byte is looked at, none changed. */
  readonly lineEndings: LinePolicy | 'binary';
  /** By DATA, with dots and an end mark; or in chunks, as it is. */
  readonly how: 'data' | 'chunks';
  /** What goes before the message: the trace line. */
  readonly header: Buffer;
  /** How the second line of such a trace line begins: see HeaderScan. */
  readonly mark: string;
}

export class Content {
  /** Bytes of the message so far, the added header not counted. */
  size = 0;
  private readonly writer: MessageWriter;
  private readonly options: ContentOptions;
  private readonly endings: LineEndings | null;
  private readonly unstuffer: DotUnstuffer | null;
  private readonly scan: HeaderScan;
  private readonly hiddenDots: HiddenDots | null;
  private isAscii = true;
  /** Of DATA one piece is kept back, because the last one ends in the mark. */
  private last: Buffer | null = null;
  private refused: Reply | null = null;
  private begun = false;
  /** The store is not ready for more: settles, and never rejects, when it is. */
  private waiting: Promise<void> | null = null;
  private failure: Error | null = null;

  constructor(writer: MessageWriter, options: ContentOptions) {
    const { lineEndings, how, mark, limits } = options;
    this.writer = writer;
    this.options = options;
    this.endings = lineEndings === 'binary' ? null : new LineEndings(lineEndings, Number.isFinite(limits.maxTextLine));
    this.unstuffer = how === 'data' ? new DotUnstuffer() : null;
    this.hiddenDots = lineEndings === 'strict' ? new HiddenDots() : null;
    this.scan = new HeaderScan(mark);
  }

  get id(): string {
    return this.writer.id;
  }

  /** Complete when all of it was taken. */
  get traits(): readonly Trait[] {
    const isBinary = this.endings === null;
    if (this.isAscii && !isBinary) return NO_TRAITS;
    const traits: Trait[] = [];
    if (!this.isAscii) traits.push('eight-bit');
    if (this.scan.isUtf8) traits.push('utf8-header');
    if (isBinary) traits.push('binary');
    return traits;
  }

  /** Takes the next piece as it came, the end mark of DATA included. A promise asks to wait with the next one. */
  take(piece: Buffer): void | Promise<void> {
    if (this.unstuffer === null) return this.put(piece);
    const before = this.last;
    this.last = piece;
    if (before !== null) return this.put(before);
  }

  /** Why it will not be stored, as far as is known before its end. */
  get refusal(): Reply | null {
    return this.refused ?? (this.failure === null ? null : REPLIES.storeFailed);
  }

  /** Whether more has come than a client that knows of the limit would ever send: it will not end by itself. */
  get endless(): boolean {
    return this.isLost && this.size > 2 * this.options.limits.maxSize;
  }

  /**
   * After the last piece. Null: the message is written and may be committed. A reply: it was refused and is gone.
   * Throws or rejects when the store failed on the way. A promise only where the store lets wait, which short mail
   * never meets.
   */
  finish(): Reply | null | Promise<Reply | null> {
    if (this.waiting === null) this.putLast();
    if (this.waiting === null) this.putEnd();
    return this.waiting === null ? this.outcome() : this.finishLater();
  }

  /** Resolves when the message is on disk, with the claim that a lease makes. */
  commit(message: NewMessage, lease?: Lease): Promise<Claim | null> {
    return this.writer.commit(message, lease);
  }

  abort(): void {
    this.writer.abort();
  }

  /** Nothing more of it is kept, whatever the reason: it is read to its end, where the reply has its place. */
  private get isLost(): boolean {
    return this.refused !== null || this.failure !== null;
  }

  /** From where finish() had to wait: what was put already is not put again. */
  private async finishLater(): Promise<Reply | null> {
    await this.waiting;
    this.putLast();
    await this.waiting;
    this.putEnd();
    await this.waiting;
    return this.outcome();
  }

  private putLast(): void {
    const { last } = this;
    this.last = null;
    if (last !== null) void this.put(last.subarray(0, last.length - END_MARK_BYTES));
  }

  private putEnd(): void {
    if (this.isLost) return;
    const end = this.endings?.end() ?? EMPTY;
    if (end.length > 0) void this.write(this.unstuffer ? this.unstuffer.write(end) : end);
    if (this.isLost || this.begun) return;
    const wait = this.first(EMPTY);
    if (wait !== undefined) void this.guarded(wait);
  }

  private outcome(): Reply | null {
    if (this.failure !== null) throw this.failure;
    if (this.refused === null) {
      const why = this.verdict();
      if (why !== null) this.refuse(why);
    }
    return this.refused;
  }

  /** What can be said only of the whole. */
  private verdict(): Reply | null {
    const { endings, scan } = this;
    const { limits, lineEndings } = this.options;
    if (lineEndings === 'strict' && endings && endings.bareCr + endings.bareLf > 0) return REPLIES.bareEndings;
    if (this.hiddenDots?.found) return REPLIES.hiddenEnd;
    if (scan.size > limits.maxHeader) return REPLIES.headerTooBig;
    if (scan.hops > limits.maxHops || scan.ownHops > limits.maxOwnHops) return REPLIES.tooManyHops;
    if (endings && endings.longestLine > limits.maxTextLine)
      return reply(554, '5.6.0', `A line of the message is longer than ${limits.maxTextLine} bytes`);
    return null;
  }

  private put(piece: Buffer): void | Promise<void> {
    if (this.isLost) {
      this.size += piece.length;
      return;
    }
    this.hiddenDots?.add(piece);
    const lines = this.endings ? this.endings.write(piece) : piece;
    return this.write(this.unstuffer ? this.unstuffer.write(lines) : lines);
  }

  private write(bytes: Buffer): void | Promise<void> {
    if (bytes.length === 0) return;
    this.size += bytes.length;
    if (this.size > this.options.limits.maxSize) return this.refuse(REPLIES.tooBig);
    if (this.isAscii || this.scan.isOpen) {
      const ascii = isAscii(bytes);
      this.scan.add(bytes, ascii);
      this.isAscii &&= ascii;
    }
    const wait = this.begun ? this.writer.write(bytes) : this.first(bytes);
    if (wait !== undefined) return this.guarded(wait);
  }

  /** A store that fails is told at the end of the message: until then the client would not listen. */
  private guarded(wait: void | Promise<void>): Promise<void> {
    const guarded = Promise.resolve(wait)
      .catch((error: Error) => {
        this.failure = error;
        this.writer.abort();
      })
      .then(() => {
        this.waiting = null;
      });
    this.waiting = guarded;
    return guarded;
  }

  private first(bytes: Buffer): void | Promise<void> {
    this.begun = true;
    const { header } = this.options;
    // A first line that looks like a continuation would become part of our own field: an empty line parts them.
    const folds = bytes[0] === 0x20 || bytes[0] === 0x09;
    const before = folds ? Buffer.concat([header, CRLF]) : header;
    const wait = this.writer.write(before);
    if (bytes.length === 0) return wait;
    if (wait !== undefined) return wait.then(() => this.writer.write(bytes));
    return this.writer.write(bytes);
  }

  private refuse(why: Reply): void {
    this.refused = why;
    this.writer.abort();
  }
}
