// A client's connection and the one made for it, joined by two links. Each direction ends by itself (half-close); an
// error on either side ends both, and a reset is told as a reset. Nothing is read from the client before the upstream is
// there, so nothing is lost.
import { type Clock, realClock } from '../src/clock.ts';
import { Deadline } from '../src/deadlines.ts';
import type { Transport } from '../src/transport.ts';
import { Link, type LinkOwner } from './link.ts';
import { type Dialer, type Dialing, type DialOutcome, describe } from './wire/dial.ts';

/** Such a pair has no other way to come to an end. */
export const FIN_TIMEOUT_MS = 3_600_000;
/** Between the last bytes and a reset that was ordered. */
const RESET_DELAY_MS = 20;
/** With `flush`: how long one may still talk to a side that is gone, until it is reset too. */
export const FLUSH_GRACE_MS = 5_000;
const RESETS: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE']);

export interface PairOptions {
  /** Begins to connect to the upstream. */
  readonly dialer: Dialer;
  /** Milliseconds; 0 is off. */
  readonly idleTimeout: number;
  /** How long both may say nothing once one of them has ended, in milliseconds. Default: an hour. */
  readonly finTimeout?: number;
  /**
   * What the other side gets when one has reset its connection: a reset at once, which takes back what the system has
   * not delivered (`faithful`, the default); or everything, and then an end (`flush`).
   */
  readonly reset?: 'faithful' | 'flush';
  readonly clock?: Clock;
  /** Sees everything that passes, behind its having passed. */
  readonly observer?: PairObserver | undefined;
}

/** What looks at a connection. Without `attach` it sees what has passed, and must not throw. */
export interface PairObserver {
  /** With it, nothing passes but what it gives to the outlet: it may hold and change bytes. */
  attach?(outlet: PairOutlet): void;
  feed(from: 'client' | 'server', chunk: Buffer): void;
  finish(from: 'client' | 'server'): void;
  close(end: PairEnd): void;
  /** A remark of the pair's. */
  note?(text: string): void;
  /** Bytes that came where TLS should begin, and go nowhere. */
  drop?(from: 'client' | 'server', bytes: Buffer): void;
}

/** Where an observer lets bytes pass to the other side of `from`. */
export interface PairOutlet {
  pass(from: 'client' | 'server', bytes: Buffer): void;
  /** All that `from` said has passed, and it has ended. */
  end(from: 'client' | 'server'): void;
  /** Enough of what `from` said waits here, or not any more. */
  pause(from: 'client' | 'server', isWanted: boolean): void;
  /** Ends both sides, in order behind what has passed, or with resets. */
  close(how: 'close' | 'reset', why: string): void;
}

export interface PairEnd {
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Empty when both sides ended in order. */
  readonly error: string;
  /** Who ended a TLS stream without the goodbye that TLS has for this: it may have been cut on its way. */
  readonly cut?: readonly SideName[];
}

type SideName = 'client' | 'server';

export class Pair implements DialOutcome, LinkOwner {
  private readonly client: Transport;
  private upstream: Transport | null = null;
  private dialing: Dialing | null = null;
  private links: { up: Link; down: Link } | null = null;
  private readonly idle: Deadline | null;
  private readonly fin: Deadline;
  /** Made when it is needed, which is hardly ever. */
  private grace: Deadline | null = null;
  private isProbed = false;
  private readonly options: PairOptions;
  private readonly done: (end: PairEnd) => void;
  private life: 'dialing' | 'joined' | 'flushing' | 'failed' = 'dialing';
  private clientHasEnded = false;
  /** Transports that have not closed. */
  private open = 1;
  private error = '';
  private cut: SideName[] | null = null;

  constructor(client: Transport, options: PairOptions, done: (end: PairEnd) => void) {
    const { clock = realClock, idleTimeout, finTimeout = FIN_TIMEOUT_MS, dialer } = options;
    this.client = client;
    this.options = options;
    this.done = done;
    client.pause();
    const deadline = (ms: number, why: string) => new Deadline(clock, ms, () => this.fail(why));
    this.idle = idleTimeout > 0 ? deadline(idleTimeout, 'idle for too long') : null;
    this.fin = deadline(finTimeout, 'half closed and idle for too long');
    client.on('error', (error: Error) => this.lost('client', error));
    client.on('close', () => this.closed('client'));
    // It may come before anybody else listens.
    client.on('end', () => {
      this.clientHasEnded = true;
    });
    this.watchForCut('client', client);
    this.dialing = dialer(this);
  }

  // What becomes of dialing.

