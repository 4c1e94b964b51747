// Recordings played back: as a client to a server that is there, or as the server to whoever connects. Connections are
// played one by one in the order in which they were opened; a server begins again behind the last.
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Address, formatAddress } from '../../src/address.ts';
import { realClock } from '../../src/clock.ts';
import { ChatError } from '../../src/errors.ts';
import { Listener } from '../../src/listen.ts';
import type { Log } from '../../src/log.ts';
import { socketTransport, type Transport } from '../../src/transport.ts';
import type { View } from '../dialogue/dialogue.ts';
import type { SideName } from '../dialogue/event.ts';
import { Journal } from '../dialogue/journal.ts';
import { Observer } from '../dialogue/observer.ts';
import { Watcher } from '../dialogue/watcher.ts';
import type { ProfileName } from '../profiles/names.ts';
import { PROFILES } from '../profiles/table.ts';
import type { RecordedConnection, Recording } from '../recording/read.ts';
import { target } from '../wire/dial.ts';
import { type Played, Player } from './player.ts';

export interface ReplayOptions {
  /** How long to wait for the peer's next message, in milliseconds. */
  readonly timeout: number;
  /** Keep the pauses of the recording. */
  readonly timing: boolean;
  readonly views: readonly View[];
  /** Called with each connection that was played. */
  played(connection: RecordedConnection, result: Played): void;
}

/** Plays the clients to a server, and resolves when all are played. Rejects with what connecting failed with. */
export async function replayTo(recording: Recording, to: Address, options: ReplayOptions): Promise<void> {
  const stage = new Stage('client', options);
  try {
    for (const connection of playable(recording)) {
      const socket = connect({ ...target(to), allowHalfOpen: true, noDelay: true });
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', (error) => reject(new ChatError('BAD_OPTION', `--to: ${error.message}`, {}, error)));
      });
      await stage.play(connection, socketTransport(socket), 'replay', formatAddress(to));
    }
  } finally {
    await stage.close();
  }
}

export interface ReplayServer {
  readonly listen: string;
  stop(): Promise<void>;
}

/** Plays the servers to whoever connects. Rejects with ChatError LISTEN_FAILED, or BAD_OPTION. */
export async function replayServe(
  recording: Recording,
  at: Address,
  log: Log,
  options: ReplayOptions,
): Promise<ReplayServer> {
  const stage = new Stage('server', options);
  const connections = playable(recording);
  if (connections.length === 0) throw new ChatError('BAD_OPTION', 'the recording has no connection to be served');
  let count = 0;
  const listener = new Listener(
    { address: at, onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }) },
    (transport, peer) => {
      void stage.play(connections[count++ % connections.length]!, transport, peer.socketAddress, 'replay');
      return undefined;
    },
  );
  const listen = await listener.listen();
  return {
    listen,
    stop: async () => {
      await listener.drain(0);
      await stage.close();
    },
  };
}

/** Data connections of FTP mean nothing without what was agreed upon for them. */
function playable({ connections }: Recording): RecordedConnection[] {
  return connections.filter(({ of }) => of === undefined);
}

/** What the connections that are played have in common: the journal, and who watches. */
class Stage {
  private readonly journal = new Journal();
  private readonly role: SideName;
  private readonly options: ReplayOptions;
  private readonly watchers: readonly Watcher[];
  private last = 0;

  constructor(role: SideName, options: ReplayOptions) {
    this.role = role;
    this.options = options;
    this.watchers = options.views.map(({ scribe, stream }) => new Watcher(this.journal, scribe, stream));
  }

  async play(connection: RecordedConnection, transport: Transport, client: string, upstream: string): Promise<void> {
    const { journal, role } = this;
    const conn = ++this.last;
    const { timeout, timing } = this.options;
    const now = (): number => performance.timeOrigin + performance.now();
    const profile = connection.protocol === 'auto' ? null : PROFILES[connection.protocol as ProfileName];
    const observer = new Observer({ journal, conn, profile, client, upstream, now });
    const stage = { observer, journal, conn };
    const player = new Player(connection, transport, stage, { role, timeout, timing, clock: realClock });
    const result = await player.play();
    this.options.played(connection, result);
  }

  async close(): Promise<void> {
    await Promise.all(this.watchers.map((watcher) => watcher.stop()));
  }
}
