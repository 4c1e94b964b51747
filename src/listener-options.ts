// What a Listener can be told, and the limits that hold where nothing was said.
import type { Address } from './address.ts';
import type { BindOptions } from './bind.ts';
import { type Clock, realClock } from './clock.ts';
import type { ChatError } from './errors.ts';
import type { PeerInfo } from './peer.ts';
import type { ProtocolStats } from './stats.ts';
import type { Transport } from './transport.ts';

export type Refusal = 'too-many' | 'too-many-from-address' | 'draining';

/** What the owner of a connection may hand back: `drain` runs when the listener wants it to come to its end soon. */
export interface ServedConnection {
  drain?(): void;
}

export interface ListenerOptions extends Partial<BindOptions> {
  address: Address;
  /** Connections at a time, those that still owe their PROXY header included. */
  maxConnections?: number;
  /** Of these, from one client address. Does not hold for unix sockets, and not for proxies speaking for themselves. */
  maxConnectionsPerAddress?: number;
  /** Bytes for a refused connection before it is closed. 'draining': undefined closes the listening socket instead. */
  refusal?: (why: Refusal) => Uint8Array | undefined;
  /** Peers that must send a PROXY header (see cidr.ts for their form); from all others it is not understood. */
  proxyFrom?: readonly string[];
  proxyTimeoutMs?: number;
  /** Idle time after which the system probes a connection; 0 never does. */
  keepAliveMs?: number;
  /** Counts the connections that were handed to the protocol. */
  stats?: Pick<ProtocolStats, 'connectionOpened' | 'connectionClosed'>;
  clock?: Clock;
  /** A connection or the listening socket failed; the listener goes on. Default: a process warning. */
  onError?: (error: ChatError) => void;
}

/** The limits, where nothing else was asked for. */
export const LISTENER_DEFAULTS = {
  backlog: 511,
  maxConnections: 10_000,
  maxConnectionsPerAddress: Number.POSITIVE_INFINITY,
  proxyTimeoutMs: 10_000,
  keepAliveMs: 60_000,
  clock: realClock,
  onError: (error: ChatError): void => process.emitWarning(error),
} as const;

/** `onConnection` subscribes to the transport before it returns; an exception there destroys that connection only. */
export type OnConnection = (transport: Transport, peer: PeerInfo) => ServedConnection | undefined;
