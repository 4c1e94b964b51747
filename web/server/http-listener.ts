// An HTTP server on an address, with its limits and an orderly end. Knows nothing of what is asked and answered.
import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createDoor, type Server as Door, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Address } from '../../src/address.ts';
import { bind, boundAddress, listenError } from '../../src/bind.ts';
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { ChatError } from '../../src/errors.ts';
import type { Log } from '../../src/log.ts';

/** Requests here are short and have no bodies worth the name: whoever is slow with one is no browser. */
export const HTTP_LIMITS = {
  backlog: 511,
  /** Beyond it connections are closed at once: mail needs descriptors more than pages do. */
  maxConnections: 500,
  maxHeaderBytes: 16 * 1024,
  headersMs: 10_000,
  requestMs: 30_000,
  /** Longer than the pages' refresh, or each one would cost a connection. */
  keepAliveMs: 30_000,
  /** Neither side has sent anything: a reader of a big source that went to sleep. */
  silenceMs: 120_000,
  /** How often the times above are looked at. */
  checkMs: 5_000,
  /** What running answers get when the server stops. */
  stopMs: 2_000,
  handshakeMs: 10_000,
} as const;

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface HttpExtras {
  /** Begins TLS on a connection; absent for plain HTTP. */
  readonly secure?: ((socket: Socket) => TLSSocket) | undefined;
  /** Gets what wants to become a WebSocket; absent, such a request is answered like any other. */
  readonly upgrade?: UpgradeListener | undefined;
}

/** How long accepting rests when the machine or the process is out of something. */
const ACCEPT_RETRY_MS = 1_000;
const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * Only a WebSocket is an upgrade here. Some clients (Java's) offer HTTP/2 with each request; as soon as a server heeds
 * upgrades at all, Node hands it these as well, and their bodies unread.
 */
class WebRequest extends IncomingMessage {
  declare asked: boolean;

  // Node sets it before the headers are there, and asks for it behind them.
  set upgrade(asked: boolean) {
    this.asked = asked;
  }

  get upgrade(): boolean {
    return this.asked && this.headers.upgrade?.toLowerCase() === 'websocket';
  }
}

export class HttpListener {
  readonly #server: Server;
  /** What is bound: the server itself, or what stands before it and speaks TLS. */
  readonly #door: Door;
  readonly #log: Log;
  readonly #clock: Clock;
  /** Open connections, with the number of answers that run on each. */
  readonly #running = new Map<Socket, number>();
  #address: Address;
  #life: 'open' | 'stopping' = 'open';
  #retry: TimerHandle;
  #stopped: Promise<void> | undefined;

  constructor(address: Address, answer: RequestListener, log: Log, clock: Clock, { secure, upgrade }: HttpExtras = {}) {
    this.#address = address;
    this.#log = log;
    this.#clock = clock;
    this.#server = createServer(
      {
        IncomingMessage: WebRequest,
        maxHeaderSize: HTTP_LIMITS.maxHeaderBytes,
        headersTimeout: HTTP_LIMITS.headersMs,
        requestTimeout: HTTP_LIMITS.requestMs,
        keepAliveTimeout: HTTP_LIMITS.keepAliveMs,
        connectionsCheckingInterval: HTTP_LIMITS.checkMs,
      },
      answer,
    );
    this.#server.timeout = HTTP_LIMITS.silenceMs;
    if (upgrade) this.#server.on('upgrade', upgrade);
    this.#door = secure ? createDoor((socket) => this.#secure(socket, secure)) : this.#server;
    this.#door.maxConnections = HTTP_LIMITS.maxConnections;
    this.#server.on('connection', (socket: Socket) => {
      this.#running.set(socket, 0);
      socket.once('close', () => this.#running.delete(socket));
    });
    this.#server.prependListener('request', ({ socket }, response) => {
      this.#count(socket, 1);
      response.once('close', () => this.#count(socket, -1));
    });
  }

  /** Resolves with the address it really listens on; rejects with ChatError LISTEN_FAILED. */
  async listen(): Promise<Address> {
    await bind(this.#door, this.#address, { backlog: HTTP_LIMITS.backlog });
    this.#door.on('error', (error) => this.#acceptFailed(error));
    this.#address = boundAddress(this.#door) ?? this.#address;
    return this.#address;
  }

  /** Accepts no more, ends idle connections at once and the others when they have their answers, or at the limit. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#life = 'stopping';
    this.#clock.clearTimeout(this.#retry);
    const limit = this.#clock.setTimeout(() => this.#destroyAll(), HTTP_LIMITS.stopMs);
    const closed = new Promise((resolve) => this.#door.close(resolve));
    for (const [socket, answers] of [...this.#running]) if (answers === 0) socket.destroy();
    await closed;
    this.#clock.clearTimeout(limit);
  }

  /** As a connection of the HTTP server's own: it need not know what is below. */
  #secure(socket: Socket, begin: (socket: Socket) => TLSSocket): void {
    this.#running.set(socket, 0);
    socket.on('error', () => {}).once('close', () => this.#running.delete(socket));
    let secure: TLSSocket;
    try {
      secure = begin(socket);
    } catch (error) {
      this.#log.error('web.tls_failed', { error });
      return void socket.destroy();
    }
    const limit = this.#clock.setTimeout(() => socket.destroy(), HTTP_LIMITS.handshakeMs);
    secure.once('close', () => this.#clock.clearTimeout(limit));
    // A scanner, or plain HTTP: nothing that anybody has to know of.
    secure.on('error', () => socket.destroy());
    secure.once('secure', () => {
      this.#clock.clearTimeout(limit);
      this.#running.delete(socket);
      this.#server.emit('connection', secure);
    });
  }

  #count(socket: Socket, change: 1 | -1): void {
    const answers = this.#running.get(socket);
    if (answers === undefined) return;
    this.#running.set(socket, answers + change);
    // What was answered is still being sent.
    if (this.#isStopping() && answers + change === 0) socket.destroySoon();
  }

  #isStopping(): boolean {
    return this.#life === 'stopping';
  }

  #destroyAll(): void {
    for (const socket of [...this.#running.keys()]) socket.destroy();
  }

  #acceptFailed(error: NodeJS.ErrnoException): void {
    this.#log.warn('web.accept_failed', { error: listenError('accept', this.#address, error) });
    // Going on would call back for the same waiting client without end; see Listener in src/listen.ts.
    if (!EXHAUSTED.has(error.code) || this.#isStopping()) return;
    this.#door.close();
    if (this.#address.kind !== 'fd') this.#rest();
  }

  #rest(): void {
    this.#retry = this.#clock.setTimeout(() => void this.#rebind(), ACCEPT_RETRY_MS);
  }

  async #rebind(): Promise<void> {
    try {
      await bind(this.#door, this.#address, { backlog: HTTP_LIMITS.backlog });
      if (this.#isStopping()) this.#door.close();
    } catch (error) {
      if (this.#isStopping()) return;
      this.#log.warn('web.accept_failed', { error: error as ChatError });
      this.#rest();
    }
  }
}
