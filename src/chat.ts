// AsyncChat: a framer for what comes in, an outbox for what goes out, and a transport. asynchat's contract with its
// defects mended: limits, pressure from output to input, half-close, deadlines, one life that ends once.
//
// The rules, each with a test of its name:
//  1. A terminator set inside a callback holds from the next byte; set from outside, from the first byte that is not
//     delivered, a held prefix included.
//  2. Callbacks are never nested: what they call takes effect after they return.
//  3. While a promise from foundTerminator is pending nothing is delivered; the transport is paused; at most the rest
//     of one chunk is held.
//  4. After abort() or closeWhenDone() no callback runs except handleClose(), and that once.
//  5. An exception in a callback goes to handleError() with the frame already consumed.
//  6. A frame over its limit is an error (once, then the connection is destroyed), discarded (once, delivery goes on
//     behind its terminator) or delivered in parts (`truncated`).
//  7. Output over the high water pauses input.
//  8. Deadlines (idle, whole frame, write stall, close grace) run on the clock that was handed in.
//  9. `data` is a view: copy what you keep. Twenty kept bytes hold the 64 KB they came in.
import type { ChatOptions, ChatStats } from './chat-options.ts';
import { type Clock, realClock } from './clock.ts';
import { Deadline, type TimeoutKind } from './deadlines.ts';
import { ChatError } from './errors.ts';
import type { FrameInfo } from './frame.ts';
import { Framer } from './framer.ts';
import { Outbox } from './outbox.ts';
import type { Producer } from './producers.ts';
import type { Terminator, TerminatorOptions } from './terminator.ts';
import type { LeftoverPolicy, TlsOptions } from './tls-upgrade.ts';
import type { TlsInfo, Transport } from './transport.ts';

export type { ChatLogger, ChatOptions, ChatStats } from './chat-options.ts';

const CLOSE_GRACE_MS = 5000;

export abstract class AsyncChat {
  private transport: Transport;
  private readonly framer: Framer;
  private readonly outbox: Outbox;
  private readonly options: ChatOptions;
  private readonly clock: Clock;
  private readonly deadlines: {
    idle: Deadline | null;
    frame: Deadline | null;
    write: Deadline | null;
    close: Deadline | null;
  };
  private life: 'open' | 'closing' | 'closed' = 'open';
  private eof: 'no' | 'seen' | 'handled' = 'no';
  private upgrading = false;
  private flowing = true;
  private pressed = false;
  private waits = 0;
  private framesSeen = 0;
  private bytesSent = 0;
  private refusedPushes = 0;
  private finished = false;

  constructor(transport: Transport, options: ChatOptions = {}) {
    this.options = options;
    this.clock = options.clock ?? realClock;
    this.transport = transport;
    this.framer = new Framer(
      {
        slice: (chunk, start, end) => this.collectSlice(chunk, start, end),
        terminator: (info) => this.foundTerminator(info),
        overlong: (info) => this.handleOverlong(info),
      },
      {
        maxFrame: options.inLimit ?? 16 * 1024 * 1024,
        framesPerTurn: options.framesPerTurn ?? 2048,
        clock: this.clock,
        onError: (error) => this.failed(error),
        onIdle: () => this.settled(),
        turn: (run) => this.turn(run),
      },
    );
    this.outbox = new Outbox(transport, {
      ...(options.outHighWater === undefined ? {} : { highWater: options.outHighWater }),
      onPressure: (over) => this.press(over),
      onError: (error) => this.failed(error),
      onWrite: (bytes) => this.wrote(bytes),
      onEnd: () => this.startGrace(this.options.timeouts?.close ?? CLOSE_GRACE_MS),
    });
    this.deadlines = {
      idle: this.deadline('idle'),
      frame: this.deadline('frame'),
      write: this.deadline('write'),
      close: null,
    };
    this.deadlines.idle?.touch();
    this.attach(transport);
  }

  /** A piece of the frame under way; never empty, never the terminator. A view: copy what you keep (rule 9). */
  protected abstract collectIncomingData(data: Buffer): void;

  /** The frame is complete. Delivery waits for a returned promise (rule 3). */
  protected abstract foundTerminator(info: FrameInfo): void | PromiseLike<void>;

  /** Override it instead of collectIncomingData to make no object for a piece: chunk[start, end). */
  protected collectSlice(chunk: Buffer, start: number, end: number): void {
    this.collectIncomingData(chunk.subarray(start, end));
  }

