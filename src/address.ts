// Addresses as users write them: `[host:]port`, `[ipv6]:port`, `unix:/path`, `fd:N`, and back to text for logs.
// Whoever leaves the host away gets loopback: to listen to the world must be somebody's written decision.
import { isIPv4, isIPv6 } from 'node:net';
import { ChatError } from './errors.ts';

export interface TcpAddress {
  kind: 'tcp';
  /** An IPv4 address, an IPv6 address without brackets, or a host name. */
  host: string;
  port: number;
}

export interface UnixAddress {
  kind: 'unix';
  path: string;
}

/** A listening socket that this process was started with; `listen-fds.ts` says which ones there are. */
export interface FdAddress {
  kind: 'fd';
  fd: number;
}

export type Address = TcpAddress | UnixAddress | FdAddress;

export interface AddressDefaults {
  /** With it a text without a port is a host; without it, a mistake. */
  port?: number;
}

export const LOOPBACK = '127.0.0.1';
export const ADDRESS_FORMS = '[host:]port, [ipv6]:port, unix:/path or fd:N';

/** sizeof(sun_path) less its final NUL. The system would cut a longer path silently and listen somewhere else. */
const MAX_UNIX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
/** RFC 1035 2.3.4. */
const MAX_HOST_NAME = 253;

export function parseAddress(text: string, defaults: AddressDefaults = {}): Address {
  if (text === '') throw bad(text, 'it is empty');
  if (text.startsWith('unix:')) return parseUnix(text, text.slice('unix:'.length));
  if (/\s/.test(text)) throw bad(text, 'it has a space in it');
  if (text.startsWith('fd:')) return parseFd(text, text.slice('fd:'.length));
  if (/^[0-9]+$/.test(text)) return { kind: 'tcp', host: LOOPBACK, port: parsePort(text, text) };
  if (text.startsWith('[')) return parseBracketed(text, defaults);
  const colon = text.lastIndexOf(':');
  // `::1:25` could be an address or an address and a port: no guessing.
  if (colon !== text.indexOf(':')) throw bad(text, 'an IPv6 address stands in brackets, as in [::1]:25');
  if (colon < 0) {
    if (defaults.port === undefined) throw bad(text, 'the port is missing');
    return { kind: 'tcp', host: parseHost(text, text), port: defaults.port };
  }
  const port = parsePort(text, text.slice(colon + 1));
  return { kind: 'tcp', host: parseHost(text, text.slice(0, colon)), port };
}

/** The text that `parseAddress` reads back; IPv6 hosts get their brackets. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  if (address.kind === 'fd') return `fd:${address.fd}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** `::ffff:192.0.2.1`, as a dual-stack socket names an IPv4 peer, is `192.0.2.1` to everybody else. */
export function unmapAddress(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

function parseBracketed(text: string, defaults: AddressDefaults): TcpAddress {
  const close = text.indexOf(']');
  const host = text.slice(1, close < 0 ? text.length : close);
  if (close < 0) throw bad(text, 'the closing bracket is missing');
  if (!isIPv6(host)) throw bad(text, 'only an IPv6 address stands in brackets');
  const rest = text.slice(close + 1);
  if (rest === '' && defaults.port !== undefined) return { kind: 'tcp', host, port: defaults.port };
  if (!rest.startsWith(':')) throw bad(text, 'a colon and the port must follow the bracket');
  return { kind: 'tcp', host, port: parsePort(text, rest.slice(1)) };
}

function parseHost(text: string, host: string): string {
  // An empty host means `every interface` elsewhere; here that has to be written out.
  if (host === '' || host === '*') throw bad(text, 'the host is missing; every interface is 0.0.0.0 or [::]');
  if (!/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?$/.test(host) || host.includes('..')) {
    throw bad(text, `${JSON.stringify(host)} is no host name`);
  }
  if (host.length > MAX_HOST_NAME) throw bad(text, `a host name has at most ${MAX_HOST_NAME} characters`);
  // A name whose last label is a number is an IPv4 address with a slip; resolvers read `127.1` and `010.0.0.1` oddly.
  if (/(^|\.)[0-9]+\.?$/.test(host) && !isIPv4(host)) throw bad(text, `${host} is no IPv4 address`);
  return host;
}

function parsePort(text: string, digits: string): number {
  // No leading zeros: some programs read them as octal.
  if (!/^(0|[1-9][0-9]{0,4})$/.test(digits) || Number(digits) > 65535) {
    throw bad(text, 'the port must be a number from 0 to 65535');
  }
  return Number(digits);
}

function parseUnix(text: string, path: string): UnixAddress {
  if (!path.startsWith('/')) throw bad(text, 'the path of a unix socket must be absolute');
  // Spaces inside a path are real (`/Users/me/Library/Application Support`), those around it are slips.
  if (path !== path.trim() || hasControl(path)) throw bad(text, 'the path has control characters or spaces around it');
  if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    throw bad(text, `the path of a unix socket has at most ${MAX_UNIX_PATH_BYTES} bytes`);
  }
  return { kind: 'unix', path };
}

function parseFd(text: string, digits: string): FdAddress {
  // 0 to 2 are the standard streams; systemd hands sockets over from 3 up.
  if (!/^[1-9][0-9]{0,5}$/.test(digits) || Number(digits) < 3)
    throw bad(text, 'the descriptor must be a number from 3 up');
  return { kind: 'fd', fd: Number(digits) };
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 127) return true;
  }
  return false;
}

function bad(text: string, why: string): ChatError {
  return new ChatError('BAD_ADDRESS', `${JSON.stringify(text)} is no address: ${why}; allowed are ${ADDRESS_FORMS}`, {
    address: text,
  });
}
