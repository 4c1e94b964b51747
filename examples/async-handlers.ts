// The line echo and the fixed-length server once more, with handlers that wait for something.
//
// When foundTerminator() returns a promise, nothing more is delivered until it is settled, and the socket is not read
// meanwhile: answers stay in order, and a client cannot run ahead of us. A rejection goes to handleError().
//
//   node --import tsx examples/async-handlers.ts 7002     lines; the next free port speaks fixed-length messages
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
// In your own program: from 'lonedot'.
import { AsyncChat, socketTransport, type Transport } from '../src/index.ts';

const LF = Buffer.from('\n');

/** Collects a frame; what to do with it is a promise. */
abstract class WholeFrames extends AsyncChat {
  private pieces: Buffer[] = [];

  protected override collectIncomingData(data: Buffer): void {
    this.pieces.push(Buffer.from(data));
  }

  protected override foundTerminator(): Promise<void> {
    return this.handleFrame(Buffer.concat(this.pieces.splice(0)));
  }

  protected abstract handleFrame(frame: Buffer): Promise<void>;
}

export class AsyncLineHandler extends WholeFrames {
  private readonly lookUp: (line: string) => Promise<string>;

  constructor(transport: Transport, lookUp: (line: string) => Promise<string>) {
    super(transport);
    this.lookUp = lookUp;
    this.setTerminator(LF);
  }

  protected override async handleFrame(frame: Buffer): Promise<void> {
    const line = frame.toString('utf8').replace(/\r$/, '');
    this.push(Buffer.from(`ECHO: ${await this.lookUp(line)}\r\n`));
  }
}

export class AsyncFixedLengthHandler extends WholeFrames {
  constructor(transport: Transport) {
    super(transport);
    this.setTerminator(4);
  }

  protected override async handleFrame(frame: Buffer): Promise<void> {
    await nextTurn();
    const answer = Buffer.alloc(4);
    answer.writeUInt32BE((frame.readUInt32BE() * 2) % 2 ** 32);
    // Resolves when the bytes were handed to the socket.
    await this.pushWithProducer(answer);
    this.closeWhenDone();
  }
}

function listen(server: Server, port: number): void {
  server.listen(port, '127.0.0.1', () =>
    console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`),
  );
}

if (process.argv[1] === import.meta.filename) {
  const port = Number(process.argv[2] ?? 7002);
  const shout = async (line: string) => line.toUpperCase();
  const lines = createServer({ allowHalfOpen: true }, (s) => void new AsyncLineHandler(socketTransport(s), shout));
  const numbers = createServer({ allowHalfOpen: true }, (s) => void new AsyncFixedLengthHandler(socketTransport(s)));
  listen(lines, port);
  listen(numbers, port === 0 ? 0 : port + 1);
}
