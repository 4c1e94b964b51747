// asynchat's input and output rules as a table that can be read: what CPython's asynchat does for an input, and what
// this framer does for the same. Where the two differ on purpose, the row says `fixed` and names the defect (see
// defects.test.ts). A piece is its text; `T` is found_terminator(). asynchat's own tests are in test-asynchat.test.ts.
import { expect } from 'chai';
import fc from 'fast-check';
import { everySplit } from '../../src/every-split.ts';
import { Outbox } from '../../src/outbox.ts';
import { SimpleProducer } from '../../src/producers.ts';
import type { Terminator, TerminatorOptions } from '../../src/terminator.ts';
import { bytes, CRLF, DOT, type FramerHooks, LF, type Recording, record } from '../support/recording.ts';

interface Row {
  /** The chunks, as they are in the table of the specification; `/` separates them there. */
  chunks: string[];
  terminator: Terminator;
  options?: TerminatorOptions;
  /** What the n-th frame's callback arms. */
  arms?: Terminator[];
  events: string[];
  /** What is held back, or was never delivered by asynchat. */
  held?: string;
  note?: string;
}

const TABLE: Row[] = [
  { chunks: ['a\r\nb\r\n'], terminator: CRLF, events: ['a', 'T', 'b', 'T'] },
  { chunks: ['\n\na\n'], terminator: LF, events: ['T', 'T', 'a', 'T'] },
  { chunks: ['ab\r', '\ncd\r\n'], terminator: CRLF, events: ['ab', 'T', 'cd', 'T'] },
  { chunks: ['ab\r', 'xcd\r\n'], terminator: CRLF, events: ['ab', '\rxcd', 'T'] },
  { chunks: ['\r', '\n'], terminator: CRLF, events: ['T'] },
  {
    chunks: ['a\r', '\r\n'],
    terminator: CRLF,
    events: ['a', '\r', 'T'],
    note: 'a held CR that turns out to be data is a piece of its own',
  },
  { chunks: ['xaa', 'aby'], terminator: bytes('aab'), events: ['x', 'a', 'T', 'y'] },
  {
    chunks: ['beforeabab', 'abbaafter'],
    terminator: bytes('ababba'),
    events: ['before', 'ab', 'T', 'after'],
    held: '',
    note: 'a partial match inside a match, over the edge of a chunk',
  },
  { chunks: ['aqqqq'], terminator: bytes('qqq'), events: ['a', 'T'], held: 'q' },
  { chunks: ['a\nb\r\n'], terminator: CRLF, events: ['a\nb', 'T'], note: 'a bare LF is data' },
  { chunks: ['x\r', '\n', '.', '\r', '\ny'], terminator: DOT, events: ['x', 'T', 'y'] },
  {
    chunks: ['.\r\n'],
    terminator: DOT,
    events: ['.'],
    held: '\r\n',
    note: 'and waits for ever: B5, unless it is told',
  },
  {
    chunks: ['.\r\n'],
    terminator: DOT,
    options: { precededBy: CRLF },
    events: ['T'],
    note: 'fixed: B5, told that a CRLF stood before',
  },
  { chunks: ['abcdefg'], terminator: 3, events: ['abc', 'T', 'defg'] },
  { chunks: ['a', 'b', 'cd'], terminator: 3, events: ['a', 'b', 'c', 'T', 'd'] },
  {
    chunks: ['h\nxyq\nab'],
    terminator: LF,
    arms: [2, LF, 2, LF],
    events: ['h', 'T', 'xy', 'T', 'q', 'T', 'ab', 'T'],
    note: 're-arming LF -> 2 -> LF',
  },
  {
    chunks: ['h\nrest\nof'],
    terminator: LF,
    arms: [null],
    events: ['h', 'T', 'rest\nof'],
    note: 'the callback sets None',
  },
];

function run(row: Row, chunks: readonly string[]): Recording {
  let n = 0;
  const hooks: FramerHooks = {
    terminator(framer) {
      const next = row.arms?.[n++];
      if (next !== undefined) framer.setTerminator(next);
    },
  };
  const recording = record({}, hooks);
  recording.framer.setTerminator(row.terminator, row.options);
  return recording.feed(...chunks);
}

