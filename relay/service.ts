// A sink or a relay, put together: store, listeners, sessions, queue. What the command line starts and stops.
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { realClock } from '../src/clock.ts';
import type { Log } from '../src/log.ts';
import { type Delivery, startDelivery } from './delivery.ts';
import { DiskSpace } from './disk-space.ts';
import { allDoors, makeDoors, openDoors, type Places } from './doors.ts';
import { startPurging, trimmer } from './housekeeping.ts';
import { MailStats } from './mail-stats.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import { policyFrom } from './policy.ts';
import type { LaneView } from './queue/lane.ts';
import { needRestart } from './reload.ts';
import { createSecurity, type SecurityHooks } from './security.ts';
import type { SmtpContext } from './smtp/session-context.ts';
import { databaseName, isPostgresUrl } from './store/postgres-url.ts';
import type { Store } from './store/store.ts';

export interface MailService extends Places {
  /** The database's file, or its URL without secrets; '' for a temporary one. */
  readonly database: string;
  readonly store: Store;
  readonly stats: MailStats;
  readonly space: DiskSpace;
  /** The upstreams and how they do. */
  lanes(): readonly LaneView[];
  /**
   * Takes over new options while sessions and deliveries go on: they hold from the next command, the next attempt.
   * Resolves with the keys of those that need a restart. Rejects with BAD_OPTION, and changes nothing then.
   */
  reload(options: SinkOptions | RelayOptions): Promise<string[]>;
  /** Accepts no more, lets sessions and deliveries end within the limit, closes the store. */
  stop(drainMs: number): Promise<void>;
}

/** How long a client may take to hear that the drain limit is reached. */
const LAST_WORDS_MS = 1000;

/** Rejects with LISTEN_FAILED, STORE_FAILED or BAD_OPTION; nothing is left open then. */
export async function startMail(
  first: SinkOptions | RelayOptions,
  log: Log,
  hooks: SecurityHooks = {},
): Promise<MailService> {
  let options = first;
  const stats = new MailStats();
  const security = await createSecurity(options, log, hooks);
  const { database } = options;
  // The disk of a database server is its own affair.
  const isRemote = isPostgresUrl(database);
  const folder = database === undefined || isRemote ? tmpdir() : dirname(database);
  const space = new DiskSpace(folder, isRemote ? 0 : options.minFree, realClock);
  // Sockets are bound before the store opens: a client that is that early is greeted, and waits with its first command.
  let openNow = (): void => {};
  const opening = new Promise<Store>((resolve) => {
    openNow = () => resolve(openStore(database, stats));
  });
  const context: SmtpContext = {
    ...policyFrom(options, security),
    store: null,
    opening,
    log,
    stats,
    space,
    sessions: new Set(),
    accepted: () => {},
    delivery: null,
  };
  // Before the first session: its commands wait for the same promise, and must find the store when it resolves.
  const opened = opening.then((store) => {
    context.store = store;
    return store;
  });
  const doors = makeDoors(options, context, security, log);
  const places = await openDoors(doors);
  let store: Store;
  let delivery: Delivery | null = null;
  try {
    openNow();
    store = await opened;
    delivery = await startDelivery(options, store, stats, log);
  } catch (error) {
    await Promise.all(allDoors(doors).map((one) => one.close()));
    await context.store?.close();
    throw error;
  }
  const trim = options.mode === 'sink' ? trimmer(store, () => (options.mode === 'sink' ? options.max : 0), log) : null;
  context.delivery = delivery?.desk ?? null;
  context.accepted = ({ isWaiting }) => {
    if (isWaiting) delivery?.lookForMore();
    trim?.added();
  };
  const purging = delivery === null ? null : startPurging(store, options.keepFailed, log);
  return {
    ...places,
    database: databaseName(database ?? ''),
    store,
    stats,
    space,
    lanes: () => delivery?.lanes() ?? [],
    reload: async (next) => {
      const policy = policyFrom(next, security);
      await delivery?.reload(next);
      Object.assign(context, policy);
      security.reload();
      space.minFree = isRemote ? 0 : next.minFree;
      if (purging) purging.keepMs = next.keepFailed;
      const restarts = needRestart(options, next);
      if (delivery === null && next.upstream?.length) restarts.push('upstream');
      options = next;
      return restarts;
    },
    stop: async (drainMs) => {
      purging?.stop();
      const limit = setTimeout(() => {
        for (const session of context.sessions) session.cut();
      }, drainMs);
      const drained = allDoors(doors).map((one) => one.drain(drainMs + LAST_WORDS_MS));
      await Promise.all([...drained, delivery?.stop(drainMs)]);
      clearTimeout(limit);
      await trim?.stop();
      await store.close();
    },
  };
}

async function openStore(file: string | undefined, stats: MailStats): Promise<Store> {
  const onCommit = (ms: number, writes: number) => stats.committed(ms, writes);
  if (isPostgresUrl(file)) {
    const { openPostgresStore } = await import('./store/postgres.ts');
    return openPostgresStore({ url: file, isNode: true, onCommit });
  }
  const { openSqliteStore, openTemporaryStore } = await import('./store/sqlite.ts');
  return file === undefined ? openTemporaryStore({ onCommit }) : openSqliteStore({ file, onCommit });
}
