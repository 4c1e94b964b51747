// The web application without its socket: guards, login, routes, and what is answered when something is wrong.
// Takes a Request and gives a Response, so that tests need no port.
import { Hono } from 'hono/tiny';
import { answerProblem } from './answers.ts';
import type { App, Handler, Request, Web, WebEnv } from './context.ts';
import { isNamespace } from './frame/ask.ts';
import { corsHeaders } from './frame/cors.ts';
import { METHODS } from './frame/methods.ts';
import { placeOf } from './frame/place.ts';
import { refusalFrom } from './frame/refusal.ts';
import { hostRefusal, originRefusal } from './guard.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { queryProblem } from './query.ts';
import { allowedMethods, ROUTES, type Route } from './routes.ts';
import { answerFile } from './static.ts';

export const SERVER_FAILED = 'the server failed to answer this; its log tells why';
/** No route has it. */
const OUTSIDE = '/.outside';

export function createApp(web: Web): App {
  const { webroot } = web.options;
  const app = new Hono<WebEnv>({ getPath: ({ url }) => placeOf(url, webroot)?.path ?? OUTSIDE });
  app.use('*', async (c, next) => {
    c.set('webroot', webroot);
    c.set('routes', ROUTES);
    const answer = await refusalOf(c, web);
    if (answer === undefined) await next();
    else c.res = answer;
    // Last, so that they are on every answer, whoever gave it; a view of a mail brings its own, stricter policy.
    for (const [name, value] of [...Object.entries(SECURITY_HEADERS), ...corsHeaders(c, web.options)]) {
      if (!c.res.headers.has(name) || name === 'X-Content-Type-Options') c.res.headers.set(name, value);
    }
  });
  for (const route of ROUTES) {
    for (const method of METHODS) {
      const handler = route[method];
      if (handler) app.on(method, route.path, (c) => run(c, web, route, handler));
    }
    app.all(route.path, (c) => answerMethod(c, route));
  }
  app.notFound(async (c) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    const file = web.ui && isRead ? await answerFile(c, web.ui, c.req.path) : undefined;
    if (file) return file;
    const isMailpit = c.req.path.startsWith('/api/v1/') || c.req.path.startsWith('/view/');
    if (isMailpit && c.req.method === 'OPTIONS') return c.body(null, 200);
    return answerProblem(c, 404, isMailpit ? '404 page not found' : 'there is nothing at this address');
  });
  app.onError((error, c) => {
    const refusal = refusalFrom(error);
    if (refusal) return answerProblem(c, refusal.status, refusal.message);
    web.log.error('web.failed', { method: c.req.method, path: c.req.path, error });
    return answerProblem(c, 500, SERVER_FAILED);
  });
  return app;
}

/** The answer to a request that no handler is to see; undefined for one that may pass. */
async function refusalOf(c: Request, web: Web): Promise<Response | undefined> {
  const { options, login } = web;
  const foreign = hostRefusal(c.req.url, options) ?? originRefusal(c.req.raw, options);
  if (foreign !== undefined) return answerProblem(c, 403, foreign);
  const route = ROUTES.find(({ path }) => path === c.req.path);
  if (login !== null && !route?.public && c.req.method !== 'OPTIONS') {
    const answer = await login.check(c.req.header('authorization'), c.env?.incoming?.socket.remoteAddress ?? '');
    if (answer !== 'known') return refuseLogin(c, answer);
  }
  const place = placeOf(c.req.url, options.webroot);
  if (place === null) return answerOutside(c, options.webroot);
  c.set('namespace', place.namespace);
  if (place.namespace === undefined) return undefined;
  return (await isNamespace(web, place.namespace))
    ? undefined
    : answerProblem(c, 404, 'there is no such namespace; it may have expired');
}

/** RFC 7617 2; the words are Mailpit's. */
function refuseLogin(c: Request, answer: 'unknown' | 'locked'): Response {
  if (answer === 'locked') return c.text('Too many failed logins; try again later.\n', 429);
  c.header('WWW-Authenticate', 'Basic realm="Login", charset="UTF-8"');
  return c.text('Unauthorized.\n', 401);
}

function answerOutside(c: Request, webroot: string): Response {
  const isRoot = new URL(c.req.url).pathname === webroot.slice(0, -1);
  return isRoot ? c.redirect(webroot, 301) : c.text('there is nothing at this address\n', 404);
}

function run(c: Request, web: Web, route: Route, handler: Handler): Response | Promise<Response> {
  const problem = queryProblem(new URL(c.req.url).searchParams, route.query ?? []);
  return problem === undefined ? handler(c, web) : answerProblem(c, 400, problem);
}

function answerMethod(c: Request, route: Route): Response {
  const allowed = allowedMethods(route);
  c.header('Allow', allowed);
  // Mailpit says 200 here.
  if (c.req.method === 'OPTIONS') return c.req.path.startsWith('/api/v1/') ? c.body(null, 200) : c.body(null, 204);
  return answerProblem(c, 405, `${c.req.method} is not possible here; allowed are ${allowed}`);
}
