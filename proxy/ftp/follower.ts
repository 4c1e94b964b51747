// Follows the data connections of one control connection of FTP: where client and server name an address for data, a
// port of the proxy takes its place, and what comes there goes on to the address that was named. Nobody is sent anywhere
// but to the other end of the control connection (no bounce: RFC 2577 3), and nobody else may come.
import { type Address, formatAddress } from '../../src/address.ts';
import type { Clock } from '../../src/clock.ts';
import type { PeerInfo } from '../../src/peer.ts';
import type { Transport } from '../../src/transport.ts';
import type { Changed, Changer } from '../changer.ts';
import type { SideName } from '../dialogue/event.ts';
import type { Journal } from '../dialogue/journal.ts';
import type { Observer } from '../dialogue/observer.ts';
import type { About } from '../dialogue/tap.ts';
import type { PairObserver } from '../pair.ts';
import type { Kind } from '../profiles/profile.ts';
import type { Dialer, Reached } from '../wire/dial.ts';
import { announcedByClient, announcedByServer, commandWith, type DataAddress, replyWith } from './addresses.ts';
import { DataPort } from './data-port.ts';
import { Transfer } from './transfer.ts';

/** More at a time are not for one client. */
const MOST_TRANSFERS = 16;
const PASSIVE = /^(?:PASV|EPSV)\b/i;
const TRANSFER = /^(?:RETR|STOR|STOU|APPE|LIST|NLST|MLSD)\b/i;

/** What a control connection stands on. */
export interface Ground {
  readonly peer: PeerInfo;
  /** Data may go to, and come from, other hosts than the control connection's. */
  readonly anywhere: boolean;
  readonly clock: Clock;
  /** How the server was reached; null before it was. */
  reached(): Reached | null;
  /** The way to a data address: of the server, as the server itself was reached, or of the client. */
  dialer(whose: SideName, to: Address): Dialer;
  /** A number for the next connection. */
  number(): number;
  /** What has come goes on to where the dialer leads. */
  join(conn: number, arrived: Transport, dialer: Dialer, observer: PairObserver | undefined): void;
  /** The control connection is not idle. */
  touch(): void;
}

export interface FollowerOptions {
  readonly ground: Ground;
  readonly journal: Journal;
  readonly conn: number;
  now(): number;
}

/** A data connection to be. */
interface Way {
  /** Who listens for it. */
  readonly of: SideName;
  /** Where the port is, and who may come there. */
  readonly host: string;
  readonly from: string;
  readonly to: Address & { kind: 'tcp' };
}

export class Follower implements Changer {
  private readonly options: FollowerOptions;
  private readonly observer: Pick<Observer, 'protocol' | 'progress'>;
  private port: DataPort | null = null;
  private transfers = 0;
  /** When so many requests have their answers, the one about a passive connection has. */
  private answersDue = 0;
  /** The command that the next data connection is for. */
  private exchange = { command: '' };
  private isOver = false;

  constructor(options: FollowerOptions, observer: Pick<Observer, 'protocol' | 'progress'>) {
    this.options = options;
    this.observer = observer;
  }

  get isAsleep(): boolean {
    return this.observer.protocol !== 'ftp';
  }

  /** A server's words wait only while one of them may be an address. */
  holds(from: SideName): boolean {
    if (this.isAsleep) return false;
    return from === 'client' || this.observer.progress.answered < this.answersDue;
  }

  change(from: SideName, kind: Kind, bytes: Buffer, { part, more }: About): Changed | null {
    if (this.isAsleep || part || more) return null;
    const line = bytes.toString('latin1').replace(/\r?\n$/, '');
    if (from === 'client' && kind === 'command') return this.command(line, bytes);
    if (from === 'server' && kind === 'reply') return this.reply(line, bytes);
    return null;
  }

  close(): void {
    this.isOver = true;
    this.port?.close();
  }

  private command(line: string, bytes: Buffer): Changed | null {
    const named = announcedByClient(line);
    const isPassive = PASSIVE.test(line);
    if (named || isPassive) this.exchange = { command: '' };
    if (isPassive) this.answersDue = this.observer.progress.asked;
    if (TRANSFER.test(line)) this.exchange.command ||= line;
    if (!named) return null;
    const reached = this.options.ground.reached();
    if (!reached?.localAddress || reached.isVia) return unfollowed(bytes, 'the server cannot come back the same way');
    const { peer, anywhere } = this.options.ground;
    if (peer.address === '') return unfollowed(bytes, 'the client has no address');
    const host = anywhere ? named.host : peer.address;
    const way: Way = {
      of: 'client',
      host: reached.localAddress,
      from: reached.remoteAddress,
      to: tcp(host, named.port),
    };
    return this.follow(way, named, bytes, (at) => commandWith(line, at));
  }

