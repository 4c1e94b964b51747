// Who may use the control server. There is no login; what must not happen is that a web page uses it behind the back of
// whoever looks at it. Browsers are told by their User-Agent, as Toxiproxy does; a server on loopback also refuses names
// that are not the machine's own (DNS rebinding), and none takes changes from pages of other sites.
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Address } from '../../src/address.ts';

interface Asking {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
}

/** Why a request is refused; undefined if it is not. */
export type Guard = (request: Asking) => string | undefined;

/** The guard of a server that listens there. */
export function guardFor(listen: Address): Guard {
  const isLocal = listen.kind === 'tcp' && /^(127\.|::1$|localhost$)/.test(listen.host);
  return ({ host, origin, userAgent }) => {
    if (userAgent?.startsWith('Mozilla/')) return 'User agent not allowed';
    if (isLocal && host !== undefined && !isOwnName(nameOf(host))) return 'Host not allowed';
    // Programs send no Origin.
    if (origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host)) return 'Origin not allowed';
    return undefined;
  };
}

function isOwnName(name: string): boolean {
  if (isIP(name) !== 0 || name === '') return true;
  // RFC 6761 6.3: nobody else can make these names mean this machine.
  return name === 'localhost' || name.endsWith('.localhost') || name === hostname().toLowerCase();
}

/** Without its port and brackets. */
function nameOf(host: string): string {
  const text = host.toLowerCase();
  return text.startsWith('[') ? text.slice(1, text.indexOf(']')) : text.replace(/:\d*$/, '').replace(/\.$/, '');
}
