// The parameters of an upstream's URL: what each may hold, and the sentence for when it does not. No message repeats a
// value: some of them are secrets, and others stand where a secret was meant to stand.
import { parseDuration } from '../../src/option-types.ts';
import type { Mechanism, ProxyAddress, Rate, UpstreamTls } from './upstream.ts';

export interface Parameters {
  readonly name: string | null;
  readonly tls: UpstreamTls | null;
  readonly verify: boolean | null;
  readonly servername: string | null;
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly auth: Mechanism | null;
  readonly clientId: string | null;
  readonly clientSecret: string | null;
  readonly refreshToken: string | null;
  readonly tokenUrl: string | null;
  readonly proxy: ProxyAddress | null;
  readonly eightbit: 'bounce' | 'send' | null;
  readonly concurrency: number | null;
  readonly rate: Rate | null;
  readonly timeout: number | null;
  readonly dotTimeout: number | null;
  readonly port: number | null;
  readonly lmtp: boolean | null;
}

/** Makes the error that is thrown. */
type Bad = (why: string) => Error;

interface Reader<T> {
  /** Completes "NAME is". */
  readonly expects: string;
  /** undefined when the text is not one. */
  read(text: string): T | undefined;
}

const YES = new Map([
  ['yes', true],
  ['true', true],
  ['1', true],
  ['', true],
  ['no', false],
  ['false', false],
  ['0', false],
]);

function oneOf<const T extends string>(...choices: readonly T[]): Reader<T> {
  return {
    expects: `one of ${choices.join(', ')}`,
    read: (text) => choices.find((choice) => choice === text),
  };
}

function matching(pattern: RegExp, expects: string): Reader<string> {
  return { expects, read: (text) => (pattern.test(text) ? text : undefined) };
}

function integer(min: number, max: number): Reader<number> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    read: (text) => (/^\d{1,6}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  };
}

function duration(min: string, max: string): Reader<number> {
  const [from, to] = [parseDuration(min)!, parseDuration(max)!];
  return {
    expects: `a duration from ${min} to ${max}, as in 90s or 5m`,
    read: (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= from && ms <= to ? ms : undefined;
    },
  };
}

const YES_OR_NO: Reader<boolean> = { expects: 'yes or no', read: (text) => YES.get(text) };
const FILE = matching(/^[^\0]+$/, 'the path of a file');
// A + in a query is a space: whoever pastes a token with one is told so here, and not by the upstream at night.
const SECRET = matching(/^[^\p{Cc}\s]+$/u, 'a text without spaces, in which + is written %2B');

const READERS: { readonly [K in keyof Parameters]: Reader<NonNullable<Parameters[K]>> } = {
  name: matching(/^[\w.:/@-]{1,64}$/, 'a short name of letters, digits and . : / @ _ -'),
  tls: oneOf('require', 'opportunistic', 'none'),
  verify: YES_OR_NO,
  servername: matching(/^[A-Za-z\d._-]{1,253}$/, 'a host name'),
  ca: FILE,
  cert: FILE,
  key: FILE,
  auth: oneOf('plain', 'login', 'cram-md5', 'oauth2'),
  clientId: SECRET,
  clientSecret: SECRET,
  refreshToken: SECRET,
  tokenUrl: { expects: 'an https:// URL', read: readTokenUrl },
  proxy: { expects: 'socks5://[user:password@]host[:port] or http://[user:password@]host[:port]', read: readProxy },
  eightbit: oneOf('bounce', 'send'),
  concurrency: integer(1, 1000),
  rate: { expects: 'a number of mails in a time, as in 5/s, 100/m or 1000/h', read: readRate },
  timeout: duration('100ms', '1h'),
  dotTimeout: duration('100ms', '1h'),
  port: integer(1, 65535),
  lmtp: YES_OR_NO,
};

const KEYS = new Map(Object.keys(READERS).map((key) => [inUrl(key), key as keyof Parameters]));

/** As they are written in a URL. */
export const PARAMETERS: readonly string[] = [...KEYS.keys()];

/** All parameters; null for those that do not stand there. Throws what `bad` makes. */
export function readParameters(search: URLSearchParams, bad: Bad): Parameters {
  const values: Record<string, unknown> = Object.fromEntries(Object.keys(READERS).map((key) => [key, null]));
  for (const [name, text] of search) {
    const key = KEYS.get(name);
    if (key === undefined) throw bad(`unknown parameter ${JSON.stringify(name.slice(0, 40))}`);
    if (values[key] !== null) throw bad(`${name} stands there twice`);
    const reader = READERS[key] as Reader<unknown>;
    const value = reader.read(text);
    if (value === undefined) throw bad(`${name} is ${reader.expects}`);
    values[key] = value;
  }
  return values as unknown as Parameters;
}

function inUrl(key: string): string {
  return key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}

function readRate(text: string): Rate | undefined {
  const [, count, unit] = /^(\d{1,6})\/([smhd])$/.exec(text) ?? [];
  const perMs = parseDuration(`1${unit}`);
  return Number(count) > 0 && perMs !== undefined ? { count: Number(count), perMs } : undefined;
}

/** Tokens go over it: in the clear only within this machine. */
function readTokenUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname } = new URL(text);
  const isHere = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isHere) ? text : undefined;
}

function readProxy(text: string): ProxyAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const kind = protocol === 'socks5:' || protocol === 'socks:' ? 'socks5' : protocol === 'http:' ? 'http' : undefined;
  if (!kind || hostname === '' || !/^\/?$/.test(pathname + search + hash)) return undefined;
  try {
    return {
      kind,
      host: hostname.replace(/^\[|\]$/g, ''),
      // The URL class leaves the default port of http away.
      port: port === '' ? (kind === 'socks5' ? 1080 : 80) : Number(port),
      user: decodeURIComponent(username),
      pass: decodeURIComponent(password),
    };
  } catch {
    return undefined;
  }
}
