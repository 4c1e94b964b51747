// Reads the PROXY header off a fresh connection and leaves the socket as if it had never been there.
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';
import { ChatError } from './errors.ts';
import { type ProxyHeader, parseProxyHeader } from './proxy-header.ts';

/** `'gone'`: closed before the first byte, as load balancers do to see whether somebody listens. */
export type HeaderOutcome = ProxyHeader | ChatError | 'gone';

/** Calls `done` once, or never after the returned function was called. Does not close the socket. */
export function readProxyHeader(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  done: (outcome: HeaderOutcome) => void,
): () => void {
  let held: Buffer = Buffer.alloc(0);
  const stop = (): void => {
    clock.clearTimeout(timer);
    socket.off('data', onData).off('end', onGone).off('close', onGone);
  };
  const finish = (outcome: HeaderOutcome): void => {
    stop();
    done(outcome);
  };
  const onData = (chunk: Buffer): void => {
    // A header is bounded, so even one that comes byte by byte costs little to join again and again.
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let parsed: ReturnType<typeof parseProxyHeader>;
    try {
      parsed = parseProxyHeader(held);
    } catch (error) {
      finish(error as ChatError);
      return;
    }
    if (parsed === 'more') return;
    socket.pause();
    if (parsed.length < held.length) socket.unshift(held.subarray(parsed.length));
    flowOnFirstListener(socket);
    finish(parsed);
  };
  const onGone = (): void => {
    finish(
      held.length === 0 ? 'gone' : new ChatError('BAD_PROXY_HEADER', 'the connection ended within the PROXY header'),
    );
  };
  const timer = clock.setTimeout(() => {
    finish(new ChatError('BAD_PROXY_HEADER', `no complete PROXY header within ${timeoutMs} ms`));
  }, timeoutMs);
  socket.on('data', onData).on('end', onGone).on('close', onGone);
  return stop;
}

/** A fresh socket starts to flow when its first 'data' listener comes; one that was paused would wait for resume(). */
function flowOnFirstListener(socket: Socket): void {
  const onListener = (event: string | symbol): void => {
    if (event !== 'data') return;
    socket.off('newListener', onListener);
    socket.resume();
  };
  socket.on('newListener', onListener);
}
