// Who may ask. Mostly there is no login on this server, so two attacks from web pages have to be stopped here:
// DNS rebinding (a name of the attacker's that suddenly means 127.0.0.1: the browser then takes our answers for the
// attacker's own), told by the Host header, and requests that another site sends to us, told by Origin.
// Pure functions that answer with a reason or with nothing.
import { isIPv4 } from 'node:net';
import type { Address } from '../../src/address.ts';

/** What decides whom the server answers. */
export interface GuardRules {
  readonly listen: Address;
  /** Further host names; `*.example.test` means all below, `*` any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of other sites whose pages may ask; `*` means any. */
  readonly apiCors?: readonly string[] | undefined;
}

/** Methods that change nothing (RFC 9110 9.2.1). Answers to other sites are hidden from them by the browser. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Why this host name is refused; undefined for one by which the server may be called. */
export function hostRefusal(url: string, rules: GuardRules): string | undefined {
  const { hostname } = new URL(url);
  if (isHostAllowed(hostname, rules)) return undefined;
  return (
    `this server does not answer to the name ${hostname}: ` +
    `use its IP address or localhost, or start it with --allowed-hosts ${hostname}`
  );
}

/** Why a request that changes something is refused: it comes from a page of another site. */
export function originRefusal(request: Request, rules: Pick<GuardRules, 'apiCors'> = {}): string | undefined {
  if (SAFE_METHODS.has(request.method)) return undefined;
  return isOriginAllowed(request.headers.get('origin'), request.url, rules)
    ? undefined
    : 'requests that change something are not taken from pages of other sites';
}

/** Programs send no Origin; browsers always do with requests that change something, and when they open a WebSocket. */
export function isOriginAllowed(origin: string | null, url: string, rules: Pick<GuardRules, 'apiCors'>): boolean {
  return origin === null || isSameHost(origin, url) || isCorsOrigin(origin, rules);
}

/** Whether pages of this origin may read our answers (Fetch standard, 3.2). */
export function isCorsOrigin(origin: string, { apiCors = [] }: Pick<GuardRules, 'apiCors'>): boolean {
  return apiCors.some(
    (allowed) => allowed === '*' || allowed.replace(/\/$/, '').toLowerCase() === origin.toLowerCase(),
  );
}

function isHostAllowed(hostname: string, { listen, allowedHosts = [] }: GuardRules): boolean {
  // The URL parser has normalized it: lower case, brackets around IPv6, `127.1` written out.
  const name = hostname.replace(/\.$/, '');
  if (isIPv4(name) || name.startsWith('[')) return true;
  // RFC 6761 6.3: browsers never ask the DNS about localhost. A name without a dot, as containers call each other, is
  // nobody's in the DNS, and `.internal` is kept for private use: what strangers cannot have they cannot bend.
  if (name === 'localhost' || /\.(?:localhost|internal)$/.test(name) || !name.includes('.')) return true;
  if (allowedHosts.some((allowed) => isHostMeant(allowed.toLowerCase().replace(/\.$/, ''), name))) return true;
  return listen.kind === 'tcp' && name === listen.host.toLowerCase().replace(/\.$/, '');
}

function isHostMeant(allowed: string, name: string): boolean {
  if (allowed === '*') return true;
  return allowed.startsWith('*.') ? name.endsWith(allowed.slice(1)) : name === allowed;
}

/** The port counts, the scheme does not: in front of us may be a proxy that speaks TLS. */
function isSameHost(origin: string, url: string): boolean {
  try {
    return new URL(origin).host === new URL(url).host;
  } catch {
    // `null`: a sandboxed page, a file.
    return false;
  }
}
