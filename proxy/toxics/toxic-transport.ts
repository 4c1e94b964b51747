// A client's connection seen through toxics. It is a Transport around the real one: what the client sends goes through
// the upstream chain before a pair sees it, what the pair sends goes through the downstream chain before the client
// does. So pairs and links know nothing of toxics.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { Transport, TransportEvent } from '../../src/transport.ts';
import { Chain } from './chain.ts';
import type { End } from './effect.ts';
import type { Random } from './random.ts';
import type { Direction, Toxic } from './toxic.ts';

/** What the peers get to end their own sides when a toxic has closed the connection; then it is cut. */
export const LINGER_MS = 1_000;

export interface ToxicTransportOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly maxHeld: number;
  /** Like Toxiproxy: no half-close, resets become ends, and more; see docs/proxies.md. */
  readonly strict: boolean;
  readonly toxics: Readonly<Record<Direction, readonly Toxic[]>>;
  /** A toxic wants both sides to be reset. */
  onReset(): void;
}

type Listener = (payload?: unknown) => void;

export class ToxicTransport implements Transport {
  readonly remote: string;
  readonly chains: Readonly<Record<Direction, Chain>>;
  private readonly inner: Transport;
  private readonly clock: Clock;
  private readonly strict: boolean;
  private readonly onReset: () => void;
  /** In strict mode: a reset_peer at the start makes every close a reset. */
  private readonly resetsAlways: boolean;
  private readonly listeners: Record<TransportEvent, Listener[]> = {
    data: [],
    drain: [],
    end: [],
    close: [],
    error: [],
  };
  /** Whether the pair takes bytes, and whether the client does. */
  private room: Record<Direction, boolean> = { upstream: true, downstream: true };
  private isDownstreamFull = false;
  private innerLife: 'open' | 'failed' | 'closed' = 'open';
  /** Whether a toxic has closed it: both sides are ended, and what they still say is dropped. */
  private isClosing = false;
  private isPairDone = false;
  private life: 'open' | 'abandoned' | 'closed' = 'open';
  private corks = 0;
  private linger: TimerHandle | null = null;

  constructor(inner: Transport, options: ToxicTransportOptions) {
    const { clock, random, maxHeld, strict, toxics } = options;
    this.inner = inner;
    this.remote = inner.remote;
    this.clock = clock;
    this.strict = strict;
    this.onReset = () => options.onReset();
    this.resetsAlways =
      strict &&
      Object.values(toxics)
        .flat()
        .some(({ type }) => type === 'reset_peer');
    const room = this.room;
    const common = { clock, maxHeld, strict };
    this.chains = {
      upstream: new Chain(toxics.upstream, {
        ...common,
        random: random.fork('upstream'),
        out: {
          get hasRoom() {
            return room.upstream;
          },
          send: (bytes) => this.emit('data', bytes),
          finish: (how) => this.finishUpstream(how),
        },
        onPressure: (isFull) => (isFull ? inner.pause() : inner.resume()),
      }),
      downstream: new Chain(toxics.downstream, {
        ...common,
        random: random.fork('downstream'),
        out: {
          get hasRoom() {
            return room.downstream;
          },
          send: (bytes) => {
            if (this.innerLife === 'open') room.downstream = inner.write(bytes);
          },
          finish: (how) => this.finishDownstream(how),
        },
        onPressure: (isFull) => {
          this.isDownstreamFull = isFull;
          if (!isFull) this.emit('drain');
        },
      }),
    };
    this.listen();
  }

  write(bytes: Uint8Array): boolean {
    const { buffer, byteOffset, byteLength } = bytes;
    this.chains.downstream.push(Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, byteLength));
    return !this.isDownstreamFull && (this.room.downstream || this.chains.downstream.isOver);
  }

  /** The upstream has ended. */
  end(): void {
    this.isPairDone = true;
    this.chains.downstream.end('end');
    this.settle();
  }

  destroy(error?: Error): void {
    this.abandon();
    if (this.innerLife === 'closed') this.close();
    else this.inner.destroy(error);
  }

  reset(): void {
    if (!this.inner.reset || this.innerLife === 'closed') return this.destroy();
    this.abandon();
    this.inner.reset();
  }

  /** Slices must not be put together again. */
  cork(): void {
    if (!this.chains.downstream.isEmpty) return;
    this.corks++;
    this.inner.cork?.();
  }

  uncork(): void {
    if (this.corks === 0) return;
    this.corks--;
    this.inner.uncork?.();
  }

  pause(): void {
    this.room.upstream = false;
  }

  resume(): void {
    this.room.upstream = true;
    this.chains.upstream.roomed();
  }

  on(event: TransportEvent, listener: Listener): void {
    this.listeners[event].push(listener);
  }

  private listen(): void {
    const { inner, chains } = this;
    inner.on('data', (bytes: Buffer) => chains.upstream.push(bytes));
    inner.on('end', () => chains.upstream.end('end'));
    inner.on('drain', () => {
      this.room.downstream = true;
      chains.downstream.roomed();
      if (!this.isDownstreamFull) this.emit('drain');
    });
    inner.on('error', (error: Error) => {
      // Whoever has closed the connection is not interested in how it took that.
      if (this.isClosing) return;
      if (!this.strict) this.emit('error', error);
      else this.chains.upstream.end('closed');
      this.innerLife = 'failed';
    });
    inner.on('close', () => {
      const isLost = this.life === 'abandoned' || (this.innerLife === 'failed' && !this.strict);
      this.innerLife = 'closed';
      this.room.downstream = true;
      // In order: all was said on both ways. What the client said may still wait in a toxic.
      const inOrder = this.isClosing || (chains.upstream.hasEnded && chains.downstream.isOver);
      if (isLost || !(inOrder || this.strict)) this.close();
      else {
        chains.upstream.end('end');
        chains.downstream.roomed();
        this.settle();
      }
    });
  }

  private finishUpstream(how: End): void {
    if (how === 'reset') return this.resetBoth();
    this.emit('end');
    if (how === 'closed' || this.strict) this.startClosing('downstream');
    this.settle();
  }

  private finishDownstream(how: End): void {
    if (how === 'reset') return this.resetBoth();
    const closes = how === 'closed' || this.strict;
    if (closes && this.resetsAlways) return this.resetBoth();
    this.inner.end();
    if (closes) this.startClosing('upstream');
    this.settle();
  }

  /** One side is closed, not only ended: it says nothing any more, which the other way is told as the end. */
  private startClosing(otherWay: Direction): void {
    this.isClosing = true;
    this.chains[otherWay].end('closed');
  }

  private resetBoth(): void {
    this.abandon();
    this.onReset();
  }

  /** When both ways are over and the pair agrees, or has had its time, this is over too. */
  private settle(): void {
    const { upstream, downstream } = this.chains;
    if (this.life !== 'open' || !upstream.isOver || !downstream.isOver) return;
    if (this.innerLife === 'closed' && (this.isPairDone || !this.isClosing)) return this.close();
    if (!this.isClosing || this.linger !== null) return;
    this.linger = this.clock.setTimeout(() => {
      this.inner.destroy();
      this.close();
    }, LINGER_MS);
  }

  private abandon(): void {
    if (this.life === 'open') this.life = 'abandoned';
    this.chains.upstream.destroy();
    this.chains.downstream.destroy();
  }

  private close(): void {
    if (this.life === 'closed') return;
    this.abandon();
    this.life = 'closed';
    this.clock.clearTimeout(this.linger);
    this.emit('close');
  }

  private emit(event: TransportEvent, payload?: unknown): void {
    for (const listener of this.listeners[event]) listener(payload);
  }
}
