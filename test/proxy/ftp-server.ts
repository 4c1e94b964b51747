// A small FTP server for tests, over real sockets: one file system of strings, data connections of both kinds.
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface FtpServerOptions {
  /** Where it listens. */
  readonly host?: string;
  /** The host that 227 names. Default: its own. */
  readonly names?: string;
}

export class FtpServer {
  readonly files = new Map<string, Buffer>();
  /** Command lines of all clients. */
  readonly said: string[] = [];
  /** Who has connected to its data ports. */
  readonly visitors: string[] = [];
  private readonly options: FtpServerOptions;
  private readonly servers = new Set<Server>();
  private readonly sockets = new Set<Socket>();
  private controlPort = 0;

  static async start(options: FtpServerOptions = {}): Promise<FtpServer> {
    const server = new FtpServer(options);
    server.controlPort = await server.listen((socket) => server.control(socket));
    return server;
  }

  private constructor(options: FtpServerOptions) {
    this.options = options;
  }

  get address(): string {
    const { host } = this;
    return `${host.includes(':') ? `[${host}]` : host}:${this.controlPort}`;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.servers) server.close();
  }

  private get host(): string {
    return this.options.host ?? '127.0.0.1';
  }

  private listen(take: (socket: Socket) => void): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.keep(socket);
      take(socket);
    });
    this.servers.add(server);
    return new Promise((resolve) =>
      server.listen(0, this.host, () => resolve((server.address() as { port: number }).port)),
    );
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
  }

  private control(control: Socket): void {
    let data: () => Promise<Socket> = () => Promise.reject(new Error('no data connection'));
    const say = (line: string): void => void control.write(`${line}\r\n`);
    let rest = '';
    let busy = Promise.resolve();
    control.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) {
        this.said.push(line);
        busy = busy.then(async () => {
          const [verb = '', argument = ''] = line.split(' ');
          if (verb === 'PASV' || verb === 'EPSV') data = await this.passive(verb, say);
          else if (verb === 'PORT' || verb === 'EPRT') {
            data = this.active(line);
            say('200 ok');
          } else if (verb === 'RETR' || verb === 'STOR') await this.transfer(verb, argument, data, say);
          else if (verb === 'QUIT') {
            say('221 bye');
            control.end();
          } else say(verb === 'USER' ? '331 password' : verb === 'PASS' ? '230 in' : '200 ok');
        });
      }
    });
    say('220 FTP server');
  }

  private async passive(verb: string, say: (line: string) => void): Promise<() => Promise<Socket>> {
    let arrived: (socket: Socket) => void = () => {};
    const coming = new Promise<Socket>((resolve) => (arrived = resolve));
    const port = await this.listen((socket) => {
      this.visitors.push(socket.remoteAddress ?? '');
      arrived(socket);
    });
    const host = (this.options.names ?? this.host).replaceAll('.', ',');
    if (verb === 'EPSV') say(`229 Entering Extended Passive Mode (|||${port}|)`);
    else say(`227 Entering Passive Mode (${host},${port >> 8},${port & 255}).`);
    return () => coming;
  }

  private active(line: string): () => Promise<Socket> {
    const extended = /\|[12]\|(.*)\|(\d+)\|/.exec(line);
    const numbers = (line.split(' ')[1] ?? '').split(',');
    const host = extended?.[1] ?? numbers.slice(0, 4).join('.');
    const port = extended ? Number(extended[2]) : Number(numbers[4]) * 256 + Number(numbers[5]);
    return async () => this.keep(connect({ host, port, noDelay: true }));
  }

  private async transfer(
    verb: string,
    name: string,
    data: () => Promise<Socket>,
    say: (line: string) => void,
  ): Promise<void> {
    say('150 opening');
    const socket = await data();
    const closed = new Promise<boolean>((resolve) => socket.once('close', resolve));
    const parts: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => parts.push(chunk));
    if (verb === 'RETR') socket.end(this.files.get(name) ?? '');
    const failed = await closed;
    if (verb === 'STOR' && !failed) this.files.set(name, Buffer.concat(parts));
    say(failed ? '426 aborted' : '226 done');
  }
}
