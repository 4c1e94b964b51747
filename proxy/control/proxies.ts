// All proxies of a control server by their names, and what can be done with them. What takes time (a listener that
// opens or closes, a name that is looked up) is done one after the other, so that two orders never meet half-way.
import { ChatError } from '../../src/errors.ts';
import type { Toxic } from '../toxics/toxic.ts';
import { ApiError, refusal } from './api-error.ts';
import { ToxicProxy, type ToxicProxyOptions } from './toxic-proxy.ts';

/** A proxy as it is wanted. */
export interface ProxyOrder {
  readonly name: string;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly toxics: readonly Toxic[];
}

export class Proxies {
  private readonly options: ToxicProxyOptions;
  private readonly proxies = new Map<string, ToxicProxy>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: ToxicProxyOptions) {
    this.options = options;
  }

  /** By name, as Go writes maps. */
  get all(): readonly ToxicProxy[] {
    return [...this.proxies.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  /** Throws ApiError 404. */
  get(name: string): ToxicProxy {
    const proxy = this.proxies.get(name);
    if (proxy === undefined) throw refusal('proxyNotFound');
    return proxy;
  }

  /** Rejects with ApiError 409, or 500 if it cannot listen. */
  create(order: ProxyOrder): Promise<ToxicProxy> {
    return this.inTurn(async () => {
      if (this.proxies.has(order.name)) throw refusal('proxyExists');
      return await this.put(order);
    });
  }

  /** `change` is told what the proxy is when its turn has come. Rejects with ApiError 404, 400 or 500. */
  update(
    name: string,
    change: (proxy: ToxicProxy) => Pick<ProxyOrder, 'listen' | 'upstream' | 'enabled'>,
  ): Promise<ToxicProxy> {
    return this.inTurn(async () => {
      const proxy = this.get(name);
      await proxy.update(change(proxy));
      return proxy;
    });
  }

  /** Rejects with ApiError 404. */
  remove(name: string): Promise<void> {
    return this.inTurn(async () => {
      const proxy = this.get(name);
      this.proxies.delete(name);
      await proxy.stop();
    });
  }

  /**
   * Makes or replaces proxies, one after the other. One that is in the same places already is left alone, with its
   * toxics and its state. `made` grows as they come: what stands in it when this rejects is there.
   */
  populate(orders: readonly ProxyOrder[], made: ToxicProxy[]): Promise<void> {
    return this.inTurn(async () => {
      for (const order of orders) made.push(await this.putIfNew(order));
    });
  }

  /** Every proxy is enabled, no toxic is left. Rejects with ApiError 500. */
  reset(): Promise<void> {
    return this.inTurn(async () => {
      for (const proxy of this.proxies.values()) {
        await proxy.start();
        proxy.toxics.removeAll();
      }
    });
  }

  /** The end of all of them: connections may go on for so long. */
  drain(limitMs: number): Promise<void> {
    return this.inTurn(async () => {
      await Promise.all([...this.proxies.values()].map((proxy) => proxy.drain(limitMs)));
    });
  }

  private async putIfNew(order: ProxyOrder): Promise<ToxicProxy> {
    const old = this.proxies.get(order.name);
    if (old && !(await old.differs(order))) return old;
    await old?.stop();
    return await this.put(order);
  }

  private async put(order: ProxyOrder): Promise<ToxicProxy> {
    const proxy = new ToxicProxy(order, this.options);
    for (const toxic of order.toxics) proxy.toxics.add(toxic);
    if (order.enabled) await proxy.start();
    this.proxies.set(order.name, proxy);
    return proxy;
  }

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run).catch((error: unknown) => {
      throw error instanceof ChatError ? new ApiError(error.message, 500) : error;
    });
    this.turn = result.catch(() => {});
    return result;
  }
}
