// Two transports joined in memory: what one writes, the other reads. For tests of protocols without a socket, and for
// replay. It keeps the habits of a real one: delivery comes later, never inside write(); a full peer answers false;
// each direction ends by itself.
import type { Transport, TransportEvent } from './transport.ts';

const HIGH_WATER = 65536;

// biome-ignore lint/suspicious/noExplicitAny: the payload depends on the event
type Listener = (payload?: any) => void;

class MemoryTransport implements Transport {
  readonly remote: string;
  peer!: MemoryTransport;
  private readonly listeners = new Map<TransportEvent, Listener[]>();
  private inbox: Buffer[] = [];
  private inboxBytes = 0;
  private eof: 'no' | 'coming' | 'told' = 'no';
  private ended = false;
  private life: 'open' | 'closed' = 'open';
  private flowing = false;
  private full = false;
  private scheduled = false;

  constructor(remote: string) {
    this.remote = remote;
  }

  write(bytes: Uint8Array): boolean {
    if (this.ended || this.life === 'closed') return false;
    const { peer } = this;
    if (peer.life === 'closed') return true;
    peer.inbox.push(Buffer.from(bytes));
    peer.inboxBytes += bytes.length;
    peer.schedule();
    this.full ||= peer.inboxBytes >= HIGH_WATER;
    return !this.full;
  }

  end(): void {
    if (this.ended || this.life === 'closed') return;
    this.ended = true;
    if (this.peer.eof === 'no') this.peer.eof = 'coming';
    this.peer.schedule();
    this.schedule();
  }

  destroy(error?: Error): void {
    if (this.life === 'closed') return;
    this.life = 'closed';
    this.inbox = [];
    this.inboxBytes = 0;
    if (this.peer.eof === 'no') this.peer.eof = 'coming';
    this.peer.schedule();
    // A peer that waits for room must not wait for ever: what it writes now is lost, as on a socket.
    this.schedule();
    queueMicrotask(() => {
      if (error) this.emit('error', error);
      this.emit('close');
    });
  }

  pause(): void {
    this.flowing = false;
  }

  resume(): void {
    this.flowing = true;
    this.schedule();
  }

  on(event: TransportEvent, listener: Listener): void {
    const all = this.listeners.get(event) ?? [];
    all.push(listener);
    this.listeners.set(event, all);
    if (event === 'data') this.resume();
  }

  private emit(event: TransportEvent, payload?: unknown): void {
    for (const listener of this.listeners.get(event) ?? []) listener(payload);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    while (this.flowing && this.life === 'open' && this.inbox.length > 0) {
      const chunk = this.inbox.shift()!;
      this.inboxBytes -= chunk.length;
      this.emit('data', chunk);
    }
    if (this.peer.full && this.inboxBytes === 0) {
      this.peer.full = false;
      if (this.peer.life === 'open') this.peer.emit('drain');
    }
    if (this.flowing && this.life === 'open' && this.inbox.length === 0 && this.eof === 'coming') {
      this.eof = 'told';
      this.emit('end');
    }
    if (this.life === 'open' && this.ended && this.eof === 'told') {
      this.life = 'closed';
      this.emit('close');
    }
  }
}

/** Two ends of one connection in memory. Neither can start TLS. */
export function memoryTransportPair(): [Transport, Transport] {
  const a = new MemoryTransport('memory:b');
  const b = new MemoryTransport('memory:a');
  a.peer = b;
  b.peer = a;
  return [a, b];
}
