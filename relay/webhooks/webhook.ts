// One hook at work: tells each new mail that is for it, one after the other in the order in which they came, and goes on
// only when one was taken or given up. What it has to do is the inbox behind its cursor, so nothing is queued here and
// nothing is lost when the process ends: the next one goes on from the cursor.
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Inbox, InboxSummary } from '../inbox/inbox.ts';
import { cleanReply } from '../upstream/outcome.ts';
import { waitAfter, waitAsked } from './backoff.ts';
import { type HookCursors, keyOf } from './cursors.ts';
import type { HookOptions } from './options.ts';
import { payloadOf } from './payload.ts';
import { HookClient } from './request.ts';
import { signatureOf } from './signature.ts';

export interface HookSettings {
  readonly hook: HookOptions;
  /** Requests a second; Infinity for no limit. */
  readonly limit: number;
  /** Milliseconds each. */
  readonly delay: number;
  readonly timeout: number;
  readonly expire: number;
  readonly userAgent: string;
  readonly clock: Clock;
  /** From 0 to 1, for the jitter. */
  readonly dice: () => number;
}

export interface HookView {
  readonly name: string;
  /** Mails that were taken, attempts that failed, and mails that were given up, since the start. */
  readonly delivered: number;
  readonly failures: number;
  readonly givenUp: number;
  /** What the last attempt failed with; '' when it did not. */
  readonly trouble: string;
}

