// A parser that changes its terminator: a block of headers up to an empty line, then a body of so many bytes.
//
// This is asynchat's classic (CRLF CRLF, then Content-Length) and its classic trap: a count of 0 means "everything",
// so an empty body must not be armed. What the callback sets holds from the very next byte, so pipelined requests
// need no care. It is no HTTP server: chunked bodies, obsolete line folding and HTTP/1.0 are left out.
//
//   node --import tsx examples/http-like.ts 7005     then: curl -d 'hello' http://127.0.0.1:7005/path
import { type AddressInfo, createServer } from 'node:net';
// In your own program: from 'lonedot'.
import { AsyncChat, socketTransport, type Transport } from '../src/index.ts';

const EMPTY_LINE = Buffer.from('\r\n\r\n');
const MAX_HEAD = 16_384;
const MAX_BODY = 1_048_576;

export interface Request {
  method: string;
  target: string;
  headers: Map<string, string>;
  body: Buffer;
}

export class HttpLikeHandler extends AsyncChat {
  private readonly respond: (request: Request) => string;
  private pieces: Buffer[] = [];
  private request: Request | null = null;

  constructor(transport: Transport, respond: (request: Request) => string) {
    super(transport, { timeouts: { idle: 60_000, frame: 30_000 } });
    this.respond = respond;
    this.setTerminator(EMPTY_LINE, { maxFrame: MAX_HEAD });
  }

  protected override collectIncomingData(data: Buffer): void {
    this.pieces.push(Buffer.from(data));
  }

  protected override foundTerminator(): void {
    const frame = Buffer.concat(this.pieces.splice(0));
    if (this.request) return this.answer(this.request, frame);
    const head = parseHead(frame.toString('latin1'));
    const digits = head?.headers.get('content-length') ?? '0';
    const length = Number(digits);
    if (!head || !/^\d+$/.test(digits) || length > MAX_BODY) return this.refuse();
    if (length === 0) return this.answer(head, Buffer.alloc(0));
    this.request = head;
    this.setTerminator(length);
  }

  private answer(request: Request, body: Buffer): void {
    this.request = null;
    this.setTerminator(EMPTY_LINE, { maxFrame: MAX_HEAD });
    const text = Buffer.from(this.respond({ ...request, body }), 'utf8');
    this.push(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`, 'latin1'));
    this.push(text);
    if (request.headers.get('connection') === 'close') this.closeWhenDone();
  }

  private refuse(): void {
    this.push(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
    this.closeWhenDone();
  }
}

function parseHead(text: string): Request | null {
  const [first = '', ...lines] = text.split('\r\n');
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(first) ?? [];
  const fields = lines.map((line) => /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line));
  if (!method || !target || fields.includes(null)) return null;
  const headers = new Map(fields.map((field) => [field![1]!.toLowerCase(), field![2]!]));
  // Two lengths that differ are how requests are smuggled.
  return headers.size === fields.length ? { method, target, headers, body: Buffer.alloc(0) } : null;
}

if (process.argv[1] === import.meta.filename) {
  const respond = ({ method, target, body }: Request) => `${method} ${target}: ${body.length} bytes\n`;
  const server = createServer({ allowHalfOpen: true }, (s) => void new HttpLikeHandler(socketTransport(s), respond));
  server.listen(Number(process.argv[2] ?? 7005), '127.0.0.1', () => {
    console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
