// The web application without its socket: guards, routes, and what is answered when something is wrong.
// Takes a Request and gives a Response, so that tests need no port.
import { Hono } from 'hono/tiny';
import { answerProblem } from './answers.ts';
import type { App, Handler, Request, Web, WebEnv } from './context.ts';
import { hostRefusal, originRefusal } from './guard.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { queryProblem } from './query.ts';
import { allowedMethods, METHODS, ROUTES, type Route } from './routes.ts';

export const SERVER_FAILED = 'the server failed to answer this; its log tells why';

export function createApp(web: Web): App {
  const app = new Hono<WebEnv>();
  app.use('*', async (c, next) => {
    const refusal = hostRefusal(c.req.url, web.listen) ?? originRefusal(c.req.raw);
    if (refusal === undefined) await next();
    else c.res = answerProblem(c, 403, refusal);
    // Last, so that they are on every answer, whoever gave it.
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
  });
  for (const route of ROUTES) {
    for (const method of METHODS) {
      const handler = route[method];
      if (handler) app.on(method, route.path, (c) => run(c, web, route, handler));
    }
    app.all(route.path, (c) => answerMethod(c, route));
  }
  app.notFound((c) => answerProblem(c, 404, 'there is nothing at this address'));
  app.onError((error, c) => {
    web.log.error('web.failed', { method: c.req.method, path: c.req.path, error });
    return answerProblem(c, 500, SERVER_FAILED);
  });
  return app;
}

function run(c: Request, web: Web, route: Route, handler: Handler): Response | Promise<Response> {
  const problem = queryProblem(new URL(c.req.url).searchParams, route.query);
  return problem === undefined ? handler(c, web) : answerProblem(c, 400, problem);
}

function answerMethod(c: Request, route: Route): Response {
  const allowed = allowedMethods(route);
  c.header('Allow', allowed);
  if (c.req.method === 'OPTIONS') return c.body(null, 204);
  return answerProblem(c, 405, `${c.req.method} is not possible here; allowed are ${allowed}`);
}
