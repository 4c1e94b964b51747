// Accepts connections: limits, polite refusal, PROXY headers, and an orderly end. It knows no protocol: what a
// refused client is told, and what draining means to a session, is said by the owner.
import { createServer, type Server, type Socket } from 'node:net';
import { type Address, formatAddress } from './address.ts';
import { AddressCount } from './address-count.ts';
import { bind, boundAddress, listenError } from './bind.ts';
import { PeerList } from './cidr.ts';
import type { Clock, TimerHandle } from './clock.ts';
import { Crowd } from './crowd.ts';
import { isAmongLast } from './descriptors.ts';
import { Drain, type DrainResult } from './drain.ts';
import { ChatError, type ErrorCode } from './errors.ts';
import { LingeringClose } from './lingering-close.ts';
import {
  LISTENER_DEFAULTS,
  type ListenerOptions,
  type OnConnection,
  type Refusal,
  type ServedConnection,
} from './listener-options.ts';
import { directPeer, formatPeer, type PeerInfo, proxiedPeer } from './peer.ts';
import { type HeaderOutcome, readProxyHeader } from './proxy-accept.ts';
import { socketTransport } from './transport.ts';

export type { DrainResult } from './drain.ts';
export type { ListenerOptions, OnConnection, Refusal, ServedConnection } from './listener-options.ts';
export { LISTENER_DEFAULTS } from './listener-options.ts';
export type { PeerInfo } from './peer.ts';

const HIGH_WATER_BYTES = 64 * 1024;
/** How long accepting rests when the machine or the process is out of something. */
const ACCEPT_RETRY_MS = 1_000;
const TELL_EXHAUSTED_MS = 60_000;
const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** A connection, and who has it. */
interface Served {
  readonly socket: Socket;
  owner: ServedConnection | undefined;
}

export class Listener {
  readonly #options: ListenerOptions & Required<Pick<ListenerOptions, keyof typeof LISTENER_DEFAULTS>>;
  readonly #onConnection: OnConnection;
  readonly #clock: Clock;
  readonly #proxies: PeerList;
  readonly #refusals: Record<Refusal, number> = { 'too-many': 0, 'too-many-from-address': 0, draining: 0 };
  readonly #lingering: LingeringClose;
  /** Owing their PROXY header; the value stops the reading of it. */
  readonly #waiting = new Map<Socket, () => void>();
  readonly #served = new Crowd<Served>();
  readonly #perAddress = new AddressCount();
  #life: 'new' | 'opening' | 'open' | 'draining' | 'closed' = 'new';
  #binding: Promise<void> | undefined;
  #server: Server | undefined;
  #address: Address;
  #isUnix = false;
  #retry: TimerHandle;
  #toldExhausted = Number.NEGATIVE_INFINITY;
  #drain: Drain | undefined;

  /** Throws ChatError BAD_ADDRESS if `proxyFrom` names something that is no peer. */
  constructor(options: ListenerOptions, onConnection: OnConnection) {
    this.#options = { ...LISTENER_DEFAULTS, ...options };
    this.#onConnection = onConnection;
    this.#clock = this.#options.clock;
    this.#address = options.address;
    this.#proxies = new PeerList(options.proxyFrom ?? []);
    this.#lingering = new LingeringClose(this.#clock, () => this.#settle());
  }

