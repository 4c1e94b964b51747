// Requests that want to become a WebSocket (RFC 6455): asked the same questions as any other request, since browsers
// let pages of all sites open one, and then joined to the hub. Loaded with `ws` by the first of them.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { TimerHandle } from '../../../src/clock.ts';
import type { Web } from '../context.ts';
import { isNamespace } from '../frame/ask.ts';
import { placeOf } from '../frame/place.ts';
import { hostRefusal, isOriginAllowed } from '../guard.ts';
import { DIALECTS } from './dialects.ts';

/** As Mailpit. */
const PING_MS = 54_000;
/** What a client may leave unread before it is let go. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** Clients have nothing to say here. */
const MAX_FRAME_BYTES = 4096;

interface Refusal {
  readonly status: string;
  readonly line: string;
  readonly headers?: string;
}

export class WebSockets {
  readonly #web: Web;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  /** Open ones, with whether they have answered the last ping. */
  readonly #open = new Map<WebSocket, 'alive' | 'asked'>();
  #pinging: TimerHandle | null = null;
  #life: 'open' | 'stopped' = 'open';

  constructor(web: Web) {
    this.#web = web;
  }

  /** Answers it; rejects never. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      const url = urlOf(request);
      const refusal = url === null ? BAD_REQUEST : await this.#refusalOf(url, request);
      if (refusal !== null || url === null) return refuse(socket, refusal ?? BAD_REQUEST);
      const place = placeOf(url, this.#web.options.webroot)!;
      const hub = await this.#web.hub();
      if (socket.destroyed) return;
      this.#server.handleUpgrade(request, socket, head, (client) => {
        const leave = hub.join(DIALECTS[place.path]!, place.namespace, (frame) => this.#send(client, frame));
        this.#keep(client, leave);
      });
    } catch (error) {
      this.#web.log.error('web.failed', { method: 'GET', path: request.url, error });
      refuse(socket, { status: '500 Internal Server Error', line: 'the server failed to answer this' });
    }
  }

  stop(): void {
    this.#life = 'stopped';
    this.#web.clock.clearTimeout(this.#pinging);
    // RFC 6455 7.4.1: going away.
    for (const client of this.#open.keys()) client.close(1001, 'the server is stopping');
  }

  async #refusalOf(url: string, request: IncomingMessage): Promise<Refusal | null> {
    const { options, login, inbox } = this.#web;
    const foreign = hostRefusal(url, options);
    if (foreign !== undefined) return { status: '403 Forbidden', line: foreign };
    const { origin, authorization } = request.headers;
    if (!isOriginAllowed(origin ?? null, url, options)) {
      return { status: '403 Forbidden', line: 'pages of other sites may not listen here' };
    }
    if (login !== null && (await login.check(authorization, request.socket.remoteAddress ?? '')) !== 'known') {
      const headers = 'WWW-Authenticate: Basic realm="Login", charset="UTF-8"\r\n';
      return { status: '401 Unauthorized', line: 'Unauthorized.', headers };
    }
    const place = placeOf(url, options.webroot);
    if (place === null || !Object.hasOwn(DIALECTS, place.path) || !inbox) return NOT_FOUND;
    const { namespace } = place;
    return namespace === undefined || (await isNamespace(this.#web, namespace)) ? null : NOT_FOUND;
  }

  #keep(client: WebSocket, leave: () => void): void {
    if (this.#life === 'stopped') client.close(1001);
    this.#open.set(client, 'alive');
    client.on('pong', () => this.#open.set(client, 'alive'));
    client.on('error', () => {});
    client.once('close', () => {
      this.#open.delete(client);
      leave();
    });
    this.#pinging ??= this.#web.clock.setTimeout(() => this.#ping(), PING_MS);
  }

  #send(client: WebSocket, frame: string): void {
    if (client.bufferedAmount > MAX_UNREAD_BYTES) {
      this.#web.log.warn('web.listener_dropped', { why: 'it does not read', unread: client.bufferedAmount });
      return client.terminate();
    }
    client.send(frame);
  }

  #ping(): void {
    this.#pinging = null;
    for (const [client, state] of this.#open) {
      if (state === 'asked') client.terminate();
      else {
        this.#open.set(client, 'asked');
        client.ping();
      }
    }
    if (this.#open.size > 0 && this.#life === 'open') {
      this.#pinging = this.#web.clock.setTimeout(() => this.#ping(), PING_MS);
    }
  }
}

const BAD_REQUEST: Refusal = { status: '400 Bad Request', line: 'the request has no valid Host header or address' };
const NOT_FOUND: Refusal = { status: '404 Not Found', line: '404 page not found' };

function urlOf({ headers, url = '', socket }: IncomingMessage): string | null {
  const whole = `${'encrypted' in socket ? 'https' : 'http'}://${headers.host ?? ''}${url}`;
  return url.startsWith('/') && headers.host && URL.canParse(whole) ? whole : null;
}

function refuse(socket: Duplex, { status, line, headers = '' }: Refusal): void {
  const body = `${line}\n`;
  const fields = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\n${fields}${headers}X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
  );
}
