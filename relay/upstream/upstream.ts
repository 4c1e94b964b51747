// An upstream as users write it, every detail in one URL: smtp://user:password@host:587?name=main&tls=require. Parsed
// once and without touching a file or the network; what is logged or shown is `name`, which holds no secret.
import { ChatError } from '../../src/errors.ts';
import { PARAMETERS, type Parameters, readParameters } from './upstream-parameters.ts';

/** `require`: TLS or no mail. `opportunistic`: encrypt when it is offered. */
export type UpstreamTls = 'require' | 'opportunistic' | 'none';

/** Mails to one upstream in a time; one that is busy beyond that waits. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

export type Mechanism = 'plain' | 'login' | 'cram-md5' | 'oauth2';

export interface UpstreamAuth {
  readonly user: string;
  /** '' with OAuth2. */
  readonly pass: string;
  /** null: the first that the upstream offers of PLAIN, LOGIN, CRAM-MD5. */
  readonly mechanism: Mechanism | null;
  readonly oauth2: OAuth2 | null;
}

export interface OAuth2 {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly tokenUrl: string;
}

export interface ProxyAddress {
  readonly kind: 'socks5' | 'http';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly pass: string;
}

export interface Upstream {
  /** From the URL, or `smtp://host:port`: for logs, attempts and routes. */
  readonly name: string;
  /** `mx`: to the hosts that the recipient's domain names (mx.ts). */
  readonly kind: 'smtp' | 'lmtp' | 'mx';
  /** A name, an address without brackets, or the path of a unix socket; '' for mx. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** TLS from the first byte (smtps). */
  readonly implicitTls: boolean;
  readonly tls: UpstreamTls;
  /** Whether a certificate that nobody vouches for ends the connection. */
  readonly verify: boolean;
  /** The name in the certificate, where it is not the host. */
  readonly servername: string | null;
  /** Files with certificates in PEM: who is trusted instead of the usual, and what this side shows. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly auth: UpstreamAuth | null;
  readonly proxy: ProxyAddress | null;
  /** What becomes of a mail with 8-bit bytes where 8BITMIME is not offered. */
  readonly eightBit: 'bounce' | 'send';
  /** Connections at a time; null: what --concurrency says. */
  readonly concurrency: number | null;
  readonly rate: Rate | null;
  /** Milliseconds; null: as waits.ts says, phase by phase. */
  readonly timeout: number | null;
  readonly dotTimeout: number | null;
}

const FORMS = 'smtp[s]://[user:password@]host[:port], lmtp://host:port, lmtp+unix:/path or mx:';
const SCHEMES: Readonly<Record<string, { kind: Upstream['kind']; port: number }>> = {
  'smtp:': { kind: 'smtp', port: 25 },
  'smtps:': { kind: 'smtp', port: 465 },
  'lmtp:': { kind: 'lmtp', port: 24 },
  'lmtp+unix:': { kind: 'lmtp', port: 0 },
  'mx:': { kind: 'mx', port: 25 },
};

/** Throws ChatError BAD_OPTION with one line that repeats no secret. */
export function parseUpstream(text: string): Upstream {
  const url = toUrl(text);
  const scheme = SCHEMES[url.protocol];
  if (!scheme) throw bad('the scheme must be smtp, smtps, lmtp, lmtp+unix or mx');
  const parameters = readParameters(url.searchParams, bad);
  if (scheme.kind === 'mx' && parameters.lmtp !== null) throw bad('lmtp means nothing to mx');
  const kind = parameters.lmtp ? 'lmtp' : scheme.kind;
  const place = placeOf(url, scheme, parameters);
  // RFC 2033 5: what listens there speaks SMTP.
  if (kind === 'lmtp' && place.port === 25) throw bad('LMTP never goes to port 25');
  const auth = authOf(url, parameters);
  const implicitTls = url.protocol === 'smtps:';
  // A password never leaves in the clear unless that was asked for.
  const tls = parameters.tls ?? (auth || implicitTls ? 'require' : 'opportunistic');
  if (implicitTls && tls === 'none') throw bad('tls=none contradicts smtps');
  if ((parameters.cert === null) !== (parameters.key === null)) throw bad('cert and key go together');
  if (place.port === 0 && parameters.proxy) throw bad('no proxy leads to a unix socket');
  if (kind === 'mx' && (auth || parameters.proxy || parameters.servername)) {
    throw bad('a password, proxy or servername means nothing to mx');
  }
  return {
    name: parameters.name ?? nameOf(url, place),
    kind,
    ...place,
    implicitTls,
    tls,
    verify: parameters.verify ?? (tls === 'require' || implicitTls),
    servername: parameters.servername,
    ca: parameters.ca,
    cert: parameters.cert,
    key: parameters.key,
    auth,
    proxy: parameters.proxy,
    eightBit: parameters.eightbit ?? 'bounce',
    concurrency: parameters.concurrency,
    rate: parameters.rate,
    timeout: parameters.timeout,
    dotTimeout: parameters.dotTimeout,
  };
}

