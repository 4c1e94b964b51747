// Something to send webhooks to: an HTTP server that remembers what it got and answers as the test says.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Whether all of the body came that was announced. */
  readonly isWhole: boolean;
}

/** What to do with a request: a status, or anything with its response. */
export type Answer = number | ((response: ServerResponse, request: IncomingMessage) => void);

export class HookReceiver {
  readonly received: Received[] = [];
  /** Asked for each request, which is counted from 0. */
  answer: (n: number) => Answer = () => 200;
  readonly #server: Server;

  static async start(): Promise<HookReceiver> {
    const receiver = new HookReceiver();
    await new Promise<void>((listening) => receiver.#server.listen(0, '127.0.0.1', listening));
    return receiver;
  }

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** The mails that it was told of, by subject. */
  get subjects(): string[] {
    return this.received.map(({ body }) => (JSON.parse(body) as { Subject: string }).Subject);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      // Broken off: told below.
    }
    const { method = '', url: path = '', headers, complete: isWhole } = request;
    const n =
      this.received.push({ method, path, headers, isWhole, body: Buffer.concat(pieces).toString('latin1') }) - 1;
    const answer = this.answer(n);
    if (typeof answer === 'number') response.writeHead(answer).end('ok');
    else answer(response, request);
  }
}