  /** The peer has ended its stream and everything is delivered. Default: closeWhenDone(). */
  protected handleEof(): void {
    this.closeWhenDone();
  }

  /** A callback threw, the transport or a producer failed, a frame was too long. Default: logs and destroys. */
  protected handleError(e: ChatError): void {
    const { logger } = this.options;
    if (logger) logger.warn('chat.error', { code: e.code, error: e.message, remote: this.remote });
    else if (e.code === 'HANDLER_FAILED') process.emitWarning(e.cause instanceof Error ? e.cause : e);
    this.abort(e);
  }

  /** A frame passed its limit: drop what was collected of it. Once a frame. Default: nothing. */
  protected handleOverlong(_info: FrameInfo): void {}

  /** A deadline passed. Default: logs and destroys. */
  protected handleTimeout(kind: TimeoutKind): void {
    this.options.logger?.warn('chat.timeout', { kind, remote: this.remote });
    this.abort(new ChatError('TIMED_OUT', `the ${kind} deadline passed`, { kind }));
  }

  /** The last callback: the connection is gone. */
  protected handleClose(): void {}

  /** What ends the next frames; see Terminator. Throws ChatError BAD_TERMINATOR. */
  setTerminator(t: Terminator, o?: TerminatorOptions): void {
    this.framer.setTerminator(t, o);
  }

  getTerminator(): Terminator {
    return this.framer.getTerminator();
  }

  /**
   * Queues bytes; do not change them afterwards. False when the queue is over its high water, or when the connection
   * is closing (then they are not sent, and counted). Throws TypeError for strings and numbers.
   */
  push(data: Uint8Array): boolean {
    if (this.life !== 'open' && data instanceof Uint8Array) {
      if (this.options.strict) throw new ChatError('PUSH_AFTER_CLOSE');
      this.refusedPushes++;
      return false;
    }
    return this.outbox.push(data);
  }

  /**
   * Queues what a producer yields. Resolves when all of it was handed to the transport, rejects with CLOSED or
   * PRODUCER_FAILED. Throws TypeError for what is no producer.
   */
  pushWithProducer(p: Producer | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    return this.outbox.pushWithProducer(p);
  }

  /**
   * Sends what is queued, then ends our stream. From now on no callback runs but handleClose(); what still comes in is
   * read and dropped, so that the peer gets our last bytes and no reset. `graceMs` bounds all of this; without it the
   * bound is `timeouts.close` from the moment when everything was handed over.
   */
  closeWhenDone(graceMs?: number): void {
    if (this.life !== 'open') return;
    this.life = 'closing';
    this.framer.stop();
    this.deadlines.idle?.cancel();
    this.deadlines.frame?.cancel();
    if (graceMs !== undefined) this.startGrace(graceMs);
    this.outbox.closeWhenDone();
    this.settled();
  }

  /** Ends the connection at once; what is queued is lost. */
  abort(reason?: Error): void {
    if (this.life === 'closed') return;
    this.life = 'closed';
    this.framer.stop();
    for (const one of Object.values(this.deadlines)) one?.cancel();
    this.outbox.destroy(reason);
    // The reason was handled here. Given to the socket it would only come back as an error event.
    this.transport.destroy();
  }

  /**
   * Continues under TLS once everything pushed so far is sent; what is pushed later goes over TLS. `leftover` decides
   * about bytes that came behind the command: 'tls' (default) hands them to TLS, 'reject' refuses the upgrade and
   * destroys the connection, 'drop' ignores them; the parser never sees them. Rejects with TLS_FAILED, TLS_LEFTOVER or
   * CLOSED.
   */
  async upgradeTls(o: TlsOptions, leftover: LeftoverPolicy = 'tls'): Promise<void> {
    if (this.life !== 'open' || this.upgrading) throw new ChatError('CLOSED', 'the connection cannot start TLS now');
    const plain = this.transport;
    if (!plain.startTls) throw new ChatError('TLS_FAILED', 'this transport cannot start TLS');
    this.upgrading = true;
    this.framer.pause();
    plain.pause();
    this.flowing = false;
    const rest = this.framer.takeUnparsed();
    // A producer as a gate: when it is asked, everything before it has left; what is behind it waits for TLS.
    let open!: (nothing: null) => void;
    const gate = new Promise<null>((resolve) => {
      open = resolve;
    });
    try {
      if (rest.length > 0 && leftover === 'reject') {
        throw new ChatError(
          'TLS_LEFTOVER',
          `${rest.length} bytes of plaintext stood behind the command that starts TLS`,
        );
      }
      await new Promise<void>((reached, gone) => {
        const more = () => {
          reached();
          return gate;
        };
        void this.outbox.pushWithProducer({ more, stop: () => gone(new ChatError('CLOSED')) });
      });
      const secure = await plain.startTls(o, leftover === 'drop' ? Buffer.alloc(0) : rest);
      if (this.isClosed()) {
        secure.destroy();
        throw new ChatError('CLOSED');
      }
      this.transport = secure;
      this.attach(secure);
      this.outbox.redirect(secure);
      open(null);
      this.flowing = true;
    } catch (error) {
      this.abort(error as Error);
      throw error;
    } finally {
      this.upgrading = false;
    }
    this.holdOrGo();
    this.settled();
  }

