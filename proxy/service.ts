// One proxied address: a listener, and a pair for each connection to it. What the command line starts and stops.
import { formatAddress } from '../src/address.ts';
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
export async function startProxy(options: ProxyOptions, log: Log): Promise<ProxyService> {
  const { upstream, connectTimeout, idleTimeout } = options;
  let last = 0;
  const listener = new Listener(
    {
      address: options.listen,
      maxConnections: options.maxConnections || Number.POSITIVE_INFINITY,
      onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
    },
    (transport, peer) => {
      const id = ++last;
      log.info('pair.opened', { id, client: peer.socketAddress });
      new Pair(transport, { upstream, connectTimeout, idleTimeout }, ({ bytesUp, bytesDown, error }) => {
        const fields = { id, bytesUp, bytesDown };
        if (error === '') log.info('pair.closed', fields);
        else log.warn('pair.failed', { ...fields, error });
      });
      return undefined;
    },
  );
  const listen = await listener.listen();
  return {
    listen,
    upstream: formatAddress(upstream),
    stop: async (drainMs) => void (await listener.drain(drainMs)),
  };
}
