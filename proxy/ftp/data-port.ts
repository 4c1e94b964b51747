// A port of the proxy's own that waits for one data connection, from the one address that it was told of: nobody else
// can take the data, or slip some in. It is closed when that connection has come, when nobody comes for long, and with
// the control connection.
import { createServer, type Server, type Socket } from 'node:net';
import { formatAddress, unmapAddress } from '../../src/address.ts';
import { bind } from '../../src/bind.ts';
import type { Clock, TimerHandle } from '../../src/clock.ts';
import { socketTransport, type Transport } from '../../src/transport.ts';

/** What is asked for is fetched by then: servers wait for less. */
export const DATA_WAIT_MS = 300_000;
const HIGH_WATER_BYTES = 64 * 1024;
/** One is to come; others are only turned away. */
const BACKLOG = 4;

export interface DataPortOptions {
  /** An IP address of this machine. */
  readonly host: string;
  /** The IP address that may connect; null for any. */
  readonly from: string | null;
  readonly clock: Clock;
  arrived(transport: Transport): void;
  /** Somebody else has tried. */
  refused(address: string): void;
}

export class DataPort {
  private readonly server: Server;
  private readonly options: DataPortOptions;
  private readonly timer: TimerHandle;

  /** Rejects with ChatError LISTEN_FAILED. */
  static async open(options: DataPortOptions): Promise<DataPort> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_BYTES });
    await bind(server, { kind: 'tcp', host: options.host, port: 0 }, { backlog: BACKLOG });
    return new DataPort(server, options);
  }

  private constructor(server: Server, options: DataPortOptions) {
    this.server = server;
    this.options = options;
    this.timer = options.clock.setTimeout(() => this.close(), DATA_WAIT_MS);
    server.on('connection', (socket) => this.take(socket));
    // Accepting has failed: whoever connected hears of it.
    server.on('error', () => {});
  }

  get port(): number {
    const bound = this.server.address();
    return typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  }

  /** A connection that has come stays. */
  close(): void {
    this.options.clock.clearTimeout(this.timer);
    this.server.close();
  }

  private take(socket: Socket): void {
    socket.on('error', () => {});
    const { from, arrived, refused } = this.options;
    const address = unmapAddress(socket.remoteAddress ?? '');
    if (!this.server.listening || address === '' || (from !== null && address !== from)) {
      socket.destroy();
      if (address !== '' && address !== from) refused(address);
      return;
    }
    this.close();
    arrived(
      socketTransport(socket, { remote: formatAddress({ kind: 'tcp', host: address, port: socket.remotePort ?? 0 }) }),
    );
  }
}
