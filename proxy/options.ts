// The options of one proxied address. A config file holds a list of such objects, the command line makes one.
import { ChatError } from '../src/errors.ts';
import type { OptionSources, OptionTable, OptionValues } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';
import { parseRule } from './effects/parse.ts';
import { PROFILE_NAMES } from './profiles/names.ts';
import { checkWire, WIRE_OPTIONS } from './wire/options.ts';

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
  starttls: {
    type: 'choice',
    choices: ['observe', 'mitm', 'strip', 'refuse'],
    default: 'observe',
    describe: 'What becomes of STARTTLS: passed (observe), opened here (mitm), refused, or not offered',
    group: 'Dialogue',
  },
  'ftp-data': {
    type: 'choice',
    choices: ['follow', 'anywhere', 'off'],
    default: 'follow',
    describe: "FTP's data connections pass here too (follow), also to other hosts (anywhere), or not (off)",
    group: 'Dialogue',
  },
  effect: {
    type: 'string',
    key: 'effects',
    list: true,
    separator: '\n',
    otherwise: 'none',
    example: 'client DATA #1: answer 451 4.3.0 come later',
    describe: 'What to do to lines, contents and connections: WHO [WHAT] [WHICH]: ACTION',
    group: 'Dialogue',
  },
  lint: {
    type: 'boolean',
    default: false,
    describe: 'Look for what strict peers refuse; the exit code is 1 when something was found',
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
  ...WIRE_OPTIONS,
} as const satisfies OptionTable;

export type ProxyOptions = OptionValues<typeof PROXY_OPTIONS>;

export function resolveProxy(sources: OptionSources): ProxyOptions {
  const options = resolveOptions(PROXY_OPTIONS, sources);
  if (options.starttls !== 'observe' && options.protocol === 'auto') {
    throw new ChatError('BAD_OPTION', `--starttls ${options.starttls} needs --protocol: auto may find out too late`);
  }
  checkWire(options);
  for (const rule of options.effects ?? []) parseRule(rule);
  for (const file of options.record ?? []) {
    if (!/\.(jsonl|pcapng)$/.test(file))
      throw new ChatError('BAD_OPTION', `--record: ${file} is neither *.jsonl nor *.pcapng`);
  }
  return options;
}
