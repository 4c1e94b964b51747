// The options of the two programs that speak SMTP: the sink, which keeps everything, and the relay, which passes it on.
// These tables are what --help, the variables, the config file and its schema are made of.
import type { OptionSources, OptionTable, OptionValues } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';
import { planDelivery } from './delivery-plan.ts';
import { QUEUE_OPTIONS, UPSTREAM_OPTIONS } from './options-delivery.ts';
import { LISTENING_OPTIONS } from './options-listening.ts';
import { checkSecurityOptions, SECURITY_OPTIONS, SINK_SECURITY_OPTIONS } from './options-security.ts';
import { checkDatabase } from './store/postgres-url.ts';

export const SINK_OPTIONS = {
  ...LISTENING_OPTIONS,
  ...SINK_SECURITY_OPTIONS,
  ...UPSTREAM_OPTIONS,
  ...QUEUE_OPTIONS,
  smtp: { ...LISTENING_OPTIONS.smtp, default: ['127.0.0.1:1025'], variables: ['MP_SMTP_BIND_ADDR'] },
  // Mailpit counts this in megabytes.
  'max-message-size': {
    ...LISTENING_OPTIONS['max-message-size'],
    variables: [{ name: 'MP_MAX_MESSAGE_SIZE', unit: 'MB' }],
  },
  'max-recipients': {
    ...LISTENING_OPTIONS['max-recipients'],
    aliases: ['smtp-max-recipients'],
    variables: ['MP_SMTP_MAX_RECIPIENTS'],
  },
  'max-connections-per-address': { ...LISTENING_OPTIONS['max-connections-per-address'], default: 0 },
  // Test programs often write bare LF; a sink is there to show their mail, not to refuse it.
  'line-endings': { ...LISTENING_OPTIONS['line-endings'], default: 'normalise' },
  database: {
    type: 'path',
    short: 'd',
    variables: ['MP_DATABASE'],
    otherwise: 'a temporary one, gone after the stop',
    describe: 'File of the database, or postgres://user@host/name',
    group: 'Storage',
  },
  'min-free': {
    type: 'size',
    zero: 'off',
    default: '10MB',
    describe: 'Space on the disk of the database that stays free: below it mail is answered 452',
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
  ...LISTENING_OPTIONS,
  ...SECURITY_OPTIONS,
  ...UPSTREAM_OPTIONS,
  ...QUEUE_OPTIONS,
  upstream: { ...UPSTREAM_OPTIONS.upstream, required: true },
  smtp: { ...LISTENING_OPTIONS.smtp, default: ['127.0.0.1:2525'] },
  // One client may be a whole office behind one address, but not the whole of the connections.
  'max-connections-per-address': { ...LISTENING_OPTIONS['max-connections-per-address'], default: 100 },
  'line-endings': { ...LISTENING_OPTIONS['line-endings'], default: 'strict' },
  database: {
    type: 'path',
    short: 'd',
    default: './lonedot.db',
    describe: 'File of the database with the queue, or postgres://user@host/name for several nodes on one',
    group: 'Storage',
  },
  'min-free': {
    type: 'size',
    zero: 'off',
    default: '100MB',
    describe: 'Space on the disk of the database that stays free: below it mail is answered 452',
    group: 'Storage',
  },
} as const satisfies OptionTable;

export type SinkOptions = OptionValues<typeof SINK_OPTIONS> & { readonly mode: 'sink' };
export type RelayOptions = OptionValues<typeof RELAY_OPTIONS> & { readonly mode: 'relay' };

export function resolveSink(sources: OptionSources): SinkOptions {
  const options = resolveOptions(SINK_OPTIONS, sources);
  checkDatabase(options.database);
  // For its errors only: a wrong one should be told by a check, not by a start.
  planDelivery({ mode: 'sink', ...options });
  checkSecurityOptions(options);
  return { mode: 'sink', ...options };
}

export function resolveRelay(sources: OptionSources): RelayOptions {
  const options = resolveOptions(RELAY_OPTIONS, sources);
  checkDatabase(options.database);
  planDelivery({ mode: 'relay', ...options });
  checkSecurityOptions(options);
  return { mode: 'relay', ...options };
}
