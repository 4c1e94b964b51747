// IMAP: a command or a response is a line; where it ends with `{n}`, n octets follow and then the line goes on
// (RFC 3501 4.3, 9051 4.3, literal8 `~{n}`: RFC 3516 4). A client waits for `+` before the octets, which a tagged NO
// spares it, but for `{n+}` (RFC 7888). Answers carry the tag of their command. Secret: LOGIN's second argument,
// quoted, atom or literal; what AUTHENTICATE says. STARTTLS: RFC 3501 6.2.1; COMPRESS: RFC 4978; IDLE: RFC 2177.
import { type Conversation, counted, type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const COMMAND = lineOf('command');
const RESPONSE = lineOf('reply');
const CREDENTIAL = lineOf('secret');
/** Text for people, which may end like a literal. */
const STATUS = /^(?:\+|\S+ (?:OK|NO|BAD|BYE|PREAUTH)(?: |$))/i;

class ImapConversation implements Conversation {
  private readonly talk: Talk;
  private saying: 'command' | 'rest' | 'literal' | 'credential' | 'idle' = 'command';
  private tag = '';
  private verb = '';
  /** Arguments of the command that are complete: the password is LOGIN's second. */
  private count = 0;
  /** Octets that the client will send when the server has said `+`. */
  private promised: number | null = null;
  private greeted = false;
  private inLiteral = false;
  private inResponse = false;

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(COMMAND);
    talk.server.next(RESPONSE);
    talk.ask('greeting', '*');
  }

  client(frame: Frame): void {
    const { talk } = this;
    if (this.saying === 'literal') {
      this.count++;
      this.saying = 'rest';
      talk.part();
      return talk.client.next(COMMAND);
    }
    if (this.saying === 'credential') {
      if (frame.text() === '*') talk.hide(0, 0);
      talk.part();
      return talk.client.hold();
    }
    if (this.saying === 'idle') {
      this.saying = 'command';
      return;
    }
    this.commandLine(frame);
  }

  server(frame: Frame): void {
    const { talk } = this;
    if (this.inLiteral) {
      this.inLiteral = false;
      this.inResponse = true;
      talk.part();
      return talk.server.next(RESPONSE);
    }
    const text = frame.text();
    if (!this.greeted && !/^\* (?:OK|PREAUTH|BYE)\b/i.test(text)) return talk.raw('no greeting of IMAP', 'broken');
    if (!this.greeted) talk.answer(true, '*');
    this.greeted = true;
    const isStatus = !this.inResponse && STATUS.test(text);
    this.inResponse = false;
    const literal = isStatus ? null : literalAt(text);
    if (literal) {
      talk.part();
      if (literal.size === 0) this.inResponse = true;
      else {
        this.inLiteral = true;
        talk.server.next(counted(literal.size, 'literal'));
      }
    } else if (text.startsWith('+')) this.goOn();
    else if (isStatus && !text.startsWith('*')) this.completed(text);
  }

  private commandLine(frame: Frame): void {
    const { talk } = this;
    const text = frame.text();
    let from = 0;
    if (this.saying === 'command') {
      const found = /^(\S+) +(\S+) */.exec(text);
      this.tag = found?.[1] ?? text;
      this.verb = found?.[2]?.toUpperCase() ?? '';
      this.count = 0;
      from = found ? found[0].length : text.length;
    }
    if (frame.state === 'truncated') return talk.raw('a line that is too long', 'broken');
    const literal = literalAt(text);
    this.hideSecrets(frame, text, from, literal);
    if (literal) return this.literal(literal);
    this.saying = 'command';
    talk.ask(this.verb, this.tag);
    if (DECISIVE.has(this.verb)) talk.client.hold();
  }

  private hideSecrets(frame: Frame, text: string, from: number, literal: Literal | null): void {
    const { talk } = this;
    const end = literal ? literal.at : text.length;
    if (this.verb === 'LOGIN') {
      for (const found of text.slice(from, end).matchAll(/"(?:[^"\\]|\\.)*"?|[^\s"]+/g)) {
        if (++this.count === 2) talk.hide(frame.start + from + found.index, frame.start + end);
      }
    } else if (this.verb === 'AUTHENTICATE') {
      const found = /^\S+ +/.exec(text.slice(from));
      if (found) talk.hide(frame.start + from + found[0].length);
    }
  }

  private literal({ size, waits }: Literal): void {
    const { client } = this.talk;
    this.talk.part();
    this.saying = 'rest';
    if (waits) {
      this.promised = size;
      // Its answer may be the tagged one at once.
      this.talk.ask(this.verb, this.tag);
      client.hold();
    } else this.literalComes(size);
  }

  private literalComes(size: number): void {
    if (size === 0) {
      this.count++;
      return;
    }
    this.saying = 'literal';
    const isSecret = this.verb === 'AUTHENTICATE' || (this.verb === 'LOGIN' && this.count === 1);
    this.talk.client.next(counted(size, isSecret ? 'secret' : 'literal'));
  }

  /** The server has said `+`. */
  private goOn(): void {
    const { client } = this.talk;
    if (this.promised !== null) {
      this.literalComes(this.promised);
      this.promised = null;
    } else if (this.verb === 'AUTHENTICATE') {
      this.saying = 'credential';
      client.next(CREDENTIAL);
    } else if (this.verb === 'IDLE') this.saying = 'idle';
    client.release();
  }

  private completed(text: string): void {
    const { talk } = this;
    const [tag = '', status = ''] = text.split(' ', 2);
    const verb = talk.answer(true, tag);
    const isOk = status.toUpperCase() === 'OK';
    if (verb === 'STARTTLS' && isOk) return talk.raw('STARTTLS', 'tls');
    if (verb === 'COMPRESS' && isOk) return talk.raw('COMPRESS', 'data');
    if (tag !== this.tag) return;
    // A refused literal is not sent; the next line is a command.
    this.promised = null;
    if (this.saying !== 'literal') {
      this.saying = 'command';
      talk.client.next(COMMAND);
    }
    this.verb = '';
    talk.client.release();
  }
}

/** Until these are answered it is open what the client's next bytes are. */
const DECISIVE: ReadonlySet<string> = new Set(['AUTHENTICATE', 'STARTTLS', 'COMPRESS', 'IDLE']);

interface Literal {
  readonly size: number;
  /** Whether its sender waits for `+`. */
  readonly waits: boolean;
  /** Where its braces begin. */
  readonly at: number;
}

/** The literal that a line announces at its end, unless that is in a quoted string. */
export function literalAt(text: string): Literal | null {
  if (!text.endsWith('}')) return null;
  const found = /~?\{(\d{1,15})(\+?)\}$/.exec(text);
  if (!found) return null;
  let isQuoted = false;
  for (let i = 0; i < found.index; i++) {
    if (text[i] === '"') isQuoted = !isQuoted;
    else if (isQuoted && text[i] === '\\') i++;
  }
  return isQuoted ? null : { size: Number(found[1]), waits: found[2] === '', at: found.index };
}

export const imap: Profile = { name: 'imap', start: (talk) => new ImapConversation(talk) };
