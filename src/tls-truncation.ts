// Whether a TLS stream ended with the goodbye that TLS has for this (close_notify, RFC 8446 6.1) or just with its
// connection, which anybody on the way can bring about. Node makes one end of both. But the goodbye is read while the
// connection below still reads, and the end of the connection is told when that has stopped: so it is asked in that moment.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** As far as they are used here, and only where they are there. */
interface Handle {
  onread?: (this: Handle, buffer: ArrayBuffer | undefined) => unknown;
  reading?: boolean;
  readStart?(): number;
  readStop?(): number;
}

/** Calls `cut` before the end of a stream that was not said goodbye to. `below`: the connection that it goes over. */
export function watchForCut(secure: TLSSocket, below: Socket, cut: () => void): void {
  const handle = handleOf(secure);
  const { onread } = handle ?? {};
  if (!handle || !onread) return;
  let isOver = false;
  handle.onread = function (buffer) {
    // Without bytes: the end, or an error. Stopped by us, the connection cannot have told anything.
    if (buffer === undefined && !isOver && this.reading !== false) {
      isOver = true;
      if (hasStopped(handleOf(below))) cut();
    }
    return onread.call(this, buffer);
  };
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as unknown as { _handle?: Handle | null })._handle ?? undefined;
}

/** To start reading where it goes on already is an error. */
function hasStopped(below: Handle | undefined): boolean {
  if (below?.readStart?.() !== 0) return false;
  below.readStop?.();
  return true;
}
