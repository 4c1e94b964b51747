// SMTP and LMTP as a strict server understands them: a line ends with CRLF and nothing else (RFC 5321 2.3.8), DATA with
// CRLF.CRLF and nothing else (4.1.1.4), a chunk after its octets (RFC 3030 2). Replies come in the order of the
// commands (RFC 2920 3.1); LMTP gives one for each accepted recipient (RFC 2033 4.2). Secret: what AUTH says
// (RFC 4954 4). Whoever watches is told of a bare CR or LF: with such, two servers see two different dialogues.
import { BareEnds, bareEndIn } from './bare-ends.ts';
import { type Conversation, counted, DOTTED, type Frame, type Profile, strictLineOf, type Talk } from './profile.ts';

const COMMAND = strictLineOf('command');
const REPLY = strictLineOf('reply');
const CREDENTIAL = strictLineOf('secret');

class SmtpConversation implements Conversation {
  private readonly talk: Talk;
  private readonly isLmtp: boolean;
  private readonly bareEnds = new BareEnds();
  private accepted = 0;
  private chunkIsLast = false;
  private saying: 'command' | 'content' | 'chunk' | 'credential' = 'command';

  constructor(talk: Talk, isLmtp: boolean) {
    this.talk = talk;
    this.isLmtp = isLmtp;
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
    talk.ask('greeting');
  }

  client(frame: Frame): void {
    const { talk, saying } = this;
    if (saying === 'credential') {
      // A lone asterisk gives up, and is no secret.
      if (frame.text() === '*') talk.hide(0, 0);
      talk.ask('AUTH');
      talk.client.hold();
    } else if (saying === 'command') this.command(frame);
    else {
      this.saying = 'command';
      talk.client.next(COMMAND);
      const bare = this.bareEnds.take();
      if (bare !== '') talk.note(`${bare} in the content`);
      this.askForContent(saying === 'content' || this.chunkIsLast);
    }
  }

  clientPiece(frame: Frame): void {
    if (this.saying === 'content') this.bareEnds.piece(frame);
  }

  server(frame: Frame): void {
    const { talk } = this;
    const code = codeOf(frame);
    if (code === -1) return talk.raw('a reply without a code', 'broken');
    const isLast = frame.bytes[frame.start + 3] !== 0x2d || frame.length === 3;
    if (!isLast) talk.part();
    const asked = talk.answer(isLast);
    if (!isLast) return;
    if (asked === 'DATA') this.answeredData(code);
    else if (asked === 'AUTH') this.answeredAuth(code);
    else if (asked === 'STARTTLS') {
      if (code === 220) talk.raw('STARTTLS', 'tls');
      else talk.client.release();
    } else if (asked === 'RCPT' && code < 300) this.accepted++;
    else if (asked === 'MAIL' || asked === 'RSET' || asked === 'EHLO' || asked === 'LHLO') this.accepted = 0;
  }

  private command(frame: Frame): void {
    const { talk } = this;
    const verb = frame.word();
    const bare = bareEndIn(frame);
    if (bare !== '') {
      talk.note(`${bare} in a command`);
      hideAuthBehindBareEnd(talk, frame);
    }
    if (verb === 'BDAT') {
      const found = /^BDAT +(\d{1,15})( +LAST)? *$/i.exec(frame.text());
      const size = found ? Number(found[1]) : 0;
      this.chunkIsLast = found?.[2] !== undefined;
      if (size === 0) return this.askForContent(this.chunkIsLast);
      this.saying = 'chunk';
      return talk.client.next(counted(size, 'body'));
    }
    talk.ask(verb);
    if (verb === 'AUTH') hideInitialResponse(talk, frame);
    // What comes behind these means one thing or another, as the server says.
    if (verb === 'DATA' || verb === 'AUTH' || verb === 'STARTTLS') talk.client.hold();
  }

  private answeredData(code: number): void {
    const { client } = this.talk;
    if (code === 354) {
      this.saying = 'content';
      client.next(DOTTED);
    }
    client.release();
  }

  private answeredAuth(code: number): void {
    const { client } = this.talk;
    this.saying = code === 334 ? 'credential' : 'command';
    client.next(code === 334 ? CREDENTIAL : COMMAND);
    client.release();
  }

  private askForContent(isWhole: boolean): void {
    const answers = this.isLmtp && isWhole ? Math.max(1, this.accepted) : 1;
    for (let i = 0; i < answers; i++) this.talk.ask('content');
    if (isWhole) this.accepted = 0;
  }
}

/** Three digits, and then the end, a space or a dash (RFC 5321 4.2); -1 for anything else. */
export function codeOf({ bytes, start, end }: Frame): number {
  if (end - start < 3) return -1;
  let code = 0;
  for (let i = start; i < start + 3; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    code = code * 10 + digit;
  }
  const behind = bytes[start + 3];
  return end - start === 3 || behind === 0x20 || behind === 0x2d ? code : -1;
}

/** `AUTH PLAIN response`: the third word. */
function hideInitialResponse(talk: Talk, frame: Frame): void {
  const found = /^\S+\s+\S+\s+/.exec(frame.text());
  if (found) talk.hide(frame.start + found[0].length);
}

/** A lenient server would see a line of its own. */
function hideAuthBehindBareEnd(talk: Talk, frame: Frame): void {
  const found = /[\r\n]\s*AUTH\s/i.exec(frame.text());
  if (found) talk.hide(frame.start + found.index);
}

const profile = (name: string, isLmtp: boolean): Profile => ({
  name,
  start: (talk) => new SmtpConversation(talk, isLmtp),
});

export const smtp = profile('smtp', false);
export const lmtp = profile('lmtp', true);
