// One proxied address: a listener, and a pair for each connection to it. What the command line starts and stops.
// Connections are looked at only when somebody watches or records.
import { formatAddress } from '../src/address.ts';
import { type Clock, realClock } from '../src/clock.ts';
import { Listener, type PeerInfo } from '../src/listen.ts';
import type { Log } from '../src/log.ts';
import { Dialogue, type View } from './dialogue/dialogue.ts';
import type { ProxyOptions } from './options.ts';
import { Pair, type PairEnd } from './pair.ts';

export type { View } from './dialogue/dialogue.ts';

export interface ProxyService {
  /** The address that is really bound. */
  readonly listen: string;
  readonly upstream: string;
  stop(drainMs: number): Promise<void>;
}

export interface ProxySetting {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Who watches the dialogue. */
  readonly views?: readonly View[];
}

/** Rejects with ChatError LISTEN_FAILED, or BAD_OPTION for a recording that cannot be written. */
export async function startProxy(options: ProxyOptions, log: Log, setting: ProxySetting = {}): Promise<ProxyService> {
  const { upstream, connectTimeout, idleTimeout, finTimeout } = options;
  const { clock = realClock, views = [] } = setting;
  const pairs = new Set<Pair>();
  let lastEnded = (): void => {};
  let last = 0;
  // The dialogue shows both ends of each connection.
  const tell = views.length > 0 ? log.debug : log.info;
  const dialogue = await Dialogue.open(options, views, log, clock);
  const connected = (transport: ConstructorParameters<typeof Pair>[0], peer: PeerInfo): undefined => {
    const id = ++last;
    tell('pair.opened', { id, client: peer.socketAddress });
    const observer = dialogue?.observe(id, peer.socketAddress, formatAddress(upstream));
    const how = { upstream, connectTimeout, idleTimeout, finTimeout, clock, ...(observer && { observer }) };
    const pair: Pair = new Pair(transport, how, (end: PairEnd) => {
      const { bytesUp, bytesDown, error } = end;
      const fields = { id, bytesUp, bytesDown };
      if (error === '') tell('pair.closed', fields);
      else log.warn('pair.failed', { ...fields, error });
      pairs.delete(pair);
      if (pairs.size === 0) lastEnded();
    });
    pairs.add(pair);
    return undefined;
  };
  const listener = new Listener(
    {
      address: options.listen,
      maxConnections: options.maxConnections || Number.POSITIVE_INFINITY,
      clock,
      onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
    },
    connected,
  );
  let listen: string;
  try {
    listen = await listener.listen();
  } catch (error) {
    await dialogue?.close();
    throw error;
  }
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
      await dialogue?.close();
    },
  };
}
