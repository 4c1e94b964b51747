// TLS on either side of a proxied connection: it ends here, so that what is said can be seen, and begins here again for
// upstreams that want it. From the first byte, or behind STARTTLS. Loaded only when it is asked for.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { checkServerIdentity, createSecureContext, rootCertificates } from 'node:tls';
import type { Address } from '../src/address.ts';
import type { Authority } from '../src/authority.ts';
import { Certificates } from '../src/certificates.ts';
import type { Clock } from '../src/clock.ts';
import { ChatError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import type { TlsOptions } from '../src/tls-upgrade.ts';
import type { ProxyOptions } from './options.ts';

/** What the side of the clients needs at each handshake. `upstream`: whom they mean when they name nobody. */
export type ServerTls = (upstream: Address) => TlsOptions;
/** What the side of the upstream needs. `asked`: the name that the client has asked for, if it has. */
export type ClientTls = (upstream: Address, asked: string | undefined) => TlsOptions;

export interface ProxyTls {
  readonly server: ServerTls;
  readonly client: ClientTls;
}

/** Rejects with ChatError BAD_OPTION for bad files. */
export async function loadTls(options: ProxyOptions, log: Log, clock: Clock): Promise<ProxyTls> {
  const isOurs = options.tlsMitm || options.starttls === 'mitm';
  return {
    server: isOurs ? signed(await authority(options.ca, log), options) : kept(options, log, clock),
    client: upstreamTls(options),
  };
}

async function authority(file: string | undefined, log: Log): Promise<Authority> {
  const { loadAuthority } = await import('../src/authority.ts');
  return loadAuthority(file ?? defaultFile(), log);
}

/** Where programs keep what should survive them (XDG Base Directory Specification). */
function defaultFile(): string {
  const { XDG_STATE_HOME: state } = process.env;
  return join(state || join(homedir(), '.local', 'state'), 'lonedot', 'proxy-ca.pem');
}

/** Certificates from files, or one of our own for localhost. */
function kept({ tlsCert, tlsKey }: ProxyOptions, log: Log, clock: Clock): ServerTls {
  const files = tlsCert === undefined ? [] : [{ certificate: tlsCert, key: tlsKey ?? null }];
  const own = { names: ['localhost', '127.0.0.1', '::1'], file: null };
  let certificates: Certificates | null = null;
  const load = (): Certificates => new Certificates({ files, own, clientAuthorities: null }, log, clock);
  if (files.length > 0) certificates = load();
  return () => {
    certificates ??= load();
    return { role: 'server', ...certificates.secureContextOptions() };
  };
}

/** Signed by our authority, for the name that the client asks for. */
function signed(by: Authority, options: ProxyOptions): ServerTls {
  return (upstream) => ({
    role: 'server',
    secureContext: by.context(options.tlsName ?? nameOf(upstream)),
    SNICallback: (name, done) => done(null, by.context(name)),
  });
}

function upstreamTls({ tlsCa, tlsName, tlsInsecure, tlsSni }: ProxyOptions): ClientTls {
  // The well-known authorities are read once: for each connection that would take longer than all the rest.
  const secureContext = createSecureContext({
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(tlsCa !== undefined && { ca: [...rootCertificates, readAuthorities(tlsCa)] }),
  });
  return (upstream, asked) => {
    const name = (tlsSni === 'client' ? asked : undefined) ?? tlsName ?? nameOf(upstream);
    return {
      role: 'client',
      // Addresses are nothing to ask for (RFC 6066 3), but a certificate may have them.
      servername: isIP(name) > 0 ? '' : name,
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      rejectUnauthorized: !tlsInsecure,
      secureContext,
    };
  };
}

/** A unix socket has no name to ask for. */
function nameOf(upstream: Address): string {
  return upstream.kind === 'tcp' ? upstream.host : 'localhost';
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ChatError('BAD_OPTION', `--tls-ca: ${(error as Error).message}`, {}, error);
  }
}
