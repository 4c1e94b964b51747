// A client for protocols whose long answers end with a dot on a line of its own (NNTP, POP3): commands as promises.
//
// The trap is an empty answer. The line end of the status line is consumed when the text begins, so a terminator
// CRLF . CRLF would never see the dot that comes first. `precededBy` says that a CRLF stood there; and `keep` delivers
// the terminator too, since no text and a text of one empty line differ in nothing but its first CRLF.
//
//   node --import tsx examples/dot-client.ts news.example.org 119 HELP
import { connect } from 'node:net';
// In your own program: from 'lonedot'.
import { AsyncChat, DotUnstuffer, socketTransport, type Transport } from '../src/index.ts';

const CRLF = Buffer.from('\r\n');
const DOT = Buffer.from('\r\n.\r\n');
const END_OF_TEXT = Buffer.from('.\r\n');

export interface Reply {
  status: string;
  /** The text behind the status line, its lines ended with CRLF; undefined where the answer is one line. */
  text?: string;
}

interface Waiting {
  hasText: (status: string) => boolean;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

export class DotClient extends AsyncChat {
  private readonly waiting: Waiting[] = [];
  private pieces: Buffer[] = [];
  private status: string | null = null;

  constructor(transport: Transport) {
    super(transport, { timeouts: { idle: 30_000 } });
    this.setTerminator(CRLF, { maxFrame: 512 });
  }

  /** The next answer without asking for it: the greeting. */
  greeting(): Promise<Reply> {
    return this.expect(() => false);
  }

  /** Sends a command. Which answers have a text depends on the command and its status. */
  command(line: string, hasText: (status: string) => boolean = () => false): Promise<Reply> {
    const reply = this.expect(hasText);
    this.push(Buffer.from(`${line}\r\n`, 'latin1'));
    return reply;
  }

  protected override collectIncomingData(data: Buffer): void {
    this.pieces.push(Buffer.from(data));
  }

  protected override foundTerminator(): void {
    const frame = Buffer.concat(this.pieces.splice(0));
    const [first] = this.waiting;
    if (this.status !== null) {
      const text = new DotUnstuffer().write(frame.subarray(0, frame.length - END_OF_TEXT.length));
      this.finish({ status: this.status, text: text.toString('latin1') });
    } else if (first?.hasText(frame.toString('latin1'))) {
      this.status = frame.toString('latin1');
      this.setTerminator(DOT, { precededBy: CRLF, keep: true, maxFrame: 16_777_216 });
    } else this.finish({ status: frame.toString('latin1') });
  }

  protected override handleClose(): void {
    for (const { reject } of this.waiting.splice(0)) reject(new Error('the server closed the connection'));
  }

  private expect(hasText: Waiting['hasText']): Promise<Reply> {
    return new Promise((resolve, reject) => void this.waiting.push({ hasText, resolve, reject }));
  }

  private finish(reply: Reply): void {
    this.status = null;
    this.setTerminator(CRLF, { maxFrame: 512 });
    this.waiting.shift()?.resolve(reply);
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , host = '127.0.0.1', port = '119', command = 'HELP'] = process.argv;
  const client = new DotClient(socketTransport(connect({ host, port: Number(port), allowHalfOpen: true })));
  console.log((await client.greeting()).status);
  const reply = await client.command(command, (status) =>
    /^(100|101|215|220|221|222|224|225|230|231|282)/.test(status),
  );
  console.log(reply.status);
  process.stdout.write(reply.text ?? '');
  await client.command('QUIT');
  client.closeWhenDone();
}
