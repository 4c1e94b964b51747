// A client's connection and the one made for it, joined by two links. Each direction ends by itself (half-close); an
// error on either side ends both. Nothing is read from the client before the upstream is there, so nothing is lost.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Address } from '../src/address.ts';
import { type Clock, realClock } from '../src/clock.ts';
import { Deadline } from '../src/deadlines.ts';
import { socketTransport, type Transport } from '../src/transport.ts';
import { Link, type LinkEvents } from './link.ts';

const HIGH_WATER_BYTES = 64 * 1024;
/** Such a pair has no other way to come to an end. */
const FIN_TIMEOUT_MS = 3_600_000;

export interface PairOptions {
  readonly upstream: Address;
  /** Milliseconds; 0 is off for `idleTimeout`. */
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  /** How long both may say nothing once one of them has ended, in milliseconds. Default: an hour. */
  readonly finTimeout?: number;
  readonly clock?: Clock;
  /** Sees everything that passes, behind its having passed. */
  readonly observer?: PairObserver;
}

/** What looks at a connection, and must not change, delay or throw anything. */
export interface PairObserver {
  feed(from: 'client' | 'server', chunk: Buffer): void;
  finish(from: 'client' | 'server'): void;
  close(end: PairEnd): void;
}

export interface PairEnd {
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Empty when both sides ended in order. */
  readonly error: string;
}

export class Pair {
  private readonly client: Transport;
  private readonly socket: Socket;
  private readonly upstream: Transport;
  private readonly links: { up: Link; down: Link };
  private readonly deadlines: { connect: Deadline; idle: Deadline | null; fin: Deadline };
  private readonly done: (end: PairEnd) => void;
  private readonly observer: PairObserver | undefined;
  private open = 2;
  private error = '';

  constructor(client: Transport, options: PairOptions, done: (end: PairEnd) => void) {
    const clock = options.clock ?? realClock;
    this.client = client;
    this.done = done;
    client.pause();
    const where: NetConnectOpts & { highWaterMark: number } = {
      ...target(options.upstream),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      highWaterMark: HIGH_WATER_BYTES,
    };
    this.socket = connect(where);
    const upstream = socketTransport(this.socket, { remote: 'upstream' });
    this.upstream = upstream;
    const { observer } = options;
    const events = (from: 'client' | 'server'): LinkEvents => ({
      moved: () => this.moved(),
      ended: () => this.deadlines.fin.touch(),
      ...(observer && { passed: (chunk) => observer.feed(from, chunk), finished: () => observer.finish(from) }),
    });
    this.observer = observer;
    this.links = {
      up: new Link(client, upstream, events('client')),
      down: new Link(upstream, client, events('server')),
    };
    // Listening to 'data' has started the flow: until the upstream is there it has nowhere to go.
    client.pause();
    const deadline = (ms: number, why: string) => new Deadline(clock, ms, () => this.fail(why));
    this.deadlines = {
      connect: deadline(options.connectTimeout, 'connecting to the upstream took too long'),
      idle: options.idleTimeout > 0 ? deadline(options.idleTimeout, 'idle for too long') : null,
      fin: deadline(options.finTimeout ?? FIN_TIMEOUT_MS, 'half closed and idle for too long'),
    };
    this.deadlines.connect.touch();
    this.socket.once('connect', () => {
      this.deadlines.connect.cancel();
      this.deadlines.idle?.touch();
      client.resume();
    });
    const { up, down } = this.links;
    for (const [side, from, to] of [
      [client, up, down],
      [upstream, down, up],
    ] as const) {
      side.on('error', (error: Error) => this.fail(describe(error)));
      side.on('close', () => this.closed(from, to));
    }
  }

  /** Ends both sides at once. */
  fail(why: string): void {
    if (this.error === '') this.error = why;
    this.links.up.destroy();
    this.links.down.destroy();
    this.client.destroy();
    this.socket.destroy();
  }

  /** Ends both sides at once, with resets instead of ends. */
  reset(why: string): void {
    this.client.reset?.();
    this.upstream.reset?.();
    this.fail(why);
  }

  private moved(): void {
    this.deadlines.idle?.touch();
    if (this.deadlines.fin.running) this.deadlines.fin.touch();
  }

  /** One side is gone, `from` being the link that it fed and `to` the one that fed it. */
  private closed(from: Link, to: Link): void {
    // Both of its directions ended: what it said may still be on its way to a slow other side. If not, it was cut.
    if (!from.sourceEnded || !to.targetEnded) this.fail('the connection was cut');
    if (--this.open > 0) return;
    for (const one of Object.values(this.deadlines)) one?.cancel();
    const end = { bytesUp: this.links.up.bytes, bytesDown: this.links.down.bytes, error: this.error };
    this.observer?.close(end);
    this.done(end);
  }
}

/** Where to connect to, as node:net wants it. */
export function target(address: Address): { host: string; port: number } | { path: string } {
  if (address.kind === 'unix') return { path: address.path };
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  throw new Error('an inherited descriptor is nothing to connect to');
}

/** Never empty. With several addresses for a name Node's error has no text of its own, only those of the attempts. */
function describe(error: Error): string {
  const attempts = error instanceof AggregateError ? error.errors : [];
  return error.message || attempts.map((one: Error) => one.message).join('; ') || error.name;
}
