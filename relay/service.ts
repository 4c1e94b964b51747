// A sink or a relay, put together: store, listeners, sessions, queue. What the command line starts and stops.
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { realClock } from '../src/clock.ts';
import type { Log } from '../src/log.ts';
import { type Delivery, startDelivery } from './delivery.ts';
import { DiskSpace } from './disk-space.ts';
import { allDoors, makeDoors, openDoors, type Places } from './doors.ts';
import { startPurging, trimmer } from './housekeeping.ts';
import type { SqliteInbox } from './inbox/engine/sqlite-inbox.ts';
import type { Inbox } from './inbox/inbox.ts';
import { inboxSettings } from './inbox/options.ts';
import { MailStats } from './mail-stats.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import { policyFrom } from './policy.ts';
import type { LaneView } from './queue/lane.ts';
import { newestIn, type Readers, startReaders } from './readers.ts';
import { needRestart } from './reload.ts';
import { createSecurity, type SecurityHooks } from './security.ts';
import { firstFaults, NO_TOOLS, openTools, policyOf, type SinkTools } from './sink-tools.ts';
import type { AcceptedMail, SmtpContext } from './smtp/session-context.ts';
import { databaseName, isPostgresUrl } from './store/postgres-url.ts';
import type { Store } from './store/store.ts';

export interface MailService extends Places, SinkTools, Pick<Readers, 'pop3' | 'pop3s' | 'webhooks'> {
  /** The database's file, or its URL without secrets; '' for a temporary one. */
  readonly database: string;
  readonly store: Store;
  /** The captured mail of a sink; null for a relay, and for a sink on PostgreSQL. */
  readonly inbox: Inbox | null;
  /** To be told of mail that was stored by another way than SMTP. */
  accepted(mail: AcceptedMail): void;
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

/** For programs that have lonedot inside them. */
export interface ServiceHooks extends SecurityHooks {
  /** Told when the sockets are bound: from now on clients are greeted, and wait with their first command for the store. */
  readonly bound?: (places: Places) => void;
  /** Of a sink: told of each session, whose dialogue grows as it goes on. */
  readonly sessionOpened?: SmtpContext['sessionOpened'];
}

/** How long a client may take to hear that the drain limit is reached. */
const LAST_WORDS_MS = 1000;

/** Rejects with LISTEN_FAILED, STORE_FAILED or BAD_OPTION; nothing is left open then. */
export async function startMail(
  first: SinkOptions | RelayOptions,
  log: Log,
  { bound, sessionOpened, ...hooks }: ServiceHooks = {},
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
  // Taken in before all is there that wants to hear of it.
  const early: AcceptedMail[] = [];
  const context: SmtpContext = {
    ...policyFrom(options, security),
    store: null,
    opening,
    log,
    stats,
    space,
    sessions: new Set(),
    accepted: (mail) => early.push(mail),
    delivery: null,
    keepsTranscripts: options.mode === 'sink',
    sessionOpened,
    faults: null,
  };
  // Before the first session: its commands wait for the same promise, and must find the store when it resolves.
  let newest = Promise.resolve(0);
  const opened = opening.then((store) => {
    context.store = store;
    newest = newestIn(store, options);
    return store;
  });
  const injected = await firstFaults(options, context);
  const doors = makeDoors(options, context, security, log);
  const places = await openDoors(doors);
  bound?.(places);
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
  const inbox = options.mode === 'sink' ? await openInbox(store, options, log) : null;
  const max = () => (options.mode === 'sink' ? options.max : 0);
  const trim = options.mode === 'sink' && inbox === null ? trimmer(store, max, log) : null;
  context.delivery = delivery?.desk ?? null;
  context.accepted = (mail) => {
    if (mail.isWaiting) delivery?.lookForMore();
    inbox?.accepted(mail);
    trim?.added();
  };
  for (const mail of early) context.accepted(mail);
  const queued = (): void => delivery?.lookForMore();
  const parts = { context, injected, inbox, security, store, queued, log };
  const tools = options.mode === 'sink' ? await openTools(options, parts) : NO_TOOLS;
  const readers = await startReaders(options, { store, inbox, newest, security, log }).catch(async (error) => {
    await Promise.all(allDoors(doors).map((one) => one.close()));
    await Promise.all([delivery?.stop(0), inbox?.close()]);
    await store.close();
    throw error;
  });
  const purging = delivery === null ? null : startPurging(store, options.keepFailed, log);
  return {
    ...places,
    database: databaseName(database ?? ''),
    store,
    inbox,
    ...tools,
    pop3: readers.pop3,
    pop3s: readers.pop3s,
    webhooks: () => readers.webhooks(),
    accepted: (mail) => context.accepted(mail),
    stats,
    space,
    lanes: () => delivery?.lanes() ?? [],
    reload: async (next) => {
      const policy = policyFrom(next, security);
      await delivery?.reload(next);
      Object.assign(context, policy);
      security.reload();
      readers.reload();
      space.minFree = isRemote ? 0 : next.minFree;
      if (purging) purging.keepMs = next.keepFailed;
      if (next.mode === 'sink') inbox?.configure(inboxSettings(next));
      if (next.mode === 'sink' && tools.release) tools.release.policy = policyOf(next);
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
      await Promise.all([...drained, delivery?.stop(drainMs), readers.stop(drainMs)]);
      clearTimeout(limit);
      await Promise.all([trim?.stop(), inbox?.close()]);
      await store.close();
    },
  };
}

async function openInbox(store: Store, options: SinkOptions, log: Log): Promise<SqliteInbox | null> {
  if (isPostgresUrl(options.database)) return null;
  const { openSqliteInbox } = await import('./inbox/engine/sqlite-inbox.ts');
  return openSqliteInbox(store, inboxSettings(options), log);
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