  private reply(line: string, bytes: Buffer): Changed | null {
    const named = announcedByServer(line);
    const reached = this.options.ground.reached();
    if (!named || !reached) return null;
    const { peer, anywhere } = this.options.ground;
    if (peer.viaProxy || peer.localAddress === '') return unfollowed(bytes, 'the client does not come here straight');
    const at = reached.isVia || reached.remoteAddress === '' ? hostOf(reached.upstream) : reached.remoteAddress;
    if (at === '') return unfollowed(bytes, 'the upstream has no address');
    const host = anywhere && named.host !== '' ? named.host : at;
    const way: Way = { of: 'server', host: peer.localAddress, from: peer.address, to: tcp(host, named.port) };
    if (replyWith(line, { host: way.host, port: 1 }) === null)
      return unfollowed(bytes, '227 has no room for an address of IPv6, which EPSV would not need');
    return this.follow(way, named, bytes, (own) => replyWith(line, own)!);
  }

  private follow(way: Way, named: DataAddress, bytes: Buffer, words: (at: DataAddress) => string): Changed {
    if (this.transfers >= MOST_TRANSFERS) return unfollowed(bytes, `there are ${MOST_TRANSFERS} already`);
    // What was named before holds no longer.
    this.port?.close();
    this.port = null;
    if (named.host !== '' && named.host !== way.to.host)
      this.tell(way.of, `${named.host} is named for data: it goes to ${way.to.host}, the other end of this connection`);
    const end = /(?:\r?\n)?$/.exec(bytes.toString('latin1'))![0];
    const changed = this.open(way).then((port) =>
      port === null ? bytes : Buffer.from(words({ host: way.host, port }) + end, 'latin1'),
    );
    return { bytes: changed, note: '' };
  }

  /** Resolves with the port that takes the place of the named one; null when there is none. */
  private async open(way: Way): Promise<number | null> {
    const { ground } = this.options;
    const { exchange } = this;
    try {
      const port = await DataPort.open({
        host: way.host,
        from: ground.anywhere ? null : way.from,
        clock: ground.clock,
        arrived: (transport) => this.arrived(way, transport, exchange),
        refused: (address) => this.tell(way.of, `${address} came for the data, and was turned away`),
      });
      this.port?.close();
      this.port = port;
      if (this.isOver) port.close();
      const text = formatAddress(tcp(way.host, port.port));
      this.tell(way.of, `${text} takes the place of ${formatAddress(way.to)} for its data connection`);
      return port.port;
    } catch (error) {
      this.tell(way.of, unfollowedNote((error as Error).message));
      return null;
    }
  }

  private arrived(way: Way, transport: Transport, exchange: { readonly command: string }): void {
    const { ground, journal, conn: of, now } = this.options;
    this.port = null;
    this.transfers++;
    const conn = ground.number();
    const to = formatAddress(way.to);
    const isActive = way.of === 'client';
    const [client, upstream] = isActive ? [to, transport.remote] : [transport.remote, to];
    const transfer = new Transfer({
      ...{ journal, conn, of, now, client, upstream, isActive, isWatched: journal.isWatched },
      command: () => exchange.command,
      moved: () => ground.touch(),
      ended: (summary) => {
        this.transfers--;
        if (!this.isOver) this.tell(isActive ? 'client' : 'server', `${summary} (connection ${conn})`);
        return !this.isOver;
      },
    });
    ground.join(conn, transport, ground.dialer(way.of, way.to), transfer);
  }

  private tell(from: SideName, text: string): void {
    if (this.isOver) return;
    const { journal, conn, now } = this.options;
    journal.tell(conn, now(), { type: 'note', from, text });
  }
}

function tcp(host: string, port: number): Address & { kind: 'tcp' } {
  return { kind: 'tcp', host, port };
}

function hostOf(address: Address): string {
  return address.kind === 'tcp' ? address.host : '';
}

function unfollowed(bytes: Buffer, why: string): Changed {
  return { bytes, note: unfollowedNote(why) };
}

function unfollowedNote(why: string): string {
  return `its data connection does not pass here: ${why}`;
}
