// An upstream for messages that no test wants to hold in memory: counts and hashes what comes behind a marker line, and
// answers as it should.
import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { until } from '../../support/within.ts';

/** Where the hashed part begins; what stands before it (trace lines) is kept as it is. */
export const MARKER = Buffer.from('X-Marker: here\r\n');

export class HashingUpstream {
  readonly heads: string[] = [];
  readonly hashes: string[] = [];
  readonly sizes: number[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor() {
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(): Promise<HashingUpstream> {
    const upstream = new HashingUpstream();
    await new Promise<void>((resolve) => upstream.server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  got(count: number, ms: number): Promise<void> {
    return until(ms, () => this.hashes.length >= count, `${count} long messages at the upstream`);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
    let rest: Buffer = Buffer.alloc(0);
    let inContent = false;
    let head: Buffer | null = null;
    let hash = createHash('sha256');
    let size = 0;

    const command = (line: string): void => {
      if (/^DATA$/i.test(line)) {
        inContent = true;
        head = Buffer.alloc(0);
        hash = createHash('sha256');
        size = 0;
        socket.write('354 Go on\r\n');
      } else if (/^QUIT$/i.test(line)) socket.end('221 Bye\r\n');
      else
        socket.write(/^EHLO/i.test(line) ? '250-upstream.example\r\n250-PIPELINING\r\n250 SIZE 0\r\n' : '250 Ok\r\n');
    };
    const content = (bytes: Buffer): void => {
      let hashed = bytes;
      if (head !== null) {
        head = Buffer.concat([head, bytes]);
        const at = head.indexOf(MARKER);
        if (at === -1) return;
        this.heads.push(head.toString('latin1', 0, at));
        hashed = head.subarray(at + MARKER.length);
        head = null;
      }
      hash.update(hashed);
      size += hashed.length;
    };

    socket.on('data', (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        if (inContent) {
          const mark = rest.indexOf('\r\n.\r\n');
          if (mark === -1) {
            // The last bytes may be the beginning of the mark.
            content(rest.subarray(0, Math.max(0, rest.length - 4)));
            rest = rest.subarray(Math.max(0, rest.length - 4));
            return;
          }
          content(rest.subarray(0, mark + 2));
          rest = rest.subarray(mark + 5);
          inContent = false;
          this.hashes.push(hash.digest('hex'));
          this.sizes.push(size);
          socket.write('250 Ok\r\n');
          continue;
        }
        const end = rest.indexOf('\r\n');
        if (end === -1) return;
        const line = rest.toString('latin1', 0, end);
        rest = rest.subarray(end + 2);
        command(line);
      }
    });
    socket.write('220 upstream.example\r\n');
  }
}
