// Reads the journal at the pace of whoever writes it down: a terminal, a file. It takes its turns between those of the
// connections, and never makes them wait: when its stream does not keep up, the journal goes on and events are lost,
// which is counted and told.
import type { Writable } from 'node:stream';
import type { DialogueEvent } from './event.ts';
import type { Journal } from './journal.ts';

/** How events are written down. */
export interface Scribe {
  /** Of secrets only asterisks are seen without it. */
  readonly keepSecrets?: boolean;
  /** What to write for an event; nothing when it is empty. */
  event(event: DialogueEvent): string | Buffer;
  /** What to write where events were lost. */
  lost(count: number): string | Buffer;
  /** Before the stream is ended. */
  end?(): string | Buffer;
}

export interface WatcherOptions {
  /** Events in one turn. Default: all there are. */
  readonly perTurn?: number;
  /** The stream has failed: nothing more is written. */
  onError?(error: Error): void;
}

export class Watcher {
  /** Events that were not written down. */
  lost = 0;
  private readonly journal: Journal;
  private readonly scribe: Scribe;
  private readonly stream: Writable;
  private readonly perTurn: number;
  private readonly unwatch: () => void;
  private cursor: number;
  private isDue = false;
  private isBlocked = false;
  private life: 'open' | 'stopped' = 'open';

  constructor(journal: Journal, scribe: Scribe, stream: Writable, options: WatcherOptions = {}) {
    this.journal = journal;
    this.scribe = scribe;
    this.stream = stream;
    this.perTurn = options.perTurn ?? Number.POSITIVE_INFINITY;
    this.cursor = journal.next;
    stream.on('error', (error) => {
      if (this.life === 'open') options.onError?.(error);
      this.leave();
    });
    stream.on('drain', () => {
      this.isBlocked = false;
      this.wake();
    });
    this.unwatch = journal.watch(() => this.wake());
  }

  /** Writes what is left, as far as the stream takes it at once or within `graceMs`, and ends the stream. */
  async stop(graceMs = 2000): Promise<void> {
    if (this.life === 'stopped') return;
    const late = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    if (this.isBlocked) await Promise.race([late, new Promise((resolve) => this.stream.once('drain', resolve))]);
    this.write(Number.POSITIVE_INFINITY);
    const last = this.scribe.end?.() ?? '';
    if (last.length > 0) this.stream.write(last);
    this.leave();
    await Promise.race([late, new Promise<void>((resolve) => this.stream.end(resolve))]);
  }

  private leave(): void {
    this.life = 'stopped';
    this.unwatch();
  }

  private wake(): void {
    if (this.isDue || this.isBlocked || this.life === 'stopped') return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      if (this.life === 'stopped' || this.isBlocked) return;
      this.write(this.perTurn);
      if (this.cursor < this.journal.next) this.wake();
    });
  }

  private write(most: number): void {
    const { journal, scribe } = this;
    const parts: (string | Buffer)[] = [];
    if (this.cursor < journal.oldest) {
      const lost = journal.oldest - this.cursor;
      this.lost += lost;
      this.cursor = journal.oldest;
      parts.push(scribe.lost(lost));
    }
    for (let i = 0; i < most && this.cursor < journal.next; i++, this.cursor++) {
      const part = scribe.event(journal.event(this.cursor, scribe.keepSecrets)!);
      if (part.length > 0) parts.push(part);
    }
    if (parts.length === 0) return;
    const isText = parts.every((part) => typeof part === 'string');
    const whole = isText ? parts.join('') : Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));
    if (!this.stream.write(whole)) this.isBlocked = true;
  }
}
