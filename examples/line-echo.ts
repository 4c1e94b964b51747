// An echo server for lines, the program that asynchat's manual begins with.
//
// A chat collects the pieces of a line in collectIncomingData() and has it whole in foundTerminator(). A piece is a
// view of what the socket read: it is copied here, because it is kept until the line ends.
//
//   node --import tsx examples/line-echo.ts 7000     then: nc 127.0.0.1 7000
import { type AddressInfo, createServer } from 'node:net';
// In your own program: from 'lonedot'.
import { AsyncChat, socketTransport, type Transport } from '../src/index.ts';

const CRLF = Buffer.from('\r\n');
const LF = Buffer.from('\n');

export class LineHandler extends AsyncChat {
  private readonly onLine: ((line: string) => void) | undefined;
  private pieces: Buffer[] = [];

  constructor(transport: Transport, onLine?: (line: string) => void) {
    super(transport, { timeouts: { idle: 300_000, write: 60_000 } });
    this.onLine = onLine;
    // People type LF, protocols send CRLF. A line of more than 4096 bytes is dropped, and the next one is welcome.
    this.setTerminator([CRLF, LF], { maxFrame: 4096, overlong: 'discard' });
  }

  protected override collectIncomingData(data: Buffer): void {
    this.pieces.push(Buffer.from(data));
  }

  protected override foundTerminator(): void {
    const line = Buffer.concat(this.pieces.splice(0));
    this.onLine?.(line.toString('utf8'));
    this.push(Buffer.concat([Buffer.from('ECHO: '), line, CRLF]));
  }

  protected override handleOverlong(): void {
    this.pieces = [];
    this.push(Buffer.from('ERROR: that line was too long\r\n'));
  }
}

if (process.argv[1] === import.meta.filename) {
  // allowHalfOpen: a client that has sent everything still wants its answers (`printf 'a\n' | nc`).
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    new LineHandler(socketTransport(socket), (line) => console.log(line));
  });
  server.listen(Number(process.argv[2] ?? 7000), '127.0.0.1', () => {
    console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
