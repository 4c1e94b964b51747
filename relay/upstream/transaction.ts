// From an envelope to the commands that this very upstream understands. nodemailer sends what it is given whether the
// other side can take it or not; here it is held against what EHLO offered, and who cannot be served is told why without
// a word to the other side.

import type { Parameter } from '../store/store.ts';
import type { Envelope, OutgoingRecipient } from './courier.ts';
import { madeHere, type Outcome } from './outcome.ts';

/** What the other side can take. */
export interface Peer {
  /** The keywords of EHLO in capitals, with what stands behind them. */
  readonly offers: ReadonlyMap<string, string>;
  /** TLS with a certificate that was checked. */
  readonly isVerified: boolean;
  /** What becomes of 8-bit bytes where 8BITMIME is not offered. */
  readonly eightBit: 'bounce' | 'send';
}

export interface Transaction {
  readonly mail: string;
  /** For those who may be sent to. */
  readonly rcpt: readonly string[];
  /** For each recipient of the envelope: its place in `rcpt`, or why it is not there. */
  readonly fates: readonly (number | Outcome)[];
  /** For each command of `rcpt`: the other side was given its NOTIFY. */
  readonly notified: readonly boolean[];
}

/** One mail on its way over one connection: the commands, and what is known of it so far. */
export class Transmission {
  /** `MAIL FROM:<...>` with its parameters. */
  readonly mail: string;
  /** One `RCPT TO:<...>` for each recipient. */
  readonly rcpt: readonly string[];
  /** For each recipient the reply that was for it alone: a refused RCPT, or under LMTP the one behind the dot. */
  readonly replies: (string | undefined)[];
  /** Whether it may still be sent: see Courier.deliver(). */
  readonly isOurs: () => boolean;
  /** Its content has been asked for. */
  isBegun = false;
  /** All of it has been handed to the socket, the lone dot included. */
  isWritten = false;
  /** The lone dot has left this process: from here on the mail may have arrived. */
  isDotSent = false;
  isOver = false;

  constructor(mail: string, rcpt: readonly string[], isOurs: () => boolean = () => true) {
    this.mail = mail;
    this.isOurs = isOurs;
    this.rcpt = rcpt;
    this.replies = rcpt.map(() => undefined);
  }
}

/** An envelope without recipients that may be sent to gives a transaction with an empty `rcpt`: there is nothing to send. */
export function planTransaction(envelope: Envelope, peer: Peer): Transaction {
  const { offers } = peer;
  const refusal = refusalOf(envelope, peer);
  const rcpt: string[] = [];
  const notified: boolean[] = [];
  const places = new Map<string, number>();
  const fates = envelope.recipients.map((one): number | Outcome => {
    const why = refusal ?? refusalOfRecipient(one, offers);
    if (why) return why;
    const parameters = offers.has('DSN') ? passedOn(one.parameters, RCPT_PASSED, offers) : [];
    const command = [`RCPT TO:<${one.address}>`, ...parameters].join(' ');
    // Who stands there twice is asked for once: two answers could contradict each other.
    const place = places.get(command) ?? rcpt.push(command) - 1;
    places.set(command, place);
    notified[place] = parameters.some((text) => text.startsWith('NOTIFY='));
    return place;
  });
  return { mail: mailCommand(envelope, rcpt, offers), rcpt, fates, notified };
}

