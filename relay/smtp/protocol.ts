// SMTP as a picture: the states of a session, which verb is legal in which, and what the framer waits for in each.
//
//   (handshake -->) connected --EHLO/HELO--> ready --MAIL--> sender --RCPT--> envelope --DATA--> content --end--> ready
//   envelope --BDAT--> chunk --count--> chunks --BDAT--> chunk ... --BDAT LAST--> chunk --count--> ready
//   RSET, EHLO, HELO: sender, envelope, chunks --> ready     AUTH: ready --> auth --> ready
//   STARTTLS: ready --> handshake --> connected              QUIT: any --> closing
import type { Terminator, TerminatorOptions } from '../../src/terminator.ts';
import { MAX_AUTH_LINE } from '../auth/sasl.ts';
import { auth, authLine } from './commands/auth.ts';
import { bdat } from './commands/bdat.ts';
import { data } from './commands/data.ts';
import { ehlo, helo, lhlo } from './commands/helo.ts';
import { mail } from './commands/mail.ts';
import { rcpt } from './commands/rcpt.ts';
import { help, noop, quit, rset, vrfy } from './commands/small.ts';
import { starttls } from './commands/starttls.ts';
import { xclient } from './commands/xclient.ts';
import { xforward } from './commands/xforward.ts';
import { REPLIES, type Reply } from './replies.ts';
import type { SmtpSession, Step } from './session-view.ts';

export type State =
  /** Before the 220: nothing may come. */
  | 'silent'
  /** TLS is being agreed upon; nothing is parsed. */
  | 'handshake'
  | 'connected'
  | 'ready'
  /** Lines are no commands but the client's part of a login (RFC 4954). */
  | 'auth'
  | 'sender'
  | 'envelope'
  /** Behind DATA, up to the lone dot. */
  | 'content'
  /** Inside a chunk of BDAT, up to its count, and behind it (RFC 3030). */
  | 'chunk'
  | 'chunks'
  | 'closing';

export interface Row {
  readonly in: readonly State[];
  /** While a promise is pending nothing is read, and the client is not held to be idle. */
  readonly run: (session: SmtpSession, argument: string) => Step | Promise<Step>;
  /** The text of the 503 in a state that is not listed (RFC 5321 4.1.4). */
  readonly otherwise: string;
  /** Costs the client nothing and us little: counted, so that it cannot go on for ever. */
  readonly idle?: boolean;
  /** The client has to wait for the answer before it sends anything else (RFC 2920 3.1). */
  readonly last?: boolean;
}

const ANY: readonly State[] = ['connected', 'ready', 'sender', 'envelope', 'chunks'];

const COMMANDS = {
  MAIL: { in: ['ready'], run: mail, otherwise: 'Send EHLO first, and one MAIL for each message' },
  RCPT: { in: ['sender', 'envelope'], run: rcpt, otherwise: 'Send MAIL first' },
  DATA: { in: ['sender', 'envelope'], run: data, otherwise: 'Send MAIL and RCPT first', last: true },
  BDAT: { in: ANY, run: bdat, otherwise: '' },
  AUTH: { in: ['ready'], run: auth, otherwise: 'Log in behind EHLO, before MAIL', idle: true },
  STARTTLS: { in: ANY, run: starttls, otherwise: '', last: true },
  XCLIENT: { in: ['connected', 'ready'], run: xclient, otherwise: 'Not in a mail transaction', last: true },
  XFORWARD: { in: ['ready'], run: xforward, otherwise: 'Behind EHLO, and not in a mail transaction' },
  RSET: { in: ANY, run: rset, otherwise: '', idle: true },
  NOOP: { in: ANY, run: noop, otherwise: '', idle: true, last: true },
  VRFY: { in: ANY, run: vrfy, otherwise: '', idle: true, last: true },
  HELP: { in: ANY, run: help, otherwise: '', idle: true },
  QUIT: { in: ANY, run: quit, otherwise: '', last: true },
} as const satisfies Readonly<Record<string, Row>>;

const SMTP_COMMANDS = table({
  EHLO: { in: ANY, run: ehlo, otherwise: '', last: true },
  HELO: { in: ANY, run: helo, otherwise: '', last: true },
  ...COMMANDS,
});

/** RFC 2033 4.1: LHLO takes the place of both. */
const LMTP_COMMANDS = table({
  LHLO: { in: ANY, run: lhlo, otherwise: '', last: true },
  ...COMMANDS,
});

/** Verbs are the client's words: a map knows no more than it was given. */
function table(rows: Readonly<Record<string, Row>>): ReadonlyMap<string, Row> {
  return new Map(Object.entries(rows));
}

/** States in which a line is no command, and what takes it. */
export const LINES: Readonly<Partial<Record<State, (session: SmtpSession, line: string) => Step | Promise<Step>>>> = {
  auth: authLine,
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

/** The row of a verb; without one, what is said to it. */
export function rowOf(verb: string, isLmtp: boolean): Row | Step {
  const row = (isLmtp ? LMTP_COMMANDS : SMTP_COMMANDS).get(verb);
  if (row !== undefined) return row;
  if (NOT_SMTP.has(verb)) return { reply: REPLIES.notSmtp, next: 'closing' };
  return { reply: NOT_IMPLEMENTED.has(verb) ? REPLIES.notImplemented : REPLIES.unknown };
}

/** A line that is no command. If it was to be BDAT, nobody knows how many octets behind it are none either. */
export function unreadable(line: string, why: Reply): Step {
  return /^bdat\s/i.test(line) ? { reply: why, next: 'closing' } : { reply: why };
}

export interface ReadMode {
  readonly terminator: Terminator;
  readonly options: TerminatorOptions;
}

const CRLF = Buffer.from('\r\n');
/**
 * A line is read up to its LF, and the session takes the CR off: one that ends in LF alone must not hang, but be refused
 * or taken.
 */
const LINE: ReadMode = { terminator: Buffer.from('\n'), options: { overlong: 'discard' } };
// The CR LF of the DATA line counts as the first of the mark's five bytes: an empty message is just `.` CR LF.
const DOT: ReadMode = {
  terminator: Buffer.from('\r\n.\r\n'),
  options: { precededBy: CRLF, keep: true, maxFrame: Number.POSITIVE_INFINITY },
};

const AUTH: ReadMode = { terminator: LINE.terminator, options: { overlong: 'discard', maxFrame: MAX_AUTH_LINE + 1 } };
/** The session sets the count. */
const COUNT: ReadMode = { terminator: null, options: { maxFrame: Number.POSITIVE_INFINITY } };

/** What the framer waits for in each state: the only place that says so. */
export const READS: Readonly<Record<State, ReadMode>> = {
  silent: LINE,
  handshake: LINE,
  connected: LINE,
  ready: LINE,
  auth: AUTH,
  sender: LINE,
  envelope: LINE,
  content: DOT,
  chunk: COUNT,
  chunks: LINE,
  closing: LINE,
};
