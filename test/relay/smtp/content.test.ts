// One message's content between the wire and the store: in every chunking the same bytes, the same size, the same reply;
// and a store that hesitates or fails at any piece.
import { expect } from 'chai';
import { Content, type ContentLimits, type ContentOptions } from '../../../relay/smtp/content.ts';
import { REPLIES, type Reply } from '../../../relay/smtp/replies.ts';
import { everySplit } from '../../../src/testing.ts';
import { newMessage } from '../store/support.ts';
import { ScriptedStore } from '../support/scripted-store.ts';

const HEADER = 'Received: here\r\n';
const NONE = Number.POSITIVE_INFINITY;
const LIMITS: ContentLimits = { maxSize: NONE, maxHeader: NONE, maxTextLine: NONE, maxHops: 100, maxOwnHops: NONE };

type Options = Partial<ContentLimits & Pick<ContentOptions, 'lineEndings' | 'how'>>;

interface Taken {
  readonly reply: Reply | null;
  readonly stored: string | null;
  readonly size: number;
  readonly endless: boolean;
}

/** As a session drives it: each piece when the one before is dealt with, the end mark in one piece. */
async function take(chunks: readonly Buffer[], options: Options = {}, store = new ScriptedStore()): Promise<Taken> {
  const content = new Content(store.begin(), {
    lineEndings: options.lineEndings ?? 'strict',
    how: options.how ?? 'data',
    limits: { ...LIMITS, ...options },
    header: Buffer.from(HEADER),
    mark: '',
  });
  for (const chunk of chunks) await content.take(chunk);
  if (options.how !== 'chunks') await content.take(Buffer.from('.\r\n'));
  const reply = await content.finish();
  const { endless } = content;
  if (reply === null) await content.commit(newMessage());
  else content.abort();
  expect(store.open.size).to.equal(0);
  return { reply, stored: store.messages[0]?.content.toString('latin1') ?? null, size: content.size, endless };
}

describe('Content', () => {
  const STORED: readonly [title: string, wire: string, options: Options, stored: string][] = [
    ['nothing', '', {}, ''],
    ['plain lines', 'S: t\r\n\r\nx\r\n', {}, 'S: t\r\n\r\nx\r\n'],
    ['stuffed lines', '..\r\n..x\r\n.y\r\n', {}, '.\r\n.x\r\ny\r\n'],
    ['a blank first', ' x\r\n', {}, '\r\n x\r\n'],
    ['a tab first', '\tx\r\n', {}, '\r\n\tx\r\n'],
    ['a blank behind a dot first', '. x\r\n', {}, '\r\n x\r\n'],
    ['an empty line first', '\r\n x\r\n', {}, '\r\n x\r\n'],
    ['bare line ends, normalised', 'a\n..b\rc\r\n', { lineEndings: 'normalise' }, 'a\r\n.b\r\nc\r\n'],
    ['bare line ends, preserved', 'a\n..b\rc\r\n', { lineEndings: 'preserve' }, 'a\n..b\rc\r\n'],
    ['a CR at the very end, normalised', 'a\r\r\n', { lineEndings: 'normalise' }, 'a\r\n\r\n'],
    ['just the greatest size', '..23\r\n', { maxSize: 5 }, '.23\r\n'],
    ['NULs that are no dots', 'a\0.\r\n\0\r\n.\0x\r\n..\0\r\n', {}, 'a\0.\r\n\0\r\n\0x\r\n.\0\r\n'],
    ['chunks as they are', '..\r\n.\r\n.x', { how: 'chunks' }, '..\r\n.\r\n.x'],
    ['binary chunks as they are', '\r\n.\0\r\0\n', { how: 'chunks', lineEndings: 'binary' }, '\r\n.\0\r\0\n'],
    ['chunks with bare ends, normalised', 'a\n.\rb', { how: 'chunks', lineEndings: 'normalise' }, 'a\r\n.\r\nb'],
    ['dots among NULs, preserved', '\0.\r\n', { lineEndings: 'preserve' }, '\0.\r\n'],
  ];
  for (const [title, wire, options, stored] of STORED) {
    it(`stores ${title}, in every chunking`, async () => {
      const taken = await everySplit(wire, (chunks) => take(chunks, options), { random: 30 });
      expect(taken).to.deep.equal({
        reply: null,
        stored: HEADER + stored,
        size: stored.length - extra(stored, wire),
        endless: false,
      });
    });
  }

  /** The empty line that we put in front is not the client's. */
  function extra(stored: string, wire: string): number {
    return stored.startsWith('\r\n') && !wire.startsWith('\r\n') ? 2 : 0;
  }

  const REFUSED: readonly [title: string, wire: string, options: Options, reply: Reply][] = [
    ['a bare CR', 'a\rb\r\n', {}, REPLIES.bareEndings],
    ['a bare LF', 'a\nb\r\n', {}, REPLIES.bareEndings],
    ['a bare CR at the very end', 'a\r\r\n', {}, REPLIES.bareEndings],
    ['a dot before NULs', 'a\r\n.\0\0\r\nb\r\n', {}, REPLIES.hiddenEnd],
    ['a dot behind NULs', 'a\r\n\0\0.\r\nb\r\n', {}, REPLIES.hiddenEnd],
    ['a dot among NULs, first', '\0.\0\r\n', {}, REPLIES.hiddenEnd],
    ['one byte more than the greatest size', 'a23\r\n6', { maxSize: 5 }, REPLIES.tooBig],
    ['too many hops', 'Received: x\r\n'.repeat(101), {}, REPLIES.tooManyHops],
  ];
  for (const [title, wire, options, reply] of REFUSED) {
    it(`refuses ${title}, in every chunking`, async () => {
      const taken = await everySplit(wire, async (chunks) => (await take(chunks, options)).reply, { random: 30 });
      expect(taken).to.equal(reply);
    });
  }

  it('is endless when twice the greatest size was dropped, and not before', async () => {
    const line = Buffer.from('123456789\r\n');
    const run = (lines: number) => take(Array(lines).fill(line), { maxSize: 22 });
    expect(await run(2)).to.include({ reply: null, endless: false });
    expect(await run(4)).to.include({ reply: REPLIES.tooBig, endless: false });
    expect(await run(5)).to.include({ reply: REPLIES.tooBig, endless: true });
  });

  for (const [title, slow] of [
    ['each piece', () => true],
    ['the header', (n: number) => n === 0],
    ['the last piece', (n: number) => n === 3],
  ] as const) {
    it(`waits for a store that is slow with ${title}`, async () => {
      const store = new ScriptedStore();
      store.onWrite = (_piece, n) => (slow(n) ? new Promise((resolve) => setImmediate(resolve)) : undefined);
      const pieces = ['one\r\n', 'two\r\n', 'three\r\n'].map((text) => Buffer.from(text));
      expect((await take(pieces, {}, store)).stored).to.equal(`${HEADER}one\r\ntwo\r\nthree\r\n`);
    });
  }

  for (let n = 0; n < 4; n++) {
    it(`rejects at its end, and only there, when the store fails at write ${n}`, async () => {
      const store = new ScriptedStore();
      store.onWrite = (_piece, count) => {
        if (count === n) return Promise.reject(new Error('disk full'));
        expect(count).to.be.lessThan(n);
      };
      const pieces = ['one\r\n', 'two\r\n', 'three\r\n'].map((text) => Buffer.from(text));
      const error = await take(pieces, {}, store).then(
        () => null,
        (reason: Error) => reason,
      );
      expect(error?.message).to.equal('disk full');
      expect(store.open.size).to.equal(0);
      expect(store.aborted).to.equal(1);
    });
  }
});
