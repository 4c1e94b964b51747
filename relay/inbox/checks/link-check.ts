// Asks for each link of a mail whether it is there. It visits nothing but the public internet unless told otherwise: it
// resolves the name itself, connects to an address it has looked at, and does so again for each redirect.
import { request as httpRequest, STATUS_CODES } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { AddressGuard, type Resolve, type Resolved } from './public-address.ts';

export interface LinkCheckOptions {
  /** Whether to go where a redirect leads. Default false: its status is the answer. */
  readonly follow?: boolean;
  /** Addresses and networks that may be visited although they are not public. */
  readonly allowed?: readonly string[];
  /** Milliseconds for one link with all its redirects. Default 10 s. */
  readonly timeoutMs?: number;
  /** Milliseconds for all of them. Default 60 s. */
  readonly totalMs?: number;
  /** At a time. Default 5. */
  readonly parallel?: number;
  /** Ends the check early; what is not done is told so. */
  readonly signal?: AbortSignal;
  /** Instead of the system's resolver. */
  readonly resolve?: Resolve;
}

export interface LinkResult {
  readonly url: string;
  /** 0 when there was no answer. */
  readonly statusCode: number;
  /** `Not Found`, or why there was no answer. */
  readonly status: string;
}

export interface LinkCheck {
  /** In the order in which they were given. */
  readonly links: readonly LinkResult[];
  /** How many had no answer or one from 400 up. */
  readonly errors: number;
}

const MAX_REDIRECTS = 10;
const MAX_HEADER_BYTES = 64 * 1024;
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such host',
  ENODATA: 'no such host',
  EAI_AGAIN: 'the name cannot be resolved',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
  CERT_HAS_EXPIRED: 'certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate is for another host',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate of an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate of an unknown authority',
};

/** Never rejects. */
export async function checkLinks(urls: readonly string[], options: LinkCheckOptions = {}): Promise<LinkCheck> {
  const { allowed = [], timeoutMs = 10_000, totalMs = 60_000, parallel = 5 } = options;
  const guard = new AddressGuard(allowed, options.resolve);
  const all = limit(totalMs, options.signal);
  const links: LinkResult[] = new Array(urls.length);
  let next = 0;
  const worker = async () => {
    while (next < urls.length) {
      const place = next++;
      const url = urls[place]!;
      const one = limit(timeoutMs, all.signal);
      links[place] = all.signal.aborted
        ? { url, statusCode: 0, status: 'not checked: time is up' }
        : await checkLink(url, guard, options.follow ?? false, one.signal);
      one.end();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(parallel, urls.length)) }, worker));
  all.end();
  return { links, errors: links.filter(({ statusCode }) => statusCode === 0 || statusCode >= 400).length };
}

/** As Mailpit's API gives it. */
export function linkCheckJson({ links, errors }: LinkCheck) {
  return {
    Errors: errors,
    Links: links.map(({ url, statusCode, status }) => ({ URL: url, StatusCode: statusCode, Status: status })),
  };
}

/** A signal that comes after this time, or with the outer one; until `end` is called. */
function limit(ms: number, outer: AbortSignal | undefined): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, ms);
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort);
  const end = () => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, end };
}

async function checkLink(url: string, guard: AddressGuard, follow: boolean, signal: AbortSignal): Promise<LinkResult> {
  try {
    const statusCode = await visit(url, guard, follow, signal);
    return { url, statusCode, status: STATUS_CODES[statusCode] ?? '' };
  } catch (error) {
    return { url, statusCode: 0, status: signal.aborted ? 'timed out' : reasonOf(error) };
  }
}

/** The status at the end of the way. */
async function visit(url: string, guard: AddressGuard, follow: boolean, signal: AbortSignal): Promise<number> {
  let place = URL.canParse(url) ? new URL(url) : null;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    if (place === null || !/^https?:$/.test(place.protocol))
      throw new Error(redirects > 0 ? 'redirect to no web page' : 'no link of the web');
    // Resolving cannot be called off, so it is only not waited for.
    const addresses = await until(guard.addressesOf(place.hostname), signal);
    if (addresses.length === 0) throw new Error('not visited: the address is not public');
    let answer = await ask('HEAD', place, addresses, signal);
    // Many servers know no HEAD, and say so in many ways.
    if (answer.status >= 400) answer = await ask('GET', place, addresses, signal);
    const isRedirect = [301, 302, 303, 307, 308].includes(answer.status) && answer.location !== undefined;
    if (!follow || !isRedirect) return answer.status;
    place = URL.canParse(answer.location!, place.href) ? new URL(answer.location!, place) : null;
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

function ask(method: 'HEAD' | 'GET', url: URL, addresses: readonly Resolved[], signal: AbortSignal): Promise<Answer> {
  // The name is not asked for again: a second answer could be another one.
  const lookup: LookupFunction = (_host, { all }, done) => {
    const [first] = addresses;
    if (all) done(null, [...addresses]);
    else done(null, first!.address, first!.family);
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const client = request(
      {
        method,
        // Without user and password: they are not ours to send.
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, 'user-agent': 'lonedot link check', accept: '*/*' },
        agent: false,
        lookup,
        signal,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (response) => {
        resolve({ status: response.statusCode ?? 0, location: response.headers.location });
        // The answer is in the status; what follows may be endless.
        client.destroy();
      },
    );
    client.on('error', reject);
    client.end();
  });
}

function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('timed out'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return REASONS[code ?? ''] ?? (message ?? '').split('\n', 1)[0]!.slice(0, 200);
}
