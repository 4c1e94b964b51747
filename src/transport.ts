// What a chat needs of its connection, and nothing more; and the one made from a socket.
// Tests, replay and the in-memory pair implement the same few members, so a chat never sees the difference.
import type { Socket } from 'node:net';
import type { TlsOptions } from './tls-upgrade.ts';

export type TransportEvent = 'data' | 'drain' | 'end' | 'close' | 'error';

export interface Transport {
  /** Takes the bytes (they must not be changed afterwards); false asks the caller to wait for 'drain'. */
  write(bytes: Uint8Array): boolean;
  /** Sends what was written, then the end of the stream. The other direction stays open. */
  end(): void;
  destroy(error?: Error): void;
  pause(): void;
  resume(): void;
  cork?(): void;
  uncork?(): void;
  // biome-ignore lint/suspicious/noExplicitAny: the payload depends on the event; the signature is part of the public API
  on(event: TransportEvent, listener: (payload?: any) => void): void;
  /** Who is at the other end, for logs: `127.0.0.1:4711`, `[::1]:4711`, `unix:/run/x`. */
  readonly remote: string;
  /** Continues the connection under TLS; `leftover` was read already and belongs to the TLS stream. */
  startTls?(options: TlsOptions, leftover: Buffer): Promise<Transport>;
}
