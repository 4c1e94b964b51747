// The options of the two programs that speak SMTP: the sink, which keeps everything, and the relay, which passes it on.
// These tables are what --help, the variables, the config file and its schema are made of.
import { ChatError } from '../src/errors.ts';
import type { OptionSources, OptionTable, OptionValues } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';
import { planDelivery } from './delivery-plan.ts';
import { INBOX_OPTIONS, inboxSettings } from './inbox/options.ts';
import { QUEUE_OPTIONS, UPSTREAM_OPTIONS } from './options-delivery.ts';
import { FAULT_OPTIONS } from './options-faults.ts';
import { LISTENING_OPTIONS } from './options-listening.ts';
import { mayReleaseTo, RELEASE_OPTIONS, upstreamOf } from './options-release.ts';
import { checkSecurityOptions, SECURITY_OPTIONS, SINK_SECURITY_OPTIONS } from './options-security.ts';
import { checkPop3Options, POP3_OPTIONS } from './pop3/options.ts';
import { checkDatabase } from './store/postgres-url.ts';
import { hooksOf, WEBHOOK_OPTIONS } from './webhooks/options.ts';

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
  ...INBOX_OPTIONS,
  ...POP3_OPTIONS,
  ...WEBHOOK_OPTIONS,
  ...RELEASE_OPTIONS,
  ...FAULT_OPTIONS,
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
  const given = resolveOptions(SINK_OPTIONS, sources);
  const relayHost = upstreamOf(given);
  if (relayHost && given.upstream) {
    throw new ChatError('BAD_OPTION', 'upstream and smtp-relay-host exclude each other');
  }
  const options = { ...given, upstream: relayHost ? [relayHost] : given.upstream };
  checkDatabase(options.database);
  // For its errors only: a wrong one should be told by a check, not by a start.
  planDelivery({ mode: 'sink', ...options });
  checkSecurityOptions(options);
  mayReleaseTo(options);
  inboxSettings(options);
  checkPop3Options(options);
  hooksOf(options);
  return { mode: 'sink', ...options };
}

export function resolveRelay(sources: OptionSources): RelayOptions {
  const options = resolveOptions(RELAY_OPTIONS, sources);
  checkDatabase(options.database);
  planDelivery({ mode: 'relay', ...options });
  checkSecurityOptions(options);
  return { mode: 'relay', ...options };
}
