// The dialogue of one proxied address: a journal, who writes into it (an observer for each connection), and who reads
// it (views and recordings). There is none when nobody reads: then bytes pass and are not looked at.
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { type Clock, realClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Effects } from '../effects/effects.ts';
import type { Ground } from '../ftp/follower.ts';
import type { LintReport } from '../lint/report.ts';
import type { ProxyOptions } from '../options.ts';
import type { PairObserver } from '../pair.ts';
import type { Profile } from '../profiles/profile.ts';
import { Journal } from './journal.ts';
import type { Maker } from './makers.ts';
import type { ObserverOptions } from './observer.ts';
import { type Scribe, Watcher } from './watcher.ts';

/** Somebody who watches: how events are written, and where. */
export interface View {
  readonly scribe: Scribe;
  readonly stream: Writable;
  /** Events between two turns of the connections. */
  readonly perTurn?: number;
}

type DialogueOptions = Pick<ProxyOptions, 'protocol' | 'record' | 'keepSecrets' | 'starttls' | 'ftpData' | 'upstream'>;

const FTP_PORT = 21;

/** Who else takes part in it. */
export interface Company {
  readonly views: readonly View[];
  readonly effects: Effects | undefined;
  readonly lint: LintReport | undefined;
  /** Where it is written down, for whoever reads it by himself. */
  readonly journal: Journal | undefined;
}

export class Dialogue {
  readonly journal: Journal;
  private readonly watchers: Watcher[] = [];
  private readonly profile: Profile | null;
  private readonly now: () => number;
  private readonly make: Maker;

  /** Undefined when nobody watches. Rejects with ChatError BAD_OPTION for a recording that cannot be written. */
  static async open(
    options: DialogueOptions,
    { views, effects, lint, journal }: Company,
    log: Log,
    clock: Clock,
  ): Promise<Dialogue | undefined> {
    const files = options.record ?? [];
    const { protocol, starttls, ftpData, upstream } = options;
    const isFtp = protocol === 'ftp' || (protocol === 'auto' && upstream.kind === 'tcp' && upstream.port === FTP_PORT);
    const isWanted = views.length > 0 || files.length > 0 || starttls !== 'observe' || (isFtp && ftpData !== 'off');
    if (!isWanted && !effects && !lint && !journal) return undefined;
    const [{ PROFILES }, { maker }] = await Promise.all([import('../profiles/table.ts'), import('./makers.ts')]);
    const make = await maker({ protocol, starttls, ftpData, effects, lint, clock });
    const dialogue = new Dialogue(
      protocol === 'auto' ? null : PROFILES[protocol],
      clock,
      make,
      journal ?? new Journal(),
    );
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

  private constructor(profile: Profile | null, clock: Clock, make: Maker, journal: Journal) {
    this.journal = journal;
    this.profile = profile;
    // The machine's clock has milliseconds only, and answers take less.
    this.now = clock === realClock ? () => performance.timeOrigin + performance.now() : () => clock.now();
    this.make = make;
  }

  /** What looks at a connection. `ground`: what data connections of it would stand on. */
  observe(
    { conn, client, upstream, secure }: Pick<ObserverOptions, 'conn' | 'client' | 'upstream' | 'secure'>,
    ground?: Ground,
  ): PairObserver {
    const { journal, profile, now } = this;
    return this.make({ journal, conn, profile, client, upstream, now, secure }, ground);
  }

  /** A connection that has met an effect before anybody could look at it. */
  visited(conn: number, client: string, upstream: string, effect: string, isRefused: boolean): void {
    const { journal, profile, now } = this;
    const text = isRefused ? `turned away: ${effect}` : `kept waiting: ${effect}`;
    if (isRefused) journal.tell(conn, now(), { type: 'open', client, upstream, protocol: profile?.name ?? 'auto' });
    journal.tell(conn, now(), { type: 'note', from: 'client', text });
    if (isRefused) journal.tell(conn, now(), { type: 'close', bytesUp: 0, bytesDown: 0, error: '' });
  }

  /** What the linter has found so far, for whoever reads to the end. */
  tellLint({ findings }: LintReport): void {
    this.journal.tell(0, this.now(), { type: 'lint', findings });
  }

  /** Everything that is in the journal is written down, as far as it is taken. */
  async close(): Promise<void> {
    await Promise.all(this.watchers.map((watcher) => watcher.stop()));
  }
}
