// Reads the journal at the pace of whoever writes it down: a terminal, a file. It takes its turns between those of the
// connections, and never makes them wait: when its stream does not keep up, the journal goes on and events are lost,
// which is counted and told.
import type { Writable } from 'node:stream';
import type { DialogueEvent } from './event.ts';
import type { Journal, PlainFrame } from './journal.ts';

/** How events are written down. */
export interface Scribe {
  /** Of secrets only asterisks are seen without it. */
  readonly keepSecrets?: boolean;
  /** What to write for an event; nothing when it is empty. */
  event(event: DialogueEvent): string | Buffer;
  /** The same for a frame with nothing special to it, if that can be had faster. */
  plain?(frame: PlainFrame): string;
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

/** What is said is written down so much later: together it costs the connections least. */
const PAUSE_MS = 10;
/** Events that are put together into one write: with many more their texts outlive what is cheap to collect. */
const AT_ONCE = 512;
/** More events than these are not left waiting. */
const MANY = 4096;
/**
 * With more than these a recording does not wait for its turn: Node reads a busy connection some thirty times before
 * anything else has one, and by then the oldest are gone.
 */
const URGENT = 8192;

export class Watcher {
  /** Events that were not written down. */
  lost = 0;
  private readonly journal: Journal;
  private readonly scribe: Scribe;
  private readonly stream: Writable;
  private readonly perTurn: number;
  private readonly unwatch: () => void;
  private cursor: number;
  private isDue: 'no' | 'later' | 'soon' | 'now' = 'no';
  private isBlocked = false;
  private life: 'open' | 'stopping' | 'stopped' = 'open';

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
    if (this.life !== 'open') return;
    const late = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    if (this.isBlocked) await Promise.race([late, new Promise((resolve) => this.stream.once('drain', resolve))]);
    this.life = 'stopping';
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
    if (this.isDue === 'now' || !this.canWrite) return;
    const behind = this.journal.next - this.cursor;
    if (behind > URGENT && this.perTurn === Number.POSITIVE_INFINITY) {
      this.isDue = 'now';
      process.nextTick(() => this.turn('now'));
      return;
    }
    const isMuch = behind > MANY;
    if (this.isDue === 'soon' || (this.isDue === 'later' && !isMuch)) return;
    this.isDue = isMuch ? 'soon' : 'later';
    if (isMuch) setImmediate(() => this.turn('soon'));
    else setTimeout(() => this.turn('later'), PAUSE_MS);
  }

  /** Whether the stream takes more: half of what it holds back is written, since to wait for all of it makes pauses. */
  private get canWrite(): boolean {
    const { writableLength, writableHighWaterMark } = this.stream;
    if (this.isBlocked && writableLength < writableHighWaterMark / 2) this.isBlocked = false;
    return !this.isBlocked;
  }

  private turn(which: 'later' | 'soon' | 'now'): void {
    // What was to come later has been done sooner.
    if (this.isDue !== which) return;
    this.isDue = 'no';
    if (this.life === 'stopped' || !this.canWrite) return;
    this.write(this.perTurn);
    if (this.cursor < this.journal.next) this.wake();
  }

  private write(most: number): void {
    for (let left = most; left > 0 && this.cursor < this.journal.next; left -= AT_ONCE) {
      this.writeSome(Math.min(left, AT_ONCE));
      // At the end everything is handed over, whatever the stream says.
      if (this.isBlocked && this.life === 'open') return;
    }
  }

  private writeSome(most: number): void {
    const { journal, scribe } = this;
    const parts: (string | Buffer)[] = [];
    if (this.cursor < journal.oldest) {
      const lost = journal.oldest - this.cursor;
      this.lost += lost;
      this.cursor = journal.oldest;
      parts.push(scribe.lost(lost));
    }
    for (let i = 0; i < most && this.cursor < journal.next; i++, this.cursor++) {
      const frame = scribe.plain ? journal.plain(this.cursor) : null;
      const part = frame ? scribe.plain!(frame) : scribe.event(journal.event(this.cursor, scribe.keepSecrets)!);
      if (part.length > 0) parts.push(part);
    }
    if (parts.length === 0) return;
    const isText = parts.every((part) => typeof part === 'string');
    const whole = isText ? parts.join('') : Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));
    if (!this.stream.write(whole)) this.isBlocked = true;
  }
}