const NON_ASCII = /[^\0-\x7f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get into a command
const CONTROL = /[\0-\x1f\x7f]/;

/** Why this upstream cannot have the mail, whoever it is for. */
function refusalOf({ sender, size, parameters, traits }: Envelope, peer: Peer): Outcome | null {
  const { offers, isVerified, eightBit } = peer;
  if (CONTROL.test(sender)) return madeHere('failed', '5.1.7', 'the sender cannot be sent in a command');
  const limit = Number(offers.get('SIZE') ?? 0);
  if (limit > 0 && size > limit) {
    return madeHere('failed', '5.3.4', `the message has ${size} bytes, the next server takes ${limit}`);
  }
  // RFC 8689 4.2.1: never to a server that may not care.
  if (has(parameters, 'REQUIRETLS') && !(isVerified && offers.has('REQUIRETLS'))) {
    const what = isVerified ? 'does not offer REQUIRETLS' : 'was not reached by TLS with a certificate that holds';
    return madeHere('failed', '5.7.30', `REQUIRETLS was demanded, and the next server ${what}`);
  }
  if (traits.includes('binary')) return madeHere('failed', '5.6.3', 'binary content cannot be sent on');
  if (traits.includes('eight-bit') && !offers.has('8BITMIME') && eightBit === 'bounce') {
    return madeHere('failed', '5.6.3', 'the message has 8-bit bytes, and the next server does not offer 8BITMIME');
  }
  if (!offers.has('SMTPUTF8') && (traits.includes('utf8-header') || NON_ASCII.test(sender))) {
    const what = traits.includes('utf8-header') ? 'the header' : 'the sender';
    return madeHere('failed', '5.6.7', `${what} needs SMTPUTF8, which the next server does not offer`);
  }
  return null;
}

function refusalOfRecipient({ address }: OutgoingRecipient, offers: Peer['offers']): Outcome | null {
  if (address === '' || CONTROL.test(address)) {
    return madeHere('failed', '5.1.3', 'the address cannot be sent in a command');
  }
  if (NON_ASCII.test(address) && !offers.has('SMTPUTF8')) {
    return madeHere('failed', '5.6.7', 'the address needs SMTPUTF8, which the next server does not offer');
  }
  return null;
}

const MAIL_PASSED: ReadonlySet<string> = new Set(['RET', 'ENVID']);
const RCPT_PASSED: ReadonlySet<string> = new Set(['NOTIFY', 'ORCPT']);

function mailCommand(
  { sender, size, parameters, traits }: Envelope,
  rcpt: readonly string[],
  offers: Peer['offers'],
): string {
  const parts = [`MAIL FROM:<${sender}>`];
  const needsUtf8 = traits.includes('utf8-header') || NON_ASCII.test(sender) || rcpt.some((one) => NON_ASCII.test(one));
  if (offers.has('SMTPUTF8') && (needsUtf8 || has(parameters, 'SMTPUTF8'))) parts.push('SMTPUTF8');
  const isEightBit = traits.includes('eight-bit') || parameters.some(isBodyEightBit);
  if (offers.has('8BITMIME') && isEightBit) parts.push('BODY=8BITMIME');
  if (offers.has('SIZE') && size > 0) parts.push(`SIZE=${size}`);
  if (offers.has('DSN')) parts.push(...passedOn(parameters, MAIL_PASSED, offers));
  if (has(parameters, 'REQUIRETLS')) parts.push('REQUIRETLS');
  return parts.join(' ');
}

/** Those of the parameters that go on as they came. */
function passedOn(parameters: readonly Parameter[], which: ReadonlySet<string>, offers: Peer['offers']): string[] {
  return parameters
    .filter(([keyword, value]) => which.has(keyword) && isPassable(value, offers))
    .map(([keyword, value]) => `${keyword}=${value}`);
}

/** RFC 5321 4.1.2: a value has no spaces and no controls. Other than ASCII it is only under RFC 6533 3. */
function isPassable(value: string, offers: Peer['offers']): boolean {
  if (value === '' || CONTROL.test(value) || value.includes(' ')) return false;
  return offers.has('SMTPUTF8') || !NON_ASCII.test(value);
}

function has(parameters: readonly Parameter[], keyword: string): boolean {
  return parameters.some(([one]) => one === keyword);
}

function isBodyEightBit([keyword, value]: Parameter): boolean {
  return keyword === 'BODY' && /^8BITMIME$/i.test(value);
}
