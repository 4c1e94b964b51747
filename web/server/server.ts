// The web server beside a sink or a relay: pages for people, APIs for programs, health for supervisors.
// Loaded when mail is already accepted, and with few imports: nobody waits for it to send the first mail. What answers
// requests is loaded with the first of them.
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Address, formatAddress } from '../../src/address.ts';
import { realClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { MailView, Web } from './context.ts';
import type { WebLogin } from './frame/login.ts';
import { type HttpExtras, HttpListener } from './http-listener.ts';
import type { LiveHub } from './live/hub.ts';
import type { WebSockets } from './live/websockets.ts';
import { type WebOptions, webOptions } from './options.ts';
import { builtUi } from './static.ts';

export interface WebService {
  /** Where it really listens: `http://127.0.0.1:8025/`, or `unix:/path`, `fd:3` where no URL exists. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects with ChatError LISTEN_FAILED, or BAD_OPTION when users or certificate cannot be read. */
export async function startWeb(
  given: Pick<WebOptions, 'listen'> & Partial<WebOptions>,
  deps: MailView & { smtp: readonly string[]; log: Log; ui?: string | null },
): Promise<WebService> {
  const options = webOptions(given);
  const { log } = deps;
  const stopping = new AbortController();
  // Whoever waits for mail listens to it, and hundreds may.
  setMaxListeners(0, stopping.signal);
  let hub: Promise<LiveHub> | undefined;
  let sockets: Promise<WebSockets> | undefined;
  const web: Web = {
    ...deps,
    options,
    clock: realClock,
    ui: deps.ui === undefined ? builtUi() : deps.ui,
    login: await openLogin(options, log),
    stopping: stopping.signal,
    hub: () => {
      hub ??= import('./live/hub.ts').then(({ LiveHub: Hub }) => new Hub(web));
      return hub;
    },
  };
  const secure = await openTls(options, log);
  let answering: Promise<(request: IncomingMessage, response: ServerResponse) => void> | undefined;
  const listener = new HttpListener(
    options.listen,
    (request, response) => {
      answering ??= import('./request-listener.ts').then(({ requestListener }) => requestListener(web));
      void answering.then((answer) => answer(request, response));
    },
    log,
    realClock,
    {
      secure,
      upgrade: (request, socket, head) => {
        // It may break off before anybody heeds it.
        socket.on('error', () => socket.destroy());
        sockets ??= import('./live/websockets.ts').then(({ WebSockets: Sockets }) => new Sockets(web));
        void sockets.then((one) => one.upgrade(request, socket, head));
      },
    },
  );
  const bound = await listener.listen();
  return {
    url: urlOf(bound, secure === undefined ? 'http' : 'https', options.webroot),
    stop: async () => {
      stopping.abort();
      (await sockets)?.stop();
      (await hub)?.stop();
      await listener.stop();
    },
  };
}

async function openLogin(options: WebOptions, log: Log): Promise<WebLogin | null> {
  if (options.uiAuthFile === undefined && !options.uiAuth?.length) return null;
  const { WebLogin: Login } = await import('./frame/login.ts');
  return Login.open(options, log, realClock);
}

/** Undefined for plain HTTP. A certificate that is renewed holds from the next handshake on. */
async function openTls({ uiTlsCert, uiTlsKey }: WebOptions, log: Log): Promise<HttpExtras['secure']> {
  if (uiTlsCert === undefined) return undefined;
  const [{ TLSSocket }, { Certificates }] = await Promise.all([
    import('node:tls'),
    import('../../src/certificates.ts'),
  ]);
  const isOwn = uiTlsCert.startsWith('sans:');
  // As Mailpit writes it: names instead of a file.
  const names = isOwn ? uiTlsCert.slice('sans:'.length).split(',').filter(Boolean) : [];
  const certificates = new Certificates(
    {
      files: isOwn ? [] : [{ certificate: uiTlsCert, key: uiTlsKey ?? null }],
      own: { names: [...new Set([...names, 'localhost', '127.0.0.1', '::1'])], file: null },
      clientAuthorities: null,
    },
    log,
  );
  return (socket) => {
    return new TLSSocket(socket, {
      ...certificates.secureContextOptions(),
      isServer: true,
      ALPNProtocols: ['http/1.1'],
    });
  };
}

function urlOf(bound: Address, scheme: string, webroot: string): string {
  return bound.kind === 'tcp' ? `${scheme}://${formatAddress(bound)}${webroot}` : formatAddress(bound);
}
