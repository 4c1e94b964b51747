// What happens in the inbox, told to whoever listens: one subscription, from which each kind of listener gets its own
// frames. A frame is made once for all listeners of a kind and namespace, and frames go out in the order of the changes.
import type { InboxEvent } from '../../../relay/inbox/inbox.ts';
import type { Clock, TimerHandle } from '../../../src/clock.ts';
import type { Web } from '../context.ts';
import { inboxOf } from '../frame/ask.ts';

/** One way to write events down. */
export interface Dialect {
  readonly name: string;
  /** Null for what it does not tell. A promise holds back the frames behind it. */
  frame(event: InboxEvent, web: Web): string | null | Promise<string | null>;
  /** The state of the inbox, told when somebody joins and after changes; absent for a dialect that has no such frame. */
  stats?(counts: { readonly messages: number; readonly unread: number }): string;
}

export type Send = (frame: string) => void;

/** After a change, and so four times a second at most. */
const STATS_AFTER_MS = 250;
/** Frames that are still being made; beyond it new ones are left out. */
const MAX_PENDING = 1000;

export class LiveHub {
  readonly #web: Web;
  readonly #channels = new Map<string, Channel>();
  #unsubscribe: (() => void) | null = null;

  constructor(web: Web) {
    this.#web = web;
  }

  /** Calls `send` for each frame from now on, until what it returns is called. */
  join(dialect: Dialect, namespace: string | undefined, send: Send): () => void {
    const key = `${dialect.name} ${namespace ?? ''}`;
    let channel = this.#channels.get(key);
    if (!channel) {
      channel = new Channel(this.#web, dialect, namespace);
      this.#channels.set(key, channel);
    }
    this.#unsubscribe ??= inboxOf(this.#web).subscribe((event) => {
      for (const one of this.#channels.values()) one.tell(event);
    });
    const leave = channel.join(send);
    const joined = channel;
    return () => {
      leave();
      if (joined.isEmpty && this.#channels.get(key) === joined) this.#channels.delete(key);
      if (this.#channels.size === 0) this.stop();
    };
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    for (const channel of this.#channels.values()) channel.stop();
    this.#channels.clear();
  }
}

class Channel {
  readonly #web: Web;
  readonly #clock: Clock;
  readonly #dialect: Dialect;
  readonly #namespace: string | undefined;
  readonly #listeners = new Set<Send>();
  #timer: TimerHandle | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;

  constructor(web: Web, dialect: Dialect, namespace: string | undefined) {
    this.#web = web;
    this.#clock = web.clock;
    this.#dialect = dialect;
    this.#namespace = namespace;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  join(send: Send): () => void {
    this.#listeners.add(send);
    this.#tellStatsSoon();
    return () => {
      this.#listeners.delete(send);
      if (this.isEmpty) this.stop();
    };
  }

  tell(event: InboxEvent): void {
    if (!this.#concerns(event)) return;
    this.#tellStatsSoon();
    if (this.#pending >= MAX_PENDING) return;
    const frame = this.#dialect.frame(event, this.#web);
    // Behind a frame that is still being made, also what is ready has to wait.
    if (this.#pending === 0 && !(frame instanceof Promise)) this.#send(frame);
    else this.#queue(frame);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #concerns(event: InboxEvent): boolean {
    if (this.#namespace === undefined) return true;
    const namespace = event.type === 'new' ? event.message.namespace : event.namespace;
    return namespace === null || namespace === this.#namespace;
  }

  #queue(frame: string | null | Promise<string | null>): void {
    this.#pending++;
    const made = Promise.resolve(frame);
    // Told when its turn comes; until then its failure is nobody's.
    made.catch(() => {});
    this.#last = this.#last.then(async () => {
      try {
        this.#send(await made);
      } catch (error) {
        this.#web.log.error('web.event_failed', { dialect: this.#dialect.name, error });
      } finally {
        this.#pending--;
      }
    });
  }

  #send(frame: string | null): void {
    if (frame !== null) for (const send of [...this.#listeners]) send(frame);
  }

  #tellStatsSoon(): void {
    if (!this.#dialect.stats || this.#timer !== null) return;
    this.#timer = this.#clock.setTimeout(() => void this.#tellStats(), STATS_AFTER_MS);
  }

  async #tellStats(): Promise<void> {
    this.#timer = null;
    try {
      const scope = this.#namespace === undefined ? {} : { namespace: this.#namespace };
      this.#send(this.#dialect.stats!(await inboxOf(this.#web).counts(scope)));
    } catch (error) {
      this.#web.log.error('web.event_failed', { dialect: this.#dialect.name, error });
    }
  }
}
