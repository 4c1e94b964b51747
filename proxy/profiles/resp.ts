// RESP, the protocol of Redis, versions 2 and 3 (redis protocol spec): values whose first byte says what follows. A
// bulk string is its length, its octets and CRLF; an aggregate is its number of elements and then those. A command is
// an array of bulk strings or, inline, a line. Each value of the outermost level is one message. Secret: what stands
// behind AUTH, and behind names that hold passwords.
import { type Conversation, counted, type Frame, type Profile, strictLineOf, type Talk } from './profile.ts';

const COMMAND = strictLineOf('command');
const REPLY = strictLineOf('reply');
/** Deeper than any server nests. */
const MOST_LEVELS = 64;
const BEFORE_SECRET: ReadonlySet<string> = new Set(['AUTH', 'AUTH2', 'REQUIREPASS', 'MASTERAUTH', 'SETUSER']);

/** Where one direction is in a value. */
class Values {
  /** Elements still to come of each aggregate that is open, the innermost last; -1 when only `.` ends it. */
  private readonly levels: number[] = [];
  private isStreamed = false;
  inOctets = false;

  /** The number of octets behind this line, CRLF included; 0 when none; -1 when it is no RESP. */
  line(text: string): number {
    const type = text[0] ?? ' ';
    const rest = text.slice(1);
    if (type === ';' && this.isStreamed) {
      if (rest !== '0') return this.octets(rest);
      this.isStreamed = false;
    } else if ('$=!'.includes(type)) {
      if (rest !== '-1' && rest !== '?') return this.octets(rest);
      this.isStreamed = rest === '?';
      if (this.isStreamed) return 0;
    } else if ('*~>%|'.includes(type)) return this.aggregate(type, rest);
    else if (type === '.' && this.levels.at(-1) === -1) this.levels.pop();
    else if (!'+-:_#,('.includes(type)) return -1;
    this.close();
    return 0;
  }

  /** The octets have come. */
  octetsDone(): void {
    this.inOctets = false;
    if (!this.isStreamed) this.close();
  }

  /** Whether the outermost value is complete. */
  get isComplete(): boolean {
    return this.levels.length === 0 && !this.inOctets && !this.isStreamed;
  }

  private octets(size: string): number {
    if (!/^\d{1,15}$/.test(size)) return -1;
    this.inOctets = true;
    return Number(size) + 2;
  }

  private aggregate(type: string, rest: string): number {
    const { levels } = this;
    if (!/^(?:\d{1,9}|-1|\?)$/.test(rest) || levels.length >= MOST_LEVELS) return -1;
    if (type === '|') {
      // An attribute stands before its value and does not count as one.
      if (levels.length === 0) levels.push(2);
      else if (levels.at(-1) !== -1) levels[levels.length - 1]! += 1;
    }
    const count = Number(rest) * (type === '%' || type === '|' ? 2 : 1);
    if (rest === '?') levels.push(-1);
    else if (count > 0) levels.push(count);
    else this.close();
    return 0;
  }

  /** A value is complete, and with it perhaps those around it. */
  private close(): void {
    const { levels } = this;
    while (levels.length > 0 && levels.at(-1) !== -1) {
      levels[levels.length - 1]! -= 1;
      if (levels.at(-1)! > 0) return;
      levels.pop();
    }
  }
}

class RespConversation implements Conversation {
  private readonly talk: Talk;
  private readonly commands = new Values();
  private readonly replies = new Values();
  private verb = '';
  private words = 0;
  private isSecret = false;
  private isPush = false;
  private atStart = true;
  /** Messages come without being asked for: nothing can be paired any more. */
  private isSubscribed = false;

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
  }

  client(frame: Frame): void {
    const { talk, commands } = this;
    if (commands.inOctets) {
      if (this.isSecret) talk.hide(frame.start, Math.max(frame.start, frame.end - 2));
      this.word(frame.bytes.toString('latin1', frame.start, Math.min(frame.start + 32, frame.end - 2)));
      commands.octetsDone();
      talk.client.next(COMMAND);
    } else if (commands.isComplete && frame.bytes[frame.start] !== 0x2a) {
      this.inline(frame);
      return;
    } else {
      const size = commands.line(frame.text());
      if (size === -1) return talk.raw('no RESP', 'broken');
      if (size > 0) talk.client.next(counted(size, this.isSecret ? 'secret' : 'literal'));
    }
    if (commands.isComplete) this.asked();
    else talk.part();
  }

  server(frame: Frame): void {
    const { talk, replies } = this;
    if (this.atStart) this.isPush = frame.bytes[frame.start] === 0x3e;
    if (replies.inOctets) {
      replies.octetsDone();
      talk.server.next(REPLY);
    } else {
      if (frame.length === 0) return;
      const size = replies.line(frame.text());
      if (size === -1) return talk.raw('no RESP', 'broken');
      if (size > 0) talk.server.next(counted(size, 'literal'));
    }
    this.atStart = replies.isComplete;
    if (!this.atStart) talk.part();
    if (!this.isPush && !this.isSubscribed) talk.answer(this.atStart);
  }

  private inline(frame: Frame): void {
    const text = frame.text();
    if (text === '') return;
    const found = /^\s*(\S+)\s*/.exec(text)!;
    for (const [, word] of text.matchAll(/(\S+)/g)) this.word(word!);
    if (this.isSecret) this.talk.hide(frame.start + found[0].length);
    this.asked();
  }

  private word(text: string): void {
    const word = text.toUpperCase();
    if (this.words++ === 0) this.verb = word;
    const mayHide = ['AUTH', 'HELLO', 'CONFIG', 'ACL', 'MIGRATE'].includes(this.verb);
    if (mayHide && BEFORE_SECRET.has(word)) this.isSecret = true;
  }

  private asked(): void {
    const { talk, verb } = this;
    this.verb = '';
    this.words = 0;
    this.isSecret = false;
    if (verb === '') return;
    if (verb === 'SYNC' || verb === 'PSYNC') return talk.raw('a stream of replication', 'data');
    if (/^(?:[PS]?SUBSCRIBE|MONITOR)$/.test(verb)) this.isSubscribed = true;
    else if (verb === 'RESET' || verb === 'HELLO') this.isSubscribed = false;
    if (!this.isSubscribed) talk.ask(verb);
  }
}

export const resp: Profile = { name: 'resp', start: (talk) => new RespConversation(talk) };