const BATCH = 20;
/** Mail that another process has brought is not announced here. */
const LOOK_EVERY_MS = 30_000;
/** How long to wait for the indexer before a mail is told with what its envelope tells. */
const UNREAD_MS = 60_000;
const LOOK_AGAIN_MS = 250;
/** Answers that say something of this mail and not of the receiver: it is not asked for ever, or nothing else came through. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415, 422]);
const MAX_REFUSALS = 5;

export class Webhook {
  readonly #settings: HookSettings;
  readonly #inbox: Inbox;
  readonly #cursors: HookCursors;
  readonly #log: Log;
  readonly #client: HookClient;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #key: string;
  #cursor = 0;
  #wake: () => void = () => {};
  #isNews = false;
  #lastAttempt = Number.NEGATIVE_INFINITY;
  #inARow = 0;
  #delivered = 0;
  #failures = 0;
  #givenUp = 0;
  #trouble = '';
  #work: Promise<void> = Promise.resolve();

  constructor(settings: HookSettings, inbox: Inbox, cursors: HookCursors, log: Log) {
    this.#settings = settings;
    this.#inbox = inbox;
    this.#cursors = cursors;
    this.#log = log.child({ webhook: settings.hook.name });
    this.#clock = settings.clock;
    this.#client = new HookClient(settings.hook.url);
    this.#key = keyOf(settings.hook);
  }

  get view(): HookView {
    return {
      name: this.#settings.hook.name,
      delivered: this.#delivered,
      failures: this.#failures,
      givenUp: this.#givenUp,
      trouble: this.#trouble,
    };
  }

  /** `newest`: where one begins that was never here: only later mail is new. */
  start(newest: number): void {
    this.#work = this.#begin(newest);
  }

  /** There is new mail. */
  wake(): void {
    this.#isNews = true;
    this.#wake();
  }

  /** Breaks off what is under way: it is told again after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#work;
    this.#client.close();
  }

  async #begin(newest: number): Promise<void> {
    const known = await this.#retried(() => this.#cursors.hookCursor(this.#key));
    if (this.#isStopping()) return;
    this.#cursor = known ?? newest;
    if (known === null) await this.#retried(() => this.#cursors.setHookCursor(this.#key, newest));
    while (!this.#isStopping()) {
      const wait = await this.#retried(() => this.#round());
      if (wait) await this.#sleep(wait, true);
    }
  }

  /** Tells what there is; resolves with how long to wait for more, if nobody wakes it before. */
  async #round(): Promise<number> {
    this.#isNews = false;
    const { search } = this.#settings.hook;
    // Before the page: what it leaves out up to here is not for this hook.
    const indexed = await this.#inbox.cursor();
    const ask = { limit: BATCH, oldestFirst: true, afterSeq: this.#cursor };
    const { messages } = await this.#inbox.page(search === undefined ? ask : { ...ask, query: search });
    for (const one of messages) {
      if (!one.parsed && this.#clock.now() - one.receivedAt < UNREAD_MS) return LOOK_AGAIN_MS;
      await this.#tell(one);
      if (this.#isStopping()) return 0;
      await this.#advance(one.seq);
    }
    if (messages.length === BATCH) return 0;
    await this.#advance(indexed);
    return this.#isNews ? 0 : LOOK_EVERY_MS;
  }

  /** Until it is taken, given up, or we stop. */
  async #tell(mail: InboxSummary): Promise<void> {
    const { delay, expire } = this.#settings;
    if (delay > 0) await this.#sleep(mail.receivedAt + delay - this.#clock.now());
    const isOver = (): boolean => this.#clock.now() - mail.receivedAt > expire;
    for (let attempt = 1, refusals = 0; !this.#isStopping(); attempt++) {
      // Behind a failure no attempt is spent on what is too old: the next mail may still be in time.
      if (this.#inARow > 0 && isOver()) return this.#giveUp(mail, attempt - 1, 'it is too old by now');
      await this.#sleep(this.#lastAttempt + 1000 / this.#settings.limit - this.#clock.steady());
      if (this.#isStopping()) return;
      this.#lastAttempt = this.#clock.steady();
      const failure = await this.#attempt(mail, attempt);
      if (this.#isStopping()) return;
      if (failure === null) {
        this.#inARow = 0;
        this.#trouble = '';
        return;
      }
      this.#failures++;
      this.#inARow++;
      this.#trouble = failure.reason;
      if (failure.isRefusal && ++refusals >= MAX_REFUSALS) return this.#giveUp(mail, attempt, failure.reason);
      if (isOver()) continue;
      const wait = failure.waitMs ?? waitAfter(this.#inARow, this.#settings.dice);
      this.#log.warn('webhook.failed', { id: mail.id, attempt, error: failure.reason, againInMs: wait });
      await this.#sleep(wait);
    }
  }

  async #attempt(mail: InboxSummary, attempt: number): Promise<Failure | null> {
    const { hook, timeout, userAgent } = this.#settings;
    try {
      const payload = await payloadOf(this.#inbox, mail, hook.include);
      if (payload === undefined) {
        this.#log.debug('webhook.mail_gone', { id: mail.id });
        return null;
      }
      const { secret } = hook;
      const headers = {
        'Content-Type': payload.contentType,
        'Content-Length': payload.length,
        'User-Agent': userAgent,
        'X-Lonedot-Event': 'new',
        'X-Lonedot-Message': mail.id,
        'X-Lonedot-Attempt': attempt,
        ...(secret === ''
          ? {}
          : { 'X-Lonedot-Signature': await signatureOf(secret, this.#clock.now(), await payload.body()) }),
      };
      const ending = { timeoutMs: timeout, signal: this.#stopping.signal };
      const { status, retryAfter } = await this.#client.post(headers, await payload.body(), ending);
      if (status < 200 || status > 299) {
        const isBusy = status === 429 || status === 503;
        return {
          reason: `it answered ${status}`,
          isRefusal: REFUSALS.has(status),
          waitMs: isBusy ? waitAsked(retryAfter, this.#clock.now()) : undefined,
        };
      }
      this.#delivered++;
      this.#log.debug('webhook.told', { id: mail.id, attempt, status });
      return null;
    } catch (error) {
      return { reason: reasonOf(error as Error), isRefusal: false, waitMs: undefined };
    }
  }

  #giveUp(mail: InboxSummary, attempts: number, reason: string): void {
    this.#givenUp++;
    this.#log.error('webhook.given_up', { id: mail.id, attempts, error: reason });
  }

  async #advance(seq: number): Promise<void> {
    if (seq <= this.#cursor) return;
    await this.#cursors.setHookCursor(this.#key, seq);
    this.#cursor = seq;
  }

  /** What the store refuses is asked again until it does not, or we stop. */
  async #retried<T>(work: () => Promise<T>): Promise<T | null> {
    for (let failures = 1; !this.#isStopping(); failures++) {
      try {
        return await work();
      } catch (error) {
        if (this.#isStopping()) break;
        this.#log.error('webhook.store_failed', { error: (error as Error).message });
        await this.#sleep(waitAfter(failures, this.#settings.dice));
      }
    }
    return null;
  }

  /** So many milliseconds, or until the stop; `wakes`: or until there is new mail. */
  async #sleep(ms: number, wakes = false): Promise<void> {
    if (!(ms > 0) || this.#isStopping() || (wakes && this.#isNews)) return;
    await new Promise<void>((resolve) => {
      const { signal } = this.#stopping;
      const over = (): void => {
        this.#clock.clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = this.#clock.setTimeout(over, ms);
      signal.addEventListener('abort', over);
      if (wakes) this.#wake = over;
    });
    this.#wake = () => {};
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }
}

interface Failure {
  readonly reason: string;
  readonly isRefusal: boolean;
  /** What the receiver asked for. */
  readonly waitMs: number | undefined;
}

/** What went wrong, without the address: that may be a secret. */
function reasonOf({ message, ...rest }: Error & { code?: string; cause?: unknown }): string {
  const { code } = rest;
  return cleanReply(typeof code === 'string' && !code.startsWith('ERR_') ? code : message);
}
