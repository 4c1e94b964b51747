// Who may ask. There is no login on this server, so two attacks from web pages have to be stopped here:
// DNS rebinding (a name of the attacker's that suddenly means 127.0.0.1: the browser then takes our answers for the
// attacker's own), told by the Host header, and requests that another site sends to us, told by Origin.
// Pure functions that answer with a reason or with nothing.
import { isIPv4 } from 'node:net';
import type { Address } from '../../src/address.ts';

/** Methods that change nothing (RFC 9110 9.2.1). Answers to other sites are hidden from them by the browser. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Why this host name is refused; undefined for an IP address, localhost, and the name that the server listens on. */
export function hostRefusal(url: string, listen: Address): string | undefined {
  const { hostname } = new URL(url);
  if (isHostAllowed(hostname, listen)) return undefined;
  return `this server does not answer to the name ${hostname}: use its IP address or localhost, or listen on that name`;
}

/** Why a request that changes something is refused: it comes from a page of another site. */
export function originRefusal(request: Request): string | undefined {
  if (SAFE_METHODS.has(request.method)) return undefined;
  const origin = request.headers.get('origin');
  // Programs send no Origin; browsers always do with these methods (Fetch standard, 3.2).
  if (origin === null || isSameHost(origin, request.url)) return undefined;
  return 'requests that change something are not taken from pages of other sites';
}

function isHostAllowed(hostname: string, listen: Address): boolean {
  // The URL parser has normalized it: lower case, brackets around IPv6, `127.1` written out.
  const name = hostname.replace(/\.$/, '');
  if (isIPv4(name) || name.startsWith('[')) return true;
  // RFC 6761 6.3: browsers never ask the DNS about these.
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return listen.kind === 'tcp' && name === listen.host.toLowerCase().replace(/\.$/, '');
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
