// memcached's text protocol (protocol.txt): `set key flags time n` and its kin are followed by n octets and CRLF, also
// when they are refused; `VALUE key flags n` and `VA n` likewise. A retrieval ends with END. Commands with `noreply`
// or in quiet mode have no answer. Anything that begins with 0x80 is the binary protocol: raw.
import { type Conversation, counted, type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const COMMAND = lineOf('command');
const REPLY = lineOf('reply');
const BINARY = 0x80;
const STORES: ReadonlySet<string> = new Set(['SET', 'ADD', 'REPLACE', 'APPEND', 'PREPEND', 'CAS']);
const LISTS: ReadonlySet<string> = new Set(['GET', 'GETS', 'GAT', 'GATS', 'STATS', 'LRU_CRAWLER']);

class MemcachedConversation implements Conversation {
  private readonly talk: Talk;
  /** The request to be made when its octets are complete; null outside of octets. */
  private pending: string | null = null;
  private inValue = false;

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(COMMAND);
    talk.server.next(REPLY);
  }

  client(frame: Frame): void {
    const { talk } = this;
    if (this.pending !== null) {
      if (this.pending !== '') talk.ask(this.pending);
      this.pending = null;
      return talk.client.next(COMMAND);
    }
    if (frame.bytes[frame.start] === BINARY) return talk.raw('the binary protocol', 'broken');
    const words = frame.text().split(/ +/);
    const verb = words[0]!.toUpperCase();
    const isQuiet = words.at(-1) === 'noreply' || (verb.startsWith('M') && verb.length === 2 && words.includes('q'));
    const size = Number(STORES.has(verb) ? words[4] : verb === 'MS' ? words[2] : Number.NaN);
    if (Number.isSafeInteger(size) && size >= 0) {
      talk.part();
      this.pending = isQuiet ? '' : verb;
      return talk.client.next(counted(size + 2, 'literal'));
    }
    if (!isQuiet && verb !== 'QUIT') talk.ask(verb);
  }

  server(frame: Frame): void {
    const { talk } = this;
    const { asked } = talk;
    if (this.inValue) {
      this.inValue = false;
      talk.server.next(REPLY);
      if (LISTS.has(asked)) talk.part();
      // A retrieval goes on to its END; a meta command has one value.
      talk.answer(!LISTS.has(asked));
      return;
    }
    const words = frame.text().split(/ +/);
    const size = Number(words[0] === 'VALUE' ? words[3] : words[0] === 'VA' ? words[1] : Number.NaN);
    if (Number.isSafeInteger(size) && size >= 0) {
      this.inValue = true;
      talk.part();
      talk.answer(false);
      return talk.server.next(counted(size + 2, 'literal'));
    }
    const goesOn = LISTS.has(asked) && (words[0] === 'STAT' || words[0] === 'ITEM');
    if (goesOn) talk.part();
    talk.answer(!goesOn);
  }
}

export const memcached: Profile = { name: 'memcached', start: (talk) => new MemcachedConversation(talk) };
