// The way out: a queue of bytes and producers with a close mark at its end, drained as the transport takes it.
// Small pushes of one turn are copied together and leave in one write: that is worth ten times the rate of a line
// server. Big ones and producers' pieces are passed by reference and must not be changed afterwards.
import { ChatError } from './errors.ts';
import { type Producer, producerError, stopQuietly, toProducer } from './producers.ts';

/** Pushes up to this size are gathered, in blocks that grow from FIRST_BLOCK to LAST_BLOCK. */
const SMALL = 2048;
const FIRST_BLOCK = 512;
const LAST_BLOCK = 65536;
/** Big ones are handed over in slices: so a slow peer is seen to take something, and no deadline cuts it off. */
const SLICE = 65536;

/** The part of a Transport that an outbox uses. */
export interface Outlet {
  write(bytes: Uint8Array): boolean;
  end(): void;
  cork?(): void;
  uncork?(): void;
}

export interface OutboxOptions {
  /** Queued bytes above which push() answers false and onPressure(true) is called. Default 65536. */
  highWater?: number;
  /** Over the high water, and below half of it again. */
  onPressure?(over: boolean): void;
  /** A producer threw or rejected. */
  onError?(error: ChatError): void;
  /** Bytes were handed to the outlet. */
  onWrite?(bytes: number): void;
  /** The end was handed to the outlet: everything before it is on its way. */
  onEnd?(): void;
}

