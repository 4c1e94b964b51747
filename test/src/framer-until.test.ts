// Frames whose end a function finds: length prefixes, regular expressions; what may be held for it; nonsense answers.
import { expect } from 'chai';
import { everySplit } from '../../src/every-split.ts';
import type { OverlongPolicy, TerminatorOptions, Until } from '../../src/terminator.ts';
import { bytes, LF, record } from '../support/recording.ts';

/** Four bytes big-endian, then so many. The frame is both. */
const lengthPrefix: Until = {
  maxHold: 4,
  find(buf, from) {
    if (buf.length - from < 4) return 'more';
    return { end: from + 4 + buf.readUInt32BE(from), skip: 0 };
  },
};

/** A line that ends with `end`, in any case. */
const anyCase: Until = {
  maxHold: 16,
  find(buf, from) {
    const found = /end;/i.exec(buf.toString('latin1', from));
    return found ? { end: from + found.index, skip: 4 } : 'more';
  },
};

function framesOf(chunks: readonly Buffer[], until: Until, options: TerminatorOptions = {}) {
  const { framer, frames, infos, cutOff, tail } = record();
  framer.setTerminator(until, options);
  for (const chunk of chunks) void framer.feed(chunk);
  return {
    frames,
    infos: infos.map(({ offset, length, truncated }) => [offset, length, truncated]),
    cutOff,
    held: framer.stats.held,
    tail: tail(),
  };
}

