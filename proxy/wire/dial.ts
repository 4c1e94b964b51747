// The way to the upstream: to the first of several that can be reached, straight or through a proxy of somebody else,
// with the PROXY header first and TLS behind it. Nothing of what the upstream says first is lost: the socket is handed
// over unread.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { type Address, formatAddress, unmapAddress } from '../../src/address.ts';
import type { Clock, TimerHandle } from '../../src/clock.ts';
import { socketTransport, type Transport } from '../../src/transport.ts';
import { KEEP_ALIVE_MS } from './probing.ts';

const HIGH_WATER_BYTES = 64 * 1024;

/** What becomes of dialing: one of the two, once, unless it is cancelled. */
export interface DialOutcome {
  connected(upstream: Transport, how: Reached): void;
  failed(why: string): void;
  /** One upstream of several could not be reached; the next one is tried. */
  skipped?(upstream: string, why: string): void;
}

/** Which upstream there is a connection to, and its two ends. */
export interface Reached {
  readonly upstream: Address;
  /** Through a proxy of somebody else: the ends are those of the way there. */
  readonly isVia: boolean;
  /** IP addresses; '' of unix sockets. */
  readonly localAddress: string;
  readonly remoteAddress: string;
}

export interface Dialing {
  cancel(): void;
}

export type Dialer = (outcome: DialOutcome) => Dialing;

export interface Route {
  /** Tried in their order. */
  readonly upstreams: readonly [Address, ...Address[]];
  /** For each of them, TLS and all included, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Whoever has the connection asks for keepalive himself. */
  readonly isProbedLater?: true;
  /** What the upstream is told before everything else. */
  readonly preamble?: Buffer;
  /** A proxy that is asked to connect. */
  readonly via?: Via;
  /** What is done when there is a connection, before it counts as one. */
  readonly secure?: (transport: Transport, upstream: Address) => Transport | Promise<Transport>;
}

/** Somebody else's proxy. */
export interface Via {
  readonly address: Address;
  /** Makes it connect to `upstream`; rejects when it does not. The socket may be closed meanwhile. */
  ask(socket: Socket, upstream: Address): Promise<void>;
}

/** Begins to connect at once. */
export function dial(route: Route, outcome: DialOutcome): Dialing {
  return new Attempts(route, outcome);
}

/** Straight to one address. */
export function directDialer(upstream: Address, timeoutMs: number, clock: Clock): Dialer {
  const route: Route = { upstreams: [upstream], timeoutMs, clock };
  return (outcome) => dial(route, outcome);
}

class Attempts implements Dialing, Reached {
  private readonly route: Route;
  private readonly outcome: DialOutcome;
  private readonly errors: string[] = [];
  private index = 0;
  private socket: Socket | null = null;
  private timer: TimerHandle = null;
  private isOver = false;

  constructor(route: Route, outcome: DialOutcome) {
    this.route = route;
    this.outcome = outcome;
    this.start();
  }

  get upstream(): Address {
    return this.route.upstreams[this.index]!;
  }

  get isVia(): boolean {
    return this.route.via !== undefined;
  }

  get localAddress(): string {
    return unmapAddress(this.socket?.localAddress ?? '');
  }

  get remoteAddress(): string {
    return unmapAddress(this.socket?.remoteAddress ?? '');
  }

  cancel(): void {
    if (this.isOver) return;
    this.finish();
    this.socket?.destroy();
  }

  private start(): void {
    const { route } = this;
    const where: NetConnectOpts & { highWaterMark: number } = {
      ...target(route.via?.address ?? this.upstream),
      allowHalfOpen: true,
      noDelay: true,
      ...(!this.route.isProbedLater && { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }),
      highWaterMark: HIGH_WATER_BYTES,
    };
    const socket = connect(where);
    this.socket = socket;
    socket.on('error', (error) => this.failed(socket, describe(error)));
    socket.once('connect', () => void this.connected(socket));
    this.timer = route.clock.setTimeout(
      () => this.failed(socket, 'connecting to the upstream took too long'),
      route.timeoutMs,
    );
  }

  private connected(socket: Socket): void {
    const { preamble, via, secure } = this.route;
    if (via || secure) return void this.negotiate(socket);
    if (preamble) socket.write(preamble);
    this.succeed(socketTransport(socket, { remote: 'upstream' }));
  }

  private async negotiate(socket: Socket): Promise<void> {
    const { preamble, via, secure } = this.route;
    const { upstream } = this;
    try {
      if (via) await via.ask(socket, upstream);
      if (preamble) socket.write(preamble);
      const plain = socketTransport(socket, { remote: 'upstream' });
      const transport = secure ? await secure(plain, upstream) : plain;
      if (this.socket === socket && !this.isOver) this.succeed(transport);
      else transport.destroy();
    } catch (error) {
      this.failed(socket, describe(error as Error));
    }
  }

  private succeed(transport: Transport): void {
    this.finish();
    this.outcome.connected(transport, this);
  }

  private failed(socket: Socket, why: string): void {
    // What comes late belongs to an attempt that has been given up, or to a connection that has an owner.
    if (this.isOver || socket !== this.socket) return;
    this.socket = null;
    socket.destroy();
    this.route.clock.clearTimeout(this.timer);
    const { upstreams } = this.route;
    const name = formatAddress(this.upstream);
    this.errors.push(upstreams.length === 1 || why.includes(name) ? why : `${name}: ${why}`);
    if (++this.index < upstreams.length) {
      this.outcome.skipped?.(name, why);
      return this.start();
    }
    this.finish();
    this.outcome.failed(this.errors.join('; '));
  }

  private finish(): void {
    this.isOver = true;
    this.route.clock.clearTimeout(this.timer);
  }
}

/** Where to connect to, as node:net wants it. */
export function target(address: Address): { host: string; port: number } | { path: string } {
  if (address.kind === 'unix') return { path: address.path };
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  throw new Error('an inherited descriptor is nothing to connect to');
}

/** Never empty. With several addresses for a name Node's error has no text of its own, only those of the attempts. */
export function describe(error: Error): string {
  const attempts = error instanceof AggregateError ? error.errors : [];
  return error.message || attempts.map((one: Error) => one.message).join('; ') || error.name;
}
