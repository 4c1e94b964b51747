// A protocol of fixed-length messages: four bytes, a number in network order. The answer is its double.
//
// A count as terminator is one-shot, as in asynchat: when its bytes have come it falls back to "everything", so a
// handler that wants another message arms it again. This one wants exactly one: it answers and closes.
//
//   node --import tsx examples/fixed-length.ts 7001     then: printf '\0\0\0\025' | nc 127.0.0.1 7001 | xxd
import { type AddressInfo, createServer } from 'node:net';
// In your own program: from 'lonedot'.
import { AsyncChat, socketTransport, type Transport } from '../src/index.ts';

export class FixedLengthHandler extends AsyncChat {
  private readonly message = Buffer.alloc(4);
  private filled = 0;

  constructor(transport: Transport) {
    super(transport, { timeouts: { frame: 10_000 } });
    this.setTerminator(4);
  }

  protected override collectIncomingData(data: Buffer): void {
    // The four bytes may come in up to four pieces; more than four can never come before foundTerminator().
    this.filled += data.copy(this.message, this.filled);
  }

  protected override foundTerminator(): void {
    const answer = Buffer.alloc(4);
    answer.writeUInt32BE((this.message.readUInt32BE() * 2) % 2 ** 32);
    this.push(answer);
    // Sends the answer, then ends. No callback but handleClose() runs from here on, whatever else the client sends.
    this.closeWhenDone();
  }
}

if (process.argv[1] === import.meta.filename) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    new FixedLengthHandler(socketTransport(socket));
  });
  server.listen(Number(process.argv[2] ?? 7001), '127.0.0.1', () => {
    console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
