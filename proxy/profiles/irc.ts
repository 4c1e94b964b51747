// IRC: lines, which end with CRLF by RFC 1459 2.3 and with LF in practice. Both sides speak when they like; only PING
// has an answer that says so. Secret: PASS, OPER's password, AUTHENTICATE, and what is said to services that identify
// people. STARTTLS: numeric 670.
import { type Conversation, type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const COMMAND = lineOf('command');
const REPLY = lineOf('reply');
/** Up to the secret. Tags and a prefix may stand before the command. */
const BEFORE_SECRET =
  /^(?:@\S+ +)?(?::\S+ +)?(?:(?:PASS|AUTHENTICATE) +|OPER +\S+ +|(?:PRIVMSG +(?:nickserv|chanserv|q)\S* +:?|(?:NICKSERV|NS|MSG NICKSERV) +:?)\s*(?:identify|auth|login|register|ghost|recover|set password) +)/i;

class IrcConversation implements Conversation {
  private readonly talk: Talk;

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
  }

  client(frame: Frame): void {
    const { talk } = this;
    const text = frame.text();
    const found = BEFORE_SECRET.exec(text);
    if (found) talk.hide(frame.start + found[0].length);
    const command = commandOf(text);
    if (command === 'PING') talk.ask('PING');
    if (command === 'STARTTLS') talk.client.hold();
  }

  server(frame: Frame): void {
    const { talk } = this;
    const command = commandOf(frame.text());
    if (command === 'PONG') talk.answer();
    if (command === '670') talk.raw('STARTTLS', 'tls');
    else talk.client.release();
  }
}

function commandOf(text: string): string {
  return /^(?:@\S+ +)?(?::\S+ +)?(\S+)/.exec(text)?.[1]?.toUpperCase() ?? '';
}

export const irc: Profile = { name: 'irc', start: (talk) => new IrcConversation(talk) };
