// Between Node's HTTP server and the application: makes a Request of what comes, and writes what is answered.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Log } from '../../src/log.ts';
import { createApp, SERVER_FAILED } from './app.ts';
import type { Web } from './context.ts';
import { SECURITY_HEADERS } from './headers.ts';

export function requestListener(web: Web): (request: IncomingMessage, response: ServerResponse) => void {
  const answer = getRequestListener(createApp(web).fetch, {
    // Nobody else's Request and Response change because there is a web server.
    overrideGlobalObjects: false,
    errorHandler: (error) => answerOutsideApp(error, web.log),
  });
  return (request, response) => void answer(request, response);
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
