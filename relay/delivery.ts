// The way out of a mail server, from the options: couriers, routes and a queue. New options make a new queue beside the
// old one, which ends what it has under way; the store keeps them from taking the same mail.
import type { Log } from '../src/log.ts';
import { planDelivery } from './delivery-plan.ts';
import type { MailStats } from './mail-stats.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import type { LaneView } from './queue/lane.ts';
import type { Queue } from './queue/queue.ts';
import type { DeliveryDesk } from './smtp/session-context.ts';
import type { Lease, Store } from './store/store.ts';

export interface Delivery {
  /** The same one after a reload. */
  readonly desk: DeliveryDesk;
  lookForMore(): void;
  lanes(): readonly LaneView[];
  /** Rejects with BAD_OPTION, and changes nothing then. */
  reload(options: SinkOptions | RelayOptions): Promise<void>;
  stop(drainMs: number): Promise<void>;
}

/** Null when nothing is ever delivered: a sink without upstreams. Rejects with BAD_OPTION. */
export async function startDelivery(
  options: SinkOptions | RelayOptions,
  store: Store,
  stats: MailStats,
  log: Log,
): Promise<Delivery | null> {
  if (!options.upstream?.length) return null;
  let queue = await openQueue(options, store, stats, log);
  queue.wake();
  const retired = new Set<Promise<void>>();
  // A lease comes back to the queue that gave it, which may be the one before a reload.
  const givenBy = new WeakMap<Lease, Queue>();
  return {
    desk: {
      reserve: () => {
        const lease = queue.reserve();
        if (lease) givenBy.set(lease, queue);
        return lease;
      },
      use: (lease, claim) => givenBy.get(lease)!.use(lease, claim),
    },
    lookForMore: () => queue.lookForMore(),
    lanes: () => queue.lanes(),
    reload: async (next) => {
      const before = queue;
      queue = await openQueue(next, store, stats, log);
      const end = before.stop(next.drainTimeout).finally(() => {
        retired.delete(end);
        // What it had claimed and not begun is free again.
        queue.lookForMore();
      });
      retired.add(end);
      queue.wake();
    },
    stop: async (drainMs) => {
      await Promise.all([queue.stop(drainMs), ...retired]);
    },
  };
}

async function openQueue(
  options: SinkOptions | RelayOptions,
  store: Store,
  stats: MailStats,
  log: Log,
): Promise<Queue> {
  const [{ Queue }, { openCourier }, { signerOf }] = await Promise.all([
    import('./queue/queue.ts'),
    import('./upstream/couriers.ts'),
    import('./upstream/dkim.ts'),
  ]);
  const { hostname } = options;
  const { upstreams, concurrency, pause, routes, retry, notices } = planDelivery(options);
  const signer = signerOf(options);
  return new Queue({
    store,
    routes,
    upstreams: upstreams.map((upstream) => ({
      courier: openCourier(upstream, { hostname, log, signer }),
      concurrency: upstream.concurrency ?? concurrency,
      rate: upstream.rate,
      pause,
    })),
    hostname,
    retry,
    notices,
    log,
    attempted: (upstream, outcome) => stats.attempted(upstream, outcome),
  });
}
