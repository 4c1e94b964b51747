// ManageSieve: lines with literals as in IMAP, but that a client's `{n+}` never waits (RFC 5804 4). The answer to a
// command ends with the line that begins with OK, NO or BYE; so does the greeting. Secret: what AUTHENTICATE says
// (2.1), as quoted string or literal. STARTTLS: 2.2.
import { literalAt } from './imap.ts';
import { type Conversation, counted, type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const COMMAND = lineOf('command');
const RESPONSE = lineOf('reply');
const CREDENTIAL = lineOf('secret');

class ManageSieveConversation implements Conversation {
  private readonly talk: Talk;
  private saying: 'command' | 'rest' | 'literal' | 'credential' = 'command';
  private verb = '';
  private answering: 'line' | 'literal' | 'rest' = 'line';

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(COMMAND);
    talk.server.next(RESPONSE);
    talk.ask('greeting');
  }

  client(frame: Frame): void {
    const { talk } = this;
    const isSecret = this.verb === 'AUTHENTICATE';
    if (this.saying === 'literal') {
      this.saying = 'rest';
      talk.part();
      return talk.client.next(isSecret ? CREDENTIAL : COMMAND);
    }
    const text = frame.text();
    const literal = literalAt(text);
    if (this.saying === 'command') {
      this.verb = frame.word();
      const mechanism = /^\S+ +"[^"]*" */.exec(text);
      const end = literal ? literal.at : text.length;
      if (this.verb === 'AUTHENTICATE' && mechanism) talk.hide(frame.start + mechanism[0].length, frame.start + end);
    }
    if (!literal) {
      if (this.saying !== 'credential') talk.ask(this.verb);
      const waits = this.verb === 'AUTHENTICATE' || this.verb === 'STARTTLS';
      this.saying = 'command';
      if (waits) talk.client.hold();
      return;
    }
    talk.part();
    this.saying = literal.size === 0 ? 'rest' : 'literal';
    const kind = this.verb === 'AUTHENTICATE' ? 'secret' : 'literal';
    if (literal.size > 0) talk.client.next(counted(literal.size, kind));
  }

  server(frame: Frame): void {
    const { talk } = this;
    if (this.answering === 'literal') {
      this.answering = 'rest';
      talk.part();
      return talk.server.next(RESPONSE);
    }
    const text = frame.text();
    const wasRest = this.answering === 'rest';
    this.answering = 'line';
    const literal = literalAt(text);
    if (literal) {
      this.answering = literal.size === 0 ? 'rest' : 'literal';
      if (literal.size > 0) talk.server.next(counted(literal.size, 'literal'));
      return talk.part();
    }
    const status = /^(?:OK|NO|BYE)\b/i.exec(text)?.[0].toUpperCase();
    const { asked } = talk;
    if (wasRest || status === undefined) {
      talk.part();
      talk.answer(false);
      if (asked === 'AUTHENTICATE') this.challenged();
      else if (asked === 'greeting' && !/^["{]/.test(text)) talk.raw('no greeting of ManageSieve', 'broken');
      return;
    }
    talk.answer();
    if (asked === 'STARTTLS' && status === 'OK') return talk.raw('STARTTLS', 'tls');
    this.verb = '';
    this.saying = 'command';
    talk.client.next(COMMAND);
    talk.client.release();
  }

  /** The server wants to hear more of AUTHENTICATE. */
  private challenged(): void {
    this.saying = 'credential';
    this.talk.client.next(CREDENTIAL);
    this.talk.client.release();
  }
}

export const managesieve: Profile = { name: 'managesieve', start: (talk) => new ManageSieveConversation(talk) };
