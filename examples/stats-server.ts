// A server that counts what it does and takes only so many connections at a time.
//
// The Listener accepts, refuses politely when it is full, and drains: it stops accepting and lets every connection
// come to its end. ProtocolStats is given to the listener (connections) and to every chat (messages and bytes).
//
//   node --import tsx examples/stats-server.ts 7003     Ctrl-C prints the counters
// In your own program: from 'lonedot'.
import { AsyncChat, Listener, ProtocolStats, type Transport } from '../src/index.ts';

const CRLF = Buffer.from('\r\n');

export class AckHandler extends AsyncChat {
  private line = '';

  constructor(transport: Transport, stats: ProtocolStats) {
    super(transport, { stats, inLimit: 1024 });
    this.setTerminator(CRLF);
  }

  protected override collectIncomingData(data: Buffer): void {
    this.line += data.toString('latin1');
  }

  protected override foundTerminator(): void {
    const { line } = this;
    this.line = '';
    this.push(Buffer.from(`ACK: ${line}\r\n`, 'latin1'));
  }
}

export class StatsServer {
  readonly stats = new ProtocolStats();
  private readonly listener: Listener;

  constructor(port: number, maxConnections: number) {
    this.listener = new Listener(
      {
        address: { kind: 'tcp', host: '127.0.0.1', port },
        maxConnections,
        stats: this.stats,
        refusal: () => Buffer.from('BUSY: try again later\r\n'),
      },
      (transport) => {
        const chat = new AckHandler(transport, this.stats);
        return { drain: () => chat.closeWhenDone() };
      },
    );
  }

  /** Resolves with the address, whose port is real now. */
  listen(): Promise<string> {
    return this.listener.listen();
  }

  async stop(): Promise<void> {
    await this.listener.drain(2000);
  }
}

if (process.argv[1] === import.meta.filename) {
  const server = new StatsServer(Number(process.argv[2] ?? 7003), 10);
  console.log(`listening on ${await server.listen()}`);
  process.once('SIGINT', async () => {
    await server.stop();
    console.log(JSON.stringify(server.stats));
  });
}
