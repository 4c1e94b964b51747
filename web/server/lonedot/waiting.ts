// Follows the mails that match a search, from a cursor on, each one once: what waiting and the event stream rest on.
// The cursor is a seq up to which everything was looked at, so nothing is missed between two questions, and nothing has
// to be kept in between.
import type { Inbox, InboxSummary, Scope } from '../../../relay/inbox/inbox.ts';
import type { SearchQuery } from '../../../relay/inbox/search-query.ts';
import type { Clock, TimerHandle } from '../../../src/clock.ts';

export interface FollowAsk extends Scope {
  /** Everything when it is absent. */
  readonly query?: SearchQuery;
  /** The seq behind which to begin; 0 for all that is there. */
  readonly after: number;
}

/** For a mail that was told of and cannot be found yet. */
const LOOK_AGAIN_MS = 50;

export class MailFollower {
  readonly #inbox: Inbox;
  readonly #ask: FollowAsk;
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;
  #cursor: number;
  /** The newest mail that was told of. */
  #told = 0;
  #wake: (() => void) | null = null;
  #timer: TimerHandle | null = null;
  #state: 'quiet' | 'changed' | 'closed' = 'changed';

  constructor(inbox: Inbox, ask: FollowAsk, clock: Clock) {
    this.#inbox = inbox;
    this.#ask = ask;
    this.#clock = clock;
    this.#cursor = ask.after;
    this.#unsubscribe = inbox.subscribe((event) => {
      if (event.type !== 'new') return;
      const { namespace, seq } = event.message;
      if (ask.namespace !== undefined && namespace !== ask.namespace) return;
      this.#told = Math.max(this.#told, seq);
      this.#notice();
    });
  }

  /** Everything up to here was looked at. */
  get cursor(): number {
    return this.#cursor;
  }

  /** What matches and was not taken yet, oldest first; empty when nothing has come. */
  async take(limit: number): Promise<readonly InboxSummary[]> {
    if (this.#state === 'changed') this.#state = 'quiet';
    const { query, namespace } = this.#ask;
    // First the end, then the mails: what comes in between is for the next time.
    const end = await this.#inbox.cursor();
    if (end > this.#cursor) {
      const { messages } = await this.#inbox.page({
        ...(namespace === undefined ? {} : { namespace }),
        ...(query ? { query } : {}),
        afterSeq: this.#cursor,
        oldestFirst: true,
        limit,
      });
      const found = messages.filter(({ seq }) => seq <= end);
      const isCut = found.length === limit;
      this.#cursor = isCut ? found.at(-1)!.seq : end;
      // There may be more.
      if (isCut) this.#notice();
      if (found.length > 0) return found;
    }
    if (this.#told > this.#cursor && this.#state === 'quiet') {
      this.#timer ??= this.#clock.setTimeout(() => this.#notice(), LOOK_AGAIN_MS);
    }
    return [];
  }

  /** Resolves when something may have come since the last `take`, or when it is closed. */
  async changed(): Promise<void> {
    if (this.#state !== 'quiet') return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Once or more often. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#unsubscribe();
    this.#state = 'closed';
    this.#clock.clearTimeout(this.#timer);
    this.#wake?.();
    this.#wake = null;
  }

  #notice(): void {
    if (this.#state === 'closed') return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#state = 'changed';
    this.#wake?.();
    this.#wake = null;
  }
}
