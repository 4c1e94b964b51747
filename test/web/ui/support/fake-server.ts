// Serves the built page, and from memory as much of the API as the page uses. For what is about the page alone: a
// hundred thousand mails, a server that goes away, answers that fail. The same page against the real one is tested in
// real-server.test.ts.
//
// The HTML of a mail is served as it is, but for frames in it: that nothing of it runs is the sandbox's and the policy's
// doing.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Answer, answerApi } from './fake-api.ts';
import { type FakeMail, type MailWords, makeMail, summaryOf } from './fake-mail.ts';

const PAGE_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

export class FakeServer {
  /** Newest first. */
  mails: FakeMail[] = [];
  namespaces: { readonly name: string; readonly [key: string]: unknown }[] = [];
  faults: { readonly id: string; readonly [key: string]: unknown }[] = [];
  webUi: Record<string, unknown> = { MessageRelay: { Enabled: true, SMTPServer: 'smtp.example.com:587' } };
  smtp: string[] = ['127.0.0.1:1025'];
  /** Every request, as `GET /api/v1/info`. */
  readonly requests: string[] = [];
  /** What was sent with those that change something. */
  readonly bodies: { readonly request: string; readonly body: unknown }[] = [];
  /** Answers instead, when it gives something. */
  instead: ((request: string) => Answer | undefined) | null = null;
  readonly #folder: string;
  /** `/` or `/some/where/`. */
  readonly #base: string;
  readonly #server: Server;
  readonly #sockets = new Set<WebSocket>();
  #seq = 0;

  constructor(folder: string, base = '/') {
    this.#folder = folder;
    this.#base = base;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    const webSockets = new WebSocketServer({ noServer: true });
    this.#server.on('upgrade', (request, socket, head) => {
      if (request.url !== `${base}api/events`) return socket.destroy();
      webSockets.handleUpgrade(request, socket, head, (one) => {
        this.#sockets.add(one);
        one.on('close', () => this.#sockets.delete(one));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#base}`;
  }

  get listeners(): number {
    return this.#sockets.size;
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    this.dropListeners();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  dropListeners(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  /** Silently: as if it had been there before. */
  put(words: MailWords = {}): FakeMail {
    const mail = makeMail(++this.#seq, words);
    this.mails.unshift(mail);
    return mail;
  }

  fill(count: number): void {
    const start = this.#seq;
    this.#seq += count;
    this.mails = Array.from({ length: count }, (_, i) => makeMail(start + count - i)).concat(this.mails);
  }

  /** As it comes in over SMTP. */
  receive(words: MailWords = {}): FakeMail {
    const mail = this.put({ created: Date.now(), ...words });
    this.tell('new', summaryOf(mail));
    return mail;
  }

  tell(type: string, data: unknown): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify({ Type: type, Data: data }));
  }

  tellStats(): void {
    this.tell('stats', { Total: this.mails.length, Unread: this.unread(), Version: 'test' });
  }

  unread(): number {
    return this.mails.reduce((sum, { read }) => sum + (read ? 0 : 1), 0);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = `${request.method} ${request.url}`;
    this.requests.push(name);
    let text = '';
    for await (const piece of request) text += String(piece);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    if (request.method !== 'GET') this.bodies.push({ request: name, body });
    const { pathname, searchParams } = new URL(request.url!, 'http://fake');
    const path = pathname.startsWith(this.#base) ? pathname.slice(this.#base.length) : null;
    const answer =
      path === null
        ? undefined
        : (this.instead?.(name) ?? this.#file(path) ?? answerApi(this, request.method!, path, searchParams, body));
    const { status = 200, headers = {}, content } = answer ?? { status: 404, content: '404 page not found\n' };
    response.writeHead(status, { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers });
    response.end(content);
  }

  #file(path: string): Answer | undefined {
    const file = path === '' ? 'index.html' : path;
    if (!/^(index\.html|assets\/[\w.-]+)$/.test(file)) return undefined;
    const type = TYPES[file.split('.').at(-1)!]!;
    return {
      headers: { 'Content-Type': type, 'Content-Security-Policy': PAGE_POLICY },
      content: readFileSync(join(this.#folder, file)),
    };
  }
}
