// One proxied address: a listener, and a pair for each connection to it. What the command line starts and stops.
import { formatAddress } from '../src/address.ts';
import { type Clock, realClock } from '../src/clock.ts';
import { Listener } from '../src/listen.ts';
import type { Log } from '../src/log.ts';
import type { ProxyOptions } from './options.ts';
import { Pair } from './pair.ts';

export interface ProxyService {
  /** The address that is really bound. */
  readonly listen: string;
  readonly upstream: string;
  stop(drainMs: number): Promise<void>;
}

/** Rejects with ChatError LISTEN_FAILED. */
export async function startProxy(options: ProxyOptions, log: Log, clock: Clock = realClock): Promise<ProxyService> {
  const { upstream, connectTimeout, idleTimeout } = options;
  const pairs = new Set<Pair>();
  let lastEnded = (): void => {};
  let last = 0;
  const listener = new Listener(
    {
      address: options.listen,
      maxConnections: options.maxConnections || Number.POSITIVE_INFINITY,
      clock,
      onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
    },
    (transport, peer) => {
      const id = ++last;
      log.info('pair.opened', { id, client: peer.socketAddress });
      const pair: Pair = new Pair(transport, { upstream, connectTimeout, idleTimeout, clock }, (end) => {
        const { bytesUp, bytesDown, error } = end;
        const fields = { id, bytesUp, bytesDown };
        if (error === '') log.info('pair.closed', fields);
        else log.warn('pair.failed', { ...fields, error });
        pairs.delete(pair);
        if (pairs.size === 0) lastEnded();
      });
      pairs.add(pair);
      return undefined;
    },
  );
  const listen = await listener.listen();
  return {
    listen,
    upstream: formatAddress(upstream),
    stop: async (drainMs) => {
      const cut = (): void => {
        for (const pair of [...pairs]) pair.fail('cut at the end of the drain timeout');
      };
      const limit = drainMs > 0 ? clock.setTimeout(cut, drainMs) : cut();
      await listener.drain(drainMs);
      // A client that left in order may have an upstream that is still reading.
      if (pairs.size > 0) await new Promise<void>((resolve) => (lastEnded = resolve));
      clock.clearTimeout(limit);
    },
  };
}
