// Options of the way that bytes take: to which upstreams and how, TLS on either side, limits and timeouts.
import { type Address, formatAddress } from '../../src/address.ts';
import { PeerList } from '../../src/cidr.ts';
import { ChatError } from '../../src/errors.ts';
import type { OptionTable, OptionValues } from '../../src/options.ts';

export const WIRE_OPTIONS = {
  fallback: {
    type: 'address',
    list: true,
    otherwise: 'none',
    describe: 'Where a connection goes when the upstream cannot be reached; then the next one',
    group: 'Upstream',
  },
  'upstream-proxy': {
    type: 'url',
    protocols: ['socks5:', 'http:'],
    otherwise: 'none',
    describe: 'Proxy on the way to upstreams: socks5://[user:pass@]host[:port], or http://... (CONNECT)',
    group: 'Upstream',
  },
  'tls-listen': {
    type: 'boolean',
    default: false,
    describe: 'Clients speak TLS from the first byte; what they say inside is seen',
    group: 'TLS',
  },
  'tls-cert': {
    type: 'path',
    otherwise: 'a self-signed one for localhost',
    describe: 'Certificate for clients in PEM, with those that lead to a known one',
    group: 'TLS',
  },
  'tls-key': {
    type: 'path',
    otherwise: 'in the --tls-cert file',
    describe: 'Its private key in PEM',
    group: 'TLS',
  },
  'tls-upstream': {
    type: 'boolean',
    default: false,
    describe: 'The upstream is spoken to by TLS from the first byte',
    group: 'TLS',
  },
  'tls-ca': {
    type: 'path',
    otherwise: 'the well-known ones',
    describe: "Who else may vouch for the upstream's certificate, in PEM",
    group: 'TLS',
  },
  'tls-name': {
    type: 'string',
    otherwise: "the upstream's host",
    describe: 'Whom the upstream has to be by its certificate',
    group: 'TLS',
  },
  'tls-insecure': {
    type: 'boolean',
    default: false,
    describe: 'Take any certificate of the upstream',
    group: 'TLS',
  },
  'tls-sni': {
    type: 'choice',
    choices: ['upstream', 'client'],
    default: 'upstream',
    describe: 'Whose name the upstream is asked for, and must have: its own, or the one clients ask for',
    group: 'TLS',
  },
  'tls-mitm': {
    type: 'boolean',
    default: false,
    describe: 'TLS on both sides from the first byte; clients get certificates of our own authority',
    group: 'TLS',
  },
  ca: {
    type: 'path',
    otherwise: 'proxy-ca.pem in ~/.local/state/lonedot, made on first use',
    describe: 'Authority that signs for --tls-mitm and --starttls mitm: key and certificate in PEM',
    group: 'TLS',
  },
  'connect-timeout': {
    type: 'duration',
    min: '1ms',
    default: '10s',
    describe: 'How long connecting to an upstream may take',
    group: 'Timeouts',
  },
  'idle-timeout': {
    type: 'duration',
    zero: 'off',
    default: 0,
    describe: 'How long both sides may say nothing',
    group: 'Timeouts',
  },
  'fin-timeout': {
    type: 'duration',
    min: '1ms',
    default: '1h',
    describe: 'How long both sides may say nothing once one of them has ended its stream',
    group: 'Timeouts',
  },
  'drain-timeout': {
    type: 'duration',
    default: '10s',
    describe: 'How long open connections may go on after a stop signal',
    group: 'Timeouts',
  },
  'proxy-from': {
    type: 'string',
    list: true,
    otherwise: 'nobody',
    describe: 'Peers that must send a PROXY header (v1 or v2): addresses, networks, unix',
    group: 'PROXY protocol',
  },
  'send-proxy': {
    type: 'choice',
    choices: ['v1', 'v2'],
    otherwise: 'none',
    describe: 'Header of this version tells the upstream who the client is',
    group: 'PROXY protocol',
  },
  reset: {
    type: 'choice',
    choices: ['faithful', 'flush'],
    default: 'faithful',
    describe: 'What a reset of one side is to the other: a reset at once, or an end behind all (flush)',
    group: 'Connections',
  },
  'max-connections': {
    type: 'integer',
    zero: 'no limit',
    default: 10_000,
    describe: 'Most connections at a time',
    group: 'Connections',
  },
  'max-waiting': {
    type: 'integer',
    default: 0,
    describe: 'How many more may wait, accepted and unread, until there is room; the others are closed',
    group: 'Connections',
  },
} as const satisfies OptionTable;

type WireValues = OptionValues<typeof WIRE_OPTIONS> & { readonly upstream: Address };

/** Throws ChatError BAD_OPTION for what does not go together. */
export function checkWire(options: WireValues & { readonly starttls: string }): void {
  for (const [name, address] of upstreams(options)) {
    if (address.kind === 'fd' || (address.kind === 'tcp' && address.port === 0))
      throw bad(`${name}: ${formatAddress(address)} is nothing to connect to`);
    if (address.kind === 'unix' && options.upstreamProxy)
      throw bad(`${name}: ${formatAddress(address)} cannot be reached through --upstream-proxy`);
  }
  try {
    new PeerList(options.proxyFrom ?? []);
  } catch (error) {
    throw bad(`proxy-from: ${(error as Error).message}`, error);
  }
  const isMitm = options.starttls === 'mitm';
  const speaksTls = options.tlsUpstream || options.tlsMitm || isMitm;
  for (const [name, of, isSet, isOn] of [
    ['tls-cert', '--tls-listen', options.tlsCert, options.tlsListen],
    ['tls-key', '--tls-cert', options.tlsKey, options.tlsCert],
    ['tls-ca', '--tls-upstream', options.tlsCa, speaksTls],
    ['tls-name', '--tls-upstream', options.tlsName, speaksTls],
    ['tls-insecure', '--tls-upstream', options.tlsInsecure, speaksTls],
    ['tls-sni client', '--tls-upstream', options.tlsSni === 'client', speaksTls],
    ['ca', '--tls-mitm or --starttls mitm', options.ca, options.tlsMitm || isMitm],
  ] as const) {
    if (isSet && !isOn) throw bad(`--${name} says something only with ${of}`);
  }
  if (options.tlsMitm && (options.tlsListen || options.tlsUpstream))
    throw bad('--tls-mitm is --tls-listen and --tls-upstream in one, and stands alone');
  if (options.tlsMitm && isMitm) throw bad('--tls-mitm and --starttls mitm exclude each other');
  if (options.tlsName !== undefined && options.tlsSni === 'client')
    throw bad('--tls-name and --tls-sni client exclude each other');
}

function* upstreams({ upstream, fallback = [] }: WireValues): Generator<[string, Address]> {
  yield ['UPSTREAM', upstream];
  for (const address of fallback) yield ['--fallback', address];
}

function bad(message: string, cause?: unknown): ChatError {
  return new ChatError('BAD_OPTION', message, {}, cause);
}
