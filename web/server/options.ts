// The options of the web server, which runs beside a sink or a relay. The sink has it on, the relay off unless asked.
import { ChatError } from '../../src/errors.ts';
import type { OptionSources, OptionTable, OptionValues } from '../../src/options.ts';
import { resolveOptions } from '../../src/options.ts';

const GROUP = 'Web';

const LISTEN = {
  type: 'address',
  short: 'l',
  describe: 'Where to serve the web pages and the HTTP API',
  group: 'Listening',
} as const;

const SHARED_OPTIONS = {
  webroot: {
    type: 'string',
    pattern: { test: /^\/?(?:[\w.~-]+\/?)*$/, says: 'a path such as /mail/' },
    default: '/',
    variables: ['MP_WEBROOT'],
    describe: 'Path under which the pages and the API are served, behind a proxy',
    group: GROUP,
  },
  'ui-auth-file': {
    type: 'path',
    otherwise: 'no login',
    variables: ['MP_UI_AUTH_FILE'],
    describe: 'File of who may open pages and API: user:hash lines as htpasswd -B writes them',
    group: GROUP,
  },
  'ui-auth': {
    type: 'secret',
    list: true,
    otherwise: 'none',
    variables: ['MP_UI_AUTH'],
    describe: 'The same as text: user:hash, and on a sink user:password',
    group: GROUP,
  },
  'ui-tls-cert': {
    type: 'path',
    otherwise: 'no TLS',
    variables: ['MP_UI_TLS_CERT'],
    describe: 'Certificate for HTTPS in PEM, or sans:NAME,NAME for one of our own',
    group: GROUP,
  },
  'ui-tls-key': {
    type: 'path',
    otherwise: 'in the --ui-tls-cert file',
    variables: ['MP_UI_TLS_KEY'],
    describe: 'Private key of the certificate for HTTPS, in PEM',
    group: GROUP,
  },
  'api-cors': {
    type: 'string',
    list: true,
    pattern: { test: /^(?:\*|https?:\/\/[^\s/?#]+\/?)$/, says: 'an origin such as https://app.example.test, or *' },
    otherwise: 'none',
    variables: ['MP_API_CORS'],
    describe: 'Origins of other sites whose pages may use the API; * for all',
    group: GROUP,
  },
  'allowed-hosts': {
    type: 'string',
    list: true,
    pattern: { test: /^(?:\*|(?:\*\.)?[A-Za-z\d._-]{1,253})$/, says: 'a host name, *.example.test, or *' },
    otherwise: 'none',
    describe: 'Further host names by which the web server may be called',
    group: GROUP,
  },
  'allow-replay': {
    type: 'boolean',
    default: false,
    describe: 'Let the API re-send stored mail to other machines than this one',
    group: GROUP,
  },
  'enable-spamassassin': {
    type: 'address',
    otherwise: 'off',
    variables: ['MP_ENABLE_SPAMASSASSIN'],
    describe: 'Where SpamAssassin (spamd) listens, to ask it about mail',
    group: GROUP,
  },
  'allow-internal-http-requests': {
    type: 'boolean',
    default: false,
    variables: ['MP_ALLOW_INTERNAL_HTTP_REQUESTS'],
    describe: 'Let the link check visit addresses that are not public',
    group: GROUP,
  },
  label: {
    type: 'string',
    otherwise: 'none',
    variables: ['MP_LABEL'],
    describe: 'A name for this server, shown on its pages',
    group: GROUP,
  },
} as const satisfies OptionTable;

export const SINK_WEB_OPTIONS = {
  listen: { ...LISTEN, default: '127.0.0.1:8025', variables: ['MP_UI_BIND_ADDR'] },
  ...SHARED_OPTIONS,
} as const satisfies OptionTable;

export const RELAY_WEB_OPTIONS = {
  listen: { ...LISTEN, otherwise: 'off' },
  ...SHARED_OPTIONS,
  'ready-queue-age': {
    type: 'duration',
    zero: 'no limit',
    default: '0',
    describe: 'Age of the oldest waiting mail above which /readyz answers 503',
    group: 'Operation',
  },
} as const satisfies OptionTable;

export type WebOptions = OptionValues<typeof SINK_WEB_OPTIONS> & {
  /** Age of the oldest waiting mail above which /readyz says no; 0 for no limit. */
  readonly readyQueueAge: number;
  /** Passwords of the login that are not hashed: for a sink, behind which is nothing. */
  readonly allowWeakPasswords: boolean;
};

export function resolveSinkWeb(sources: OptionSources): WebOptions {
  const options = resolveOptions(SINK_WEB_OPTIONS, sources);
  return completed({ ...options, readyQueueAge: 0, allowWeakPasswords: true });
}

/** Undefined when no web server is wanted. */
export function resolveRelayWeb(sources: OptionSources): WebOptions | undefined {
  const { listen, ...others } = resolveOptions(RELAY_WEB_OPTIONS, sources);
  return listen === undefined ? undefined : completed({ listen, ...others, allowWeakPasswords: false });
}

/** The defaults, for programs and tests that start a web server themselves. */
export function webOptions(given: Pick<WebOptions, 'listen'> & Partial<WebOptions>): WebOptions {
  const { listen: _, ...defaults } = resolveSinkWeb({});
  return completed({ ...defaults, ...given });
}

function completed(options: WebOptions): WebOptions {
  const { uiTlsKey, uiTlsCert } = options;
  if (uiTlsKey !== undefined && uiTlsCert === undefined) {
    throw new ChatError('BAD_OPTION', 'ui-tls-key: there is no --ui-tls-cert to which it belongs');
  }
  const path = options.webroot.replaceAll(/^\/+|\/+$/g, '');
  return { ...options, webroot: path === '' ? '/' : `/${path}/` };
}
