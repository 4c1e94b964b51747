// POP3: lines, and dotted blocks behind the `+OK` of some commands (RFC 1939 3; CAPA: RFC 2449 5). Which reply has one
// is known from the command alone. Secret: PASS, APOP's digest, what AUTH says (RFC 5034 4). STLS: RFC 2595 4.
import { LongReply } from './long-reply.ts';
import { type Conversation, type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const COMMAND = lineOf('command');
const REPLY = lineOf('reply');
const CREDENTIAL = lineOf('secret');
/** ` *`: without an argument. With one LIST and UIDL have one line; AUTH without one lists the mechanisms. */
const MULTILINE: ReadonlySet<string> = new Set(['RETR', 'TOP', 'LIST *', 'UIDL *', 'AUTH *']);

class Pop3Conversation implements Conversation {
  private readonly talk: Talk;
  private readonly long: LongReply;
  private authenticates = false;

  constructor(talk: Talk) {
    this.talk = talk;
    this.long = new LongReply(talk, REPLY);
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
    talk.ask('greeting');
  }

  client(frame: Frame): void {
    const { talk } = this;
    if (this.authenticates) {
      if (frame.text() === '*') talk.hide(0, 0);
      talk.ask('AUTH');
      return talk.client.hold();
    }
    const verb = frame.word();
    const [word = '', first] = frame.text().split(' ', 2);
    const hasArgument = first !== undefined && first !== '';
    if (verb === 'PASS' && hasArgument) talk.hide(frame.start + word.length + 1);
    if (verb === 'APOP' && hasArgument)
      talk.hide(Math.min(frame.end, frame.start + word.length + 1 + first.length + 1));
    if (verb === 'AUTH' && hasArgument)
      talk.hide(Math.min(frame.end, frame.start + word.length + 1 + first.length + 1));
    talk.ask(hasArgument ? verb : `${verb} *`);
    if (verb === 'STLS' || (verb === 'AUTH' && hasArgument)) talk.client.hold();
  }

  server(frame: Frame): void {
    const { talk } = this;
    if (this.long.takes(frame)) return;
    const sign = frame.word();
    const { asked } = talk;
    if (sign === '+' && asked === 'AUTH') {
      talk.answer();
      this.authenticates = true;
      talk.client.next(CREDENTIAL);
      return talk.client.release();
    }
    if (!sign.startsWith('+OK') && !sign.startsWith('-ERR')) return talk.raw('no +OK and no -ERR', 'broken');
    const isOk = sign.startsWith('+OK');
    if (isOk && MULTILINE.has(asked)) return this.long.begin('block');
    if (isOk && asked === 'CAPA *') return this.long.begin('lines');
    talk.answer();
    if (asked === 'STLS *' && isOk) return talk.raw('STLS', 'tls');
    if (asked === 'AUTH') {
      this.authenticates = false;
      talk.client.next(COMMAND);
    }
    if (asked === 'AUTH' || asked === 'STLS *') talk.client.release();
  }
}

export const pop3: Profile = { name: 'pop3', start: (talk) => new Pop3Conversation(talk) };
