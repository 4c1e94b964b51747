// A client's connection and the one made for it, joined by two links. Each direction ends by itself (half-close); an
// error on either side ends both. Nothing is read from the client before the upstream is there, so nothing is lost.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Address } from '../src/address.ts';
import { type Clock, realClock } from '../src/clock.ts';
import { Deadline } from '../src/deadlines.ts';
import { socketTransport, type Transport } from '../src/transport.ts';
import { Link } from './link.ts';

const HIGH_WATER_BYTES = 64 * 1024;

export interface PairOptions {
  readonly upstream: Address;
  /** Milliseconds; 0 is off for `idleTimeout`. */
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  readonly clock?: Clock;
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
  private readonly links: { up: Link; down: Link };
  private readonly deadlines: { connect: Deadline; idle: Deadline | null };
  private readonly done: (end: PairEnd) => void;
  private directions = 2;
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
    const events = {
      moved: () => this.deadlines.idle?.touch(),
      ended: () => this.directionEnded(),
    };
    this.links = { up: new Link(client, upstream, events), down: new Link(upstream, client, events) };
    // Listening to 'data' has started the flow: until the upstream is there it has nowhere to go.
    client.pause();
    this.deadlines = {
      connect: new Deadline(clock, options.connectTimeout, () => this.fail('connecting to the upstream took too long')),
      idle: options.idleTimeout > 0 ? new Deadline(clock, options.idleTimeout, () => this.fail('idle for too long')) : null,
    };
    this.deadlines.connect.touch();
    this.socket.once('connect', () => {
      this.deadlines.connect.cancel();
      this.deadlines.idle?.touch();
      client.resume();
    });
    for (const side of [client, upstream]) {
      side.on('error', (error: Error) => this.fail(describe(error)));
      side.on('close', () => this.closed());
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

  private directionEnded(): void {
    this.directions--;
  }

  private closed(): void {
    // A side that closed before both directions ended was cut: what is under way has nowhere to go.
    if (this.directions > 0) this.fail('the connection was cut');
    if (--this.open > 0) return;
    this.deadlines.connect.cancel();
    this.deadlines.idle?.cancel();
    this.done({ bytesUp: this.links.up.bytes, bytesDown: this.links.down.bytes, error: this.error });
  }
}

function target(address: Address): { host: string; port: number } | { path: string } {
  if (address.kind === 'unix') return { path: address.path };
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  throw new Error('an inherited descriptor is nothing to connect to');
}

/** With several addresses for a name Node's error has no text of its own, only those of the attempts. */
function describe(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((one: Error) => one.message).join('; ');
}
