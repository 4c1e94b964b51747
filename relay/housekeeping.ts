// What keeps a store from growing for ever: failed mail that nobody looks at any more goes after a while, and a sink
// without an inbox (relay/inbox/engine/retention.ts) keeps only its newest messages.
import type { Log } from '../src/log.ts';
import type { Store } from './store/store.ts';

const PURGE_EVERY_MS = 3_600_000;
/** How long the inbox may hold more than it should. */
const TRIM_AFTER_MS = 200;

export interface Purging {
  /** How long mail that failed is kept, counted from its arrival; may change while it runs. */
  keepMs: number;
  stop(): void;
}

/** Now and every hour: what failed long ago goes, a step at a time, so that running sessions hardly notice. */
export function startPurging(store: Store, keepMs: number, log: Log): Purging {
  let stopped = false;
  const purge = async (): Promise<void> => {
    try {
      while (!stopped && (await store.purge(Date.now() - purging.keepMs)) > 0);
    } catch (error) {
      // Broken off by the stop: the next start goes on with it.
      if (!stopped) log.error('queue.purge_failed', { error: (error as Error).message });
    }
  };
  const timer = setInterval(() => void purge(), PURGE_EVERY_MS).unref();
  const purging: Purging = {
    keepMs,
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
  void purge();
  return purging;
}

export interface Trimmer {
  /** There is one more: what is too much goes a moment later, many in one commit. */
  added(): void;
  /** Removes what is still too much; before the store is closed. */
  stop(): Promise<void>;
}

/** Keeps the newest `max()` messages, 0 for all. */
export function trimmer(store: Store, max: () => number, log: Log): Trimmer {
  let timer: NodeJS.Timeout | null = null;
  const trim = async (): Promise<void> => {
    timer = null;
    await store.trim(max()).catch((error) => log.error('inbox.trim_failed', { error: (error as Error).message }));
  };
  return {
    added: () => {
      if (timer === null && max() > 0) timer = setTimeout(() => void trim(), TRIM_AFTER_MS);
    },
    stop: async () => {
      if (timer === null) return;
      clearTimeout(timer);
      await trim();
    },
  };
}
