// The HTTP server of the control API: bodies, limits, and an orderly end. What is asked and answered is said in api.ts.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Address } from '../../src/address.ts';
import { bind, boundAddress } from '../../src/bind.ts';
import type { Clock } from '../../src/clock.ts';
import { type ApiAnswer, type ApiRequest, refused } from './api.ts';
import { refusal } from './api-error.ts';

/** The times are Toxiproxy's; sizes it has none. */
export const CONTROL_LIMITS = {
  backlog: 511,
  maxConnections: 500,
  maxBodyBytes: 4 * 1024 * 1024,
  requestMs: 15_000,
  answerMs: 25_000,
  keepAliveMs: 60_000,
  /** What running answers get when the server stops. */
  stopMs: 2_000,
} as const;

export type Answerer = (request: ApiRequest) => Promise<ApiAnswer>;

export class ControlServer {
  private readonly server: Server;
  private readonly answer: Answerer;
  private readonly clock: Clock;
  private address: Address;

  constructor(address: Address, answer: Answerer, clock: Clock) {
    this.address = address;
    this.answer = answer;
    this.clock = clock;
    const { requestMs, keepAliveMs, maxConnections } = CONTROL_LIMITS;
    this.server = createServer(
      { requestTimeout: requestMs, headersTimeout: requestMs, keepAliveTimeout: keepAliveMs },
      (request, response) => void this.serve(request, response),
    );
    this.server.maxConnections = maxConnections;
  }

  /** Resolves with the address it really listens on; rejects with ChatError LISTEN_FAILED. */
  async listen(): Promise<Address> {
    await bind(this.server, this.address, { backlog: CONTROL_LIMITS.backlog });
    this.address = boundAddress(this.server) ?? this.address;
    return this.address;
  }

  /** Accepts no more; running answers get a moment. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeIdleConnections();
    const limit = this.clock.setTimeout(() => this.server.closeAllConnections(), CONTROL_LIMITS.stopMs);
    await closed;
    this.clock.clearTimeout(limit);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let isLate = false;
    const limit = this.clock.setTimeout(() => {
      isLate = true;
      send(response, { status: 503, headers: {}, body: '' });
    }, CONTROL_LIMITS.answerMs);
    try {
      const body = await readBody(request);
      const { host, origin, 'user-agent': userAgent } = request.headers;
      const asked = { method: request.method ?? '', url: request.url ?? '', host, origin, userAgent };
      const result = body === undefined ? refused(refusal('bodyTooLarge')) : await this.answer({ ...asked, body });
      if (isLate) return;
      // The rest of a body that nobody reads would be taken for the next request.
      if (body === undefined) response.setHeader('Connection', 'close');
      send(response, result);
    } catch {
      // The client has gone before its request was whole.
      response.destroy();
    } finally {
      this.clock.clearTimeout(limit);
    }
  }
}

/** Undefined if it is too large. Rejects if the client goes away. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= CONTROL_LIMITS.maxBodyBytes) chunks.push(chunk);
      else resolve(undefined);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject).once('close', () => reject(new Error('the client has gone')));
  });
}

function send(response: ServerResponse, { status, headers, body }: ApiAnswer): void {
  if (response.headersSent) return;
  const length = status === 204 ? {} : { 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
}
