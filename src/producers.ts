// Producers: things that yield bytes when the connection can take them, so that a big answer is never in memory whole.
import { ChatError } from './errors.ts';

export interface Producer {
  /** The next bytes; null or empty when there are no more. */
  more(): Uint8Array | null | Promise<Uint8Array | null>;
  /** Called instead of further more() when the producer is abandoned: the connection closed, or it failed. */
  stop?(reason?: Error): void;
}

/** Yields a byte string in pieces of `bufferSize` (asynchat's simple_producer, default 512 there and here). */
export class SimpleProducer implements Producer {
  private rest: Uint8Array;
  private readonly bufferSize: number;

  constructor(data: Uint8Array, bufferSize = 512) {
    if (!(data instanceof Uint8Array)) throw new TypeError('SimpleProducer takes a Uint8Array');
    if (!Number.isSafeInteger(bufferSize) || bufferSize < 1) throw new RangeError(`bad buffer size: ${bufferSize}`);
    this.rest = data;
    this.bufferSize = bufferSize;
  }

  more(): Uint8Array | null {
    if (this.rest.length === 0) return null;
    const piece = this.rest.subarray(0, this.bufferSize);
    this.rest = this.rest.subarray(piece.length);
    return piece;
  }
}

/** Yields what an async iterable yields (a Readable, an async generator); empty chunks in the middle are skipped. */
export class IterableProducer implements Producer {
  private readonly iterator: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  async more(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.iterator.next();
      if (done) return null;
      if (!(value instanceof Uint8Array)) throw new TypeError('an iterable given as producer must yield Uint8Array');
      if (value.length > 0) return value;
    }
  }

  stop(): void {
    // The source may be waiting for its next value: its clean-up must not hold up ours, nor may its failure surface.
    Promise.resolve(this.iterator.return?.()).catch(() => {});
  }
}

/** One producer out of several, one after the other. */
export class CompositeProducer implements Producer {
  private readonly parts: Producer[];

  constructor(parts: readonly Producer[]) {
    this.parts = [...parts];
  }

  async more(): Promise<Uint8Array | null> {
    for (let first = this.parts[0]; first !== undefined; first = this.parts[0]) {
      const piece = await first.more();
      if (piece?.length) return piece;
      this.parts.shift();
    }
    return null;
  }

  stop(reason?: Error): void {
    for (const part of this.parts.splice(0)) part.stop?.(reason);
  }
}

/** What pushWithProducer takes, as a Producer. Throws TypeError for anything else. Never asks whether it is truthy. */
export function toProducer(p: unknown): Producer {
  if (p instanceof Uint8Array) return once(p);
  if (typeof p === 'object' && p !== null) {
    if (typeof (p as Producer).more === 'function') return p as Producer;
    if (Symbol.asyncIterator in p) return new IterableProducer(p as AsyncIterable<Uint8Array>);
  }
  throw new TypeError('expected a producer, a Uint8Array or an async iterable of Uint8Array');
}

function once(bytes: Uint8Array): Producer {
  let rest: Uint8Array | null = bytes;
  return {
    more() {
      const all = rest;
      rest = null;
      return all;
    },
  };
}

/** Stops an abandoned producer. Its own trouble in doing so must not keep a connection from being closed. */
export function stopQuietly(producer: Producer, reason: Error): void {
  try {
    producer.stop?.(reason);
  } catch {
    // It was abandoned for a reason that is reported already.
  }
}

/** What a producer threw, as an error with a code. */
export function producerError(cause: unknown): ChatError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ChatError('PRODUCER_FAILED', `a producer failed: ${why}`, {}, cause);
}
