// The dialogue of one session as it goes on, so that it can be kept beside each mail: how the session began, and the
// transaction of the mail. Secrets are masked before anything is remembered. What is said exists already; lines are
// made of it only when a mail is accepted (transcript-lines.ts).
//
// Bounded whatever a client does: of what is too much the middle is left out, and a note tells so.
import { realClock } from '../../src/clock.ts';
import type { TranscriptLine } from '../inbox/transcript.ts';
import type { Reply } from './replies.ts';
import { type Entry, linesOf, MAX_TEXT } from './transcript-lines.ts';

/** 500 lines and 64 KB together, each half of it for the first and half for the last. */
const OPENING = { lines: 100, bytes: 16 * 1024 };
const TRANSACTION = { lines: 400, bytes: 48 * 1024 };

/** What the client sends in a login, and what may be a part of one that was refused and goes on. */
const SECRET = '***';
/** What stands in the mechanism's place is shown only if it is one: it may be the password, where a client forgot it. */
const AUTH =
  /^(auth)\b(?:[ \t]+(PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|SCRAM-[\w-]{1,20}|XOAUTH2|OAUTHBEARER|EXTERNAL|NTLM|GSSAPI)(?![^ \t]))?(.*)$/is;
const BASE64 = /^[A-Za-z\d+/]{4,}={0,2}$/;
const VERBS = /^(?:AUTH|DATA|HELP|NOOP|QUIT|RSET|STARTTLS|EHLO|HELO|LHLO|MAIL|RCPT|BDAT|VRFY)$/i;
const XCLIENT_LOGIN = /\bLOGIN=\S+/gi;

export class SessionTranscript {
  /** The mail is stored and its client will not hear of it: its transcript ends without an answer. */
  unanswered = false;
  private readonly openedAt = realClock.steady();
  private readonly opening = new Excerpt(OPENING);
  private transaction = new Excerpt(TRANSACTION);
  private phase: 'opening' | 'transaction' | 'accepted' = 'opening';
  private mails = 0;
  private sawAuth = false;

  /** A line of the client without its end, a character a byte. `inLogin`: it is no command but a part of a login. */
  heard(line: string, inLogin: boolean): void {
    // The answer to a mail belongs to that mail: only what the client says next begins something new.
    if (this.phase === 'accepted') {
      this.transaction = new Excerpt(TRANSACTION);
      this.phase = 'transaction';
    } else if (this.phase === 'opening' && isMail(line)) this.phase = 'transaction';
    this.add('client', inLogin ? SECRET : this.masked(line.length > MAX_TEXT ? shortened(line) : line));
  }

  said(reply: Reply | readonly Reply[]): void {
    if ('code' in reply) this.add('server', reply);
    else for (const one of reply) this.add('server', one);
  }

  /** The content of a message, in bytes as stored, without our own trace line. */
  content(bytes: number): void {
    this.add('client', `[content: ${bytes} ${bytes === 1 ? 'byte' : 'bytes'}]`);
  }

  note(text: string): void {
    this.add('note', text);
  }

  /** The session begins anew under TLS, or for another client: what comes up to the next MAIL is part of its opening. */
  reopened(): void {
    if (this.phase === 'transaction') this.opening.take(this.transaction);
    this.transaction = new Excerpt(TRANSACTION);
    this.phase = 'opening';
  }

  /** A mail was accepted: everything that belongs to it, with the answer that is about to be given. */
  accepted(answers: readonly Reply[]): TranscriptLine[] {
    const lines = this.opening.lines();
    if (this.mails > 0)
      lines.push(note(lines, `${this.mails} earlier ${this.mails === 1 ? 'mail' : 'mails'} in this session`));
    lines.push(...this.transaction.lines());
    if (!this.unanswered) {
      const ms = this.elapsed();
      for (const what of answers) lines.push(...linesOf({ from: 'server', ms, what }));
    }
    this.unanswered = false;
    this.mails++;
    this.phase = 'accepted';
    return lines;
  }

  /** What was said behind the last mail, or all of it when there is none yet. Changes nothing. */
  sinceMail(): { readonly mails: number; readonly lines: readonly TranscriptLine[] } {
    const { mails, phase } = this;
    const opening = mails === 0 ? this.opening.lines() : [];
    return { mails, lines: phase === 'accepted' ? [] : [...opening, ...this.transaction.lines()] };
  }

  private add(from: Entry['from'], what: string | Reply): void {
    const entry = { from, ms: this.elapsed(), what };
    if (this.phase === 'opening') this.opening.push(entry);
    else this.transaction.push(entry);
  }

  private elapsed(): number {
    return realClock.steady() - this.openedAt;
  }

  private masked(line: string): string {
    const first = line.charCodeAt(0) | 0x20;
    if (first === 0x61 && /^auth\b/i.test(line)) {
      this.sawAuth = true;
      const [, verb, mechanism, rest = ''] = AUTH.exec(line) ?? [];
      return [verb, mechanism, rest.trim() === '' ? undefined : SECRET].filter((part) => part !== undefined).join(' ');
    }
    if (first === 0x78 && /^xclient\b/i.test(line)) return line.replaceAll(XCLIENT_LOGIN, `LOGIN=${SECRET}`);
    // A client that does not wait sends its name and password behind an AUTH that was refused.
    return this.sawAuth && BASE64.test(line) && !VERBS.test(line) ? SECRET : line;
  }
}

/** The first and the last of many entries. */
class Excerpt {
  private readonly most: { readonly lines: number; readonly bytes: number };
  private readonly head: Entry[] = [];
  private readonly tail: Entry[] = [];
  private headBytes = 0;
  private tailBytes = 0;
  private leftOut = 0;

  constructor({ lines, bytes }: { readonly lines: number; readonly bytes: number }) {
    this.most = { lines: lines / 2, bytes: bytes / 2 };
  }

  push(entry: Entry): void {
    const { head, tail, most } = this;
    const bytes = sizeOf(entry);
    if (tail.length === 0 && head.length < most.lines && this.headBytes + bytes <= most.bytes) {
      this.headBytes += bytes;
      head.push(entry);
      return;
    }
    tail.push(entry);
    this.tailBytes += bytes;
    while (tail.length > most.lines || (this.tailBytes > most.bytes && tail.length > 1)) {
      this.tailBytes -= sizeOf(tail.shift()!);
      this.leftOut++;
    }
  }

  take(other: Excerpt): void {
    for (const entry of [...other.head, ...other.tail]) this.push(entry);
    this.leftOut += other.leftOut;
  }

  lines(): TranscriptLine[] {
    const lines = this.head.flatMap(linesOf);
    if (this.leftOut > 0) lines.push(note(lines, `${this.leftOut} lines left out`));
    for (const entry of this.tail) lines.push(...linesOf(entry));
    return lines;
  }
}

/** Without a time of its own it stands at that of the line before it. */
function note(before: readonly TranscriptLine[], text: string): TranscriptLine {
  return { from: 'note', ms: before.at(-1)?.ms ?? 0, text };
}

function sizeOf({ what }: Entry): number {
  if (typeof what === 'string') return what.length;
  const { text } = what;
  return typeof text === 'string' ? text.length : text.reduce((sum, line) => sum + line.length, 0);
}

function isMail(line: string): boolean {
  return (line.charCodeAt(0) | 0x20) === 0x6d && /^mail\b/i.test(line);
}

/** Cut, and not a view of the whole, which would be kept with it. */
function shortened(line: string): string {
  return Buffer.from(`${line.slice(0, MAX_TEXT)}... (${line.length} bytes)`, 'latin1').toString('latin1');
}
