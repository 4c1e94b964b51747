// FTP's control connection: a command a line; a reply of many lines goes from `123-` to the line that begins with
// `123 `, whatever stands between (RFC 959 4.2). A 1yz reply is not the last one of its command. Where data connections
// are agreed upon (PORT, 227; RFC 2428: EPRT, 229) it is remarked. Secret: PASS, ACCT, ADAT. AUTH TLS: RFC 4217.
import { type Conversation, type Frame, lineOf, type Profile, type Talk } from './profile.ts';
import { codeOf } from './smtp.ts';

const COMMAND = lineOf('command');
const REPLY = lineOf('reply');
/** Unless ftp/follower.ts says something else. */
const ELSEWHERE = 'its data connection does not pass here';

class FtpConversation implements Conversation {
  private readonly talk: Talk;
  /** Of the reply of many lines that is under way. */
  private code = -1;

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
    talk.ask('greeting');
  }

  client(frame: Frame): void {
    const { talk } = this;
    const verb = frame.word();
    if (verb === 'PASS' || verb === 'ACCT' || verb === 'ADAT') talk.hide(Math.min(frame.end, frame.start + 5));
    if (verb === 'PORT' || verb === 'EPRT') talk.note(ELSEWHERE);
    talk.ask(verb);
    if (verb === 'AUTH') talk.client.hold();
  }

  server(frame: Frame): void {
    const { talk } = this;
    const code = codeOf(frame);
    const isDash = frame.bytes[frame.start + 3] === 0x2d && frame.length > 3;
    if (this.code === -1 && code === -1) return talk.raw('a reply without a code', 'broken');
    if (this.code === -1 && isDash) this.code = code;
    if (this.code !== -1 && (code !== this.code || isDash)) {
      talk.part();
      talk.answer(false);
      return;
    }
    this.code = -1;
    const asked = talk.answer(code >= 200);
    if (code === 227 || code === 229) talk.note(ELSEWHERE);
    if (asked !== 'AUTH') return;
    if (code === 234) talk.raw('AUTH', 'tls');
    else talk.client.release();
  }
}

export const ftp: Profile = { name: 'ftp', start: (talk) => new FtpConversation(talk) };
