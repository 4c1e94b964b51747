// The options of the two programs that speak SMTP: the sink, which keeps everything, and the relay, which passes it on.
// These tables are what --help, the variables, the config file and its schema are made of.
import { hostname } from 'node:os';
import { PeerList } from '../src/cidr.ts';
import { ChatError } from '../src/errors.ts';
import type { OptionSources, OptionTable, OptionValues } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';
import { parseUpstream } from './upstream.ts';

const HOST_NAME = /^[A-Za-z\d._:[\]-]{1,255}$/;

/** The machine's name where it can stand in a greeting. */
function machineName(): string {
  const name = hostname();
  return HOST_NAME.test(name) ? name : 'localhost';
}

const LISTENER_OPTIONS = {
  smtp: {
    type: 'address',
    list: true,
    short: 's',
    describe: 'Where to listen for SMTP; may be repeated; port 0 takes a free one',
    group: 'Listening',
  },
  hostname: {
    type: 'string',
    pattern: { test: HOST_NAME, says: 'a host name such as mail.example.com' },
    default: machineName,
    otherwise: "the machine's name",
    describe: 'Name in the greeting and in Received fields',
    group: 'Listening',
  },
  'max-message-size': {
    type: 'size',
    min: '1k',
    zero: 'no limit',
    default: '50MB',
    describe: 'Largest message that is accepted',
    group: 'Limits',
  },
  'max-recipients': {
    type: 'integer',
    min: 1,
    max: 65_536,
    default: 1000,
    describe: 'Most recipients of one message',
    group: 'Limits',
  },
  'max-line': {
    type: 'size',
    min: '512',
    max: '1MB',
    default: 2048,
    describe: 'Longest command line, in bytes',
    group: 'Limits',
  },
  'max-errors': {
    type: 'integer',
    zero: 'no limit',
    default: 20,
    describe: 'Refused commands after which a session is closed',
    group: 'Limits',
  },
  'max-connections': {
    type: 'integer',
    zero: 'no limit',
    default: 1000,
    describe: 'Most connections at a time',
    group: 'Limits',
  },
  'max-connections-per-address': {
    type: 'integer',
    zero: 'no limit',
    describe: 'Most connections at a time from one address',
    group: 'Limits',
  },
  'idle-timeout': {
    type: 'duration',
    min: '1s',
    default: '300s',
    describe: 'How long a session may say nothing',
    group: 'Timeouts',
  },
  'data-timeout': {
    type: 'duration',
    min: '1s',
    default: '1h',
    describe: 'How long a message may take to arrive',
    group: 'Timeouts',
  },
  'drain-timeout': {
    type: 'duration',
    default: '10s',
    describe: 'How long running sessions may go on after a stop signal',
    group: 'Timeouts',
  },
  'line-endings': {
    type: 'choice',
    choices: ['strict', 'normalise', 'preserve'],
    describe: 'Bare CR or LF in a message: refuse it, make it CRLF, or keep it',
    group: 'Limits',
  },
} as const satisfies OptionTable;

export const SINK_OPTIONS = {
  ...LISTENER_OPTIONS,
  smtp: { ...LISTENER_OPTIONS.smtp, default: ['127.0.0.1:1025'], variables: ['MP_SMTP_BIND_ADDR'] },
  // Mailpit counts this in megabytes.
  'max-message-size': {
    ...LISTENER_OPTIONS['max-message-size'],
    variables: [{ name: 'MP_MAX_MESSAGE_SIZE', unit: 'MB' }],
  },
  'max-recipients': {
    ...LISTENER_OPTIONS['max-recipients'],
    aliases: ['smtp-max-recipients'],
    variables: ['MP_SMTP_MAX_RECIPIENTS'],
  },
  'max-connections-per-address': { ...LISTENER_OPTIONS['max-connections-per-address'], default: 0 },
  // Test programs often write bare LF; a sink is there to show their mail, not to refuse it.
  'line-endings': { ...LISTENER_OPTIONS['line-endings'], default: 'normalise' },
  database: {
    type: 'path',
    short: 'd',
    variables: ['MP_DATABASE'],
    otherwise: 'a temporary one, gone after the stop',
    describe: 'File of the database',
    group: 'Storage',
  },
  max: {
    type: 'integer',
    short: 'm',
    zero: 'no limit',
    default: 500,
    variables: ['MP_MAX_MESSAGES'],
    describe: 'How many messages to keep; the oldest go first',
    group: 'Storage',
  },
} as const satisfies OptionTable;

export const RELAY_OPTIONS = {
  ...LISTENER_OPTIONS,
  smtp: { ...LISTENER_OPTIONS.smtp, default: ['127.0.0.1:2525'] },
  upstream: {
    type: 'url',
    list: true,
    required: true,
    protocols: ['smtp:', 'smtps:'],
    example: ['smtp://user:password@smtp.example.com:587'],
    describe: 'Where mail goes, smtp:// or smtps://; may be repeated, the first that works is used',
    group: 'Delivery',
  },
  // One client may be a whole office behind one address, but not the whole of the connections.
  'max-connections-per-address': { ...LISTENER_OPTIONS['max-connections-per-address'], default: 100 },
  'line-endings': { ...LISTENER_OPTIONS['line-endings'], default: 'strict' },
  database: {
    type: 'path',
    short: 'd',
    default: './lonedot.db',
    describe: 'File of the database with the queue',
    group: 'Storage',
  },
  'relay-from': {
    type: 'string',
    list: true,
    default: ['127.0.0.0/8', '::1', 'unix'],
    describe: 'Clients that may send mail through this relay: addresses, networks, or unix',
    group: 'Delivery',
  },
  'retry-min': {
    type: 'duration',
    min: '1s',
    default: '60s',
    describe: 'First wait after a failed delivery; it doubles up to --retry-max',
    group: 'Delivery',
  },
  'retry-max': {
    type: 'duration',
    min: '1s',
    default: '1h',
    describe: 'Longest wait between two deliveries',
    group: 'Delivery',
  },
  expire: {
    type: 'duration',
    min: '1s',
    default: '5d',
    describe: 'When to give up a mail that could not be delivered',
    group: 'Delivery',
  },
  'keep-failed': {
    type: 'duration',
    min: '1m',
    default: '7d',
    describe: 'How long mail that could not be delivered stays in the database, counted from its arrival',
    group: 'Storage',
  },
  concurrency: {
    type: 'integer',
    min: 1,
    max: 1000,
    default: 5,
    describe: 'Most connections at a time to each upstream',
    group: 'Delivery',
  },
} as const satisfies OptionTable;

export type SinkOptions = OptionValues<typeof SINK_OPTIONS> & { readonly mode: 'sink' };
export type RelayOptions = OptionValues<typeof RELAY_OPTIONS> & { readonly mode: 'relay' };

export function resolveSink(sources: OptionSources): SinkOptions {
  return { mode: 'sink', ...resolveOptions(SINK_OPTIONS, sources) };
}

export function resolveRelay(sources: OptionSources): RelayOptions {
  const options = resolveOptions(RELAY_OPTIONS, sources);
  const { retryMin, retryMax, expire } = options;
  if (retryMin > retryMax) throw new ChatError('BAD_OPTION', 'retry-min is longer than retry-max');
  if (expire < retryMin)
    throw new ChatError('BAD_OPTION', 'expire is shorter than retry-min: nothing would be retried');
  // Read here for their errors only: a wrong one should be told by a check, not by a start.
  for (const one of options.upstream) parseUpstream(one.href);
  new PeerList(options.relayFrom);
  return { mode: 'relay', ...options };
}
