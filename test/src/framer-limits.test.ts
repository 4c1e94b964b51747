// Frames over their limit: three policies, each the same for every chunking; and limits of what may come complete.
import { expect } from 'chai';
import { everySplit } from '../../src/every-split.ts';
import type { OverlongPolicy, Terminator, TerminatorOptions } from '../../src/terminator.ts';
import { bytes, CRLF, LF, record } from '../support/recording.ts';

interface Seen {
  frames: [string, boolean][];
  offsets: number[];
  cutOff: string[];
  tail: string;
  error: string | null;
}

function run(chunks: readonly Buffer[], terminator: Terminator, options: TerminatorOptions): Seen {
  const { framer, frames, infos, cutOff, tail } = record();
  framer.setTerminator(terminator, options);
  let error: string | null = null;
  for (const chunk of chunks) {
    try {
      void framer.feed(chunk);
    } catch (e) {
      error = `${(e as { code: string }).code} ${JSON.stringify((e as { facts: unknown }).facts)}`;
    }
  }
  return {
    frames: frames.map((text, i) => [text, infos[i]!.truncated]),
    offsets: infos.map(({ offset }) => offset),
    cutOff,
    tail: tail(),
    error,
  };
}

describe('Framer, limits', () => {
  const stream = 'abcd\r\nabcdefghijk\r\nxy\r\n';

  const expected: Record<OverlongPolicy, Seen> = {
    error: {
      frames: [['abcd', false]],
      offsets: [0],
      cutOff: ['abcd'],
      tail: '',
      error: 'FRAME_TOO_LONG {"limit":4,"offset":6}',
    },
    discard: {
      frames: [
        ['abcd', false],
        ['xy', false],
      ],
      offsets: [0, 19],
      cutOff: ['abcd'],
      tail: '',
      error: null,
    },
    deliver: {
      frames: [
        ['abcd', false],
        ['abcd', true],
        ['efgh', true],
        ['ijk', false],
        ['xy', false],
      ],
      offsets: [0, 6, 10, 14, 19],
      cutOff: [],
      tail: '',
      error: null,
    },
  };

  for (const overlong of ['error', 'discard', 'deliver'] as const) {
    it(`${overlong}: exactly the limit passes, one more does not, in every chunking`, () => {
      const seen = everySplit(stream, (chunks) => run(chunks, CRLF, { maxFrame: 4, overlong }), { random: 50 });
      expect(seen).to.deep.equal(expected[overlong]);
    });

    it(`${overlong}: alternatives and kept terminators make no difference`, () => {
      const seen = everySplit(stream, (chunks) => run(chunks, [CRLF, LF], { maxFrame: 4, overlong, keep: true }));
      expect(seen.offsets).to.deep.equal(expected[overlong].offsets);
      expect(seen.frames.map(([text, cut]) => [text.replace('\r\n', ''), cut])).to.deep.equal(
        expected[overlong].frames,
      );
      expect(seen.frames[0]).to.deep.equal(['abcd\r\n', false]);
    });

    it(`${overlong}: a frame that comes complete in one chunk is measured too`, () => {
      const seen = run([bytes('12345\n')], LF, { maxFrame: 4, overlong });
      expect(seen.error !== null || seen.cutOff.length > 0 || seen.frames[0]![1]).to.equal(true);
    });

    it(`${overlong}: a frame without end is dealt with when its first byte too many comes`, () => {
      const { framer, overlong: told, infos } = record();
      framer.setTerminator(LF, { maxFrame: 4, overlong });
      void framer.feed(bytes('1234'));
      expect([told.length, infos.length]).to.deep.equal([0, 0]);
      try {
        void framer.feed(bytes('5'));
      } catch {}
      expect([told.length, infos.length]).to.deep.equal(overlong === 'deliver' ? [0, 1] : [1, 0]);
    });
  }

  it('error: stops for good', () => {
    const { framer, events } = record();
    framer.setTerminator(LF, { maxFrame: 2 });
    expect(() => framer.feed(bytes('abc\nx\n')))
      .to.throw()
      .with.property('code', 'FRAME_TOO_LONG');
    expect(framer.stopped).to.equal(true);
    void framer.feed(bytes('y\n'));
    expect(events).to.deep.equal(['ab', 'O']);
  });

  it('discard: tells once a frame, however long it goes on', () => {
    const { framer, overlong, frames, feed } = record();
    framer.setTerminator(LF, { maxFrame: 2, overlong: 'discard' });
    for (let i = 0; i < 100; i++) feed('xxxx');
    feed('\nab\nxxxx', 'x\ncd\n');
    expect(overlong).to.have.length(2);
    expect(overlong[0]).to.deep.include({ length: 2, offset: 0, truncated: true, terminator: null });
    expect(frames).to.deep.equal(['ab', 'cd']);
    expect(framer.stats.overlong).to.equal(2);
  });

  it('discard: a terminator of which the first half was data still ends the dropping', () => {
    const { framer, frames, feed } = record();
    framer.setTerminator(CRLF, { maxFrame: 2, overlong: 'discard' });
    feed('abc\r', '\r', '\nok\r\n');
    expect(frames).to.deep.equal(['ok']);
  });

  it('regression: discard drops to the end of what the callback arms, whatever its policy is', () => {
    const { framer, frames, feed } = record({}, { overlong: (f) => f.setTerminator(bytes(';')) });
    framer.setTerminator(LF, { maxFrame: 2, overlong: 'discard' });
    feed('abcdef\ngh;ij;');
    expect(frames).to.deep.equal(['ij']);
  });

  it('regression: discard does not swallow raw bytes for ever when null is set meanwhile', () => {
    const { framer, tail, infos, feed } = record({}, { overlong: (f) => f.setTerminator(null) });
    framer.setTerminator(LF, { maxFrame: 2, overlong: 'discard' });
    feed('abcd\ne', 'f');
    expect(tail()).to.equal('cd\nef');
    framer.setTerminator(LF);
    feed('g\n');
    expect(infos[0]).to.include({ offset: 7, length: 1 });
  });

  it('discard: an exception in the callback does not end the dropping', () => {
    const errors: string[] = [];
    const { framer, frames, feed } = record(
      { onError: (error) => errors.push((error as Error).message) },
      {
        overlong() {
          throw new Error('overlong failed');
        },
      },
    );
    framer.setTerminator(LF, { maxFrame: 2, overlong: 'discard' });
    feed('abcd', 'ef\ngh\n');
    expect(errors).to.deep.equal(['overlong failed']);
    expect(frames).to.deep.equal(['gh']);
  });

  it('deliver: a count goes on behind the cut', () => {
    const seen = everySplit('abcdefghij!', (chunks) => run(chunks, 10, { maxFrame: 4, overlong: 'deliver' }));
    expect(seen.frames).to.deep.equal([
      ['abcd', true],
      ['efgh', true],
      ['ij', false],
    ]);
    expect(seen.tail).to.equal('!');
  });

  it('deliver: counts in `stats.longest` what was delivered', () => {
    const { framer, feed } = record();
    framer.setTerminator(LF, { maxFrame: 4, overlong: 'deliver' });
    feed('abcdefgh\n');
    expect(framer.stats).to.include({ longest: 4, frames: 2, overlong: 1 });
  });

  it('raw bytes have no limit', () => {
    const seen = run([bytes('abcdefgh')], null, { maxFrame: 4 });
    expect(seen.tail).to.equal('abcdefgh');
  });

  it('the limits of the framer hold where a terminator names none', () => {
    const { framer, cutOff, frames, feed } = record({ maxFrame: 3, overlong: 'discard' });
    framer.setTerminator(LF);
    feed('abcd\n');
    expect(cutOff).to.deep.equal(['abc']);
    framer.setTerminator(LF, { maxFrame: 4 });
    feed('abcd\n');
    expect(frames).to.deep.equal(['abcd']);
  });

  for (const maxFrame of [0, -1, Number.NaN]) {
    it(`refuses a limit of ${maxFrame}`, () => {
      expect(() => record({ maxFrame }))
        .to.throw()
        .with.property('code', 'BAD_TERMINATOR');
    });
  }
});