interface Producing {
  readonly producer: Producer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Outbox {
  private outlet: Outlet;
  private readonly options: OutboxOptions;
  private readonly highWater: number;
  private queue: (Uint8Array | Producing)[] = [];
  private life: 'open' | 'closing' | 'ended' = 'open';
  /** The block that small pushes are gathered in: bytes [sealed, filled) are not in the queue yet. */
  private block: Buffer | null = null;
  private sealed = 0;
  private filled = 0;
  private queued = 0;
  /** Bytes the outlet took with the answer 'wait for drain'. */
  private stuck = 0;
  private blocked = false;
  private holding = 0;
  /** The producer whose answer is awaited. */
  private producing: Producing | null = null;
  private flushing = false;
  private over = false;

  constructor(outlet: Outlet, options: OutboxOptions = {}) {
    this.outlet = outlet;
    this.options = options;
    this.highWater = options.highWater ?? 65536;
  }

  /** Bytes queued, and those that the outlet has not passed on. Producers count when they yield. */
  get size(): number {
    return this.queued + this.stuck;
  }

  /** Whether something waits to be sent. */
  get pending(): boolean {
    return this.queued > 0 || this.queue.length > 0 || this.stuck > 0;
  }

  /** Whether the outlet has to drain before anything can go on. */
  get stalled(): boolean {
    return this.blocked;
  }

  /** Whether everything waits for a producer. */
  get awaitsProducer(): boolean {
    return this.producing !== null;
  }

  /** Whether closeWhenDone() was called: nothing more is taken. */
  get closing(): boolean {
    return this.life !== 'open';
  }

  /** Whether the end was handed to the outlet. */
  get ended(): boolean {
    return this.life === 'ended';
  }

  /** Queues bytes. False when the queue is over the high water, or closing (then the bytes are not taken). */
  push(data: Uint8Array): boolean {
    if (!(data instanceof Uint8Array)) throw new TypeError(`push() takes a Uint8Array, not ${typeof data}`);
    if (this.life !== 'open') return false;
    const { length } = data;
    if (length > 0) {
      if (this.isIdle && length <= SLICE) {
        this.write(data);
        if (this.blocked) this.measure();
        return !this.over;
      }
      this.queued += length;
      if (length <= SMALL && (this.holding > 0 || this.filled > this.sealed)) this.gather(data);
      else {
        this.seal();
        this.queue.push(data);
      }
      if (this.holding === 0 || this.queued > this.highWater) this.flush();
      else this.measure();
    }
    return !this.over;
  }

  /**
   * Queues what a producer yields, asked for when the outlet can take it. Resolves when its last byte was handed to
   * the outlet; rejects with CLOSED when that cannot happen any more, with PRODUCER_FAILED when it threw. A rejection
   * that nobody waits for is not an error of the process. Throws TypeError for what is no producer.
   */
  pushWithProducer(p: Producer | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const producer = toProducer(p);
    const done = new Promise<void>((resolve, reject) => {
      if (this.life !== 'open') {
        const error = new ChatError('CLOSED');
        stopQuietly(producer, error);
        return reject(error);
      }
      this.seal();
      this.queue.push({ producer, resolve, reject });
    });
    done.catch(() => {});
    if (this.holding === 0) this.flush();
    return done;
  }

  /** Ends the outlet when everything before is handed over. Later pushes are refused; a second call changes nothing. */
  closeWhenDone(): void {
    if (this.life !== 'open') return;
    this.life = 'closing';
    this.flush();
  }

  /**
   * Gathers what is pushed until release(): the replies of one turn leave in one write. No producer is asked in
   * between, since it is somebody's code that must not run inside a callback. Calls nest.
   */
  hold(): void {
    this.holding++;
  }

  release(): void {
    if (--this.holding === 0 && (this.queued > 0 || this.queue.length > 0)) this.flush();
  }

  /** The outlet can take more. */
  drained(): void {
    this.blocked = false;
    this.stuck = 0;
    this.flush();
  }

  /** Goes on with another outlet (TLS). */
  redirect(outlet: Outlet): void {
    this.outlet = outlet;
    this.drained();
  }

  /** Throws away what is queued and stops its producers, which reject with CLOSED. The close mark stays. */
  discard(reason?: Error): void {
    const dropped = this.queue;
    this.queue = [];
    this.queued = this.stuck = 0;
    this.sealed = this.filled;
    // The one that is thinking may never answer: nobody waits for it any more.
    this.producing = null;
    for (const entry of dropped) {
      if (entry instanceof Uint8Array) continue;
      // Made only where somebody gets it: most connections end with nothing queued.
      const isClosed = reason instanceof ChatError && reason.code === 'CLOSED';
      const closed = isClosed ? reason : new ChatError('CLOSED', undefined, {}, reason);
      entry.reject(closed);
      stopQuietly(entry.producer, reason ?? closed);
    }
    this.flush();
  }

  /** The outlet is gone: nothing is sent or taken any more. */
  destroy(reason?: Error): void {
    this.life = 'ended';
    this.discard(reason);
  }

  /** Nothing stands before what is pushed now: it can go the short way, which is what most of a proxy's bytes do. */
  private get isIdle(): boolean {
    const { blocked, queued, queue, holding, flushing } = this;
    return !blocked && queued === 0 && queue.length === 0 && holding === 0 && !flushing;
  }

  private gather(data: Uint8Array): void {
    if (this.block === null || this.block.length - this.filled < data.length) {
      this.seal();
      const size = this.block === null ? FIRST_BLOCK : Math.min(this.block.length * 2, LAST_BLOCK);
      this.block = Buffer.allocUnsafeSlow(Math.max(size, data.length));
      this.sealed = this.filled = 0;
    }
    this.block.set(data, this.filled);
    this.filled += data.length;
  }

  private seal(): void {
    if (this.block === null || this.filled === this.sealed) return;
    this.queue.push(this.block.subarray(this.sealed, this.filled));
    this.sealed = this.filled;
  }

  private flush(): void {
    if (!this.flushing && this.producing === null && this.life !== 'ended') {
      if (this.queue.length === 0 && this.life === 'open' && !this.blocked) this.writeGathered();
      else this.drive();
    }
    this.measure();
  }

  /** What most turns have, a few small replies and nothing else: drive() without its detours. */
  private writeGathered(): void {
    if (this.block === null || this.filled === this.sealed) return;
    const bytes = this.block.subarray(this.sealed, this.filled);
    this.sealed = this.filled;
    this.queued = 0;
    this.letGo();
    this.write(bytes);
  }

  private drive(): void {
    this.flushing = true;
    this.seal();
    const many = this.queue.length > 1;
    if (many) this.outlet.cork?.();
    try {
      while (!this.blocked && this.producing === null && this.queue.length > 0) {
        const first = this.queue[0]!;
        if (first instanceof Uint8Array) this.send(first);
        else if (this.holding > 0) break;
        else this.ask(first);
      }
      if (this.queue.length === 0) this.letGo();
    } finally {
      if (many) this.outlet.uncork?.();
      this.flushing = false;
    }
    // What the outlet still holds counts as not sent: it is no use to end behind it and start the grace.
    if (this.life === 'closing' && this.queue.length === 0 && this.producing === null && !this.blocked) {
      this.life = 'ended';
      this.outlet.end();
      this.options.onEnd?.();
    }
  }

  /** Only a small block with room in it is worth keeping for a connection that may now be idle for long. */
  private letGo(): void {
    if (this.block !== null && this.block.length - this.filled < FIRST_BLOCK / 4) this.block = null;
  }

  /** Sends the first entry of the queue, or a slice of it. */
  private send(first: Uint8Array): void {
    const { length } = first;
    if (length > SLICE) this.queue[0] = first.subarray(SLICE);
    else this.queue.shift();
    this.queued -= Math.min(length, SLICE);
    this.write(length > SLICE ? first.subarray(0, SLICE) : first);
  }

  private write(bytes: Uint8Array): void {
    if (!this.outlet.write(bytes)) {
      this.blocked = true;
      this.stuck += bytes.length;
    }
    this.options.onWrite?.(bytes.length);
  }

  private ask(entry: Producing): void {
    let piece: ReturnType<Producer['more']>;
    try {
      piece = entry.producer.more();
    } catch (error) {
      return this.fail(entry, error);
    }
    if (piece === null || piece instanceof Uint8Array) return this.yielded(entry, piece);
    this.producing = entry;
    const answered = (take: () => void): void => {
      // Discarded while it was thinking: its bytes are wanted no more.
      if (this.producing !== entry) return;
      this.producing = null;
      take();
      this.flush();
    };
    Promise.resolve(piece).then(
      (later) => answered(() => this.yielded(entry, later)),
      (error) => answered(() => this.fail(entry, error)),
    );
  }

  private yielded(entry: Producing, piece: Uint8Array | null | undefined): void {
    // more() may have discarded the queue, itself in it.
    if (this.queue[0] !== entry) return;
    if (piece === null || piece === undefined || piece.length === 0) {
      this.queue.shift();
      entry.resolve();
    } else if (!(piece instanceof Uint8Array)) {
      this.fail(entry, new TypeError('more() must yield a Uint8Array'));
    } else if (piece.length > SLICE) {
      this.queued += piece.length;
      this.queue.unshift(piece);
    } else this.write(piece);
  }

  private fail(entry: Producing, cause: unknown): void {
    if (this.queue[0] !== entry) return;
    this.queue.shift();
    const error = producerError(cause);
    entry.reject(error);
    stopQuietly(entry.producer, error);
    this.options.onError?.(error);
  }

  private measure(): void {
    const over = this.over ? this.size > this.highWater / 2 : this.size > this.highWater;
    if (over === this.over) return;
    this.over = over;
    this.options.onPressure?.(over);
  }
}
