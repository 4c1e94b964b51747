// From the options of a proxied address to what is done with each connection on its way to being a pair: TLS of the
// client, the way to an upstream, STARTTLS. What is not asked for is not loaded.
import type { Address } from '../../src/address.ts';
import type { Clock } from '../../src/clock.ts';
import type { PeerInfo } from '../../src/listen.ts';
import type { Log } from '../../src/log.ts';
import { buildProxyHeader } from '../../src/proxy-header.ts';
import type { Transport } from '../../src/transport.ts';
import type { ProxyOptions } from '../options.ts';
import type { ProxyTls } from '../tls.ts';
import { type Dialer, dial, directDialer, type Reached, type Route, type Via } from './dial.ts';
import type { Mitm, MitmOptions } from './mitm.ts';

export interface Caller {
  readonly id: number;
  readonly peer: PeerInfo;
  /** The name that the client has asked for by TLS. */
  readonly asked: string | undefined;
  readonly mitm: Mitm | undefined;
  /** Told when there is an upstream. */
  reached?(how: Reached): void;
}

interface Parts {
  readonly tls: ProxyTls | undefined;
  readonly via: Via | undefined;
  readonly mitm: typeof Mitm | undefined;
}

export class Wiring {
  private readonly options: ProxyOptions;
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly parts: Parts;
  /** What all connections have in common, and most have nothing else. */
  private readonly common: Route;

  /** Rejects with ChatError BAD_OPTION for files that are not what they should be. */
  static async load(options: ProxyOptions, log: Log, clock: Clock): Promise<Wiring> {
    const { tlsListen, tlsUpstream, tlsMitm, starttls, upstreamProxy } = options;
    const isMitm = starttls === 'mitm';
    const needsTls = tlsListen || tlsUpstream || tlsMitm || isMitm;
    const parts: Parts = {
      tls: needsTls ? await (await import('../tls.ts')).loadTls(options, log, clock) : undefined,
      via: upstreamProxy ? (await import('./via.ts')).viaProxy(upstreamProxy) : undefined,
      mitm: isMitm ? (await import('./mitm.ts')).Mitm : undefined,
    };
    return new Wiring(options, log, clock, parts);
  }

  private constructor(options: ProxyOptions, log: Log, clock: Clock, parts: Parts) {
    this.options = options;
    this.log = log;
    this.clock = clock;
    this.parts = parts;
    const { upstream, fallback = [], connectTimeout: timeoutMs } = options;
    const { via } = parts;
    this.common = { upstreams: [upstream, ...fallback], timeoutMs, clock, isProbedLater: true, ...(via && { via }) };
  }

  /** The client's connection as it is read here; null when that is at once. */
  secured(transport: Transport): Promise<Transport> | null {
    const { tlsListen, tlsMitm, upstream } = this.options;
    if (!tlsListen && !tlsMitm) return null;
    return transport.startTls!(this.parts.tls!.server(upstream), Buffer.alloc(0));
  }

  /** With --starttls mitm. */
  mitm(transport: Transport, dropped: MitmOptions['dropped']): Mitm | undefined {
    const { mitm, tls } = this.parts;
    return mitm && new mitm(transport, { tls: tls!, timeoutMs: this.options.connectTimeout, dropped });
  }

  dialer(caller: Caller): Dialer {
    const route = this.route(caller);
    // Most have nothing to tell on their way.
    if (route.upstreams.length === 1 && !caller.reached) return (outcome) => dial(route, outcome);
    return (outcome) =>
      dial(route, {
        failed: (why) => outcome.failed(why),
        connected: (transport, how) => {
          caller.reached?.(how);
          outcome.connected(transport, how);
        },
        skipped: (upstream, error) => {
          this.log.warn('upstream.skipped', { id: caller.id, upstream, error });
          outcome.skipped?.(upstream, error);
        },
      });
  }

  /** To where a client or the server listens for data. */
  dataDialer(whose: 'client' | 'server', to: Address): Dialer {
    const { connectTimeout: timeoutMs } = this.options;
    const { via } = this.parts;
    if (whose === 'client' || !via) return directDialer(to, timeoutMs, this.clock);
    return (outcome) => dial({ upstreams: [to], timeoutMs, clock: this.clock, via }, outcome);
  }

  private route({ peer, asked, mitm }: Caller): Route {
    const { common } = this;
    const { sendProxy } = this.options;
    const secure = mitm ? (plain: Transport, to: Address) => mitm.join(plain, to) : this.secure(asked);
    if (!sendProxy && !secure) return common;
    return {
      ...common,
      ...(sendProxy && { preamble: proxyHeader(sendProxy, peer) }),
      ...(secure && { secure }),
    };
  }

  private secure(asked: string | undefined): Route['secure'] {
    const { tlsUpstream, tlsMitm, connectTimeout: handshakeMs } = this.options;
    if (!tlsUpstream && !tlsMitm) return undefined;
    const { client } = this.parts.tls!;
    return (plain, upstream) => plain.startTls!({ ...client(upstream, asked), handshakeMs }, Buffer.alloc(0));
  }
}

/** Who the client is, for the upstream. */
function proxyHeader(version: 'v1' | 'v2', { address, port, localAddress, localPort }: PeerInfo): Buffer {
  const number = version === 'v1' ? 1 : 2;
  // Of a unix socket nothing is known.
  if (address === '' || localAddress === '') return buildProxyHeader(number, null, null);
  return buildProxyHeader(number, { address, port }, { address: localAddress, port: localPort });
}
