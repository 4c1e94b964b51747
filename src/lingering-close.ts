// Closes a connection so that its last words arrive. A plain destroy with unread input makes the system send a reset,
// and a reset throws away what the peer has not read yet: the very reply that says why it was refused.
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';

/** How long the peer may take to close its side; what it sends meanwhile is read and dropped. */
export const LINGER_MS = 1_000;
/** A flood of refused connections must not hold descriptors: above this many, the words are sent without waiting. */
const MAX_LINGERING = 256;

export class LingeringClose {
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  readonly #sockets = new Set<Socket>();

  /** `onClosed` runs each time one of the connections is closed. */
  constructor(clock: Clock, onClosed: () => void) {
    this.#clock = clock;
    this.#onClosed = onClosed;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Sends the words and closes; without words, or when too many linger already, at once. */
  close(socket: Socket, lastWords: Uint8Array | undefined): void {
    if (!lastWords || lastWords.length === 0 || this.#sockets.size >= MAX_LINGERING) {
      if (lastWords) socket.write(lastWords);
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const timer = this.#clock.setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => {
      this.#clock.clearTimeout(timer);
      this.#sockets.delete(socket);
      this.#onClosed();
    });
    socket.end(lastWords);
    socket.resume();
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
