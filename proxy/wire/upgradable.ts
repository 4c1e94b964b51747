// A transport that can go on under TLS while others hold it: they see one connection, first in the clear and then what is
// said inside. Whatever comes from the connection in between is given to nobody but whoever waits for the handshake.
import type { TlsOptions } from '../../src/tls-upgrade.ts';
import type { TlsInfo, Transport, TransportEvent } from '../../src/transport.ts';

type Listener = (payload?: unknown) => void;

export class Upgradable implements Transport {
  readonly remote: string;
  private inner: Transport;
  private readonly listeners: [TransportEvent, Listener][] = [];
  private phase: 'open' | 'awaiting' | 'upgrading' | 'closed' = 'open';
  /** Takes what comes while the peer should begin with TLS. */
  private intercept: ((chunk: Buffer) => void) | null = null;
  /** What was written during the handshake. */
  private held: Uint8Array[] = [];
  private endIsHeld = false;
  private cut: (() => void) | null = null;
  private isPaused = false;
  /** Nothing is read until release(). */
  private isBarred = false;

  constructor(inner: Transport) {
    this.inner = inner;
    this.remote = inner.remote;
    this.attach(inner);
    inner.pause();
    this.isPaused = true;
  }

  get tls(): TlsInfo | undefined {
    return this.inner.tls;
  }

  write(bytes: Uint8Array): boolean {
    if (this.phase !== 'upgrading') return this.inner.write(bytes);
    this.held.push(bytes);
    return false;
  }

  end(): void {
    if (this.phase === 'upgrading') this.endIsHeld = true;
    else this.inner.end();
  }

  destroy(error?: Error): void {
    this.inner.destroy(error);
  }

  reset(): void {
    if (this.inner.reset) this.inner.reset();
    else this.inner.destroy();
  }

  unread(): Buffer | null {
    return this.inner.unread?.() ?? null;
  }

  onCut(cut: () => void): void {
    this.cut = cut;
    this.inner.onCut?.(cut);
  }

  keepAlive(idleMs: number): void {
    this.inner.keepAlive?.(idleMs);
  }

  pause(): void {
    this.isPaused = true;
    this.flow();
  }

  resume(): void {
    this.isPaused = false;
    this.flow();
  }

  cork(): void {
    if (this.phase !== 'upgrading') this.inner.cork?.();
  }

  uncork(): void {
    if (this.phase !== 'upgrading') this.inner.uncork?.();
  }

  on(event: TransportEvent, listener: Listener): void {
    this.listeners.push([event, listener]);
  }

  /** What comes from now on goes to `take` alone, until upgrade(). What is written still leaves in the clear. */
  await(take: (chunk: Buffer) => void): void {
    if (this.phase !== 'open') return;
    this.phase = 'awaiting';
    this.intercept = take;
    this.flow();
  }

  /** Resolves when the connection goes on under TLS, barred. Otherwise it is over, which everybody is told. */
  async upgrade(options: TlsOptions, early: Buffer): Promise<boolean> {
    if (this.phase === 'closed') return false;
    this.phase = 'upgrading';
    this.intercept = null;
    // What is read already goes into the handshake, and to nobody else.
    this.inner.pause();
    try {
      const secure = await this.inner.startTls!(options, early);
      this.isBarred = true;
      this.inner = secure;
      this.attach(secure);
      if (this.cut) secure.onCut?.(this.cut);
      this.phase = 'open';
      this.flow();
      for (const bytes of this.held.splice(0)) secure.write(bytes);
      if (this.endIsHeld) secure.end();
      else this.emit('drain');
      return true;
    } catch (error) {
      this.phase = 'closed';
      this.emit('error', error);
      this.emit('close');
      return false;
    }
  }

  /** What it says is read again. */
  release(): void {
    this.isBarred = false;
    this.flow();
  }

  private attach(inner: Transport): void {
    for (const event of ['drain', 'end', 'error', 'close'] as const) {
      inner.on(event, (payload?: unknown) => {
        // During the handshake its outcome tells everything.
        if (this.inner !== inner || this.phase === 'upgrading' || this.phase === 'closed') return;
        if (event === 'close') this.phase = 'closed';
        this.emit(event, payload);
      });
    }
    inner.on('data', (chunk: Buffer) => {
      if (this.inner !== inner || this.phase === 'upgrading') return;
      if (this.intercept) this.intercept(chunk);
      else this.emit('data', chunk);
    });
  }

  private flow(): void {
    if (this.phase === 'upgrading' || this.phase === 'closed') return;
    if (this.phase === 'awaiting' || !(this.isPaused || this.isBarred)) this.inner.resume();
    else this.inner.pause();
  }

  private emit(event: TransportEvent, payload?: unknown): void {
    for (const [name, listener] of this.listeners) if (name === event) listener(payload);
  }
}
