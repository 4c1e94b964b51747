// One proxied address: a listener, and a pair for each connection to it. What the command line starts and stops.
// Connections are looked at only when somebody watches or records.
import { formatAddress } from '../src/address.ts';
import { type Clock, realClock } from '../src/clock.ts';
import { Crowd } from '../src/crowd.ts';
import { Listener, type PeerInfo } from '../src/listen.ts';
import type { Log } from '../src/log.ts';
import type { Transport } from '../src/transport.ts';
import { Dialogue, type View } from './dialogue/dialogue.ts';
import type { Journal } from './dialogue/journal.ts';
import { meet } from './effects/connecting.ts';
import { Effects } from './effects/effects.ts';
import type { Ground } from './ftp/follower.ts';
import { LintReport } from './lint/report.ts';
import type { ProxyOptions } from './options.ts';
import { Pair, type PairEnd, type PairObserver } from './pair.ts';
import type { Dialer, Reached } from './wire/dial.ts';
import { KEEP_ALIVE_MS, Probing } from './wire/probing.ts';
import { WaitingRoom } from './wire/waiting-room.ts';
import { Wiring } from './wire/wiring.ts';

export type { View } from './dialogue/dialogue.ts';

export interface ProxyService {
  /** The address that is really bound. */
  readonly listen: string;
  readonly upstream: string;
  /** What --lint has found so far. */
  readonly lint: LintReport | undefined;
  stop(drainMs: number): Promise<void>;
}

export interface ProxySetting {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Who watches the dialogue. */
  readonly views?: readonly View[];
  /** Effects that may come and go. Default: those of the options. */
  readonly effects?: Effects;
  /** Where the dialogue is written down. */
  readonly journal?: Journal;
}

/** Rejects with ChatError LISTEN_FAILED, or BAD_OPTION for a recording that cannot be written. */
export async function startProxy(options: ProxyOptions, log: Log, setting: ProxySetting = {}): Promise<ProxyService> {
  const { upstream, idleTimeout, finTimeout, reset } = options;
  const { clock = realClock, views = [] } = setting;
  const pairs = new Crowd<Pair>();
  const probing = new Probing(pairs, clock);
  let lastEnded = (): void => {};
  let last = 0;
  // The dialogue shows both ends of each connection.
  const tell = views.length > 0 ? log.debug : log.info;
  const wiring = await Wiring.load(options, log, clock);
  const effects = setting.effects ?? (options.effects ? new Effects(options.effects) : undefined);
  const lint = options.lint ? new LintReport() : undefined;
  const dialogue = await Dialogue.open(options, { views, effects, lint, journal: setting.journal }, log, clock);
  const common = { idleTimeout, finTimeout, reset, clock };
  const open = (id: number, client: Transport, dialer: Dialer, observer: PairObserver | undefined): Pair => {
    const pair: Pair = new Pair(client, { ...common, dialer, observer }, (end: PairEnd) => {
      const { bytesUp, bytesDown, error, cut } = end;
      const fields = { id, bytesUp, bytesDown };
      if (error === '') tell('pair.closed', fields);
      else log.warn('pair.failed', { ...fields, error });
      // Many clients just leave, so it is no warning.
      if (cut) tell('tls.cut', { id, from: cut.join(', ') });
      pairs.leave(member);
      if (pairs.size > 0) return;
      probing.end();
      lastEnded();
    });
    const member = pairs.join(pair);
    probing.begin();
    return pair;
  };
  const joined = (id: number, transport: Transport, peer: PeerInfo): void => {
    tell('pair.opened', { id, client: peer.socketAddress });
    const asked = transport.tls?.servername;
    if (dialogue) watched(dialogue, id, transport, peer);
    else open(id, transport, wiring.dialer({ id, peer, asked, mitm: undefined }), undefined);
  };
  const watched = (by: Dialogue, id: number, transport: Transport, peer: PeerInfo): void => {
    let how: Reached | null = null;
    const ground: Ground = {
      ...{ peer, clock, anywhere: options.ftpData === 'anywhere' },
      reached: () => how,
      dialer: (whose, to) => wiring.dataDialer(whose, to),
      number: () => ++last,
      join: open,
      touch: () => pair.touch(),
    };
    const mitm = wiring.mitm(transport, (from, bytes) => observer.drop?.(from, bytes));
    const secure = mitm && ((early: Buffer) => mitm.begin(early));
    const ends = { client: transport.remote, upstream: formatAddress(upstream) };
    const observer = by.observe({ conn: id, ...ends, secure }, ground);
    const reached = (by: Reached): void => {
      how = by;
    };
    const dialer = wiring.dialer({ id, peer, asked: transport.tls?.servername, mitm, reached });
    const pair = open(id, mitm?.client ?? transport, dialer, observer);
  };
  const connected = (transport: Transport, peer: PeerInfo): void => {
    const id = ++last;
    if (!effects) return accepted(id, transport, peer);
    const touched = (effect: string, isRefused: boolean): void => {
      dialogue?.visited(id, transport.remote, formatAddress(upstream), effect, isRefused);
    };
    meet({ effects, conn: id, transport, clock, go: () => accepted(id, transport, peer), touched });
  };
  const accepted = (id: number, transport: Transport, peer: PeerInfo): void => {
    const securing = wiring.secured(transport);
    if (securing === null) return joined(id, transport, peer);
    securing.then(
      (secured) => joined(id, secured, peer),
      (error: Error) => log.warn('tls.failed', { id, client: peer.socketAddress, error: error.message }),
    );
  };
  const room = options.maxConnections || Number.POSITIVE_INFINITY;
  const waiting = new WaitingRoom(room);
  const listener = new Listener(
    {
      address: options.listen,
      maxConnections: room + options.maxWaiting,
      proxyFrom: options.proxyFrom ?? [],
      // Those that wait for room are nobody's pair yet.
      keepAliveMs: options.maxWaiting > 0 ? KEEP_ALIVE_MS : 0,
      clock,
      onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
    },
    (transport, peer) => {
      waiting.arrive(transport, () => connected(transport, peer));
      return undefined;
    },
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
    lint,
    stop: async (drainMs) => {
      const cut = (): void => {
        for (const pair of pairs.all()) pair.fail('cut at the end of the drain timeout');
      };
      waiting.close();
      const limit = drainMs > 0 ? clock.setTimeout(cut, drainMs) : cut();
      await listener.drain(drainMs);
      // A client that left in order may have an upstream that is still reading.
      if (pairs.size > 0) await new Promise<void>((resolve) => (lastEnded = resolve));
      clock.clearTimeout(limit);
      if (lint) dialogue?.tellLint(lint);
      await dialogue?.close();
    },
  };
}