  connected(upstream: Transport): void {
    const { client, options } = this;
    const { observer } = options;
    this.upstream = upstream;
    this.open++;
    this.life = 'joined';
    const links = {
      up: new Link('client', client, upstream, this, observer),
      down: new Link('server', upstream, client, this, observer),
    };
    this.links = links;
    observer?.attach?.({
      pass: (from, bytes) => this.fedBy(from)?.push(bytes),
      end: (from) => this.fedBy(from)?.finish(),
      pause: (from, isWanted) => this.fedBy(from)?.halt(isWanted),
      close: (how, why) => this.close(how, why),
    });
    upstream.on('error', (error: Error) => this.lost('server', error));
    upstream.on('close', () => this.closed('server'));
    this.watchForCut('server', upstream);
    this.idle?.touch();
    if (this.clientHasEnded) links.up.sourceEnds(null);
    client.resume();
    upstream.resume();
  }

  failed(why: string): void {
    this.fail(why);
  }

  skipped(upstream: string, why: string): void {
    this.options.observer?.note?.(`${upstream} cannot be reached: ${why}`);
  }

  // What the links call.

  moved(from: SideName, bytes: number): void {
    this.touch();
    // Said to nobody.
    if (this.life !== 'flushing' || bytes === 0 || !this.fedBy(from)?.targetEnded || this.grace) return;
    this.grace = new Deadline(this.options.clock ?? realClock, FLUSH_GRACE_MS, () => this.reset(this.error));
    this.grace.touch();
  }

  ended(): void {
    this.fin.touch();
  }

  /** Has the system look after peers that say nothing, from now on. */
  probe(idleMs: number): void {
    if (this.isProbed || this.life !== 'joined') return;
    this.isProbed = true;
    this.client.keepAlive?.(idleMs);
    this.upstream?.keepAlive?.(idleMs);
  }

  /** Something goes on that belongs to it, elsewhere. */
  touch(): void {
    this.idle?.touch();
    if (this.fin.running) this.fin.touch();
  }

  /** Ends both sides at once. */
  fail(why: string): void {
    this.abandon(why);
    this.client.destroy();
    this.upstream?.destroy();
  }

  /** Ends both sides at once, with resets instead of ends. */
  reset(why: string): void {
    this.abandon(why);
    for (const side of [this.client, this.upstream]) {
      if (side?.reset) side.reset();
      else side?.destroy();
    }
  }

  private fedBy(side: SideName): Link | undefined {
    return side === 'client' ? this.links?.up : this.links?.down;
  }

  private other(side: SideName): SideName {
    return side === 'client' ? 'server' : 'client';
  }

  private close(how: 'close' | 'reset', why: string): void {
    // What has passed should be read first: a reset takes back what was not, and hides behind what was read with it.
    if (how === 'reset') (this.options.clock ?? realClock).setTimeout(() => this.reset(why), RESET_DELAY_MS);
    else for (const link of Object.values(this.links ?? {})) link.finish();
  }

  /** An error has ended one side. */
  private lost(side: SideName, error: Error): void {
    if (this.life === 'failed' || this.life === 'flushing') return;
    const what = describe(error);
    if (!RESETS.has((error as NodeJS.ErrnoException).code)) return this.fail(what);
    const why = `the ${side === 'client' ? 'client' : 'upstream'} has reset its connection (${what})`;
    if (this.life === 'joined' && this.options.reset === 'flush') this.flush(side, why);
    else this.reset(why);
  }

  /** The other side gets all that was said before the reset, and then an end. */
  private flush(side: SideName, why: string): void {
    this.error = why;
    this.life = 'flushing';
    const gone = side === 'client' ? this.client : this.upstream!;
    this.fedBy(this.other(side))?.destroy();
    this.fedBy(side)?.sourceEnds(gone.unread?.() ?? null);
  }

  /** One side is gone. */
  private closed(side: SideName): void {
    // Both of its directions ended: what it said may still be on its way to a slow other side. If not, it was cut.
    const inOrder = this.fedBy(side)?.sourceEnded && this.fedBy(this.other(side))?.targetEnded;
    if (!inOrder) this.fail('the connection was cut');
    if (--this.open > 0) return;
    for (const deadline of [this.idle, this.fin, this.grace]) deadline?.cancel();
    const { links, error } = this;
    const { cut } = this;
    const bytes = { bytesUp: links?.up.bytes ?? 0, bytesDown: links?.down.bytes ?? 0 };
    const end: PairEnd = { ...bytes, error, ...(cut && { cut }) };
    this.options.observer?.close(end);
    this.done(end);
  }

  /** A TLS stream that ends without close_notify is not told from one that was cut (RFC 8446 6.1). */
  private watchForCut(side: SideName, transport: Transport): void {
    transport.onCut?.(() => {
      this.cut = [...(this.cut ?? []), side];
      this.options.observer?.note?.(`the TLS stream of the ${side} ended without close_notify: it may have been cut`);
    });
  }

  private abandon(why: string): void {
    if (this.error === '') this.error = why;
    this.life = 'failed';
    this.dialing?.cancel();
    this.links?.up.destroy();
    this.links?.down.destroy();
  }
}
