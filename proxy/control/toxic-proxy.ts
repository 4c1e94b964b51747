// One proxy of the control server: a listener that comes and goes, a pair behind toxics for each connection.
import { formatAddress } from '../../src/address.ts';
import type { Clock, TimerHandle } from '../../src/clock.ts';
import { Listener } from '../../src/listen.ts';
import type { Log } from '../../src/log.ts';
import type { Transport } from '../../src/transport.ts';
import { Pair } from '../pair.ts';
import type { Random } from '../toxics/random.ts';
import { DIRECTIONS, type Direction } from '../toxics/toxic.ts';
import { ToxicSet } from '../toxics/toxic-set.ts';
import { directDialer } from '../wire/dial.ts';
import { ApiError } from './api-error.ts';
import { listenFailure, parseUpstream, resolveListen } from './go-address.ts';

/** What all proxies of a server share. */
export interface ToxicProxyOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly strict: boolean;
  readonly maxHeld: number;
  readonly maxConnections: number;
  readonly connectTimeout: number;
  /** Bytes that a connection received from one side and sent to the other, told at its end. */
  onTraffic?(proxy: ToxicProxy, direction: Direction, received: number, sent: number): void;
}

export class ToxicProxy {
  readonly name: string;
  /** As it was written, and while it is enabled the address that is really bound. */
  listen: string;
  upstream: string;
  enabled = false;
  readonly toxics: ToxicSet;
  private readonly options: ToxicProxyOptions;
  private listener: Listener | null = null;
  private readonly pairs = new Set<Pair>();
  private lastEnded = (): void => {};

  constructor(order: { name: string; listen: string; upstream: string }, options: ToxicProxyOptions) {
    this.name = order.name;
    this.listen = order.listen;
    this.upstream = order.upstream;
    this.options = options;
    const { clock, maxHeld, strict } = options;
    this.toxics = new ToxicSet({ clock, maxHeld, strict, random: options.random.fork(order.name) });
  }

  /** Nothing if it runs. Throws ApiError 500 with Go's words. */
  async start(): Promise<void> {
    if (this.enabled) return;
    this.listener = await this.open();
    this.listen = this.listener.address;
    this.enabled = true;
    this.options.log.info('proxy.started', { name: this.name, listen: this.listen, upstream: this.upstream });
  }

  /** Closes the listener and every connection; what toxics hold is lost. */
  async stop(): Promise<void> {
    if (!this.enabled) return;
    this.enabled = false;
    for (const pair of [...this.pairs]) pair.fail('the proxy was stopped');
    await this.listener?.close();
    this.listener = null;
    this.options.log.info('proxy.stopped', { name: this.name });
  }

  /** Accepts no more; connections may go on for so long. */
  async drain(limitMs: number): Promise<void> {
    const { clock } = this.options;
    const cut = (): void => {
      for (const pair of [...this.pairs]) pair.fail('cut at the end of the drain timeout');
    };
    let limit: TimerHandle = null;
    if (limitMs > 0) limit = clock.setTimeout(cut, limitMs);
    else cut();
    await this.listener?.drain(limitMs);
    if (this.pairs.size > 0) await new Promise<void>((resolve) => (this.lastEnded = resolve));
    clock.clearTimeout(limit);
    this.enabled = false;
  }

  /** Another place to listen or to connect to means another proxy: connections to the old one end, toxics stay. */
  async update(change: { listen: string; upstream: string; enabled: boolean }): Promise<void> {
    if (await this.differs(change)) {
      await this.stop();
      this.listen = change.listen;
      this.upstream = change.upstream;
    }
    if (change.enabled) await this.start();
    else await this.stop();
  }

  /** Whether these are other places than those it has, whatever they are called. Throws ApiError 500. */
  async differs({ listen, upstream }: { listen: string; upstream: string }): Promise<boolean> {
    if (upstream !== this.upstream) return true;
    if (listen === this.listen) return false;
    const [is, will] = await Promise.all([resolved(this.listen), resolved(listen)]);
    return is !== will;
  }

  private async open(): Promise<Listener> {
    const address = await resolve(this.listen);
    const { clock, log, maxConnections } = this.options;
    const make = (host: string): Listener =>
      new Listener(
        {
          address: address.kind === 'tcp' ? { ...address, host } : address,
          maxConnections,
          clock,
          onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
        },
        (transport) => this.accept(transport),
      );
    const host = address.kind === 'tcp' ? address.host : '';
    const listener = make(host);
    try {
      await listener.listen();
      return listener;
    } catch (error) {
      const text = listenFailure(address, this.listen, error);
      // A machine without IPv6: every address is every IPv4 address then.
      if (host !== '::' || !text.includes('address family')) throw new ApiError(text, 500);
      const second = make('0.0.0.0');
      await second.listen();
      return second;
    }
  }

  private accept(inner: Transport): undefined {
    const { clock, connectTimeout, log, strict } = this.options;
    const upstream = parseUpstream(this.upstream);
    if (upstream === undefined) {
      log.warn('proxy.no_upstream', { name: this.name, upstream: this.upstream });
      inner.destroy();
      return undefined;
    }
    const client = this.toxics.wrap(inner, () => pair.reset('reset by a toxic'));
    const dialer = directDialer(upstream, connectTimeout, clock);
    const reset = strict ? 'flush' : 'faithful';
    const pair: Pair = new Pair(client, { dialer, reset, idleTimeout: 0, clock }, ({ error }) => {
      log.debug('pair.closed', { name: this.name, client: inner.remote, ...(error === '' ? {} : { error }) });
      this.pairs.delete(pair);
      for (const direction of DIRECTIONS) {
        const { received, sent } = client.chains[direction];
        this.options.onTraffic?.(this, direction, received, sent);
      }
      if (this.pairs.size === 0) this.lastEnded();
    });
    this.pairs.add(pair);
    return undefined;
  }
}

async function resolve(listen: string) {
  try {
    return await resolveListen(listen);
  } catch (error) {
    throw new ApiError((error as Error).message, 500);
  }
}

async function resolved(listen: string): Promise<string> {
  return formatAddress(await resolve(listen));
}
