// SMTP as a picture: the states of a session, which verb is legal in which, and what the framer waits for in each.
//
//   connected --EHLO/HELO--> ready --MAIL--> sender --RCPT--> envelope --DATA--> content --end of data--> ready
//   RSET, EHLO, HELO: sender, envelope --> ready            QUIT: any --> closing
import type { Terminator, TerminatorOptions } from '../src/terminator.ts';
import { data } from './commands/data.ts';
import { ehlo, helo } from './commands/helo.ts';
import { mail } from './commands/mail.ts';
import { rcpt } from './commands/rcpt.ts';
import { help, noop, quit, rset, vrfy } from './commands/small.ts';
import type { SmtpSession, Step } from './session-view.ts';

export type State = 'connected' | 'ready' | 'sender' | 'envelope' | 'content' | 'closing';

export interface Row {
  readonly in: readonly State[];
  readonly run: (session: SmtpSession, argument: string) => Step;
  /** The text of the 503 in a state that is not listed (RFC 5321 4.1.4). */
  readonly otherwise: string;
  /** Costs the client nothing and us little: counted, so that it cannot go on for ever. */
  readonly idle?: boolean;
}

const ANY: readonly State[] = ['connected', 'ready', 'sender', 'envelope'];

export const COMMANDS: Readonly<Record<string, Row>> = {
  EHLO: { in: ANY, run: ehlo, otherwise: '' },
  HELO: { in: ANY, run: helo, otherwise: '' },
  MAIL: { in: ['ready'], run: mail, otherwise: 'Send EHLO first, and one MAIL for each message' },
  RCPT: { in: ['sender', 'envelope'], run: rcpt, otherwise: 'Send MAIL first' },
  DATA: { in: ['sender', 'envelope'], run: data, otherwise: 'Send MAIL and RCPT first' },
  RSET: { in: ANY, run: rset, otherwise: '', idle: true },
  NOOP: { in: ANY, run: noop, otherwise: '', idle: true },
  VRFY: { in: ANY, run: vrfy, otherwise: '', idle: true },
  HELP: { in: ANY, run: help, otherwise: '', idle: true },
  QUIT: { in: ANY, run: quit, otherwise: '' },
};

/** Verbs of RFC 5321 that are known and not offered: 502, not 500. */
export const NOT_IMPLEMENTED: ReadonlySet<string> = new Set(['EXPN', 'TURN', 'SEND', 'SOML', 'SAML']);

/** First words of other protocols: whoever sends them speaks to the wrong port, perhaps made to by a web page. */
export const NOT_SMTP: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'CONNECT',
]);

export interface ReadMode {
  readonly terminator: Terminator;
  readonly options: TerminatorOptions;
}

const CRLF = Buffer.from('\r\n');
/** A line that ends in LF alone must not hang: it is told apart by its terminator, and refused or taken. */
export const BARE_LF = Buffer.from('\n');
const LINE: ReadMode = { terminator: [CRLF, BARE_LF], options: { overlong: 'discard' } };
// The CR LF of the DATA line counts as the first of the mark's five bytes: an empty message is just `.` CR LF.
const DOT: ReadMode = {
  terminator: Buffer.from('\r\n.\r\n'),
  options: { precededBy: CRLF, keep: true, maxFrame: Number.POSITIVE_INFINITY },
};

/** What the framer waits for in each state: the only place that says so. */
export const READS: Readonly<Record<State, ReadMode>> = {
  connected: LINE,
  ready: LINE,
  sender: LINE,
  envelope: LINE,
  content: DOT,
  closing: LINE,
};
