// What an attempt means for each recipient. The upstream client reports errors in a dozen kinds; this is the one table
// that says which of them are the mail's fault, which the moment's, and which leave it open whether the mail arrived.
import type { Attempt } from './store/store.ts';

export type Fate = 'delivered' | 'deferred' | 'failed' | 'unknown';

export interface Outcome {
  readonly fate: Fate;
  readonly reply: string;
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

/** What the error means; `dotSent`: the end of the data went out before it. */
export function outcomeOf(error: SendError, dotSent: boolean): Outcome {
  const { code, command, responseCode } = error;
  const text = cleanReply(error.response || error.message);
  if (ROUTE_ERRORS.has(code)) return { fate: 'deferred', reply: text };
  if (code === 'EREQUIRETLS') return { fate: 'failed', reply: `5.7.30 ${text}` };
  if (REFUSALS.has(code)) {
    // 503 is about the order of commands: the connection's fault, not the mail's.
    if (responseCode) return { fate: responseCode >= 500 && responseCode !== 503 ? 'failed' : 'deferred', reply: text };
    if (code === 'EENVELOPE' && command === 'API') return { fate: 'failed', reply: `5.1.3 ${text}` };
    if (code === 'EMESSAGE' && command === 'MAIL FROM') return { fate: 'failed', reply: `5.3.4 ${text}` };
  }
  // The connection went while the answer to the dot was awaited (RFC 1047): sending at once again would be a second mail.
  return { fate: dotSent ? 'unknown' : 'deferred', reply: text };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
const CONTROLS = /[\x00-\x1f\x7f-\x9f]+/g;

/** One printable line of at most 500 characters: what an upstream says ends up in logs and on terminals. */
export function cleanReply(text: string): string {
  return text.replace(CONTROLS, ' ').trim().slice(0, 500);
}

export function attemptOf(outcome: Outcome, at: number, upstream: string, tls: string): Attempt {
  return { at, upstream, tls, reply: outcome.reply, outcome: outcome.fate };
}
