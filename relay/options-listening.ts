// Options of everything that listens for mail: addresses, limits, timeouts, what a client may do.
import { hostname } from 'node:os';
import type { OptionTable } from '../src/options.ts';

const HOST_NAME = /^[A-Za-z\d._:[\]-]{1,255}$/;

/** The machine's name where it can stand in a greeting. */
function machineName(): string {
  const name = hostname();
  return HOST_NAME.test(name) ? name : 'localhost';
}

export const LISTENING_OPTIONS = {
  smtp: {
    type: 'address',
    list: true,
    short: 's',
    describe: 'Where to listen for SMTP; may be repeated; port 0 takes a free one',
    group: 'Listening',
  },
  smtps: {
    type: 'address',
    list: true,
    otherwise: 'none',
    describe: 'Where to listen for SMTP with TLS from the first byte',
    group: 'Listening',
  },
  lmtp: {
    type: 'address',
    list: true,
    otherwise: 'none',
    describe: 'Where to listen for LMTP (RFC 2033)',
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
  'max-header-size': {
    type: 'size',
    min: '1k',
    zero: 'no limit',
    default: '1MB',
    describe: 'Largest header of a message',
    group: 'Limits',
  },
  'max-text-line': {
    type: 'size',
    min: '998',
    zero: 'no limit',
    default: 0,
    describe: 'Longest line of a message, in bytes; RFC 5321 asks for 998',
    group: 'Limits',
  },
  'max-hops': {
    type: 'integer',
    min: 1,
    zero: 'no limit',
    default: 100,
    describe: 'Most servers that a message may have passed; more are taken for a loop',
    group: 'Limits',
  },
  'max-messages-per-session': {
    type: 'integer',
    min: 1,
    zero: 'no limit',
    default: 0,
    describe: 'Most messages of one session',
    group: 'Limits',
  },
  'max-junk-commands': {
    type: 'integer',
    min: 1,
    zero: 'no limit',
    default: 100,
    describe: 'NOOP, RSET, VRFY and HELP between two messages, after which each counts as an error',
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
    describe: 'How long a session may say nothing between commands, and take for one command',
    group: 'Timeouts',
  },
  'data-idle-timeout': {
    type: 'duration',
    min: '1s',
    default: '180s',
    describe: 'How long a session may say nothing inside a message',
    group: 'Timeouts',
  },
  'data-timeout': {
    type: 'duration',
    min: '1s',
    default: '1h',
    describe: 'How long a message may take to arrive',
    group: 'Timeouts',
  },
  'session-timeout': {
    type: 'duration',
    min: '1m',
    zero: 'no limit',
    default: '24h',
    describe: 'How long a session may last',
    group: 'Timeouts',
  },
  'min-data-rate': {
    type: 'size',
    zero: 'no limit',
    default: 500,
    describe: 'Slowest message, in bytes a second over --data-idle-timeout',
    group: 'Timeouts',
  },
  'greet-delay': {
    type: 'duration',
    zero: 'none',
    default: '0s',
    describe: 'How long to wait before the greeting; who speaks meanwhile is refused',
    group: 'Policy',
  },
  pipelining: {
    type: 'choice',
    choices: ['lenient', 'strict'],
    default: 'lenient',
    describe: 'Commands behind one that RFC 2920 wants last: run them, or close the session',
    group: 'Policy',
  },
  'path-syntax': {
    type: 'choice',
    choices: ['lenient', 'strict'],
    default: 'lenient',
    describe: 'MAIL FROM: <a@b> and MAIL FROM:a@b: take them, or refuse them',
    group: 'Policy',
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