  /** Another length of a deadline that was set; it counts from where it did. Holds from the next timer on, see Deadline. */
  protected changeTimeout(kind: 'idle' | 'frame', ms: number): void {
    this.deadlines[kind]?.change(ms);
  }

  /** Delivery waits until the promise settles: back-pressure from collectIncomingData. A rejection is an error. */
  protected waitFor(until: PromiseLike<unknown>): void {
    this.waits++;
    this.holdOrGo();
    const go = (): void => {
      this.waits--;
      this.holdOrGo();
    };
    Promise.resolve(until).then(go, (error) => {
      this.failed(error);
      go();
    });
  }

  /** Drops what was received and not delivered, and what is queued and not sent. */
  discardBuffers(): void {
    this.framer.takeUnparsed();
    this.outbox.discard();
  }

  /** Whether the connection is read now: not while a handler is pending, output is over its high water, or closing. */
  readable(): boolean {
    return this.life === 'open' && this.flowing && this.eof === 'no';
  }

  /** Whether something waits to be sent. */
  writable(): boolean {
    return this.life !== 'closed' && this.outbox.pending;
  }

  /** Who is at the other end. */
  get remote(): string {
    return this.transport.remote;
  }

  /** How the connection is encrypted; null in the clear. */
  get tls(): TlsInfo | null {
    return this.transport.tls ?? null;
  }

  get stats(): Readonly<ChatStats> {
    return { ...this.framer.stats, bytesSent: this.bytesSent, refusedPushes: this.refusedPushes };
  }

  private attach(transport: Transport): void {
    // A transport has no way to stop listening to it: events of one that was replaced are ignored.
    const current = (): boolean => transport === this.transport;
    transport.on('data', (chunk: Buffer) => current() && this.received(chunk));
    transport.on('drain', () => {
      if (!current()) return;
      this.deadlines.write?.rest();
      this.deadlines.idle?.touch();
      this.outbox.drained();
    });
    transport.on('end', () => {
      if (!current() || this.eof !== 'no') return;
      this.eof = 'seen';
      void this.framer.end();
    });
    transport.on('error', (error: Error) => {
      if (!current() || this.life !== 'open') return;
      this.handleSafely(
        new ChatError('TRANSPORT_FAILED', error.message, { code: (error as NodeJS.ErrnoException).code }, error),
      );
    });
    transport.on('close', () => current() && this.closed());
  }

  private received(chunk: Buffer): void {
    // TLS reads what the plain socket still buffers, and the socket says so here: those bytes are not for the parser.
    if (this.upgrading) return;
    const { stats } = this.options;
    if (stats) stats.bytesReceived += chunk.length;
    if (this.life !== 'open') return;
    this.deadlines.idle?.touch();
    void this.framer.feed(chunk);
    if (this.framer.busy) this.flow();
    if (this.deadlines.frame || stats) this.countFrames();
  }

  /** One run of the framer's loop, or one other callback: its replies leave together. */
  private turn(run: () => void): void {
    this.outbox.hold();
    try {
      run();
    } finally {
      this.outbox.release();
    }
  }

  /** Delivery has stopped: for want of bytes, or because of pressure, a pending handler, or the end. */
  private settled(): void {
    this.countFrames();
    if (this.life === 'closed') return;
    if (this.life === 'closing') {
      // Read on, so that the end of the peer's stream is seen. During a handshake the bytes are not ours.
      if (!this.flowing && !this.upgrading) {
        this.flowing = true;
        this.transport.resume();
      }
      return;
    }
    this.flow();
    if (this.framer.ended && this.eof === 'seen') {
      this.eof = 'handled';
      this.deadlines.frame?.cancel();
      this.callBack(() => this.handleEof());
    }
  }

