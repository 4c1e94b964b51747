// NNTP: lines, and dotted blocks. The reply's code says whether one follows (RFC 3977 3.1.1, 3.2), but for 211, which
// has one behind LISTGROUP only (6.1.2). Clients send a block behind 335 and 340 (6.3), and behind TAKETHIS at once
// (RFC 4644 2.5). Secret: AUTHINFO PASS and SASL (RFC 4643). STARTTLS: RFC 4642; COMPRESS: RFC 8054.
import { LongReply } from './long-reply.ts';
import { type Conversation, DOTTED, type Frame, lineOf, type Profile, type Talk } from './profile.ts';
import { codeOf } from './smtp.ts';

const COMMAND = lineOf('command');
const REPLY = lineOf('reply');
const CREDENTIAL = lineOf('secret');
const WITH_BLOCK: ReadonlySet<number> = new Set([100, 215, 220, 221, 222, 224, 225, 230, 231, 282]);
/** Until these are answered it is open what the client's next bytes are. */
const DECISIVE: ReadonlySet<string> = new Set(['POST', 'IHAVE', 'STARTTLS', 'COMPRESS', 'AUTHINFO SASL']);

class NntpConversation implements Conversation {
  private readonly talk: Talk;
  private saying: 'command' | 'article' | 'credential' = 'command';
  private readonly long: LongReply;

  constructor(talk: Talk) {
    this.talk = talk;
    this.long = new LongReply(talk, REPLY);
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
    talk.ask('greeting');
  }

  client(frame: Frame): void {
    const { talk } = this;
    if (this.saying === 'article') {
      this.saying = 'command';
      talk.client.next(COMMAND);
      return talk.ask('article');
    }
    if (this.saying === 'credential') {
      if (frame.text() === '*') talk.hide(0, 0);
      talk.ask('AUTHINFO SASL');
      return talk.client.hold();
    }
    let verb = frame.word();
    if (verb === 'AUTHINFO') {
      const [, kind = '', skipped = ''] = /^(?:\S+\s+(\S+))(\s+\S+\s+)?/.exec(frame.text()) ?? [];
      verb = `AUTHINFO ${kind.toUpperCase()}`;
      const words = /^\S+\s+\S+\s+/.exec(frame.text());
      if (kind.toUpperCase() === 'PASS' && words) talk.hide(frame.start + words[0].length);
      const mechanism = /^\S+\s+\S+\s+\S+\s+/.exec(frame.text());
      if (kind.toUpperCase() === 'SASL' && mechanism && skipped) talk.hide(frame.start + mechanism[0].length);
    }
    if (verb === 'TAKETHIS') {
      this.saying = 'article';
      return talk.client.next(DOTTED);
    }
    talk.ask(verb);
    if (DECISIVE.has(verb)) talk.client.hold();
  }

  server(frame: Frame): void {
    const { talk } = this;
    if (this.long.takes(frame)) return;
    const code = codeOf(frame);
    if (code === -1) return talk.raw('a reply without a code', 'broken');
    const { asked } = talk;
    if (WITH_BLOCK.has(code) || (code === 211 && asked === 'LISTGROUP')) return this.long.begin('block');
    if (code === 101) return this.long.begin('lines');
    talk.answer();
    if (code === 382 && asked === 'STARTTLS') return talk.raw('STARTTLS', 'tls');
    if (code === 206 && asked === 'COMPRESS') return talk.raw('COMPRESS', 'data');
    if (DECISIVE.has(asked)) this.decided(code);
  }

  private decided(code: number): void {
    const { client } = this.talk;
    this.saying = code === 335 || code === 340 ? 'article' : code === 383 ? 'credential' : 'command';
    client.next(this.saying === 'article' ? DOTTED : this.saying === 'credential' ? CREDENTIAL : COMMAND);
    client.release();
  }
}

export const nntp: Profile = { name: 'nntp', start: (talk) => new NntpConversation(talk) };
