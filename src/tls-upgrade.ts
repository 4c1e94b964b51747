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

/**
 * Wraps a connected socket; resolves when the handshake is done. Rejects with ChatError TLS_FAILED; the socket is then
 * destroyed.
 */
export async function secureSocket(socket: Socket, options: TlsOptions, leftover: Buffer): Promise<TLSSocket> {
  const { handshakeMs = 30_000 } = options;
  // What the stream still buffers must leave in the clear, before TLS takes over the descriptor below it.
  if (socket.writableLength > 0) await new Promise<void>((flushed) => socket.write('', () => flushed()));
  if (socket.destroyed || socket.readableEnded) {
    socket.destroy();
    throw failed('the connection was closed before it');
  }
  // Listeners on the plain socket stay: its owner knows which transport is the current one.
  if (leftover.length > 0) socket.unshift(leftover);
  let secure: TLSSocket;
  try {
    secure = wrap(socket, options);
  } catch (error) {
    socket.destroy();
    throw failed((error as Error).message, error);
  }
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      settle();
      secure.on('error', () => {});
      secure.destroy();
      // Wrapped, but not closed with it when its peer was gone already.
      socket.destroy();
      reject(failed(error.message, error));
    };
    const closed = () => fail(new Error('the connection closed during it'));
    const done = () => {
      const refusal = options.role === 'server' && options.requestCert ? clientRefusal(secure, options) : undefined;
      if (refusal) return fail(refusal);
      settle();
      resolve(secure);
    };
    const secured = options.role === 'server' ? 'secure' : 'secureConnect';
    const timer = setTimeout(() => fail(new Error(`it was not done within ${handshakeMs} ms`)), handshakeMs);
    const settle = () => {
      clearTimeout(timer);
      secure.removeListener('error', fail).removeListener('end', closed).removeListener('close', closed);
      secure.removeListener(secured, done);
      socket.removeListener('end', closed).removeListener('close', closed);
    };
    // With half-close allowed, the end of the peer's stream closes nothing by itself; and the plain socket may have
    // read it just before it was wrapped.
    secure.on('error', fail).on('end', closed).on('close', closed);
    socket.on('end', closed).on('close', closed);
    secure.once(secured, done);
  });
}

function wrap(socket: Socket, options: TlsOptions): TLSSocket {
  const { role, handshakeMs: _, ...tls } = options;
  if (role === 'client') return connect({ ...(tls as ConnectionOptions), socket });
  return new TLSSocket(socket, { ...(tls as TLSSocketOptions), isServer: true, requestOCSP: false });
}

/** node:tls checks what a client's certificate is worth in its Server only, not in a socket that is wrapped by hand. */
function clientRefusal(secure: TLSSocket, { rejectUnauthorized }: TlsOptions): Error | undefined {
  return rejectUnauthorized === false ? undefined : verifyError(secure);
}

/** What is wrong with the certificate of the other end; undefined for one that was checked and is good. */
export function verifyError(secure: TLSSocket): Error | undefined {
  const { _handle: handle } = secure as unknown as { _handle?: { verifyError?(): Error | null | undefined } };
  if (!handle?.verifyError) return new Error('the certificate of the client cannot be checked');
  return handle.verifyError() ?? undefined;
}

function failed(why: string, cause?: unknown): ChatError {
  return new ChatError('TLS_FAILED', `TLS handshake failed: ${why}`, {}, cause);
}
