// Connections that are let in, and those that wait until there is room, accepted and unread: first come, first served.
import type { Transport } from '../../src/transport.ts';

export class WaitingRoom {
  private readonly room: number;
  private readonly waiting = new Map<Transport, () => void>();
  private inside = 0;

  /** `room`: how many may be inside at a time. */
  constructor(room: number) {
    this.room = room;
  }

  /** Calls `enter` when there is room for it, unless it has left by then. */
  arrive(transport: Transport, enter: () => void): void {
    if (this.room === Number.POSITIVE_INFINITY) return enter();
    transport.on('close', () => {
      if (!this.waiting.delete(transport)) this.left();
    });
    if (this.inside >= this.room) this.waiting.set(transport, enter);
    else this.admit(enter);
  }

  /** Those that wait are told to leave. */
  close(): void {
    for (const transport of this.waiting.keys()) transport.destroy();
  }

  private left(): void {
    this.inside--;
    const [next] = this.waiting;
    if (!next) return;
    this.waiting.delete(next[0]);
    this.admit(next[1]);
  }

  private admit(enter: () => void): void {
    this.inside++;
    enter();
  }
}
