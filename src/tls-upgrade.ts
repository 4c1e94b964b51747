// TLS in mid-stream (STARTTLS and its kin), both roles. Bytes that were read together with the command that starts
// TLS are never given to the parser again: that is the hole of CVE-2011-0411. They go into the TLS stream, where
// injected plaintext fails the handshake and a ClientHello that came early is what it should be.
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, TLSSocket, type TLSSocketOptions } from 'node:tls';
import { ChatError } from './errors.ts';

/** What becomes of bytes behind the command: into TLS, an error, or thrown away. */
export type LeftoverPolicy = 'tls' | 'reject' | 'drop';

export type TlsOptions = (
  | ({ role: 'server' } & TLSSocketOptions)
  | ({ role: 'client' } & Omit<ConnectionOptions, 'socket' | 'host' | 'port' | 'path'>)
) & {
  /** Milliseconds until the handshake counts as failed. Default 30000. */
  handshakeMs?: number;
};

/** Wraps a connected socket; resolves when the handshake is done. Rejects with ChatError TLS_FAILED; the socket is then destroyed. */
export async function secureSocket(socket: Socket, options: TlsOptions, leftover: Buffer): Promise<TLSSocket> {
  const { role, handshakeMs = 30_000, ...tls } = options;
  // What the stream still buffers must leave in the clear, before TLS takes over the descriptor below it.
  if (socket.writableLength > 0) await new Promise<void>((flushed) => socket.write('', () => flushed()));
  if (socket.destroyed) throw new ChatError('TLS_FAILED', 'the connection was closed before the TLS handshake');
  return new Promise((resolve, reject) => {
    // Listeners on the plain socket stay: its owner knows which transport is the current one.
    if (leftover.length > 0) socket.unshift(leftover);
    const secure =
      role === 'server'
        ? new TLSSocket(socket, { ...(tls as TLSSocketOptions), isServer: true, requestOCSP: false })
        : connect({ ...(tls as ConnectionOptions), socket });
    const fail = (error: Error) => {
      settle();
      secure.on('error', () => {});
      secure.destroy();
      reject(new ChatError('TLS_FAILED', `TLS handshake failed: ${error.message}`, {}, error));
    };
    const closed = () => fail(new Error('the connection closed during the handshake'));
    const done = () => {
      settle();
      resolve(secure);
    };
    const timer = setTimeout(() => fail(new Error(`no handshake within ${handshakeMs} ms`)), handshakeMs);
    const settle = () => {
      clearTimeout(timer);
      secure.removeListener('error', fail).removeListener('close', closed);
      secure.removeListener('secure', done).removeListener('secureConnect', done);
    };
    secure.on('error', fail).on('close', closed);
    secure.once(role === 'server' ? 'secure' : 'secureConnect', done);
  });
}
