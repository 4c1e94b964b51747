// What a chat needs of its connection, and nothing more; and the one made from a socket.
// Tests, replay and the in-memory pair implement the same few members, so a chat never sees the difference.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
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
  readonly tls?: TlsInfo;
}

export interface SocketTransportOptions {
  /** Overrides the peer's address, for instance with the one from a PROXY header. */
  remote?: string;
  tls?: TlsInfo;
}

/** A transport on a connected `net.Socket` or `tls.TLSSocket`. For half-close the socket needs `allowHalfOpen`. */
export function socketTransport(socket: Socket, options: SocketTransportOptions = {}): Transport {
  return {
    remote: options.remote ?? remoteOf(socket),
    ...(options.tls ? { tls: options.tls } : {}),
    write: (bytes) => socket.write(bytes),
    end: () => void socket.end(),
    destroy: (error) => void socket.destroy(error),
    reset: () => reset(socket),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
    on: (event, listener) => void socket.on(event, listener),
    startTls: async (tlsOptions, leftover) => {
      // Loaded here: plain connections should not pay for node:tls at start.
      const { secureSocket, verifyError } = await import('./tls-upgrade.ts');
      const secure = await secureSocket(socket, tlsOptions, leftover);
      // Whoever asked and took any would take a name that nobody vouches for.
      const tls = tlsInfo(secure, tlsOptions.requestCert === true && verifyError(secure) === undefined);
      return socketTransport(secure, { remote: options.remote ?? remoteOf(socket), tls });
    },
  };
}

function tlsInfo(secure: TLSSocket, isChecked: boolean): TlsInfo {
  const { standardName } = secure.getCipher();
  const info = { version: secure.getProtocol() ?? '', cipher: standardName };
  const subject = isChecked ? secure.getPeerCertificate().subject?.CN : undefined;
  return subject === undefined ? info : { ...info, clientCertificate: String(subject) };
}

function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // Unix sockets have no resets, and under TLS Node gives no access to the one below.
    socket.destroy();
  }
}

function remoteOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return 'unix';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
