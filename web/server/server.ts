// The web server beside a sink or a relay: pages for people, an API for programs, health for supervisors.
// Loaded when mail is already accepted, and with few imports: nobody waits for it to send the first mail.
import { getRequestListener, RequestError } from '@hono/node-server';
import { type Address, formatAddress } from '../../src/address.ts';
import { realClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import { createApp, SERVER_FAILED } from './app.ts';
import type { MailView } from './context.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { HttpListener } from './http-listener.ts';
import type { WebOptions } from './options.ts';

export interface WebService {
  /** Where it really listens: `http://127.0.0.1:8025/`, or `unix:/path`, `fd:3` where no URL exists. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects with ChatError LISTEN_FAILED. */
export async function startWeb(
  options: WebOptions,
  deps: MailView & { smtp: readonly string[]; log: Log },
): Promise<WebService> {
  const { listen, readyQueueAge = 0 } = options;
  const app = createApp({ ...deps, listen, readyQueueAge, clock: realClock });
  const answer = getRequestListener(app.fetch, {
    // Nobody else's Request and Response change because there is a web server.
    overrideGlobalObjects: false,
    errorHandler: (error) => answerOutsideApp(error, deps.log),
  });
  const listener = new HttpListener(listen, (request, response) => void answer(request, response), deps.log, realClock);
  const bound = await listener.listen();
  return { url: urlOf(bound), stop: () => listener.stop() };
}

/** Requests out of which no Request can be made never reach the application. */
function answerOutsideApp(error: unknown, log: Log): Response {
  const isRequestBad = error instanceof RequestError;
  if (!isRequestBad) log.error('web.failed', { error });
  const line = isRequestBad ? 'the request has no valid Host header or address' : SERVER_FAILED;
  return new Response(`${line}\n`, {
    status: isRequestBad ? 400 : 500,
    headers: { ...SECURITY_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' },
  });
}

function urlOf(bound: Address): string {
  return bound.kind === 'tcp' ? `http://${formatAddress(bound)}/` : formatAddress(bound);
}
