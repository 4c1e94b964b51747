// Addresses as Go's net package reads them: `host:port`, `:port`, `[::1]:port`, nothing at all; and what it says of bad
// ones. A name is listened on by its first IPv4 address, since clients split the answer at its colon; no host, and
// 0.0.0.0 as well, is every address of both families.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';

const WILDCARDS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);
/** Names of ports that people write: the resolver of the system knows more, Node does not ask it. */
const SERVICES: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  smtp: 25,
  domain: 53,
  http: 80,
  pop3: 110,
  imap: 143,
  https: 443,
};

/** What errno says in Go. */
const ERRNO: Readonly<Record<string, string>> = {
  EADDRINUSE: 'bind: address already in use',
  EACCES: 'bind: permission denied',
  EADDRNOTAVAIL: 'bind: cannot assign requested address',
  EAFNOSUPPORT: 'socket: address family not supported by protocol',
  EMFILE: 'socket: too many open files',
  ENFILE: 'socket: too many open files in system',
};

/** The address to listen on, its name looked up. Throws an Error with Go's words. */
export async function resolveListen(text: string): Promise<Address> {
  if (text.startsWith('unix:')) return parseAddress(text);
  const [host, port] = text === '' ? ['', '0'] : split(text);
  const number = portNumber(port);
  if (WILDCARDS.has(host)) return { kind: 'tcp', host: '::', port: number };
  return { kind: 'tcp', host: await firstAddress(host), port: number };
}

/** Where an upstream is; undefined for a text that is nowhere: then each connection fails, as in Toxiproxy. */
export function parseUpstream(text: string): Address | undefined {
  try {
    if (text.startsWith('unix:')) return parseAddress(text);
    const [host, port] = split(text);
    const number = portNumber(port);
    if (number === 0) return undefined;
    return { kind: 'tcp', host: WILDCARDS.has(host) ? 'localhost' : host, port: number };
  } catch {
    return undefined;
  }
}

/** `listen tcp 127.0.0.1:3310: bind: address already in use`; `listen` is what was asked for. */
export function listenFailure(address: Address, listen: string, error: unknown): string {
  const { cause } = (error instanceof ChatError ? error.facts : {}) as { cause?: string };
  const why = ERRNO[cause ?? ''] ?? (error as Error).message;
  if (address.kind === 'unix') return `listen unix ${address.path}: ${why}`;
  // Go looks up names, but leaves every address as it was written.
  const isWildcard = address.kind === 'tcp' && WILDCARDS.has(address.host);
  return `listen tcp ${isWildcard ? listen : formatAddress(address)}: ${why}`;
}

function split(text: string): [host: string, port: string] {
  const colon = text.lastIndexOf(':');
  const fail = (why: string): never => {
    throw new Error(`listen tcp: address ${text}: ${why}`);
  };
  if (colon < 0) return fail('missing port in address');
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0) return fail("missing ']' in address");
    if (close + 1 === text.length) return fail('missing port in address');
    if (close + 1 !== colon)
      return fail(text[close + 1] === ':' ? 'too many colons in address' : 'missing port in address');
    return [text.slice(1, close), text.slice(colon + 1)];
  }
  const host = text.slice(0, colon);
  if (host.includes(':')) return fail('too many colons in address');
  return [host, text.slice(colon + 1)];
}

function portNumber(port: string): number {
  if (port === '') return 0;
  if (!/^[+-]?\d+$/.test(port)) {
    const known = SERVICES[port.toLowerCase()];
    if (known === undefined) throw new Error(`listen tcp: lookup tcp/${port}: unknown port`);
    return known;
  }
  const number = Number(port);
  if (number < 0 || number > 65535) throw new Error(`listen tcp: address ${port}: invalid port`);
  return number;
}

async function firstAddress(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const found = await lookup(host, { all: true });
    return (found.find(({ family }) => family === 4) ?? found[0])!.address;
  } catch {
    throw new Error(`listen tcp: lookup ${host}: no such host`);
  }
}
