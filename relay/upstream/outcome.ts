// What an attempt means for each recipient. The upstream client reports errors in a dozen kinds; this is the one table
// that says which of them are the mail's fault, which the moment's, and which leave it open whether the mail arrived.
import type { Attempt } from '../store/store.ts';

export type Fate = 'delivered' | 'deferred' | 'failed' | 'unknown';

export interface Outcome {
  readonly fate: Fate;
  /** One clean line: what the upstream said, or what happened. */
  readonly reply: string;
  /** The enhanced code (RFC 3463), when there is one: '5.1.1'. */
  readonly status?: string;
  /** The reply came from the other side; without it, it was made here. */
  readonly remote?: boolean;
  /** The next hop offered DSN and took the recipient's NOTIFY over: what it asks for is now the next hop's business. */
  readonly dsn?: boolean;
}

/** The parts of nodemailer's errors that decide. */
export interface SendError {
  readonly message: string;
  readonly code?: string | undefined;
  readonly command?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly recipient?: string | undefined;
}

/** Errors of the route, not of the mail: its password, its certificate, its set-up. The mail waits and nobody bounces it. */
export const ROUTE_ERRORS: ReadonlySet<string | undefined> = new Set([
  'EAUTH',
  'ENOAUTH',
  'EOAUTH2',
  'ETLS',
  'EPROXY',
  'ECONFIG',
]);

/** Errors that carry a reply about the mail. With others a reply may come along that was about something else. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['EENVELOPE', 'EMESSAGE']);

/** Whether the error says nothing of the mail: another connection, or another upstream, may do better. */
export function isOfConnection({ code, responseCode }: SendError): boolean {
  // RFC 5321 3.8: 421 is about the connection, whatever it answers.
  return REFUSALS.has(code) ? responseCode === 421 : code !== 'EREQUIRETLS' && code !== 'ESTREAM';
}

/** What the error means; `dotSent`: the end of the data went out before it, and nothing in it says what became of it. */
export function outcomeOf(error: SendError, dotSent: boolean): Outcome {
  const { code, command, responseCode } = error;
  if (ROUTE_ERRORS.has(code)) return toldBy(error, 'deferred');
  if (code === 'EREQUIRETLS') return madeHere('failed', '5.7.30', error.message);
  if (REFUSALS.has(code)) {
    // 503 is about the order of commands: the connection's fault, not the mail's.
    if (responseCode) return toldBy(error, responseCode >= 500 && responseCode !== 503 ? 'failed' : 'deferred');
    if (code === 'EENVELOPE' && command === 'API') return madeHere('failed', '5.1.3', error.message);
    if (code === 'EMESSAGE' && command === 'MAIL FROM') return madeHere('failed', '5.3.4', error.message);
  }
  // The connection went while the answer to the dot was awaited (RFC 1047): sending at once again would be a second mail.
  return toldBy(error, dotSent ? 'unknown' : 'deferred');
}

/** An outcome that this side decides: `reply` begins with its enhanced code. */
export function madeHere(fate: Fate, status: string, text: string): Outcome {
  return { fate, reply: `${status} ${cleanReply(text)}`, status };
}

/** An outcome that a reply of the other side decides. */
export function replied(fate: Fate, response: string): Outcome {
  const reply = cleanReply(response);
  const status = enhancedStatus(reply);
  return status === undefined ? { fate, reply, remote: true } : { fate, reply, status, remote: true };
}

function toldBy(error: SendError, fate: Fate): Outcome {
  return error.response ? replied(fate, error.response) : { fate, reply: cleanReply(error.message) };
}

// RFC 2034 4: behind the code of each line, and of the same class.
const ENHANCED = /^([245])\d\d[ -](\1\.\d{1,3}\.\d{1,3})(?![\d.])/;

function enhancedStatus(reply: string): string | undefined {
  return ENHANCED.exec(reply)?.[2];
}

/** C0, DEL, C1, line separators, and marks that reorder or hide what stands on a terminal's line. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;
const MAX_REPLY = 500;

/** One printable line of at most 500 characters: what an upstream says ends up in logs, bounces and on terminals. */
export function cleanReply(text: string): string {
  // What goes may be half of it, but a reply of a megabyte is not searched to its end.
  return text
    .slice(0, 4 * MAX_REPLY)
    .replace(UNSAFE, ' ')
    .trim()
    .slice(0, MAX_REPLY);
}

export function attemptOf(outcome: Outcome, at: number, upstream: string, tls: string): Attempt {
  return { at, upstream, tls, reply: outcome.reply, outcome: outcome.fate };
}
