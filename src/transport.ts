// What a chat needs of its connection, and nothing more; and the one made from a socket.
// Tests, replay and the in-memory pair implement the same few members, so a chat never sees the difference.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { watchForCut } from './tls-truncation.ts';
import type { TlsOptions } from './tls-upgrade.ts';

export type TransportEvent = 'data' | 'drain' | 'end' | 'close' | 'error';

/** How a connection is encrypted. */
export interface TlsInfo {
  /** `TLSv1.3`. */
  readonly version: string;
  /** By its IANA name, such as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** Subject (CN) of the peer's certificate, if it was asked for one and it was checked. */
  readonly clientCertificate?: string;
  /** The name that the client asked for (SNI), on the server's side. */
  readonly servername?: string;
}

export interface Transport {
  /** Takes the bytes (they must not be changed afterwards); false asks the caller to wait for 'drain'. */
  write(bytes: Uint8Array): boolean;
  /** Sends what was written, then the end of the stream. The other direction stays open. */
  end(): void;
  destroy(error?: Error): void;
  /** Ends the connection with a reset instead of an end, where the system can do that; else like destroy(). */
  reset?(): void;
  pause(): void;
  resume(): void;
  /** What came before an error and was not handed out, since it was paused then. */
  unread?(): Buffer | null;
  /** Under TLS: `cut` is called before the end of a stream that ended without close_notify. */
  onCut?(cut: () => void): void;
  /** Has the system probe the peer behind so much silence, in milliseconds. */
  keepAlive?(idleMs: number): void;
  /** Between cork and uncork writes are gathered and leave together. */
  cork?(): void;
  uncork?(): void;
  // biome-ignore lint/suspicious/noExplicitAny: the payload depends on the event; the signature is part of the public API
  on(event: TransportEvent, listener: (payload?: any) => void): void;
  /** Who is at the other end, for logs: `127.0.0.1:4711`, `[::1]:4711`, `unix`. */
  readonly remote: string;
  /** Continues the connection under TLS; `leftover` was read already and belongs to the TLS stream. */
  startTls?(options: TlsOptions, leftover: Buffer): Promise<Transport>;
  /** Of a transport that startTls() made. */
  readonly tls?: TlsInfo | undefined;
}

export interface SocketTransportOptions {
  /** Overrides the peer's address, for instance with the one from a PROXY header. */
  remote?: string;
  tls?: TlsInfo;
  /** The socket that this one is wrapped around. */
  below?: Socket;
}

/** A transport on a connected `net.Socket` or `tls.TLSSocket`. For half-close the socket needs `allowHalfOpen`. */
export function socketTransport(socket: Socket, options: SocketTransportOptions = {}): Transport {
  return new SocketTransport(socket, options);
}

/** A class, since there may be many thousands: an object of functions takes a kilobyte more. */
class SocketTransport implements Transport {
  readonly remote: string;
  readonly tls: TlsInfo | undefined;
  private readonly socket: Socket;
  private readonly below: Socket | undefined;

  constructor(socket: Socket, { remote, tls, below }: SocketTransportOptions) {
    this.socket = socket;
    this.remote = remote ?? remoteOf(socket);
    this.tls = tls;
    this.below = below;
  }

  write(bytes: Uint8Array): boolean {
    // A full buffer that is empty again, since the system took all of it, is nothing to wait for.
    return this.socket.write(bytes) || this.socket.writableLength === 0;
  }

  end(): void {
    this.socket.end();
  }

  destroy(error?: Error): void {
    this.socket.destroy(error);
  }

  reset(): void {
    reset(this.below ?? this.socket);
    if (this.below) this.socket.destroy();
  }

  unread(): Buffer | null {
    return this.socket.read() as Buffer | null;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  onCut(cut: () => void): void {
    if (this.below) watchForCut(this.socket as TLSSocket, this.below, cut);
  }

  keepAlive(idleMs: number): void {
    (this.below ?? this.socket).setKeepAlive(true, idleMs);
  }

  cork(): void {
    this.socket.cork();
  }

  uncork(): void {
    this.socket.uncork();
  }

  on(event: TransportEvent, listener: (payload?: unknown) => void): void {
    this.socket.on(event, listener);
    // It came with the handshake, say, before anybody could listen.
    if (event === 'end' && this.socket.readableEnded) process.nextTick(listener);
  }

  async startTls(options: TlsOptions, leftover: Buffer): Promise<Transport> {
    const { socket, remote } = this;
    // Loaded here: plain connections should not pay for node:tls at start.
    const { secureSocket, verifyError } = await import('./tls-upgrade.ts');
    const secure = await secureSocket(socket, options, leftover);
    // Whoever asked and took any would take a name that nobody vouches for.
    const tls = tlsInfo(secure, options.requestCert === true && verifyError(secure) === undefined);
    return socketTransport(secure, { remote, tls, below: socket });
  }
}

function tlsInfo(secure: TLSSocket, isChecked: boolean): TlsInfo {
  const { standardName } = secure.getCipher();
  const info = { version: secure.getProtocol() ?? '', cipher: standardName };
  const subject = isChecked ? secure.getPeerCertificate().subject?.CN : undefined;
  // Only a server's socket has what its peer has asked for.
  const { servername } = secure as unknown as { servername?: string | false | null };
  return {
    ...info,
    ...(subject === undefined ? {} : { clientCertificate: String(subject) }),
    ...(servername ? { servername } : {}),
  };
}

function reset(socket: Socket): void {
  // While the end is being sent libuv refuses to reset, and Node then never closes the socket.
  const isEnding = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
  if (isEnding && !socket.destroyed) return void socket.once('finish', () => reset(socket));
  try {
    socket.resetAndDestroy();
  } catch {
    // Unix sockets have no resets.
  }
  // By itself a reset waits until everything written is sent, which may be never.
  socket.destroy();
}

function remoteOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return 'unix';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
