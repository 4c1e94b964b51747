// Options of the way out: the upstreams, and the queue in front of them.
import type { OptionTable, OptionValues } from '../src/options.ts';

/** Where mail goes, and how it gets there. */
export const UPSTREAM_OPTIONS = {
  upstream: {
    type: 'url',
    list: true,
    protocols: ['smtp:', 'smtps:', 'lmtp:'],
    hostless: ['lmtp+unix:', 'mx:'],
    example: ['smtp://user:password@smtp.example.com:587'],
    describe: 'Where mail goes: a server, or mx; may be repeated, the first that works is used',
    group: 'Delivery',
  },
  concurrency: {
    type: 'integer',
    min: 1,
    max: 1000,
    default: 5,
    describe: 'Most connections at a time to each upstream',
    group: 'Delivery',
  },
  'dkim-domain': {
    type: 'string',
    describe: 'Sign mail from this domain and its subdomains with DKIM when it is delivered',
    group: 'Delivery',
  },
  'dkim-selector': {
    type: 'string',
    describe: 'Name of the key: it is published at SELECTOR._domainkey.DOMAIN',
    group: 'Delivery',
  },
  'dkim-key': {
    type: 'path',
    describe: 'File with the RSA key for DKIM, in PEM',
    group: 'Delivery',
  },
} as const satisfies OptionTable;

/** Which mail goes where, when it is tried again, when it is given up, and who is told. */
export const QUEUE_OPTIONS = {
  route: {
    type: 'string',
    list: true,
    // Actions hold commas and blanks.
    separator: ';',
    example: ['*@test.example=capture', '<>>*@old.example=discard', '@old.example=reject:550 5.1.6 Moved'],
    describe: 'Rules such as *@a.example=capture or SENDER>RECIPIENT=relay:NAME; the first match holds',
    group: 'Delivery',
  },
  'relay-from': {
    type: 'string',
    list: true,
    default: ['127.0.0.0/8', '::1', 'unix'],
    describe: 'Clients that may send mail through this relay: addresses, networks, or unix',
    group: 'Delivery',
  },
  'relay-to': {
    type: 'string',
    list: true,
    example: ['example.com', '*.example.com'],
    otherwise: 'none',
    describe: 'Domains to which anyone may send mail through this relay',
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
  'pause-min': {
    type: 'duration',
    min: '100ms',
    default: '1s',
    describe: 'First pause of an upstream that cannot be reached; it doubles up to --pause-max',
    group: 'Delivery',
  },
  'pause-max': {
    type: 'duration',
    min: '100ms',
    default: '5m',
    describe: 'Longest pause of an upstream; never longer than --retry-max',
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
  unknown: {
    type: 'choice',
    choices: ['retry', 'hold'],
    default: 'retry',
    describe: 'Mail whose end an upstream did not answer: send it once more, after --retry-max, or hold it',
    group: 'Delivery',
  },
  'delay-notice': {
    type: 'duration',
    min: '1s',
    zero: 'never',
    default: '4h',
    describe: 'When to tell a sender that the mail is delayed, once',
    group: 'Notices',
  },
  'notice-from': {
    type: 'string',
    pattern: { test: /^[^\s<>@]+@[^\s<>@]+$/, says: 'an address such as postmaster@example.com' },
    otherwise: 'MAILER-DAEMON@ the host name',
    describe: 'Address in the From field of bounces and delay notices',
    group: 'Notices',
  },
  'notice-limit': {
    type: 'integer',
    zero: 'no limit',
    default: 100,
    describe: 'Most bounces and delay notices to one sender in an hour; more are dropped and logged',
    group: 'Notices',
  },
  'bounce-size': {
    type: 'size',
    max: '56k',
    default: '50k',
    describe: 'Largest mail that a bounce returns whole; of a larger one it returns the header',
    group: 'Notices',
  },
} as const satisfies OptionTable;

/** The values that decide about delivery, of a relay or of a sink that also relays. */
export type DeliveryOptions = OptionValues<typeof UPSTREAM_OPTIONS> &
  OptionValues<typeof QUEUE_OPTIONS> & { readonly mode: 'relay' | 'sink' };
