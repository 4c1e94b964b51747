// How nodes wake each other: one connection that listens, on which each node also tells, at most so often, that it has
// committed something. Not with every commit: PostgreSQL lets only one commit at a time pass that notifies. What is
// missed while the connection is away is made up for by looking: whoever watches is called when it is back, and every
// second as long as nothing comes through it.

import { Client } from 'pg';
import type { Connections } from './connections.ts';

const CHANNEL = 'lonedot';
/** Said behind a name: that one lives, and nothing else. */
const BEAT = ' beat';
/** Between two tellings. */
const TELL_MS = 100;
/** How often a node shows that it lives, and hears whether it is heard. */
const BEAT_MS = 5_000;
const RETRY_MS = 1_000;
const LOOK_MS = 1_000;
const ANSWER_MS = 5_000;

export interface ChannelOptions {
  readonly url: string;
  /** Tells apart what this one has told. */
  readonly id: string;
  readonly connections: Connections;
  /** Another has changed something. */
  readonly changed: () => void;
  /** Called with every beat, while the connection lives: a statement to run on it. */
  readonly beat: (ask: (text: string, values: unknown[]) => Promise<unknown[][]>) => Promise<void>;
}

export class Channel {
  readonly #options: ChannelOptions;
  #client: Client | null = null;
  #isClosed = false;
  #hasNews = false;
  #tellTimer: NodeJS.Timeout | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;
  #retry: NodeJS.Timeout | null = null;
  #beats: NodeJS.Timeout | null = null;
  #looks: NodeJS.Timeout | null = null;
  #last: Promise<unknown> = Promise.resolve();
  /** Since when what this one says has not come back. */
  #unheardSince: number | null = null;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Never rejects: what cannot be heard is looked for. */
  async open(): Promise<void> {
    await this.#connect();
    this.#beats = setInterval(() => void this.#beat(), BEAT_MS);
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
    this.#beats.unref();
    this.#looks.unref();
  }

  /** Others are told within a moment. Cheap to call often. */
  tell(): void {
    this.#hasNews = true;
    if (this.#tellTimer !== null || this.#isClosed) return;
    const wait = Math.max(0, this.#toldAt + TELL_MS - performance.now());
    this.#tellTimer = setTimeout(() => {
      this.#tellTimer = null;
      this.#tellNow();
    }, wait);
    this.#tellTimer.unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of [this.#tellTimer, this.#retry]) if (timer) clearTimeout(timer);
    for (const timer of [this.#beats, this.#looks]) if (timer) clearInterval(timer);
    const client = this.#client;
    this.#client = null;
    if (!client) return;
    if (this.#hasNews) await this.#say(client).catch(() => {});
    const ended = client.end().catch(() => {});
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  }

  async #connect(): Promise<void> {
    const { url, id } = this.#options;
    const client = new Client({
      connectionString: url,
      application_name: 'lonedot listening',
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    // Before anything can go wrong: an error without a listener would end the process.
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload }) => {
      if (payload === `${id}${BEAT}`) this.#unheardSince = null;
      else if (payload !== id && !payload?.endsWith(BEAT) && !this.#isClosed) this.#options.changed();
    });
    this.#client = client;
    this.#last = Promise.resolve();
    try {
      await client.connect();
      await client.query(`SET synchronous_commit=off; SET search_path=lonedot; LISTEN ${CHANNEL}`);
    } catch {
      return this.#lost(client);
    }
    // What was said just now tells whether this can be heard at all.
    this.#unheardSince = null;
    void this.#beat();
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy();
    if (this.#isClosed) return;
    this.#retry = setTimeout(async () => {
      await this.#connect();
      // What was said meanwhile went unheard.
      if (!this.#isClosed) this.#options.changed();
    }, RETRY_MS);
    this.#retry.unref();
  }

  #tellNow(): void {
    this.#toldAt = performance.now();
    const client = this.#client;
    if (!client) return;
    this.#hasNews = false;
    this.#say(client).catch(() => this.#lost(client));
  }

  async #beat(): Promise<void> {
    const client = this.#client;
    if (!client || this.#isClosed) return;
    this.#unheardSince ??= performance.now();
    try {
      await this.#options.beat((text, values) => this.#ask(client, text, values));
      await this.#say(client, BEAT);
    } catch {
      this.#lost(client);
    }
  }

  #look(): void {
    const now = performance.now();
    const isHeard = this.#client !== null && (this.#unheardSince === null || now - this.#unheardSince < BEAT_MS);
    if (!isHeard) this.#options.changed();
  }

  async #say(client: Client, what = ''): Promise<void> {
    await this.#ask(client, 'SELECT pg_notify($1, $2)', [CHANNEL, this.#options.id + what]);
  }

  /** One question after the other. */
  #ask(client: Client, text: string, values: unknown[]): Promise<unknown[][]> {
    const answer = this.#last.then(async () => (await client.query({ text, values, rowMode: 'array' })).rows);
    this.#last = answer.catch(() => {});
    return answer;
  }
}
