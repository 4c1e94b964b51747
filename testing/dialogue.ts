// The dialogue of a proxy as a test reads it: what was said so far, and what it waits for. Reads the journal by itself, in
// the turn in which something is said; what the journal's bounds have pushed out is gone here too.
import type { DialogueEvent, FrameEvent, SideName } from '../proxy/dialogue/event.ts';
import type { Journal } from '../proxy/dialogue/journal.ts';
import { Lines } from './lines.ts';
import { nearestMiss } from './nearest-miss.ts';
import { escaped, transcriptOf } from './transcript.ts';

export type Side = SideName;

/** A line, or a piece of a content. */
export interface Said extends FrameEvent {
  /** The line that matched, without its end; one character for each byte. */
  readonly text: string;
}

export interface ExpectOptions {
  /** Who says it. Default: either. */
  readonly direction?: Side;
  /** Milliseconds. Default: 5000. */
  readonly timeout?: number;
  /** Number of the connection, from 1. Default: any. */
  readonly connection?: number;
}

/** What was expected was not said in time. */
export class NotSaidError extends Error {
  override readonly name = 'NotSaidError';
  /** Everything that was said. */
  readonly transcript: string;

  constructor(message: string, transcript: string) {
    super(message);
    this.transcript = transcript;
  }
}

interface Waiting {
  readonly pattern: RegExp;
  readonly options: ExpectOptions;
  readonly resolve: (said: Said) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  /** The next event to be looked at. */
  next: number;
}

const DEFAULT_TIMEOUT_MS = 5000;
export class Dialogue {
  private readonly journal: Journal;
  private readonly keepSecrets: boolean;
  private readonly waiting = new Set<Waiting>();
  private readonly unwatch: () => void;
  /** Where the dialogue begins, and where the next expectation does: behind what the last one has found. */
  private start = 0;
  private cursor = 0;
  private isDue = false;

  constructor(journal: Journal, keepSecrets: boolean) {
    this.journal = journal;
    this.keepSecrets = keepSecrets;
    this.unwatch = journal.watch(() => this.wake());
  }

  /** Everything that has happened since the start, or since clear(). */
  get events(): DialogueEvent[] {
    const events: DialogueEvent[] = [];
    for (let seq = Math.max(this.start, this.journal.oldest); seq < this.journal.next; seq++) {
      events.push(this.journal.event(seq, this.keepSecrets)!);
    }
    return events;
  }

  transcript(connection?: number): string {
    return transcriptOf(this.events.filter(({ conn }) => connection === undefined || conn === connection));
  }

  expect(pattern: RegExp | string, options: ExpectOptions = {}): Promise<Said> {
    const { timeout = DEFAULT_TIMEOUT_MS } = options;
    const expression = typeof pattern === 'string' ? new RegExp(literally(pattern)) : stateless(pattern);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.giveUp(one, `within ${timeout} ms`), timeout);
      const one: Waiting = { pattern: expression, options, resolve, reject, timer, next: this.cursor };
      this.waiting.add(one);
      this.look(one);
    });
  }

  /** Forgets what was said. */
  clear(): void {
    this.start = this.cursor = this.journal.next;
    for (const one of this.waiting) one.next = this.start;
  }

  /** Nothing more will be said. */
  close(): void {
    this.unwatch();
    for (const one of [...this.waiting]) this.giveUp(one, 'before the proxy was stopped');
  }

  private wake(): void {
    if (this.isDue || this.waiting.size === 0) return;
    this.isDue = true;
    // The event is told before it is complete.
    queueMicrotask(() => {
      this.isDue = false;
      for (const one of [...this.waiting]) this.look(one);
    });
  }

  private look(one: Waiting): void {
    const { journal } = this;
    const lines = new Lines();
    for (let seq = Math.max(one.next, journal.oldest); seq < journal.next; seq++) {
      const event = journal.event(seq, this.keepSecrets)!;
      if (event.type !== 'frame' || !isWanted(event, one.options)) continue;
      const text = lines.of(event).find((line) => one.pattern.test(line));
      if (text === undefined) continue;
      this.cursor = Math.max(this.cursor, seq + 1);
      this.waiting.delete(one);
      clearTimeout(one.timer);
      return one.resolve({ ...event, text });
    }
    // A content that goes on is looked at from its beginning, for lines that were cut.
    one.next = Math.min(lines.openedAt, journal.next);
  }

  private giveUp(one: Waiting, when: string): void {
    this.waiting.delete(one);
    clearTimeout(one.timer);
    const { direction, connection } = one.options;
    const who = direction === undefined ? 'Nobody has said' : `The ${direction} has not said`;
    const where = connection === undefined ? '' : ` on connection ${connection}`;
    const miss = nearestMiss(one.pattern, this.events, one.options, this.cursor);
    const transcript = this.transcript();
    const lines = [
      `${who} ${one.pattern}${where} ${when}.`,
      ...(miss === null ? [] : [`Nearest: "${escaped(miss.text)}", ${miss.why}.`]),
      transcript === '' ? 'Nothing was said at all.' : `So far:\n${transcript.trimEnd()}`,
    ];
    one.reject(new NotSaidError(lines.join('\n'), transcript));
  }
}

function isWanted({ from, conn }: FrameEvent, { direction, connection }: ExpectOptions): boolean {
  return (direction === undefined || from === direction) && (connection === undefined || conn === connection);
}

/** A pattern that remembers where it was would find every second line. */
function stateless(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''));
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
