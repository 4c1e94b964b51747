// An upstream that keeps nothing of a mail: for one that is too big to be remembered.
import { createServer, type Server, type Socket } from 'node:net';

export class CountingUpstream {
  mails = 0;
  /** Bytes of content that came, stuffing included. */
  bytes = 0;
  private readonly server: Server;

  private constructor() {
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(): Promise<CountingUpstream> {
    const upstream = new CountingUpstream();
    await new Promise<void>((resolve) => upstream.server.listen(0, '127.0.0.1', () => resolve()));
    return upstream;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    let content = false;
    let tail = '';
    let line = '';
    socket.on('error', () => {});
    socket.write('220 counting\r\n');
    socket.on('data', (chunk) => {
      if (content) {
        this.bytes += chunk.length;
        tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - 5))).slice(-5);
        if (tail !== '\r\n.\r\n') return;
        content = false;
        this.mails++;
        socket.write('250 counted\r\n');
        return;
      }
      line += chunk.toString('latin1');
      for (let end = line.indexOf('\r\n'); end !== -1; end = line.indexOf('\r\n')) {
        const command = line.slice(0, end);
        line = line.slice(end + 2);
        if (command.startsWith('EHLO')) socket.write('250-counting\r\n250 SIZE 1000000000\r\n');
        else if (command === 'DATA') {
          content = true;
          tail = '';
          socket.write('354 go\r\n');
        } else if (command === 'QUIT') socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  }
}
