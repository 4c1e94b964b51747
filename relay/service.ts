// A sink or a relay, put together: store, listeners, sessions, queue. What the command line starts and stops.
import { PeerList } from '../src/cidr.ts';
import { Listener, type PeerInfo } from '../src/listen.ts';
import type { Log } from '../src/log.ts';
import { ProtocolStats } from '../src/stats.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import type { Queue } from './queue.ts';
import { formatReply, REPLIES, type Reply, reply } from './replies.ts';
import { Session, type SmtpContext } from './session.ts';
import type { RouteKind, Store } from './store/store.ts';
import { parseUpstream } from './upstream.ts';

export interface MailService {
  /** The addresses that are really bound: a port 0 has become a number. */
  readonly smtp: readonly string[];
  /** The database's file, '' for a temporary one. */
  readonly database: string;
  readonly store: Store;
  readonly stats: ProtocolStats;
  /** Accepts no more, lets sessions and deliveries end within the limit, closes the store. */
  stop(drainMs: number): Promise<void>;
}

/** How long a client may take to hear that the drain limit is reached. */
const LAST_WORDS_MS = 1000;

const DENIED = reply(550, '5.7.1', 'This server relays only for its own clients');

const PURGE_EVERY_MS = 3_600_000;

/** Rejects with LISTEN_FAILED, STORE_FAILED or BAD_OPTION; nothing is left open then. */
export async function startMail(options: SinkOptions | RelayOptions, log: Log): Promise<MailService> {
  const upstreams = options.mode === 'relay' ? options.upstream.map((url) => parseUpstream(String(url))) : [];
  const stats = new ProtocolStats();
  // Sockets are bound before the store opens: a client that is that early is greeted, and waits with its first command.
  let openNow = (): void => {};
  const opening = new Promise<Store>((resolve) => {
    openNow = () => resolve(openStore(options.database));
  });
  const context = contextFor(options, opening, stats, log);
  // Before the first session: its commands wait for the same promise, and must find the store when it resolves.
  const opened = opening.then((store) => {
    context.store = store;
    return store;
  });
  const listeners = options.smtp.map(
    (address) =>
      new Listener(
        {
          address,
          maxConnections: options.maxConnections || Number.POSITIVE_INFINITY,
          maxConnectionsPerAddress: options.maxConnectionsPerAddress || Number.POSITIVE_INFINITY,
          refusal: (why) => (why === 'draining' ? undefined : formatReply(REPLIES.tooManyConnections)),
          stats,
          onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
        },
        (transport, peer) => new Session(transport, peer, context),
      ),
  );
  let smtp: string[];
  let store: Store;
  try {
    smtp = await Promise.all(listeners.map((one) => one.listen()));
    openNow();
    store = await opened;
  } catch (error) {
    await Promise.all(listeners.map((one) => one.close()));
    throw error;
  }
  let queue: Queue | null = null;
  let purging: { stop(): void } | null = null;
  if (options.mode === 'relay') {
    const { Queue: RelayQueue } = await import('./queue.ts');
    const { hostname, concurrency, retryMin: min, retryMax: max, expire } = options;
    queue = new RelayQueue({ store, upstreams, hostname, concurrency, retry: { min, max, expire }, log });
    const running = queue;
    context.delivery = queue;
    context.accepted = (waiting) => {
      if (waiting) running.lookForMore();
    };
    queue.wake();
    purging = startPurging(store, options.keepFailed, log);
  } else if (options.max > 0) context.accepted = trimmer(store, options.max, log);
  return {
    smtp,
    database: options.database ?? '',
    store,
    stats,
    stop: async (drainMs) => {
      purging?.stop();
      const limit = setTimeout(() => {
        for (const session of context.sessions) session.cut();
      }, drainMs);
      const drained = listeners.map((one) => one.drain(drainMs + LAST_WORDS_MS));
      await Promise.all([...drained, queue?.stop(drainMs)]);
      clearTimeout(limit);
      await store.close();
    },
  };
}

function contextFor(
  options: SinkOptions | RelayOptions,
  opening: Promise<Store>,
  stats: ProtocolStats,
  log: Log,
): SmtpContext {
  return {
    store: null,
    opening,
    log,
    stats,
    hostname: options.hostname,
    limits: {
      maxSize: options.maxMessageSize || Number.POSITIVE_INFINITY,
      maxRecipients: options.maxRecipients,
      maxLine: options.maxLine,
      maxErrors: options.maxErrors || Number.POSITIVE_INFINITY,
    },
    lineEndings: options.lineEndings,
    timeouts: { idle: options.idleTimeout, frame: options.dataTimeout },
    sessions: new Set(),
    route: options.mode === 'sink' ? () => 'capture' : relayRoute(options.relayFrom),
    accepted: () => {},
    delivery: null,
  };
}

/** A closed relay: mail of others is refused at RCPT, where their software tells them why. */
function relayRoute(relayFrom: readonly string[]): (address: string, peer: PeerInfo) => RouteKind | Reply {
  const clients = new PeerList(relayFrom);
  return (_address, peer) => (clients.matches(peer.address) ? 'relay' : DENIED);
}

async function openStore(file: string | undefined): Promise<Store> {
  const { openSqliteStore, openTemporaryStore } = await import('./store/sqlite.ts');
  return file === undefined ? openTemporaryStore() : openSqliteStore({ file });
}

/** Now and every hour: what failed long ago goes, a step at a time, so that running sessions hardly notice. */
function startPurging(store: Store, keepMs: number, log: Log): { stop(): void } {
  let stopped = false;
  const purge = async (): Promise<void> => {
    try {
      while (!stopped && (await store.purge(Date.now() - keepMs)) > 0);
    } catch (error) {
      // Broken off by the stop: the next start goes on with it.
      if (!stopped) log.error('queue.purge_failed', { error: (error as Error).message });
    }
  };
  void purge();
  const timer = setInterval(() => void purge(), PURGE_EVERY_MS).unref();
  return {
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/** Keeps the newest `max` messages. One removal at a time: what comes meanwhile is removed by the next one. */
function trimmer(store: Store, max: number, log: Log): () => void {
  let state: 'rest' | 'busy' | 'again' = 'rest';
  const run = async (): Promise<void> => {
    do {
      state = 'busy';
      await store.trim(max).catch((error) => log.error('inbox.trim_failed', { error: (error as Error).message }));
    } while ((state as string) === 'again');
    state = 'rest';
  };
  return () => {
    if (state === 'rest') void run();
    else state = 'again';
  };
}
