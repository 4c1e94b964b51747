// A SOCKS5 proxy for tests: really connects, remembers where to, and can be told to answer anything.
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface SocksOptions {
  readonly user?: string;
  readonly pass?: string;
  /** In place of the reply to CONNECT. */
  readonly reply?: Buffer;
  /** In place of the choice of a method. */
  readonly method?: Buffer;
}

export class SocksServer {
  /** `host:port` of every CONNECT. */
  readonly destinations: string[] = [];
  /** Everything that came, one chunk each. */
  readonly reads: Buffer[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private readonly options: SocksOptions;

  private constructor(options: SocksOptions) {
    this.options = options;
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(options: SocksOptions = {}): Promise<SocksServer> {
    const proxy = new SocksServer(options);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private serve(socket: Socket): void {
    const { user, pass, method, reply } = this.options;
    this.watch(socket);
    let phase: 'method' | 'password' | 'connect' | 'over' = 'method';
    socket.on('data', (chunk) => {
      if (phase === 'over') return;
      this.reads.push(chunk);
      if (phase === 'method') {
        socket.write(method ?? Buffer.from([5, user === undefined ? 0 : chunk.includes(2, 2) ? 2 : 255]));
        phase = user === undefined ? 'connect' : 'password';
      } else if (phase === 'password') {
        const isRight = chunk.equals(Buffer.from(`\x01${text(user!)}${text(pass!)}`, 'latin1'));
        socket.write(Buffer.from([1, isRight ? 0 : 1]));
        phase = 'connect';
      } else {
        phase = 'over';
        if (reply) socket.write(reply);
        else this.join(socket, chunk);
      }
    });
  }

  private join(socket: Socket, request: Buffer): void {
    const isName = request[3] === 3;
    const host = isName ? request.toString('latin1', 5, 5 + request[4]!) : [...request.subarray(4, 8)].join('.');
    const port = request.readUInt16BE(request.length - 2);
    this.destinations.push(`${host}:${port}`);
    const out = connect(port, host);
    this.watch(out);
    const answer = (code: number): Buffer => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
    out.once('error', () => socket.end(answer(5)));
    // Its first words may come in one piece with the answer: they must not be lost.
    out.once('data', (greeting) => {
      socket.write(Buffer.concat([answer(0), greeting]));
      out.pipe(socket).pipe(out);
    });
  }

  private watch(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
  }
}

function text(value: string): string {
  return `${String.fromCharCode(value.length)}${value}`;
}
