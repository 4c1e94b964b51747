// The dialogue of one proxied address: a journal, who writes into it (an observer for each connection), and who reads
// it (views and recordings). There is none when nobody reads: then bytes pass and are not looked at.
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { type Clock, realClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { ProxyOptions } from '../options.ts';
import type { Profile } from '../profiles/profile.ts';
import { Journal } from './journal.ts';
import type { Observer, ObserverOptions } from './observer.ts';
import { type Scribe, Watcher } from './watcher.ts';

/** Somebody who watches: how events are written, and where. */
export interface View {
  readonly scribe: Scribe;
  readonly stream: Writable;
  /** Events between two turns of the connections. */
  readonly perTurn?: number;
}

type DialogueOptions = Pick<ProxyOptions, 'protocol' | 'record' | 'keepSecrets'>;

export class Dialogue {
  readonly journal = new Journal();
  private readonly watchers: Watcher[] = [];
  private readonly profile: Profile | null;
  private readonly now: () => number;
  private readonly make: (options: ObserverOptions) => Observer;

  /** Undefined when nobody watches. Rejects with ChatError BAD_OPTION for a recording that cannot be written. */
  static async open(
    options: DialogueOptions,
    views: readonly View[],
    log: Log,
    clock: Clock,
  ): Promise<Dialogue | undefined> {
    const files = options.record ?? [];
    if (views.length === 0 && files.length === 0) return undefined;
    const [{ PROFILES }, { Observer }] = await Promise.all([import('../profiles/table.ts'), import('./observer.ts')]);
    const profile = options.protocol === 'auto' ? null : PROFILES[options.protocol];
    const dialogue = new Dialogue(profile, clock, (how) => new Observer(how));
    for (const { scribe, stream, perTurn } of views) {
      dialogue.watchers.push(new Watcher(dialogue.journal, scribe, stream, perTurn === undefined ? {} : { perTurn }));
    }
    if (files.length === 0) return dialogue;
    const { record } = await import('../recording/record.ts');
    try {
      for (const file of files) dialogue.watchers.push(await record(dialogue.journal, file, options.keepSecrets, log));
    } catch (error) {
      await dialogue.close();
      throw error;
    }
    return dialogue;
  }

  private constructor(profile: Profile | null, clock: Clock, make: (options: ObserverOptions) => Observer) {
    this.profile = profile;
    // The machine's clock has milliseconds only, and answers take less.
    this.now = clock === realClock ? () => performance.timeOrigin + performance.now() : () => clock.now();
    this.make = make;
  }

  /** What looks at a connection. */
  observe(conn: number, client: string, upstream: string): Observer {
    const { journal, profile, now } = this;
    return this.make({ journal, conn, profile, client, upstream, now });
  }

  /** Everything that is in the journal is written down, as far as it is taken. */
  async close(): Promise<void> {
    await Promise.all(this.watchers.map((watcher) => watcher.stop()));
  }
}