  private flow(): void {
    if (this.upgrading) return;
    const want = !this.framer.busy && !this.pressed && this.waits === 0;
    if (want === this.flowing) return;
    this.flowing = want;
    if (want) this.transport.resume();
    else this.transport.pause();
  }

  private press(over: boolean): void {
    this.pressed = over;
    this.holdOrGo();
  }

  private holdOrGo(): void {
    if (this.life !== 'open' || this.upgrading) return;
    if (this.pressed || this.waits > 0) this.framer.pause();
    else this.framer.resume();
    this.flow();
  }

  private countFrames(): void {
    const { frames } = this.framer;
    const { stats } = this.options;
    if (stats) stats.messages += frames - this.framesSeen;
    const { frame } = this.deadlines;
    if (frame) {
      if (!this.framer.inFrame || this.framer.busy) frame.rest();
      else if (!frame.running || frames !== this.framesSeen) frame.touch();
    }
    this.framesSeen = frames;
  }

  private wrote(bytes: number): void {
    this.bytesSent += bytes;
    const { stats } = this.options;
    if (stats) stats.bytesSent += bytes;
    this.deadlines.idle?.touch();
    // Taken, but not passed on: from now on the peer has so long to take it.
    if (this.outbox.stalled) this.deadlines.write?.touch();
    else this.deadlines.write?.rest();
  }

  private deadline(kind: 'idle' | 'frame' | 'write'): Deadline | null {
    const ms = this.options.timeouts?.[kind];
    if (ms === undefined) return null;
    const one: Deadline = new Deadline(this.clock, ms, () => {
      if (this.keepsPeerWaiting(kind)) one.touch();
      else this.timedOut(kind);
    });
    return one;
  }

  /** A peer that waits for us is not idle, and cannot end its frame while we do not read. */
  private keepsPeerWaiting(kind: TimeoutKind): boolean {
    if (kind === 'write') return false;
    if (this.framer.busy || this.waits > 0 || this.upgrading) return true;
    return kind === 'frame' ? this.pressed : this.outbox.awaitsProducer;
  }

  private startGrace(ms: number): void {
    if (this.deadlines.close || this.life === 'closed') return;
    this.deadlines.close = new Deadline(this.clock, ms, () =>
      this.abort(new ChatError('TIMED_OUT', 'the close grace passed')),
    );
    this.deadlines.close.touch();
  }

  private timedOut(kind: TimeoutKind): void {
    if (this.life === 'closed') return;
    if (this.life === 'closing') return this.abort(new ChatError('TIMED_OUT', `the ${kind} deadline passed`, { kind }));
    this.callBack(() => this.handleTimeout(kind));
  }

  /** What a callback pushes leaves behind it, and no producer runs inside it. */
  private callBack(run: () => void): void {
    try {
      this.turn(run);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Whatever goes wrong inside comes through here, with a code. */
  private failed(error: unknown): void {
    if (this.life !== 'open') {
      // No callback runs any more, but a bug in one that ran late should not go unseen.
      this.options.logger?.warn('chat.error_after_close', { error: String(error), remote: this.remote });
      return;
    }
    if (error instanceof ChatError) return this.handleSafely(error);
    const why = error instanceof Error ? error.message : String(error);
    this.handleSafely(new ChatError('HANDLER_FAILED', `a handler failed: ${why}`, {}, error));
  }

  private handleSafely(error: ChatError): void {
    try {
      this.turn(() => this.handleError(error));
    } catch (worse) {
      this.options.logger?.error('chat.handle_error_failed', { error: String(worse), remote: this.remote });
      this.abort(error);
    }
    // No handler can go on behind a broken transport, a frame without end, or a find() that failed.
    if (error.code === 'TRANSPORT_FAILED' || error.code === 'FRAME_TOO_LONG') this.abort(error);
    else if (this.life === 'open' && this.framer.stopped) this.abort(error);
  }

  /** Asked behind an await, where the type checker believes that nothing has changed. */
  private isClosed(): boolean {
    return this.life === 'closed';
  }

  private closed(): void {
    if (this.finished) return;
    this.finished = true;
    this.abort();
    try {
      this.handleClose();
    } catch (error) {
      this.options.logger?.error('chat.handle_close_failed', { error: String(error), remote: this.remote });
    }
  }
}