  /** The address, with the real port once `listen()` has resolved. */
  get address(): string {
    return formatAddress(this.#address);
  }

  /** Connections that count against `maxConnections` now. */
  get connections(): number {
    return this.#waiting.size + this.#served.size;
  }

  /** How many connections were refused so far, and why. */
  get refusals(): Readonly<Record<Refusal, number>> {
    return this.#refusals;
  }

  /** Resolves with the address it listens on; rejects with ChatError LISTEN_FAILED, whose message says what to do. */
  async listen(): Promise<string> {
    if (this.#life !== 'new') {
      throw new ChatError('LISTEN_FAILED', `cannot listen on ${this.address}: this listener was used before`);
    }
    this.#life = 'opening';
    this.#binding = this.#bind();
    await this.#binding;
    return this.address;
  }

  /**
   * Accepts no more, asks every connection to come to its end, and resolves when the last one has; what is left at the
   * limit is destroyed. A second call waits for the same end and can only bring it nearer.
   */
  drain(limitMs: number): Promise<DrainResult> {
    if (!this.#drain) {
      this.#drain = new Drain(this.#clock, this.#served.size, () => this.#destroyAll());
      if (this.#life === 'closed') this.#drain.finish();
      else this.#startDrain();
    }
    this.#drain.limit(limitMs);
    this.#settle();
    return this.#drain.result;
  }

  /** Ends everything at once; resolves when the last socket is closed. */
  async close(): Promise<void> {
    if (this.#life === 'draining') this.#drain?.cutNow();
    else this.#life = 'closed';
    this.#destroyAll();
    this.#stopAccepting();
    // Binding that is under way finds out for itself that it came too late; its caller hears of that.
    await this.#binding?.catch(() => {});
    const server = this.#server;
    if (server) await new Promise<void>((resolve) => void server.close(() => resolve()));
  }

  async #bind(): Promise<void> {
    const server = createServer(
      {
        // A client that has sent everything may still wait for its answer.
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: this.#options.keepAliveMs > 0,
        keepAliveInitialDelay: this.#options.keepAliveMs,
        highWaterMark: HIGH_WATER_BYTES,
      },
      (socket) => this.#accept(socket),
    );
    try {
      await bind(server, this.#address, this.#options);
    } catch (error) {
      server.close();
      if (this.#life === 'opening') this.#life = 'new';
      throw error;
    }
    if (this.#isEnding()) {
      server.close();
      throw new ChatError('LISTEN_FAILED', `cannot listen on ${this.address}: it was closed meanwhile`);
    }
    this.#life = 'open';
    this.#server = server;
    server.on('error', (error) => this.#acceptFailed(error));
    this.#isUnix = server.address() === null || typeof server.address() === 'string';
    this.#address = boundAddress(server) ?? this.#address;
  }

  #accept(socket: Socket): void {
    // Errors reach whoever owns the transport; until then they must only not be thrown for want of a listener.
    socket.on('error', () => {});
    if (isAmongLast(socket)) this.#tellExhausted();
    const peer = directPeer(socket, this.#isUnix);
    if (!peer) socket.destroy();
    else if (this.#isEnding()) this.#refuse(socket, 'draining');
    else if (this.connections >= this.#options.maxConnections) this.#refuse(socket, 'too-many');
    else if (this.#proxies.matches(peer.address)) this.#awaitHeader(socket, peer);
    else this.#serve(socket, peer, peer.address);
  }

  #awaitHeader(socket: Socket, direct: PeerInfo): void {
    const stop = readProxyHeader(socket, this.#clock, this.#options.proxyTimeoutMs, (outcome: HeaderOutcome) => {
      this.#waiting.delete(socket);
      if (outcome === 'gone' || outcome instanceof ChatError) {
        socket.destroy();
        if (outcome !== 'gone') this.#report(outcome.code, `${outcome.message} (from ${direct.socketAddress})`);
        return;
      }
      const peer = proxiedPeer(direct, outcome);
      // Everything comes from the proxy's address: only what it speaks for can be counted.
      this.#serve(socket, peer, peer.viaProxy ? peer.address : '');
    });
    this.#waiting.set(socket, stop);
  }

  /** `countedAs`: the IP address that the per-address limit holds for; anything else for none. */
  #serve(socket: Socket, peer: PeerInfo, countedAs: string): void {
    if (!this.#perAddress.take(countedAs, this.#options.maxConnectionsPerAddress)) {
      this.#refuse(socket, 'too-many-from-address');
      return;
    }
    const served: Served = { socket, owner: undefined };
    const member = this.#served.join(served);
    this.#options.stats?.connectionOpened();
    // 'close' comes exactly once, however the connection ends: all counting down is done here.
    socket.once('close', () => {
      this.#served.leave(member);
      this.#perAddress.release(countedAs);
      this.#options.stats?.connectionClosed();
      this.#settle();
    });
    try {
      const owner = this.#onConnection(socketTransport(socket, { remote: formatPeer(peer.address, peer.port) }), peer);
      served.owner = owner;
      if (this.#isEnding()) owner?.drain?.();
    } catch (error) {
      socket.destroy();
      this.#report('HANDLER_FAILED', `onConnection failed for ${peer.socketAddress}`, error);
    }
  }

  #refuse(socket: Socket, why: Refusal): void {
    this.#refusals[why]++;
    this.#lingering.close(socket, this.#refusalFor(why));
  }

  #refusalFor(why: Refusal): Uint8Array | undefined {
    try {
      return this.#options.refusal?.(why);
    } catch (error) {
      this.#report('HANDLER_FAILED', `refusal('${why}') failed`, error);
      return undefined;
    }
  }

  #startDrain(): void {
    this.#life = 'draining';
    this.#clock.clearTimeout(this.#retry);
    // An inherited socket is never kept for refusing: closed here, it queues clients for the next process.
    if (this.#options.address.kind === 'fd' || !this.#refusalFor('draining')) this.#stopAccepting();
    for (const [socket, stop] of [...this.#waiting]) {
      stop();
      this.#waiting.delete(socket);
      this.#refuse(socket, 'draining');
    }
    for (const { owner } of this.#served.all()) {
      try {
        owner?.drain?.();
      } catch (error) {
        this.#report('HANDLER_FAILED', 'drain() of a connection failed', error);
      }
    }
  }

  /** After each end of a connection: was it the last one of a drain? */
  #settle(): void {
    if (this.#life !== 'draining' || this.connections > 0) return;
    this.#stopAccepting();
    if (this.#lingering.size > 0) return;
    this.#life = 'closed';
    this.#drain?.finish();
  }

  /** Says how many of them were served: the others were nobody's. */
  #destroyAll(): number {
    const served = this.#served.all();
    for (const socket of [...served.map((one) => one.socket), ...this.#waiting.keys()]) socket.destroy();
    this.#lingering.destroyAll();
    return served.length;
  }

  #stopAccepting(): void {
    this.#clock.clearTimeout(this.#retry);
    if (this.#server?.listening) this.#server.close();
  }

  /** What libuv does behind the limit is not told, and would otherwise be a riddle. */
  #tellExhausted(): void {
    const now = this.#clock.steady();
    if (now - this.#toldExhausted < TELL_EXHAUSTED_MS) return;
    this.#toldExhausted = now;
    const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    this.#options.onError(listenError('accept', this.#address, error));
  }

  #acceptFailed(error: NodeJS.ErrnoException): void {
    this.#options.onError(listenError('accept', this.#address, error));
    // Anything else hit one connection that never came to be.
    if (!EXHAUSTED.has(error.code) || this.#life !== 'open') return;
    // The libuv of Node 20 calls back for the same waiting client until it is accepted or the socket is closed: going
    // on would be a loop without end. Those in the queue are reset, which is what libuv does to them in most cases.
    this.#server?.close();
    // An inherited socket cannot be opened again; whoever handed it over still holds it, and clients queue there.
    if (this.#options.address.kind === 'fd') return;
    this.#retry = this.#clock.setTimeout(() => void this.#rebind(), ACCEPT_RETRY_MS);
  }

  async #rebind(): Promise<void> {
    if (this.#life !== 'open') return;
    try {
      this.#binding = this.#bind();
      await this.#binding;
    } catch (error) {
      if (this.#isEnding()) return;
      this.#options.onError(error as ChatError);
      this.#retry = this.#clock.setTimeout(() => void this.#rebind(), ACCEPT_RETRY_MS);
    }
  }

  #isEnding(): boolean {
    return this.#life === 'draining' || this.#life === 'closed';
  }

  #report(code: ErrorCode, message: string, cause?: unknown): void {
    this.#options.onError(new ChatError(code, message, { address: this.address }, cause));
  }
}
