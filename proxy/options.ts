// The options of one proxied address. A config file holds a list of such objects, the command line makes one.
import { formatAddress } from '../src/address.ts';
import { ChatError } from '../src/errors.ts';
import type { OptionSources, OptionTable, OptionValues } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';
import { PROFILE_NAMES } from './profiles/names.ts';

export const PROXY_OPTIONS = {
  listen: {
    type: 'address',
    positional: true,
    required: true,
    example: '127.0.0.1:1143',
    describe: 'Where to listen: [host:]port, unix:/path or fd:N',
  },
  upstream: {
    type: 'address',
    positional: true,
    required: true,
    example: 'imap.example.com:143',
    describe: 'Where connections go: host:port or unix:/path',
  },
  protocol: {
    type: 'choice',
    choices: ['auto', ...PROFILE_NAMES],
    default: 'auto',
    describe: 'What is spoken; auto finds out by the port and the first bytes',
    group: 'Dialogue',
  },
  record: {
    type: 'path',
    list: true,
    otherwise: 'none',
    describe: 'File that everything said is written to: *.jsonl, or *.pcapng for Wireshark',
    group: 'Dialogue',
  },
  'keep-secrets': {
    type: 'boolean',
    default: false,
    describe: 'Do not mask passwords in the dialogue and in recordings',
    group: 'Dialogue',
  },
  'connect-timeout': {
    type: 'duration',
    min: '1ms',
    default: '10s',
    describe: 'How long connecting to the upstream may take',
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
  'max-connections': {
    type: 'integer',
    zero: 'no limit',
    default: 10_000,
    describe: 'Most connections at a time',
    group: 'Limits',
  },
} as const satisfies OptionTable;

export type ProxyOptions = OptionValues<typeof PROXY_OPTIONS>;

export function resolveProxy(sources: OptionSources): ProxyOptions {
  const options = resolveOptions(PROXY_OPTIONS, sources);
  const { upstream } = options;
  if (upstream.kind === 'fd' || (upstream.kind === 'tcp' && upstream.port === 0)) {
    throw new ChatError('BAD_OPTION', `UPSTREAM: ${formatAddress(upstream)} is nothing to connect to`);
  }
  for (const file of options.record ?? []) {
    if (!/\.(jsonl|pcapng)$/.test(file))
      throw new ChatError('BAD_OPTION', `--record: ${file} is neither *.jsonl nor *.pcapng`);
  }
  return options;
}
