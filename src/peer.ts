// Who is at the other end of a connection, as sessions, limits and logs want to know it.
import type { Socket } from 'node:net';
import { formatAddress, unmapAddress } from './address.ts';
import type { ProxyHeader } from './proxy-header.ts';

export interface PeerInfo {
  /** The client's IP address, IPv4-mapped ones as IPv4. Empty for a unix socket, or a path from a PROXY header. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Where the client connected to: ours, or the proxy's if a PROXY header says so. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Whether the four above come from a PROXY header. */
  readonly viaProxy: boolean;
  /** The other end of the socket itself (the client or the proxy): `127.0.0.1:4711`, `[::1]:4711`, `unix`. */
  readonly socketAddress: string;
}

/** The peer as the socket knows it; undefined if a TCP client was gone before it was accepted. */
export function directPeer(socket: Socket, isUnix: boolean): PeerInfo | undefined {
  if (isUnix) {
    return { address: '', port: 0, localAddress: '', localPort: 0, viaProxy: false, socketAddress: 'unix' };
  }
  if (socket.remoteAddress === undefined) return undefined;
  const address = unmapAddress(socket.remoteAddress);
  const port = socket.remotePort ?? 0;
  return new DirectPeer(socket, address, port);
}

/** A class: each object literal with getters has a shape of its own, which lives until the next full collection. */
class DirectPeer implements PeerInfo {
  readonly address: string;
  readonly port: number;
  readonly viaProxy = false;
  readonly socketAddress: string;
  private readonly socket: Socket;

  constructor(socket: Socket, address: string, port: number) {
    this.socket = socket;
    this.address = address;
    this.port = port;
    this.socketAddress = formatPeer(address, port);
  }

  // Few ask, while the connection is open; the system is asked then.

  get localAddress(): string {
    return unmapAddress(this.socket.localAddress ?? '');
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }
}

/** The peer that a header speaks for; LOCAL and UNKNOWN speak for nobody but the proxy. */
export function proxiedPeer(direct: PeerInfo, header: ProxyHeader): PeerInfo {
  const { source, destination } = header;
  if (!source || !destination) return direct;
  return {
    address: unmapAddress(source.address),
    port: source.port,
    localAddress: unmapAddress(destination.address),
    localPort: destination.port,
    viaProxy: true,
    socketAddress: direct.socketAddress,
  };
}

/** For logs: `127.0.0.1:4711`, `[::1]:4711`, `unix`, `unix:/run/x`. */
export function formatPeer(address: string, port: number): string {
  if (address === '') return 'unix';
  return /^[/@]/.test(address) ? `unix:${address}` : formatAddress({ kind: 'tcp', host: address, port });
}