function nameOf({ chunks, terminator, options, note }: Row): string {
  const armed = terminator instanceof Uint8Array ? JSON.stringify(Buffer.from(terminator).toString()) : terminator;
  const preceded = options?.precededBy ? ' preceded by CRLF' : '';
  return `${chunks.map((c) => JSON.stringify(c)).join(' / ')} with ${armed}${preceded}${note ? ` (${note})` : ''}`;
}

describe('asynchat conformance', () => {
  describe('2a: the table of the input loop', () => {
    for (const row of TABLE) {
      it(`delivers the pieces of ${nameOf(row)}`, () => {
        const { events, framer } = run(row, row.chunks);
        expect(events).to.deep.equal(row.events);
        expect(framer.stats.held).to.equal((row.held ?? '').length);
        expect(framer.takeUnparsed().toString('latin1')).to.equal(row.held ?? '');
      });

      it(`gives the same frames for every cut of ${nameOf(row)}`, () => {
        const frames = everySplit(
          row.chunks.join(''),
          (chunks) => {
            const recording = run(
              row,
              chunks.map((chunk) => chunk.toString('latin1')),
            );
            return {
              frames: recording.frames,
              // What is held depends on nothing but the bytes: also how much of the rest was delivered.
              tail: recording.tail(),
              held: recording.framer.stats.held,
              infos: recording.infos.map(({ length, offset }) => ({ length, offset })),
            };
          },
          { random: 20 },
        );
        expect(frames.frames).to.have.length(row.events.filter((event) => event === 'T').length);
      });
    }

    it('`ab CR` then the end, with CRLF (fixed: B12, asynchat loses the CR)', () => {
      const { framer, events } = run({ chunks: [], terminator: CRLF, events: [] }, ['ab\r']);
      expect(events).to.deep.equal(['ab']);
      void framer.end();
      expect(events).to.deep.equal(['ab', '\r']);
    });

    it('a held CR, then null from outside (fixed: rule 1, asynchat keeps it until the next read)', () => {
      const { framer, events } = run({ chunks: [], terminator: CRLF, events: [] }, ['ab\r']);
      framer.setTerminator(null);
      expect(events).to.deep.equal(['ab', '\r']);
    });

    for (const wrong of [1.5, 'x', { length: 2 }, true, undefined, [1], Number.NaN]) {
      it(`refuses ${JSON.stringify(wrong)} where it is set (fixed: B10, asynchat fails at the next read)`, () => {
        const { framer } = record();
        expect(() => framer.setTerminator(wrong as never))
          .to.throw()
          .with.property('code', 'BAD_TERMINATOR');
      });
    }
  });

  describe('2a: the rules of the input loop', () => {
    it('R1: goes on until the chunk is consumed, however many frames it holds', () => {
      const { events, framer } = run({ chunks: [], terminator: LF, events: [] }, ['a\n'.repeat(1000)]);
      expect(events).to.have.length(2000);
      expect(framer.stats).to.include({ frames: 1000, turns: 1, held: 0 });
    });

    it('R2: a terminator that a callback sets holds for the very next byte', () => {
      const inFrame = record({}, { terminator: (framer) => framer.setTerminator(bytes(';')) });
      inFrame.framer.setTerminator(LF);
      inFrame.feed('a\nb\nc;d;');
      expect(inFrame.frames).to.deep.equal(['a', 'b\nc', 'd']);
      const inPiece = record({}, { slice: (framer) => framer.setTerminator(bytes(';')) });
      inPiece.framer.setTerminator(LF);
      inPiece.feed('a\nb;');
      expect(inPiece.frames).to.deep.equal(['a\nb']);
    });

    for (const falsy of [null, 0, Buffer.alloc(0), []]) {
      it(`R3: ${JSON.stringify(falsy)} delivers everything and ends nothing`, () => {
        const { events, framer } = run({ chunks: [], terminator: falsy, events: [] }, ['a\r\nb', '\r']);
        expect(events).to.deep.equal(['a\r\nb', '\r']);
        expect(framer.stats.held).to.equal(0);
      });
    }

    it('R4: a count delivers what is there, says what is left, and is zero in the callback', () => {
      const seen: unknown[] = [];
      const { framer, events, feed } = record({}, { terminator: (one) => void seen.push(one.getTerminator()) });
      framer.setTerminator(5);
      feed('ab');
      expect(framer.getTerminator()).to.equal(3);
      feed('cdef', 'g');
      expect(events).to.deep.equal(['ab', 'cde', 'T', 'f', 'g']);
      expect(seen).to.deep.equal([0]);
    });

    it('R4: a count that is reached exactly at the end of a chunk does not wait for another byte', () => {
      expect(run({ chunks: [], terminator: 3, events: [] }, ['abc']).events).to.deep.equal(['abc', 'T']);
    });

    it('R5: no piece is empty, and the terminator is in none', () => {
      const { events } = run({ chunks: [], terminator: CRLF, events: [] }, ['\r\n\r\na\r\n', '\r\n']);
      expect(events).to.deep.equal(['T', 'T', 'a', 'T', 'T']);
    });

    for (const [held, buffer, terminator] of [
      [1, 'qwerty\r', '\r\n'],
      [0, 'qwertydkjf', '\r\n'],
      [0, 'x', 'yyy'],
      [3, 'aab', 'aabaac'],
      [2, 'xabab', 'abc'],
      [4, '\r\n.\r', '\r\n.\r\n'],
      [1, '\r\n.x\r', '\r\n.\r\n'],
      [2, '\r\n\r\n', '\r\n.\r\n'],
      [11, 'aaaaaaaaaaa', 'aaaaaaaaaaab'],
      [0, 'b', 'ab'],
    ] as const) {
      it(`R6: of ${JSON.stringify(buffer)} holds back ${held} for ${JSON.stringify(terminator)}`, () => {
        const recording = run({ chunks: [], terminator: bytes(terminator), events: [] }, [buffer]);
        expect(recording.framer.stats.held).to.equal(held);
        expect(recording.tail()).to.equal(buffer.slice(0, buffer.length - held));
      });
    }

    it('R7: nothing is accumulated: what cannot begin a terminator is delivered at once', () => {
      const { events, framer, feed } = record();
      framer.setTerminator(CRLF);
      for (let i = 0; i < 1000; i++) {
        feed('x'.repeat(64));
        expect(framer.stats.held).to.equal(0);
      }
      expect(events).to.have.length(1000);
    });

    it('R8: an exception in the frame callback keeps the rest, and the next chunk goes on with the next frame', () => {
      const { framer, frames, feed } = record({}, { terminator: (_, __, frame) => fail(frame === 'b') });
      framer.setTerminator(LF);
      expect(() => feed('a\nb\nc\nd')).to.throw('asked to');
      expect(frames).to.deep.equal(['a', 'b']);
      feed('\n');
      expect(frames).to.deep.equal(['a', 'b', 'c', 'd']);
    });

    it('R8: an exception in the piece callback costs that frame (fixed: asynchat delivers the piece again)', () => {
      const { framer, events, feed } = record({}, { slice: (_, piece) => fail(piece === 'bb') });
      framer.setTerminator(LF);
      expect(() => feed('a\nbb')).to.throw('asked to');
      feed('b\ncc\n');
      expect(events).to.deep.equal(['a', 'T', 'bb', 'cc', 'T']);
    });

    it('R9: the loop looks whether it was stopped (fixed: B1)', () => {
      const { framer, events, feed } = record({}, { terminator: (one) => one.stop() });
      framer.setTerminator(LF);
      feed('a\nb\nc', 'd\n');
      expect(events).to.deep.equal(['a', 'T']);
    });

    it('equals split() for random streams, terminators and chunks', () => {
      const terminators = ['\n', '\r\n', 'qqq', 'aab', 'ababba', '\r\n.\r\n'];
      const alphabet = fc.constantFrom('a', 'b', 'q', '\r', '\n', '.', '\r\n', '\r\n.\r\n', 'ababba', 'qq');
      fc.assert(
        fc.property(
          fc.constantFrom(...terminators),
          fc.array(alphabet, { maxLength: 40 }),
          fc.array(fc.nat(12), { maxLength: 30 }),
          (terminator, parts, sizes) => {
            const stream = parts.join('');
            const { frames, tail } = run({ chunks: [], terminator: bytes(terminator), events: [] }, cut(stream, sizes));
            const expected = stream.split(terminator);
            const rest = expected.pop()!;
            expect(frames).to.deep.equal(expected);
            expect(rest.startsWith(tail())).to.equal(true);
            expect(rest.length - tail().length).to.be.lessThan(terminator.length);
          },
        ),
        { seed: 20_25, numRuns: 3000 },
      );
    });
  });

  describe('2b: the rules of output', () => {
    function outlet(answers: boolean[] = []) {
      const written: string[] = [];
      return {
        written,
        write: (data: Uint8Array) => {
          written.push(Buffer.from(data).toString('latin1'));
          return answers.shift() ?? true;
        },
        end: () => void written.push('END'),
      };
    }

    it('O1: bytes and producers leave in the order of their pushes, big ones in pieces of 64 KB, at once', () => {
      const out = outlet();
      const box = new Outbox(out);
      box.push(bytes('one'));
      void box.pushWithProducer(new SimpleProducer(bytes('two')));
      box.push(bytes('x'.repeat(150_000)));
      expect(out.written.slice(0, 2)).to.deep.equal(['one', 'two']);
      expect(out.written.slice(2).map((piece) => piece.length)).to.deep.equal([65_536, 65_536, 18_928]);
    });

    it('O2: an outlet that is full is left alone until it has drained', () => {
      const out = outlet([false, false]);
      const box = new Outbox(out);
      for (const word of ['a', 'b', 'c']) box.push(bytes(word));
      expect(out.written).to.deep.equal(['a']);
      box.drained();
      expect(out.written).to.deep.equal(['a', 'b']);
      box.drained();
      expect(out.written).to.deep.equal(['a', 'b', 'c']);
    });

    for (const [what, end] of [
      ['null', null],
      ['an empty chunk', Buffer.alloc(0)],
      ['undefined', undefined],
    ] as const) {
      it(`O3: a producer ends with ${what}`, async () => {
        const out = outlet();
        const box = new Outbox(out);
        const answers = [bytes('a'), end, bytes('never asked for')];
        await box.pushWithProducer({ more: () => answers.shift() as Buffer | null });
        box.push(bytes('next'));
        expect(out.written).to.deep.equal(['a', 'next']);
      });
    }

    it('O3: raw bytes are a producer; a chunk that is too big is sliced', async () => {
      const out = outlet();
      await new Outbox(out).pushWithProducer(bytes('y'.repeat(70_000)));
      expect(out.written.map((piece) => piece.length)).to.deep.equal([65_536, 4464]);
    });

    it('O4: the end comes behind everything queued, at once when nothing is (asynchat: at the next event)', () => {
      const idle = outlet();
      new Outbox(idle).closeWhenDone();
      expect(idle.written).to.deep.equal(['END']);
      const full = outlet([false]);
      const box = new Outbox(full);
      box.push(bytes('a'));
      box.push(bytes('b'));
      box.closeWhenDone();
      expect(full.written).to.deep.equal(['a']);
      box.drained();
      expect(full.written).to.deep.equal(['a', 'b', 'END']);
    });

    it('O5: a push before the connection is there goes out when it is', () => {
      const out = outlet([false]);
      const box = new Outbox(out);
      box.push(bytes('early'));
      box.push(bytes('too'));
      box.drained();
      expect(out.written).to.deep.equal(['early', 'too']);
    });
  });
});

function fail(when: boolean): void {
  if (when) throw new Error('asked to');
}

function cut(stream: string, sizes: readonly number[]): string[] {
  const chunks: string[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(stream.slice(at, at + size));
    at += size;
  }
  chunks.push(stream.slice(at));
  return chunks;
}
