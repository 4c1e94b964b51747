// The control API without its sockets: a request in, an answer out. One table says which methods each path has; what a
// row answers is a status and a body, and what it refuses an ApiError.
import { randomBytes } from 'node:crypto';
import { ApiError, refusal } from './api-error.ts';
import { encodeGoJson } from './go-encode.ts';
import { parseGoJson } from './go-json.ts';
import type { Guard } from './guard.ts';
import type { Metrics } from './metrics.ts';
import type { Proxies } from './proxies.ts';
import { readProxies, readProxy, readProxyChange, showProxy } from './proxy-json.ts';
import { readChange, readToxic, showToxic } from './toxic-json.ts';
import type { ToxicProxy } from './toxic-proxy.ts';

/** What clients are told: they ask for it to know whether PATCH is there (2.6.0). */
export const TOXIPROXY_VERSION = '2.12.0';

export interface ApiRequest {
  readonly method: string;
  /** As it came: `/proxies/a%20b?x`. */
  readonly url: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
  readonly body: Buffer;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ApiContext {
  readonly proxies: Proxies;
  readonly strict: boolean;
  readonly guard: Guard;
  /** Undefined without the flags that switch them on: then there is no such path. */
  readonly metrics: Metrics | undefined;
}

interface Params {
  readonly proxy: string;
  readonly toxic: string;
}

type Handler = (context: ApiContext, params: Params, body: Buffer) => ApiAnswer | Promise<ApiAnswer>;
type Methods = Readonly<Record<string, Handler>>;

const updateProxy: Handler = async ({ proxies }, { proxy }, body) =>
  ok(showProxy(await proxies.update(proxy, (now) => readProxyChange(parseGoJson(body), now))));

const updateToxic: Handler = ({ proxies, strict }, params, body) => {
  const { toxics } = proxies.get(params.proxy);
  const toxic = toxics.find(params.toxic);
  if (toxic === undefined) throw refusal('toxicNotFound');
  toxics.update(toxic, readChange(parseGoJson(body), toxic, strict));
  return ok(showToxic(toxic));
};

const ROUTES: Readonly<Record<string, Methods>> = {
  '/proxies': {
    GET: ({ proxies }) => ok(Object.fromEntries(proxies.all.map((proxy) => [proxy.name, showProxy(proxy)]))),
    POST: async ({ proxies, strict }, _, body) =>
      json(201, showProxy(await proxies.create(readProxy(parseGoJson(body), strict)))),
  },
  '/proxies/{proxy}': {
    GET: ({ proxies }, { proxy }) => ok(showProxy(proxies.get(proxy))),
    POST: updateProxy,
    PATCH: updateProxy,
    DELETE: async ({ proxies }, { proxy }) => {
      await proxies.remove(proxy);
      return NO_CONTENT;
    },
  },
  '/proxies/{proxy}/toxics': {
    GET: ({ proxies }, { proxy }) => ok(proxies.get(proxy).toxics.all.map(showToxic)),
    POST: ({ proxies, strict }, params, body) => {
      const { toxics } = proxies.get(params.proxy);
      const toxic = readToxic(parseGoJson(body), (name) => toxics.find(name) !== undefined, strict);
      toxics.add(toxic);
      return ok(showToxic(toxic));
    },
  },
  '/proxies/{proxy}/toxics/{toxic}': {
    GET: ({ proxies }, params) => {
      const toxic = proxies.get(params.proxy).toxics.find(params.toxic);
      if (toxic === undefined) throw refusal('toxicNotFound');
      return ok(showToxic(toxic));
    },
    POST: updateToxic,
    PATCH: updateToxic,
    DELETE: ({ proxies }, params) => {
      const { toxics } = proxies.get(params.proxy);
      const toxic = toxics.find(params.toxic);
      if (toxic === undefined) throw refusal('toxicNotFound');
      toxics.remove(toxic);
      return NO_CONTENT;
    },
  },
  '/populate': {
    POST: async ({ proxies, strict }, _, body) => {
      const made: ToxicProxy[] = [];
      // Go writes a list that was never filled as null.
      const shown = () => ({ proxies: made.length > 0 ? made.map(showProxy) : null });
      try {
        await proxies.populate(readProxies(parseGoJson(body), strict), made);
        return json(201, shown());
      } catch (error) {
        const { message, status } = asApiError(error);
        return json(status, { error: message, status, ...shown() });
      }
    },
  },
  '/reset': {
    POST: async ({ proxies }) => {
      await proxies.reset();
      return NO_CONTENT;
    },
  },
  '/version': {
    GET: () => answer(200, `{"version": "${TOXIPROXY_VERSION}"}\n`, 'application/json;charset=utf-8'),
  },
};

/** Answers a request. Never rejects. */
export async function answerApi(request: ApiRequest, context: ApiContext): Promise<ApiAnswer> {
  const found = findRoute(request.url);
  const metrics = found?.path === '/metrics' ? context.metrics : undefined;
  const methods = found && Object.hasOwn(ROUTES, found.path) ? ROUTES[found.path] : undefined;
  if (found === undefined || (methods === undefined && metrics === undefined)) return plain(404, '404 page not found');
  const handler = methods && Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
  if (handler === undefined && metrics === undefined) return { status: 405, headers: {}, body: '' };
  const forbidden = context.guard(request);
  let result: ApiAnswer;
  try {
    if (forbidden !== undefined) result = plain(403, forbidden);
    else if (metrics !== undefined) result = answer(200, await metrics.text(), metrics.contentType);
    else result = await handler!(context, found.params, request.body);
  } catch (error) {
    result = refused(asApiError(error));
  }
  return { ...result, headers: { ...result.headers, 'X-Toxiproxy-Request-Id': requestId() } };
}

/** The answer to what went wrong before there was a request to answer. */
export function refused({ message, status }: ApiError): ApiAnswer {
  return plain(status, encodeGoJson({ error: message, status }));
}

/** A path is matched in its decoded form, so that a name with a slash in it is found nowhere. */
function findRoute(url: string): { path: string; params: Params } | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url.split('?', 1)[0]!);
  } catch {
    return undefined;
  }
  const parts = path.split('/').slice(1);
  if (parts[0] !== 'proxies' || parts.length < 2) return { path, params: { proxy: '', toxic: '' } };
  const [, proxy = '', toxics, toxic] = parts;
  if (parts.slice(1).includes('') || parts.length > 4) return undefined;
  const shape = [
    '/proxies/{proxy}',
    ...(toxics === undefined ? [] : [toxics]),
    ...(toxic === undefined ? [] : ['{toxic}']),
  ];
  return { path: shape.join('/'), params: { proxy, toxic: toxic ?? '' } };
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(error instanceof Error ? error.message : String(error), 500);
}

const NO_CONTENT: ApiAnswer = { status: 204, headers: {}, body: '' };

function ok(value: unknown): ApiAnswer {
  return json(200, value);
}

function json(status: number, value: unknown): ApiAnswer {
  return answer(status, encodeGoJson(value), 'application/json');
}

/** As Go's http.Error() does, whatever the text is. */
function plain(status: number, text: string): ApiAnswer {
  const result = answer(status, `${text}\n`, 'text/plain; charset=utf-8');
  return { ...result, headers: { ...result.headers, 'X-Content-Type-Options': 'nosniff' } };
}

function answer(status: number, body: string, type: string): ApiAnswer {
  return { status, headers: { 'Content-Type': type }, body };
}

/** Twenty letters and digits. */
function requestId(): string {
  return Array.from(randomBytes(20), (byte) => (byte % 32).toString(32)).join('');
}
