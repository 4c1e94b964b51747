// A queue for tests: on a real store, a clock that is moved by hand, scripted upstreams, and a log that tells what it did.

import { Queue, type QueueOptions } from '../../../relay/queue/queue.ts';
import { Routes } from '../../../relay/queue/routes.ts';
import type { RetryPolicy } from '../../../relay/queue/schedule.ts';
import type { Store } from '../../../relay/store/store.ts';
import { openCourier } from '../../../relay/upstream/couriers.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import { FakeClock } from '../../../src/clock.ts';
import { turn, until } from '../../support/within.ts';
import { Directory, serveHere } from '../store/sqlite-place.ts';
import { put, to } from '../store/support.ts';
import { RecordingLog } from './recording-log.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const RETRY: RetryPolicy = { min: MINUTE, max: HOUR, expire: 5 * DAY, delayNotice: 4 * HOUR, unknown: 'retry' };
/** Bounces have tests of their own, and would be mails more at the upstreams of others. */
const NO_NOTICES = ['<>>*=discard'];
export const NOTICES = { from: '', returnSize: 50_000, perHour: 100 };

export interface PostOptions {
  readonly upstreams: readonly string[];
  readonly concurrency?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** PATTERN=ACTION; what none of them names is relayed. Without any, notices are thrown away. */
  readonly routes?: readonly string[];
  readonly notices?: Partial<QueueOptions['notices']>;
  /** Stands between the queue and its store. */
  readonly between?: (store: Store) => Store;
}

/** A store with a queue on it. */
export class Post {
  readonly clock = new FakeClock(Date.UTC(2026, 10, 22, 9));
  readonly log = new RecordingLog();
  readonly store: Store;
  readonly queue: Queue;
  private readonly directory: Directory;
  private readonly options: PostOptions;
  private readonly queues: Queue[] = [];

  private constructor(directory: Directory, store: Store, options: PostOptions) {
    this.directory = directory;
    this.store = store;
    this.options = options;
    this.queue = this.another(options.between);
  }

  static async open(options: PostOptions): Promise<Post> {
    const directory = await Directory.make();
    return new Post(directory, await serveHere(directory.file), options);
  }

  /** One more queue on the same store, as another process would have, or the next one with other options. */
  another(between: (store: Store) => Store = (store) => store, changes: Partial<PostOptions> = {}): Queue {
    const { upstreams, concurrency = 5, retry, routes = NO_NOTICES, notices } = { ...this.options, ...changes };
    const parsed = upstreams.map((url) => parseUpstream(url));
    const hostname = 'mx.example';
    const queue = new Queue({
      store: between(this.store),
      routes: new Routes({ rules: routes, upstreams: parsed.map(({ name }) => name), otherwise: 'relay' }),
      upstreams: parsed.map((upstream) => ({
        courier: openCourier(upstream, { hostname, log: this.log }),
        concurrency: upstream.concurrency ?? concurrency,
        rate: upstream.rate,
        pause: { min: 1_000, max: 5 * MINUTE },
      })),
      hostname,
      retry: { ...RETRY, ...retry },
      notices: { ...NOTICES, ...notices },
      log: this.log,
      clock: this.clock,
    });
    this.queues.push(queue);
    return queue;
  }

  /** Puts a mail into the store, as a session would, and tells the queue. */
  async submit(content: Buffer | string, ...recipients: string[]): Promise<string> {
    const id = await this.leave(content, ...recipients);
    this.queue.wake();
    return id;
  }

  /** The same without telling the queue. */
  leave(content: Buffer | string, ...recipients: string[]): Promise<string> {
    const envelope = to('relay', ...(recipients.length > 0 ? recipients : ['b@x.example']));
    return put(this.store, content, { ...envelope, receivedAt: this.clock.now(), sender: 'a@x.example' });
  }

  /** Waits until so many of these events were logged. */
  logged(event: string, count = 1): Promise<void> {
    return until(4000, () => this.log.of(event).length >= count, `${count} times ${event}`);
  }

  async states(id: string): Promise<string[]> {
    return ((await this.store.get(id))?.recipients ?? []).map(({ state }) => state);
  }

  /** Whether all of it is delivered. Such a message may be kept or forgotten. */
  async isDone(id: string): Promise<boolean> {
    return (await this.states(id)).every((state) => state === 'delivered');
  }

  /** From now to the next attempt of the first recipient; null when there is none. */
  async wait(id: string): Promise<number | null> {
    const { nextAttempt } = (await this.store.get(id))!.recipients[0]!;
    return nextAttempt === null ? null : nextAttempt - this.clock.now();
  }

  /** Moves the clock in steps, so that what is due on the way gets its turn. */
  async pass(ms: number, step = 5_000): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await this.quiet();
    }
  }

  /** Moves the clock in steps until something holds, however long the machine takes for what happens on the way. */
  async passUntil(holds: () => boolean, step: number): Promise<void> {
    const end = Date.now() + 15_000;
    while (!holds()) {
      if (Date.now() > end) throw new Error('what the test waits for did not happen');
      await this.pass(step, step);
    }
  }

  /** Moves the clock to the next attempt of the first recipient, if there is one. */
  async passUntilDue(id: string): Promise<void> {
    // The queue sets its timer when it has looked what is due; before that there is nothing to fire.
    await this.quiet();
    const wait = await this.wait(id);
    if (wait === null) return;
    // It looks now and then on the way: that last look sets the timer that is due at the very end.
    this.clock.advance(wait);
    await this.quiet();
    this.clock.advance(0);
  }

  /** Lets everything that is under way in the store come to its end. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      await this.store.counts();
      await turn();
    }
  }

  async close(): Promise<void> {
    const stopped = Promise.all(this.queues.map((queue) => queue.stop(0)));
    // Time stands still, and so would its limits.
    for (let i = 0; i < 3; i++) {
      await turn();
      this.clock.advance(HOUR);
    }
    await stopped;
    await this.store.close();
    await this.directory.remove();
  }
}

/** A store of which some methods do something else. */
export function withMethods(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, key) => {
      const own = methods[key as keyof Store];
      const method = own ?? (target[key as keyof Store] as ((...args: unknown[]) => unknown) | undefined);
      // Some methods not every store has.
      if (method === undefined) return undefined;
      return (...args: unknown[]) => (method as (...args: unknown[]) => unknown).apply(own ? methods : target, args);
    },
  });
}