function toUrl(text: string): URL {
  try {
    return new URL(text === 'mx' ? 'mx:' : text);
  } catch {
    throw bad('not a URL');
  }
}

function placeOf(
  url: URL,
  scheme: { kind: Upstream['kind']; port: number },
  { port }: Parameters,
): { host: string; port: number } {
  if (url.hash !== '') throw bad('a # means nothing here');
  if (scheme.kind === 'mx') {
    if (url.hostname !== '' || url.pathname !== '')
      throw bad('mx takes no host: it goes where the domain of each recipient says');
    return { host: '', port: port ?? scheme.port };
  }
  if (port !== null) throw bad('port is for mx: only; elsewhere it stands behind the host');
  if (url.protocol === 'lmtp+unix:') {
    const path = decode(url.pathname, 'the path');
    if (url.hostname !== '' || !path.startsWith('/'))
      throw bad('lmtp+unix takes an absolute path, as in lmtp+unix:/run/lmtp');
    return { host: path, port: 0 };
  }
  if (url.hostname === '') throw bad('the host is missing');
  if (url.pathname !== '' && url.pathname !== '/') throw bad('a path means nothing here');
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? scheme.port : Number(url.port) };
}

function nameOf(url: URL, { host, port }: { host: string; port: number }): string {
  if (url.protocol === 'mx:') return 'mx';
  if (url.protocol === 'lmtp+unix:') return `lmtp+unix:${host}`;
  return `${url.protocol}//${url.hostname}:${port}`;
}

function authOf(url: URL, parameters: Parameters): UpstreamAuth | null {
  const { clientId, clientSecret, refreshToken, tokenUrl, auth: mechanism } = parameters;
  const user = decode(url.username, 'the user');
  const pass = decode(url.password, 'the password');
  const isOAuth2 = mechanism === 'oauth2';
  if (!isOAuth2 && (clientId ?? clientSecret ?? refreshToken ?? tokenUrl) !== null) {
    throw bad('client-id, client-secret, refresh-token and token-url are for auth=oauth2');
  }
  if (user === '') {
    if (mechanism !== null || pass !== '') throw bad('the user is missing');
    return null;
  }
  if (!isOAuth2) {
    if (pass === '') throw bad('the password is missing');
    return { user, pass, mechanism, oauth2: null };
  }
  if (pass !== '') throw bad('auth=oauth2 takes a refresh-token, not a password');
  if (clientId === null || refreshToken === null || tokenUrl === null) {
    throw bad('auth=oauth2 needs client-id, refresh-token and token-url');
  }
  return { user, pass: '', mechanism, oauth2: { clientId, clientSecret: clientSecret ?? '', refreshToken, tokenUrl } };
}

function decode(part: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw bad(`a % in ${what} must be written %25`);
  }
}

function bad(why: string): ChatError {
  return new ChatError(
    'BAD_OPTION',
    `bad upstream: ${why}; expected ${FORMS}, with ?parameters: ${PARAMETERS.join(', ')}`,
  );
}
