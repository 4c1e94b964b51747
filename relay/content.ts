// One message's content on its way from the wire to the store: line endings, dots, size, trace lines. Piece by piece,
// so that a message of any size needs no more memory than a small one.
import { DotUnstuffer } from '../src/dot-stuffing.ts';
import { LineEndings, type LinePolicy } from '../src/lines.ts';
import { HiddenDots } from './hidden-dots.ts';
import { TraceCount } from './received.ts';
import { REPLIES, type Reply } from './replies.ts';
import type { Claim, Lease, MessageWriter, NewMessage } from './store/store.ts';

/** The end of the data, `.` CR LF. What stands before it, its last CR LF included, is the message. */
const END_MARK_BYTES = 3;
/** Received fields above which a message is taken to go round in circles (RFC 5321 6.3 asks for at least 100). */
const MAX_HOPS = 100;
const CRLF = Buffer.from('\r\n');
const EMPTY = Buffer.alloc(0);

export interface ContentOptions {
  readonly lineEndings: LinePolicy;
  /** Bytes; Infinity for no limit. */
  readonly maxSize: number;
  /** What goes before the message: the trace line. */
  readonly header: Buffer;
}

export class Content {
  /** Bytes of the message so far, the added header not counted. */
  size = 0;
  private readonly writer: MessageWriter;
  private readonly options: ContentOptions;
  private readonly endings: LineEndings;
  private readonly unstuffer = new DotUnstuffer();
  private readonly trace = new TraceCount();
  private readonly hiddenDots: HiddenDots | null;
  /** One piece is kept back, because the last one ends in the mark. */
  private last: Buffer | null = null;
  private refused: Reply | null = null;
  private begun = false;
  /** The store is not ready for more: settles, and never rejects, when it is. */
  private waiting: Promise<void> | null = null;
  private failure: Error | null = null;

  constructor(writer: MessageWriter, options: ContentOptions) {
    this.writer = writer;
    this.options = options;
    this.endings = new LineEndings(options.lineEndings);
    this.hiddenDots = options.lineEndings === 'strict' ? new HiddenDots() : null;
  }

  get id(): string {
    return this.writer.id;
  }

  /** Takes the next piece as it came, the end mark included. A promise asks to wait with the next one. */
  take(piece: Buffer): void | Promise<void> {
    const before = this.last;
    this.last = piece;
    if (before !== null) return this.put(before);
  }

  /** Whether more has come than a client that knows of the limit would ever send: it will not end by itself. */
  get endless(): boolean {
    return this.isLost && this.size > 2 * this.options.maxSize;
  }

  /**
   * After the last piece. Null: the message is written and may be committed. A reply: it was refused and is gone.
   * Rejects when the store failed on the way.
   */
  async finish(): Promise<Reply | null> {
    // The last two pieces can come in one turn: the first of them may still be on its way to the store.
    await this.waiting;
    if (this.last !== null) await this.put(this.last.subarray(0, this.last.length - END_MARK_BYTES));
    if (!this.isLost) await this.write(Buffer.concat([this.unstuffer.write(this.endings.end()), this.unstuffer.end()]));
    if (!this.isLost && !this.begun) await this.guarded(this.first(EMPTY));
    if (this.failure !== null) throw this.failure;
    if (this.refused === null) {
      const { bareCr, bareLf } = this.endings;
      if (this.options.lineEndings === 'strict' && bareCr + bareLf > 0) this.refuse(REPLIES.bareEndings);
      else if (this.hiddenDots?.found) this.refuse(REPLIES.hiddenEnd);
      else if (this.trace.count > MAX_HOPS) this.refuse(REPLIES.tooManyHops);
    }
    return this.refused;
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

  private put(piece: Buffer): void | Promise<void> {
    if (this.isLost) {
      this.size += piece.length;
      return;
    }
    this.hiddenDots?.add(piece);
    return this.write(this.unstuffer.write(this.endings.write(piece)));
  }

  private write(bytes: Buffer): void | Promise<void> {
    if (bytes.length === 0) return;
    this.size += bytes.length;
    if (this.size > this.options.maxSize) return this.refuse(REPLIES.tooBig);
    this.trace.add(bytes);
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
