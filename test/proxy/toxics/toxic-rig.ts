// The rig of the proxy tests with a proxy that has toxics. Its clock stands still unless a test asks for the real one.
import { ToxicProxy, type ToxicProxyOptions } from '../../../proxy/control/toxic-proxy.ts';
import { Random } from '../../../proxy/toxics/random.ts';
import type { Log } from '../../../src/log.ts';
import type { End, Upstream } from '../rig.ts';
import { Rig } from '../rig.ts';

const quiet = (): void => {};
export const QUIET: Log = {
  error: quiet,
  warn: quiet,
  info: quiet,
  debug: quiet,
  child: () => QUIET,
  flush: async () => {},
};

export class ToxicRig extends Rig {
  /** Connections that have ended. */
  over = 0;

  async toxicProxy(upstream: string, options: Partial<ToxicProxyOptions> = {}): Promise<ToxicProxy> {
    const proxy = new ToxicProxy(
      { name: 'test', listen: 'localhost:0', upstream },
      {
        clock: this.clock,
        log: QUIET,
        random: new Random(1),
        strict: false,
        maxHeld: 4 * 1024 * 1024,
        maxConnections: 100,
        connectTimeout: 10_000,
        onTraffic: (_proxy, direction) => {
          if (direction === 'upstream') this.over++;
        },
        ...options,
      },
    );
    await proxy.start();
    this.onCleanUp(() => proxy.drain(0));
    return proxy;
  }

  /** A client, and the other end of its connection. */
  async through(proxy: ToxicProxy, upstream: Upstream): Promise<[client: End, server: End]> {
    const count = upstream.ends.length + 1;
    const client = this.client(proxy.listen);
    return [client, await upstream.end(count)];
  }
}
