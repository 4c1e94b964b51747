// TLS, logins and trust, put together from the options: what a service asks for once at its start. What is not asked
// for is not loaded: a sink without users and certificates knows neither TLS nor hashes.
import { PeerList } from '../src/cidr.ts';
import type { Log } from '../src/log.ts';
import type { AuthenticatorOptions } from './auth/authenticator.ts';
import type { TokenCheck } from './auth/bearer.ts';
import { LateAuthenticator, type NamespaceLogin, NamespaceLogins } from './auth/namespace-logins.ts';
import type { PasswordCheck } from './auth/plain.ts';
import type { Authenticator } from './auth/sasl.ts';
import type { Namespace } from './inbox/inbox.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import type { TlsSource } from './smtp/session-context.ts';
import { isPostgresUrl } from './store/postgres-url.ts';

export interface Security {
  /** Null when nobody can log in. */
  readonly auth: Authenticator | null;
  /** Null when TLS is not offered. `smtps` differs in the least version only. */
  readonly tls: { readonly smtp: TlsSource; readonly smtps: TlsSource } | null;
  readonly requireTls: boolean;
  readonly requireAuth: boolean;
  readonly proxyFrom: readonly string[];
  readonly xclientFrom: PeerList;
  readonly xforwardFrom: PeerList;
  /** Of a sink: lets in the users of these namespaces besides its own, and tells what they log in with. */
  readonly namespaces: NamespaceAccess;
  /** The next login and the next handshake look at their files at once: for SIGHUP. */
  reload(): void;
}

export interface NamespaceAccess {
  /** The name for a new namespace's login. */
  nameFor(namespace: string): string;
  /** Of users of the options there is none: their passwords are their own. */
  loginsOf(namespace: Namespace): Promise<NamespaceLogin[]>;
  /** All there are now; those that are gone can no longer log in. */
  set(namespaces: readonly Namespace[]): Promise<void>;
}

/** For programs that have lonedot inside them: their own answer to who may log in. */
export interface SecurityHooks {
  readonly passwords?: PasswordCheck;
  readonly tokens?: TokenCheck;
}

/** Rejects with BAD_OPTION when a certificate, a key or the users cannot be read. */
export async function createSecurity(
  options: SinkOptions | RelayOptions,
  log: Log,
  hooks: SecurityHooks = {},
): Promise<Security> {
  const isSink = options.mode === 'sink';
  const acceptAny = isSink && options.authAcceptAny;
  const { user: lines = [], users: file, oauthIntrospect } = options;
  const hasUsers = lines.length > 0 || file !== undefined;
  const hasLogins = hasUsers || oauthIntrospect !== undefined || Object.keys(hooks).length > 0;

  // A relay's users would have no way to log in without it. A sink is for tests, and these may do without.
  const loginsNeedTls = !isSink && hasLogins && !options.authInsecure;
  const certificates = needsTls(options) || loginsNeedTls ? await openCertificates(options, log) : null;

  const users = hasUsers
    ? await (await import('./auth/users.ts')).Users.open({ lines, file, allowWeak: isSink }, log)
    : null;
  const tokens =
    hooks.tokens ??
    (oauthIntrospect ? (await import('./auth/introspection.ts')).introspection(oauthIntrospect, log) : null);
  // Where any password will do, users with one of their own would only get in the way of those without.
  const logins = new NamespaceLogins(users, async () =>
    (await import('./auth/login-key.ts')).loginKey(options.database),
  );
  const parts: AuthenticatorOptions = {
    users: isSink && !acceptAny ? logins : users,
    passwords: hooks.passwords ?? null,
    tokens,
    acceptAny,
    needsTls: certificates !== null && !options.authInsecure,
    maxFailures: options.authFailures || Number.POSITIVE_INFINITY,
    hostname: options.hostname,
    log,
  };
  const make = async (): Promise<Authenticator> => (await import('./auth/authenticator.ts')).createAuthenticator(parts);
  const late = isSink ? new LateAuthenticator(logins, make) : null;
  const auth = hasLogins || acceptAny || options.tlsClientCa !== undefined ? await make() : late;
  const source = (least: '1.2' | '1.3'): TlsSource => ({
    secureContextOptions: () => certificates!.secureContextOptions(`TLSv${least}`),
  });
  return {
    auth,
    tls: certificates && { smtp: source(options.tlsMin), smtps: source(options.smtpsTlsMin ?? options.tlsMin) },
    requireTls: options.requireTls,
    requireAuth: options.requireAuth ?? hasUsers,
    proxyFrom: options.proxyFrom ?? [],
    xclientFrom: new PeerList(options.xclientFrom ?? []),
    xforwardFrom: new PeerList(options.xforwardFrom ?? []),
    namespaces: {
      nameFor: (namespace) => logins.nameFor(namespace),
      loginsOf: (namespace) => logins.of(namespace),
      set: async (namespaces) => {
        await logins.set(namespaces);
        if (auth === late && !logins.isDormant) await late?.wake();
      },
    },
    reload: () => {
      certificates?.lookSoon();
      users?.lookSoon();
    },
  };
}

/** Whether an option asks for TLS, by name or by what cannot be had without it. */
function needsTls(options: SinkOptions | RelayOptions): boolean {
  const { tlsCert, tlsSelfSigned, tlsClientCa, smtps, requireTls } = options;
  const isAsked = [tlsCert, tlsSelfSigned, tlsClientCa, smtps].some((one) => one !== undefined);
  const isSinks = options.mode === 'sink' && (options.smtpRequireTls || options.pop3s !== undefined);
  return isAsked || requireTls || isSinks;
}

async function openCertificates(options: SinkOptions | RelayOptions, log: Log) {
  const { Certificates } = await import('../src/certificates.ts');
  const { tlsCert = [], tlsKey, tlsSelfSigned = [], tlsClientCa = null, hostname, database } = options;
  const ourName = hostname.replaceAll(/^\[(?:IPv6:)?|\]$/gi, '');
  const names = [...new Set([...tlsSelfSigned, ourName, 'localhost', '127.0.0.1', '::1'])];
  const files = tlsCert.map((certificate, i) => ({ certificate, key: tlsKey?.[i] ?? null }));
  // Beside the database: there is a place that is kept, and that the program may write to.
  const file = database === undefined || isPostgresUrl(database) ? null : `${database}.tls.pem`;
  return new Certificates({ files, own: { names, file }, clientAuthorities: tlsClientCa }, log);
}