describe('Framer, Until', () => {
  it('cuts by a length prefix, in every chunking', () => {
    const seen = everySplit(
      '\0\0\0\x03abc\0\0\0\0\0\0\0\x01x\0\0\0\x09part',
      (chunks) => framesOf(chunks, lengthPrefix),
      {
        random: 50,
      },
    );
    expect(seen.frames).to.deep.equal(['\0\0\0\x03abc', '\0\0\0\0', '\0\0\0\x01x']);
    expect(seen.tail).to.equal('\0\0\0\x09part');
  });

  it('passes a frame on as it comes once its end is known: a gigabyte is not held', () => {
    const { framer, events, feed } = record();
    framer.setTerminator(lengthPrefix);
    feed('\x40\0\0\0');
    for (let i = 0; i < 100; i++) {
      feed('x'.repeat(1000));
      expect(framer.stats.held).to.equal(0);
    }
    expect(events).to.have.length(101);
  });

  it('drops the terminator behind the frame, also when it comes later', () => {
    const seen = everySplit('ab END;cdend;e', (chunks) => framesOf(chunks, anyCase));
    expect(seen.frames).to.deep.equal(['ab ', 'cd']);
    expect(seen.infos).to.deep.equal([
      [0, 3, false],
      [7, 2, false],
    ]);
    expect([seen.tail, seen.held]).to.deep.equal(['', 1]);
  });

  it('delivers the terminator too when asked to keep it', () => {
    const seen = everySplit('ab END;cdend;', (chunks) => framesOf(chunks, anyCase, { keep: true }));
    expect(seen.frames).to.deep.equal(['ab END;', 'cdend;']);
  });

  it('regression: kept terminators count as pieces', () => {
    const { framer, feed, events } = record();
    framer.setTerminator(anyCase, { keep: true });
    feed('abEND;');
    expect(events).to.deep.equal(['ab', 'END;', 'T']);
    expect(framer.stats.pieces).to.equal(2);
  });

  it('a frame of nothing but a terminator is empty', () => {
    expect(framesOf([bytes('end;')], anyCase).frames).to.deep.equal(['']);
  });

  it('delivers what it held at the end of the stream', () => {
    const { framer, tail, feed } = record();
    framer.setTerminator(anyCase);
    feed('unfinished');
    expect(tail()).to.equal('');
    void framer.end();
    expect(tail()).to.equal('unfinished');
  });

  it('shows the finder no more than maxHold bytes, and each of them in time', () => {
    const shown: string[] = [];
    const spy: Until = {
      maxHold: 4,
      find(buf, from) {
        shown.push(buf.toString('latin1', from));
        return buf.length - from < 2 ? 'more' : { end: from + 2, skip: 0 };
      },
    };
    framesOf([bytes('a'), bytes('bcdefghi')], spy);
    expect(shown).to.deep.equal(['a', 'abcd', 'cdef', 'efgh', 'ghi', 'i']);
  });

  for (const [overlong, expected] of [
    ['deliver', { frames: ['0123', '4567', '89', 'x'], cutOff: [] }],
    ['discard', { frames: ['x'], cutOff: ['01'] }],
    ['error', { frames: [], cutOff: ['0123'] }],
  ] as [OverlongPolicy, { frames: string[]; cutOff: string[] }][]) {
    it(`regression: a frame that needs more than maxHold is over-long in every chunking: ${overlong}`, () => {
      const semicolon: Until = {
        maxHold: 4,
        find(buf, from) {
          const at = buf.indexOf(';', from);
          return at === -1 ? 'more' : { end: at, skip: 1 };
        },
      };
      const seen = everySplit('0123456789;x;', (chunks) => {
        try {
          return framesOf(chunks, semicolon, { overlong });
        } catch (error) {
          return (error as { code: string }).code;
        }
      });
      if (overlong === 'error') expect(seen).to.equal('FRAME_TOO_LONG');
      else expect(seen).to.deep.include(expected);
    });
  }

  it('regression: dropping finds a terminator that lies across the border of what is held', () => {
    const crlf: Until = {
      maxHold: 6,
      find(buf, from) {
        const at = buf.indexOf('\r\n', from);
        return at === -1 ? 'more' : { end: at, skip: 2 };
      },
    };
    for (let length = 5; length < 40; length++) {
      const stream = `${'x'.repeat(length)}\r\nok\r\n`;
      const seen = everySplit(stream, (chunks) => framesOf(chunks, crlf, { overlong: 'discard' }));
      expect(seen.frames, `${length} bytes too many`).to.deep.equal(['ok']);
      expect(seen.cutOff).to.have.length(1);
    }
  });

  it('a frame over maxFrame is over-long though its end is known', () => {
    const seen = everySplit('\0\0\0\x06abcdef\0\0\0\x01x', (chunks) =>
      framesOf(chunks, lengthPrefix, { maxFrame: 8, overlong: 'discard' }),
    );
    expect(seen.frames).to.deep.equal(['\0\0\0\x01x']);
    expect(seen.cutOff).to.deep.equal(['\0\0\0\x06abcd']);
  });

  for (const [name, answer] of [
    ['an end before the frame', { end: -1, skip: 0 }],
    ['no progress', { end: 0, skip: 0 }],
    ['a negative skip', { end: 1, skip: -1 }],
    ['half a byte', { end: 1.5, skip: 0 }],
    ['NaN', { end: Number.NaN, skip: 0 }],
    ['no numbers', {}],
    ['another word', 'less'],
  ] as [string, never][]) {
    it(`stops for good when the finder answers ${name}`, () => {
      const { framer, events, feed } = record();
      framer.setTerminator({ maxHold: 10, find: () => answer });
      expect(() => feed('abc'))
        .to.throw(/find\(\)/)
        .with.property('code', 'BAD_TERMINATOR');
      expect(framer.stopped).to.equal(true);
      feed('more');
      expect(events).to.deep.equal([]);
    });
  }

  it('stops for good when the finder throws, and does not ask it again', () => {
    let asked = 0;
    const errors: unknown[] = [];
    const { framer, feed } = record({ onError: (error) => errors.push(error) });
    const failure = new Error('no idea');
    framer.setTerminator({
      maxHold: 10,
      find() {
        asked++;
        throw failure;
      },
    });
    feed('a', 'b');
    expect([asked, errors]).to.deep.equal([1, [failure]]);
    expect(framer.stopped).to.equal(true);
  });

  it('holds a dribbled frame at a cost that grows with its length, not with its square', () => {
    let searched = 0;
    const atEnd: Until = {
      maxHold: 400_000,
      find(buf) {
        searched++;
        return buf[buf.length - 1] === 10 ? { end: buf.length - 1, skip: 1 } : 'more';
      },
    };
    const { framer, frames } = record();
    framer.setTerminator(atEnd);
    const byte = bytes('x');
    const started = Date.now();
    for (let i = 0; i < 399_000; i++) void framer.feed(byte);
    void framer.feed(LF);
    expect(frames[0]).to.have.length(399_000);
    expect(searched).to.equal(399_001);
    // Copying what is held for each byte would move 80 GB.
    expect(Date.now() - started).to.be.lessThan(3000);
  });
});
