// What callbacks may do while the loop runs, promises, turns, counters. The rules of cutting are in ../asynchat and in
// the tests beside this one (alternatives, limits, until, properties).
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { FakeClock } from '../../src/clock.ts';
import { everySplit } from '../../src/every-split.ts';
import { Framer } from '../../src/framer.ts';
import { bytes, CRLF, DOT, LF, record } from '../support/recording.ts';
import { type Deferred, deferred, turn, until, within } from '../support/within.ts';

describe('Framer', () => {
  describe('terminators set by callbacks', () => {
    it('goes from line to count to line, whatever the chunks', () => {
      const frames = everySplit('5\r\nhello0\r\n3\r\na\r\nend\r\n', (chunks) => {
        const recording = record(
          {},
          {
            terminator(framer, info, frame) {
              const count = info.terminator === null ? 0 : Number(frame);
              // Zero means everything: an empty block is not armed.
              framer.setTerminator(count > 0 ? count : CRLF);
            },
          },
        );
        recording.framer.setTerminator(CRLF);
        for (const chunk of chunks) void recording.framer.feed(chunk);
        return recording.frames;
      });
      expect(frames).to.deep.equal(['5', 'hello', '0', '3', 'a\r\n', 'end']);
    });

    it('goes from line to null, and from null back to lines from outside', () => {
      const { framer, frames, infos, tail, feed } = record({}, { terminator: (f) => f.setTerminator(null) });
      framer.setTerminator(LF);
      feed('head\nraw\nraw');
      expect(frames).to.deep.equal(['head']);
      expect(tail()).to.equal('raw\nraw');
      framer.setTerminator(LF);
      feed('tail\n');
      expect(infos.map((info) => info.offset)).to.deep.equal([0, 12]);
    });

    it('takes a terminator that the piece callback sets from the next byte on, in every chunking', () => {
      const frames = everySplit('ab;c\nd;e\n', (chunks) => {
        const recording = record({}, { slice: (framer) => framer.setTerminator(bytes(';')) });
        recording.framer.setTerminator(LF);
        recording.framer.setTerminator(bytes(';'));
        for (const chunk of chunks) void recording.framer.feed(chunk);
        return recording.frames;
      });
      expect(frames).to.deep.equal(['ab', 'c\nd']);
    });

    it('tells which alternative ended a frame by the very array that was given', () => {
      const { framer, infos, feed } = record();
      framer.setTerminator([CRLF, LF]);
      feed('a\nb\r\n');
      expect(infos.map((info) => info.terminator)).to.deep.equal([LF, CRLF]);
      expect(infos[0]!.terminator).to.equal(LF);
    });

    it('keeps a terminator that is refused out of force', () => {
      const { framer, frames, feed } = record();
      framer.setTerminator(LF, { maxFrame: 10 });
      expect(() => framer.setTerminator(CRLF, { maxFrame: 0 }))
        .to.throw()
        .with.property('code', 'BAD_TERMINATOR');
      expect(() => framer.setTerminator(CRLF, { overlong: 'skip' as never })).to.throw(/overlong/);
      feed('a\n');
      expect(frames).to.deep.equal(['a']);
      expect(framer.getTerminator()).to.equal(LF);
    });
  });

  describe('precededBy', () => {
    const message = (framer: Framer) => framer.setTerminator(DOT, { precededBy: CRLF });

    it('ends an empty message, and is armed again for the next, in every chunking', () => {
      const seen = everySplit('.\r\na\r\n.\r\n.\r\n..\r\n.\r\n\r\n.\r\n', (chunks) => {
        const { framer, frames, infos, tail } = record({}, { terminator: message });
        message(framer);
        for (const chunk of chunks) void framer.feed(chunk);
        return { frames, tail: tail(), offsets: infos.map(({ offset }) => offset) };
      });
      expect(seen).to.deep.equal({
        frames: ['', 'a', '', '..', ''],
        tail: '',
        offsets: [0, 3, 9, 12, 19],
      });
    });

    it('never delivers a virtual byte, whatever comes', () => {
      for (const content of ['\r', '\n', '.', '.x', '..\r\n', '\r\n', '.\r', '.\rx', 'x']) {
        const { framer, tail, feed } = record();
        message(framer);
        feed(content);
        void framer.end();
        expect(tail()).to.equal(content);
      }
    });

    it('holds from outside too, over what is held back', () => {
      const { framer, frames, feed, tail } = record();
      framer.setTerminator(DOT);
      feed('x\r\n.');
      message(framer);
      feed('\r\n');
      expect(frames).to.deep.equal(['x']);
      feed('\r');
      message(framer);
      feed('.\r\n');
      void framer.end();
      // The CR that was held stands behind the virtual bytes: the dot does not follow them at once.
      expect(frames).to.deep.equal(['x']);
      expect(tail()).to.equal('\r.\r\n');
    });

    it('is forgotten when another terminator is set', () => {
      const { framer, frames, feed } = record();
      message(framer);
      framer.setTerminator(DOT);
      feed('.\r\n');
      expect(frames).to.deep.equal([]);
    });

    it('stays when what stood behind is taken back', () => {
      const { framer, frames, feed } = record();
      message(framer);
      expect(framer.takeUnparsed()).to.have.length(0);
      feed('.\r\n');
      expect(frames).to.deep.equal(['']);
    });

    it('counts virtual bytes neither as held nor as a frame under way', () => {
      const { framer } = record();
      message(framer);
      expect(framer.stats.held).to.equal(0);
      expect(framer.inFrame).to.equal(false);
    });
  });

  describe('keep', () => {
    it('delivers the terminator behind the frame, outside its length, in every chunking', () => {
      const seen = everySplit('a\r\n\nb\n', (chunks) => {
        const { framer, frames, infos } = record();
        framer.setTerminator([CRLF, LF], { keep: true });
        for (const chunk of chunks) void framer.feed(chunk);
        return { frames, infos: infos.map(({ offset, length }) => [offset, length]) };
      });
      expect(seen).to.deep.equal({
        frames: ['a\r\n', '\n', 'b\n'],
        infos: [
          [0, 1],
          [3, 0],
          [4, 1],
        ],
      });
    });

    it('does not deliver the virtual part of a terminator', () => {
      const { framer, frames, feed } = record();
      framer.setTerminator(DOT, { precededBy: CRLF, keep: true });
      feed('.\r\n');
      expect(frames).to.deep.equal(['.\r\n']);
    });

    it('regression: an exception in the piece with a terminator costs that frame only', () => {
      let first = true;
      const { framer, infos, feed } = record(
        { onError: () => {} },
        {
          slice() {
            if (!first) return;
            first = false;
            throw new Error('bad piece');
          },
        },
      );
      framer.setTerminator(LF, { keep: true });
      feed('a\nb\n');
      expect(infos).to.have.length(1);
      expect(infos[0]).to.include({ offset: 2, length: 1 });
    });
  });

  describe('feeding inside a callback', () => {
    for (const [name, first] of [
      ['at the end of a chunk', 'a\n'],
      ['in the middle of a chunk', 'a\nz\n'],
    ] as const) {
      it(`regression: what the frame callback feeds ${name} is cut like everything else`, () => {
        const { framer, frames, feed } = record(
          {},
          { terminator: (f, _, frame) => frame === 'a' && f.feed(bytes('b\nc\nd')) },
        );
        framer.setTerminator(LF);
        feed(first);
        expect(frames).to.deep.equal(first === 'a\n' ? ['a', 'b', 'c'] : ['a', 'z', 'b', 'c']);
      });
    }

    it('regression: what the piece callback feeds does not upset a count', () => {
      const { framer, events, feed } = record({}, { slice: (f, piece) => piece === 'ab' && f.feed(bytes('cdeXY')) });
      framer.setTerminator(5);
      feed('ab');
      expect(events).to.deep.equal(['ab', 'cde', 'T', 'XY']);
    });

    it('regression: nor a frame whose end a finder has told', () => {
      const { framer, frames, feed } = record({}, { slice: (f, piece) => piece === '4' && f.feed(bytes('abcd3xyz')) });
      framer.setTerminator({
        maxHold: 1,
        find: (buf: Buffer, from: number) => ({ end: from + 1 + (buf[from]! - 48), skip: 0 }),
      });
      feed('4');
      expect(frames).to.deep.equal(['4abcd', '3xyz']);
    });

    it('is no nesting: the callback returns before the next one runs', () => {
      let depth = 0;
      const depths: number[] = [];
      const { framer, feed } = record(
        {},
        {
          terminator(f, _, frame) {
            depths.push(++depth);
            if (frame === 'a') {
              f.feed(bytes('b\n'));
              f.setTerminator(LF);
              f.pause();
              f.resume();
            }
            depth--;
          },
        },
      );
      framer.setTerminator(LF);
      feed('a\n');
      expect(depths).to.deep.equal([1, 1]);
    });

    it('ends inside a callback: what was fed is delivered, and then it has ended', () => {
      const { framer, frames, tail, feed } = record({}, { terminator: (f) => f.end() });
      framer.setTerminator(CRLF);
      feed('a\r\nb\r\nc\r');
      expect(frames).to.deep.equal(['a', 'b']);
      expect(tail()).to.equal('c\r');
      expect(framer.ended).to.equal(true);
    });
  });

  describe('pause, resume, takeUnparsed', () => {
    it('stops behind the callback that pauses, and goes on where it was', () => {
      const { framer, frames, feed } = record({}, { terminator: (f, _, frame) => frame === 'b' && f.pause() });
      framer.setTerminator(LF);
      feed('a\nb\nc\n', 'd\n');
      expect(frames).to.deep.equal(['a', 'b']);
      expect(framer.paused).to.equal(true);
      framer.resume();
      expect(frames).to.deep.equal(['a', 'b', 'c', 'd']);
    });

    it('pauses inside a piece: the terminator behind it waits', () => {
      const { framer, events, feed } = record({}, { slice: (f) => f.pause() });
      framer.setTerminator(LF);
      feed('a\nb\n');
      expect(events).to.deep.equal(['a']);
      framer.resume();
      expect(events).to.deep.equal(['a', 'T', 'b']);
      framer.resume();
      expect(events).to.deep.equal(['a', 'T', 'b', 'T']);
    });

    it('pauses and takes back the same bytes in every chunking', () => {
      const seen = everySplit('HELO\nSTARTTLS\n\x16\x03\x01rest\n', (chunks) => {
        const { framer, frames } = record({}, { terminator: (f, _, frame) => frame === 'STARTTLS' && f.pause() });
        framer.setTerminator(LF);
        for (const chunk of chunks) void framer.feed(chunk);
        return { frames, rest: framer.takeUnparsed().toString('latin1') };
      });
      expect(seen).to.deep.equal({ frames: ['HELO', 'STARTTLS'], rest: '\x16\x03\x01rest\n' });
    });

    it('takes back inside a callback: nothing of it is delivered', () => {
      let taken = '';
      const { framer, events, feed } = record(
        {},
        {
          terminator(f) {
            taken += f.takeUnparsed().toString();
          },
        },
      );
      framer.setTerminator(LF);
      feed('a\nb\nc', 'd\n');
      expect(taken).to.equal('b\nc');
      expect(events).to.deep.equal(['a', 'T', 'd', 'T']);
    });

    it('takes back what is held, what waits, and once', () => {
      const { framer, feed } = record();
      framer.setTerminator(CRLF);
      feed('a\r');
      framer.pause();
      feed('\nb', 'c');
      expect(framer.takeUnparsed().toString()).to.equal('\r\nbc');
      expect(framer.takeUnparsed()).to.have.length(0);
    });

    it('regression: taking back inside a piece does not upset a count', () => {
      const { framer, events, feed } = record({}, { slice: (f, piece) => piece === 'ab' && f.takeUnparsed() });
      framer.setTerminator(5);
      feed('..', 'ab', 'cdef');
      expect(events).to.deep.equal(['..', 'ab', 'c', 'T', 'def']);
    });

    it('regression: offsets go on counting what was taken back', () => {
      const { framer, infos, feed } = record();
      framer.setTerminator(LF);
      feed('a\n');
      framer.pause();
      feed('lost');
      framer.takeUnparsed();
      framer.resume();
      feed('bc');
      framer.pause();
      feed('lost too');
      framer.takeUnparsed();
      framer.resume();
      feed('d\ne\n');
      expect(infos.map(({ offset, length }) => [offset, length])).to.deep.equal([
        [0, 1],
        [6, 3],
        [18, 1],
      ]);
    });

    it('regression: a resume that comes at the very end of a turn is not lost', () => {
      const { framer, frames, feed } = record(
        {
          turn(run) {
            run();
            framer.resume();
          },
        },
        { terminator: (f) => f.pause() },
      );
      framer.setTerminator(LF);
      feed('a\nb\nc\n');
      expect(frames).to.deep.equal(['a', 'b', 'c']);
    });

    it('looks again at held bytes when the terminator is set from outside while paused', () => {
      const { framer, events, feed } = record();
      framer.setTerminator(CRLF);
      feed('a\r');
      framer.pause();
      framer.setTerminator(bytes('\r'));
      expect(events).to.deep.equal(['a']);
      framer.resume();
      expect(events).to.deep.equal(['a', 'T']);
    });
  });

  describe('promises', () => {
    it('waits for a handler, keeps what comes meanwhile, and resolves feed() when all is done', async () => {
      const gates: Deferred<void>[] = [];
      const { framer, frames } = record(
        {},
        {
          terminator() {
            gates.push(deferred());
            return gates.at(-1)!.promise;
          },
        },
      );
      framer.setTerminator(LF);
      let done = false;
      const first = framer.feed(bytes('a\nb\n'));
      const second = framer.feed(bytes('c\n'));
      void Promise.all([first, second]).then(() => {
        done = true;
      });
      expect(frames).to.deep.equal(['a']);
      expect(framer.busy).to.equal(true);
      for (const [i, expected] of [['a'], ['a', 'b'], ['a', 'b', 'c']].entries()) {
        expect(frames).to.deep.equal(expected);
        expect(done).to.equal(false);
        gates[i]!.resolve();
        await turn();
      }
      expect(done).to.equal(true);
      expect(framer.busy).to.equal(false);
    });

    it('returns no promise where no handler did', () => {
      const { framer } = record();
      framer.setTerminator(LF);
      expect(framer.feed(bytes('a\nb'))).to.equal(undefined);
      expect(framer.end()).to.equal(undefined);
    });

    it('lets an async handler set the terminator for the bytes behind it', async () => {
      const { framer, frames } = record(
        {},
        {
          async terminator(f, _, frame) {
            await turn();
            if (frame === '3') f.setTerminator(3);
            else f.setTerminator(LF);
          },
        },
      );
      framer.setTerminator(LF);
      await within(1000, Promise.resolve(framer.feed(bytes('3\n\n\n\nx\n'))));
      expect(frames).to.deep.equal(['3', '\n\n\n', 'x']);
    });

    it('accepts any thenable', async () => {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      const thenable = { then: (resolve: () => void) => setImmediate(resolve) };
      const { framer, frames } = record({}, { terminator: () => thenable });
      framer.setTerminator(LF);
      await framer.feed(bytes('a\nb\n'));
      expect(frames).to.deep.equal(['a', 'b']);
    });

    it('rejects with what a handler rejected with; the next feed goes on behind that frame', async () => {
      const { framer, frames } = record(
        {},
        { terminator: async (_, __, frame) => (frame === 'a' ? Promise.reject(new Error('no a')) : undefined) },
      );
      framer.setTerminator(LF);
      const error: Error = await Promise.resolve(framer.feed(bytes('a\nb\n'))).then(
        () => expect.fail('it was resolved'),
        (e) => e,
      );
      expect(error.message).to.equal('no a');
      expect(frames).to.deep.equal(['a']);
      await framer.feed(bytes('c\n'));
      expect(frames).to.deep.equal(['a', 'b', 'c']);
    });

    it('with onError a rejection costs its frame only', async () => {
      const errors: unknown[] = [];
      const { framer, frames } = record(
        { onError: (error) => errors.push((error as Error).message) },
        {
          terminator(_, __, frame) {
            if (frame === 'b') return Promise.reject(new Error('later'));
            if (frame === 'c') throw new Error('at once');
          },
        },
      );
      framer.setTerminator(LF);
      await framer.feed(bytes('a\nb\nc\nd\n'));
      expect(frames).to.deep.equal(['a', 'b', 'c', 'd']);
      expect(errors).to.deep.equal(['later', 'at once']);
    });

    it('delivers nothing while a promise is pending, not even after resume() or setTerminator()', async () => {
      const gate = deferred();
      const { framer, frames } = record({}, { terminator: () => gate.promise });
      framer.setTerminator(LF);
      void framer.feed(bytes('a\nb;c\n'));
      framer.pause();
      framer.resume();
      framer.setTerminator(bytes(';'));
      expect(frames).to.deep.equal(['a']);
      gate.resolve();
      await turn();
      expect(frames).to.deep.equal(['a', 'b']);
    });

    it('waits with the end until the handler is done', async () => {
      const gate = deferred();
      const { framer, tail } = record({}, { terminator: () => gate.promise });
      framer.setTerminator(CRLF);
      void framer.feed(bytes('a\r\nb\r'));
      const end = framer.end();
      expect(framer.ended).to.equal(false);
      gate.resolve();
      await end;
      expect(framer.ended).to.equal(true);
      expect(tail()).to.equal('b\r');
    });

    it('stops while a promise is pending: nothing comes behind it', async () => {
      const gate = deferred();
      const { framer, frames } = record({}, { terminator: () => gate.promise });
      framer.setTerminator(LF);
      const fed = framer.feed(bytes('a\nb\n'));
      framer.stop();
      gate.resolve();
      await fed;
      expect(frames).to.deep.equal(['a']);
    });
  });

  describe('exceptions', () => {
    it('regression: a count keeps step when the piece callback throws', () => {
      const errors: string[] = [];
      const { framer, events, feed } = record(
        { onError: (error) => errors.push((error as Error).message) },
        {
          slice(_, piece) {
            if (piece === 'cd') throw new Error('bad piece');
          },
        },
      );
      framer.setTerminator(5);
      feed('ab', 'cd', 'efg');
      // The frame is lost with its piece, and a count is one-shot: what follows is raw.
      expect(events).to.deep.equal(['ab', 'cd', 'fg']);
      expect(errors).to.deep.equal(['bad piece']);
    });

    it('regression: a frame of which a piece failed is not told as complete, in any chunking', () => {
      const frames = everySplit('ok\nx-bad-y\nok too\n', (chunks) => {
        const { framer, infos } = record(
          { onError: () => {} },
          {
            slice(_, piece) {
              if (piece.includes('x')) throw new Error('bad piece');
            },
          },
        );
        framer.setTerminator(LF);
        for (const chunk of chunks) void framer.feed(chunk);
        return infos.map(({ offset, length }) => [offset, length]);
      });
      expect(frames).to.deep.equal([
        [0, 2],
        [11, 6],
      ]);
    });

    it('throws out of feed() without onError, and the loop can run again', () => {
      const { framer, frames, feed } = record(
        {},
        {
          terminator(_, __, frame) {
            if (frame === 'a') throw new Error('no a');
          },
        },
      );
      framer.setTerminator(LF);
      expect(() => feed('a\nb\n')).to.throw('no a');
      feed('');
      expect(frames).to.deep.equal(['a', 'b']);
    });
  });

  describe('turns', () => {
    it('makes a break behind framesPerTurn frames, and resolves when all is delivered', async () => {
      const { framer, frames } = record({ framesPerTurn: 10 });
      framer.setTerminator(LF);
      const fed = framer.feed(bytes('x\n'.repeat(35)));
      const counts = [frames.length];
      while (frames.length < 35) {
        await turn();
        counts.push(frames.length);
      }
      await fed;
      expect(counts.filter((n, i) => n !== counts[i - 1])).to.deep.equal([10, 20, 30, 35]);
      expect(framer.stats).to.include({ yields: 3, turns: 4 });
    });

    it('counts frames of every kind: counts and alternatives too', async () => {
      for (const terminator of [1, [bytes('x'), bytes('xy')]]) {
        const { framer, frames } = record({ framesPerTurn: 10 }, { terminator: (f) => f.setTerminator(terminator) });
        framer.setTerminator(terminator);
        void framer.feed(bytes('x'.repeat(25)));
        expect(frames).to.have.length(10);
        await turn();
        await turn();
        await turn();
        expect(frames.length).to.be.within(24, 25);
      }
    });

    it('makes no break when nothing is left', () => {
      const { framer } = record({ framesPerTurn: 2 });
      framer.setTerminator(LF);
      expect(framer.feed(bytes('a\nb\n'))).to.equal(undefined);
      expect(framer.stats.yields).to.equal(0);
    });

    it('tells when delivery stops, each time', () => {
      let idle = 0;
      const { framer, feed } = record({ onIdle: () => idle++ });
      framer.setTerminator(LF);
      feed('a\nb\nc', 'd\n');
      expect(idle).to.equal(2);
    });
  });

  describe('what it tells', () => {
    it('counts bytes, frames, pieces, the longest frame, and what is held', () => {
      const { framer, feed } = record();
      framer.setTerminator(CRLF);
      feed('ab\r\n', 'cde', 'f\r\n\r');
      expect(framer.stats).to.deep.equal({
        bytes: 11,
        frames: 2,
        pieces: 3,
        longest: 4,
        held: 1,
        overlong: 0,
        turns: 3,
        yields: 0,
      });
      expect(framer.frames).to.equal(2);
    });

    it('says of each frame when its last chunk came', () => {
      const clock = new FakeClock(5000);
      const { framer, infos, feed } = record({ clock });
      framer.setTerminator(LF);
      feed('a');
      clock.advance(70);
      feed('b\nc');
      expect(infos[0]!.receivedAt).to.equal(5070);
    });

    it('knows whether a frame is under way', () => {
      const { framer, feed } = record();
      const seen: boolean[] = [];
      for (const step of ['', 'a', '\r', '\n', '\r', 'b', '\r\n']) {
        framer.setTerminator(CRLF);
        feed(step);
        seen.push(framer.inFrame);
      }
      expect(seen).to.deep.equal([false, true, true, false, true, true, false]);
      framer.setTerminator(null);
      feed('raw');
      expect(framer.inFrame).to.equal(false);
    });

    it('takes plain arrays, also in the middle of a bigger one', () => {
      const { framer, frames } = record();
      framer.setTerminator(DOT);
      const all = new Uint8Array(bytes('xxab\r\n.\r\nyy'));
      void framer.feed(all.subarray(2, 7) as Buffer);
      void framer.feed(all.subarray(7, 9) as Buffer);
      expect(frames).to.deep.equal(['ab']);
    });

    it('takes nothing after the end', () => {
      const { framer, events, feed } = record();
      framer.setTerminator(LF);
      void framer.end();
      feed('a\n');
      void framer.end();
      expect(events).to.deep.equal([]);
      expect(framer.stats.bytes).to.equal(0);
    });

    for (const [name, terminator] of [
      ['one terminator', CRLF],
      ['alternatives', [CRLF, LF]],
    ] as const) {
      it(`with ${name} an idle framer does not hold the last chunk`, async () => {
        const before = arrayBuffersInUse();
        const idle = Array.from({ length: 50 }, () => {
          const framer = new Framer({ slice() {}, terminator() {} });
          framer.setTerminator(terminator);
          void framer.feed(Buffer.concat([Buffer.alloc(1_000_000, 'x'), bytes('\r\nnext\r')]));
          return framer;
        });
        // The collector frees memory of buffers at its leisure: what is held is what stays.
        await until(5000, () => arrayBuffersInUse() - before < 20_000_000, 'the release of 50 MB');
        expect(idle.map((framer) => framer.stats.held)).to.deep.equal(Array(50).fill(1));
      });
    }
  });
});

function arrayBuffersInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().arrayBuffers;
}
