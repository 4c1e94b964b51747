// Options of TLS, of clients that log in, and of trusted peers that speak for others.
import { PeerList } from '../src/cidr.ts';
import { ChatError } from '../src/errors.ts';
import type { OptionTable, OptionValues } from '../src/options.ts';

const TLS = 'TLS';
const LOGIN = 'Login';
const PEERS = 'Trusted peers';

export const SECURITY_OPTIONS = {
  'tls-cert': {
    type: 'path',
    list: true,
    aliases: ['smtp-tls-cert'],
    otherwise: 'none',
    describe: 'Certificate in PEM, with its chain; several are chosen by the name that is asked for',
    group: TLS,
  },
  'tls-key': {
    type: 'path',
    list: true,
    aliases: ['smtp-tls-key'],
    otherwise: 'in the --tls-cert file',
    describe: 'Its private key in PEM; one for each --tls-cert, in the same order',
    group: TLS,
  },
  'tls-self-signed': {
    type: 'string',
    list: true,
    pattern: { test: /^[A-Za-z\d._:-]{1,253}$/, says: 'a host name or an IP address' },
    otherwise: 'made when needed',
    describe: 'Make a certificate here for these names, besides --hostname and localhost',
    group: TLS,
  },
  'tls-min': {
    type: 'choice',
    choices: ['1.2', '1.3'],
    default: '1.2',
    describe: 'Oldest version of TLS that is spoken',
    group: TLS,
  },
  'smtps-tls-min': {
    type: 'choice',
    choices: ['1.2', '1.3'],
    otherwise: 'as --tls-min',
    describe: 'The same for the --smtps listeners',
    group: TLS,
  },
  'tls-client-ca': {
    type: 'path',
    otherwise: 'not asked for',
    describe: 'Authorities (PEM) whose client certificates let in by AUTH EXTERNAL',
    group: TLS,
  },
  'require-tls': {
    type: 'boolean',
    default: false,
    aliases: ['smtp-require-starttls'],
    describe: 'Take mail under TLS only',
    group: TLS,
  },
  user: {
    type: 'secret',
    list: true,
    pattern: { test: /^[^:]+:.+$/, says: 'NAME:HASH, as lonedot user hash prints it' },
    otherwise: 'none',
    describe: 'Who may log in; may be repeated',
    group: LOGIN,
  },
  users: {
    type: 'path',
    aliases: ['smtp-auth-file'],
    otherwise: 'none',
    describe: 'File of those who may log in, see lonedot user; read again when it changes',
    group: LOGIN,
  },
  'oauth-introspect': {
    type: 'url',
    protocols: ['https:', 'http:'],
    otherwise: 'off',
    describe: 'Where access tokens are checked (RFC 7662), for AUTH XOAUTH2 and OAUTHBEARER',
    group: LOGIN,
  },
  'auth-insecure': {
    type: 'boolean',
    default: false,
    aliases: ['smtp-auth-allow-insecure'],
    describe: 'Let clients log in without TLS, although there is a certificate',
    group: LOGIN,
  },
  'auth-failures': {
    type: 'integer',
    zero: 'no limit',
    default: 20,
    describe: 'Failed logins from one address before it has to wait',
    group: LOGIN,
  },
  'require-auth': {
    type: 'boolean',
    default: false,
    describe: 'Take mail only from clients that have logged in',
    group: LOGIN,
  },
  'proxy-from': {
    type: 'string',
    list: true,
    otherwise: 'nobody',
    describe: 'Load balancers that put a PROXY header (v1 or v2) first; addresses or networks',
    group: PEERS,
  },
  'xclient-from': {
    type: 'string',
    list: true,
    otherwise: 'nobody',
    describe: 'Proxies that may act for another client by XCLIENT; addresses, networks, or unix',
    group: PEERS,
  },
  'xforward-from': {
    type: 'string',
    list: true,
    otherwise: 'nobody',
    describe: 'Content filters that may name the client in the log by XFORWARD',
    group: PEERS,
  },
} as const satisfies OptionTable;

/** The sink's, with the names that Mailpit's users know. */
export const SINK_SECURITY_OPTIONS = {
  ...SECURITY_OPTIONS,
  'tls-cert': { ...SECURITY_OPTIONS['tls-cert'], variables: ['MP_SMTP_TLS_CERT'] },
  'tls-key': { ...SECURITY_OPTIONS['tls-key'], variables: ['MP_SMTP_TLS_KEY'] },
  'require-tls': { ...SECURITY_OPTIONS['require-tls'], variables: ['MP_SMTP_REQUIRE_STARTTLS'] },
  'smtp-require-tls': {
    type: 'boolean',
    default: false,
    variables: ['MP_SMTP_REQUIRE_TLS'],
    describe: 'Begin with TLS on the --smtp listeners too',
    group: TLS,
  },
  user: {
    ...SECURITY_OPTIONS.user,
    pattern: { ...SECURITY_OPTIONS.user.pattern, says: 'NAME:PASSWORD, or NAME:HASH as lonedot user hash prints it' },
    variables: ['MP_SMTP_AUTH'],
  },
  users: { ...SECURITY_OPTIONS.users, variables: ['MP_SMTP_AUTH_FILE'] },
  'auth-accept-any': {
    type: 'boolean',
    default: false,
    aliases: ['smtp-auth-accept-any'],
    variables: ['MP_SMTP_AUTH_ACCEPT_ANY'],
    describe: 'Let in whoever logs in, whatever the name and password',
    group: LOGIN,
  },
  'auth-insecure': {
    ...SECURITY_OPTIONS['auth-insecure'],
    variables: ['MP_SMTP_AUTH_ALLOW_INSECURE'],
  },
  'require-auth': {
    type: 'boolean',
    otherwise: 'on if there are users',
    describe: SECURITY_OPTIONS['require-auth'].describe,
    group: LOGIN,
  },
} as const satisfies OptionTable;

export type SecurityOptions = OptionValues<typeof SECURITY_OPTIONS>;

/** What the table cannot say. Throws BAD_OPTION. */
export function checkSecurityOptions(options: Omit<SecurityOptions, 'requireAuth'>): void {
  const { tlsCert = [], tlsKey = [], oauthIntrospect: endpoint } = options;
  if (tlsKey.length > 0 && tlsKey.length !== tlsCert.length) {
    throw new ChatError('BAD_OPTION', `tls-key: there are ${tlsKey.length} of them for ${tlsCert.length} of tls-cert`);
  }
  if (tlsCert.length > 0 && options.tlsSelfSigned) {
    throw new ChatError('BAD_OPTION', 'tls-cert and tls-self-signed exclude each other');
  }
  if (endpoint?.protocol === 'http:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(endpoint.hostname)) {
    throw new ChatError('BAD_OPTION', 'oauth-introspect: a URL that is not on this machine must be https');
  }
  for (const option of ['proxyFrom', 'xclientFrom', 'xforwardFrom'] as const) {
    try {
      new PeerList(options[option] ?? []);
    } catch (error) {
      const name = option.replace('From', '-from');
      throw new ChatError('BAD_OPTION', `${name}: ${(error as Error).message}`, {}, error);
    }
  }
}
