// Which options of a running server can be changed, and which need a restart.
import { isDeepStrictEqual } from 'node:util';
import type { RelayOptions, SinkOptions } from './options.ts';

type Options = SinkOptions | RelayOptions;
type Key = keyof SinkOptions | keyof RelayOptions;

/** What was opened at the start: sockets, files, and what TLS and logins were made of. The rest is asked each time. */
const FIXED: ReadonlySet<string> = new Set<Key>([
  'mode',
  'smtp',
  'smtps',
  'lmtp',
  'database',
  'maxConnections',
  'maxConnectionsPerAddress',
  'proxyFrom',
  'tlsCert',
  'tlsKey',
  'tlsSelfSigned',
  'tlsMin',
  'smtpsTlsMin',
  'tlsClientCa',
  'smtpRequireTls',
  'user',
  'users',
  'oauthIntrospect',
  'authAcceptAny',
  'authInsecure',
  'authFailures',
  'xclientFrom',
  'xforwardFrom',
  'fault',
  'enableChaos',
  'chaosTriggers',
  'pop3',
  'pop3s',
  'pop3AuthFile',
  'pop3User',
  'pop3IdleTimeout',
  'webhookUrl',
  'webhookSecret',
  'webhookLimit',
  'webhookDelay',
  'webhookTimeout',
  'webhookExpire',
]);

/** The keys that differ between two sets of options and hold only from the next start on. */
export function needRestart(before: Options, after: Options): string[] {
  const old = before as unknown as Readonly<Record<string, unknown>>;
  const now = after as unknown as Readonly<Record<string, unknown>>;
  return [...FIXED].filter((key) => !isDeepStrictEqual(old[key], now[key]) || urlOf(old[key]) !== urlOf(now[key]));
}

/** URLs keep what they are in private fields, where a comparison does not look. */
function urlOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(urlOf).join(' ');
  return value instanceof URL ? value.href : '';
}
