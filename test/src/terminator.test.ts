// The compiled search, against the simplest thing that is right.
import { expect } from 'chai';
import fc from 'fast-check';
import {
  compileTerminator,
  findAny,
  findNeedle,
  heldPrefix,
  type Search,
  type Terminator,
  UNDECIDED,
} from '../../src/terminator.ts';
import { bytes, CRLF, LF } from '../support/recording.ts';

function search(...needles: string[]): Search {
  return compileTerminator(needles.map(bytes)) as Search;
}

const text = fc.array(fc.constantFrom('a', 'b', '\r', '\n'), { maxLength: 24 }).map((parts) => parts.join(''));
const word = fc.array(fc.constantFrom('a', 'b', '\r', '\n'), { minLength: 1, maxLength: 7 }).map((p) => p.join(''));

describe('compileTerminator', () => {
  it('takes bytes, counts, null, alternatives and finders', () => {
    const until = { maxHold: 1, find: () => 'more' as const };
    const kinds = ([LF, 3, null, [CRLF, LF], until] as Terminator[]).map((t) => compileTerminator(t).kind);
    expect(kinds).to.deep.equal(['search', 'count', 'all', 'search', 'until']);
  });

  it('takes zero, empty bytes and no alternatives for null', () => {
    for (const t of [0, new Uint8Array(0), []]) expect(compileTerminator(t)).to.deep.equal({ kind: 'all' });
  });

  it('copies the bytes: changing them later changes nothing', () => {
    const given = Buffer.from('\r\n');
    const { needles } = compileTerminator(given) as Search;
    given.fill(0);
    expect(needles[0]!.bytes.toString()).to.equal('\r\n');
    expect(needles[0]!.given).to.equal(given);
  });

  it('looks at the bytes again when the same array is set again', () => {
    const given = Buffer.from('\r\n');
    const before = compileTerminator(given) as Search;
    expect(compileTerminator(given)).to.equal(before);
    given.write('\n\n');
    const { needles } = compileTerminator(given) as Search;
    expect(needles[0]!.bytes.toString()).to.equal('\n\n');
    expect(needles[0]!.given).to.equal(given);
  });

  for (const maxHold of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, undefined, '4']) {
    it(`refuses a finder that may hold ${maxHold} bytes`, () => {
      const until = { maxHold, find: () => 'more' } as never;
      expect(() => compileTerminator(until))
        .to.throw(/maxHold/)
        .with.property('code', 'BAD_TERMINATOR');
    });
  }

  it('refuses preceding bytes that hold a whole terminator: it would end frames for ever without a byte', () => {
    expect(() => compileTerminator(CRLF, CRLF))
      .to.throw(/precededBy/)
      .with.property('code', 'BAD_TERMINATOR');
    expect(() => compileTerminator([bytes('\r\n.\r\n'), LF], CRLF)).to.throw(/precededBy/);
    expect(compileTerminator(bytes('\r\n.\r\n'), CRLF).kind).to.equal('search');
  });

  it('refuses preceding bytes that are not bytes', () => {
    expect(() => compileTerminator(CRLF, '\r' as never))
      .to.throw()
      .with.property('code', 'BAD_TERMINATOR');
  });
});

describe('findNeedle', () => {
  for (const needle of ['\n', '\r\n', '\n\n', 'aa', 'aab', 'abab']) {
    it(`finds ${JSON.stringify(needle)} where indexOf does`, () => {
      const { needles } = search(needle);
      fc.assert(
        fc.property(text, fc.nat(24), (hay, from) => {
          expect(findNeedle(needles[0]!, bytes(hay), from)).to.equal(hay.indexOf(needle, from));
        }),
        { seed: 1, numRuns: 500 },
      );
    });
  }
});

describe('heldPrefix', () => {
  it('is the longest suffix that is a proper prefix of the needle', () => {
    fc.assert(
      fc.property(text, word, fc.nat(8), (hay, needle, from) => {
        const start = Math.min(from, hay.length);
        const seen = hay.slice(start);
        let expected = Math.min(needle.length - 1, seen.length);
        while (!seen.endsWith(needle.slice(0, expected))) expected--;
        expect(heldPrefix(search(needle).needles[0]!, bytes(hay), start, hay.length)).to.equal(expected);
      }),
      { seed: 2, numRuns: 3000 },
    );
  });
});

describe('findAny', () => {
  it('of several, takes the one that starts first, of those the longest', () => {
    fc.assert(
      fc.property(text, fc.uniqueArray(word, { minLength: 2, maxLength: 4 }), (hay, words) => {
        const rule = search(...words);
        const out = { which: 0, start: 0 };
        findAny(rule, bytes(hay), 0, true, out);
        const starts = words.map((one) => hay.indexOf(one)).filter((at) => at !== -1);
        if (starts.length === 0) {
          expect(out.which).to.equal(UNDECIDED);
          return;
        }
        const start = Math.min(...starts);
        const longest = Math.max(...words.filter((one) => hay.startsWith(one, start)).map((one) => one.length));
        expect(out.start).to.equal(start);
        expect(rule.needles[out.which]!.length).to.equal(longest);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });

  it('decides only what no byte to come can change', () => {
    fc.assert(
      fc.property(text, fc.uniqueArray(word, { minLength: 2, maxLength: 4 }), (hay, words) => {
        const out = { which: 0, start: 0 };
        findAny(search(...words), bytes(hay), 0, false, out);
        if (out.which === UNDECIDED) return;
        const { which, start } = out;
        for (const more of ['a', 'b', '\r', '\n', ...words, ...words.map((one) => one.slice(1))]) {
          const longer = { which: 0, start: 0 };
          findAny(search(...words), bytes(hay + more), 0, true, longer);
          expect(longer).to.deep.equal({ which, start });
        }
      }),
      { seed: 4, numRuns: 3000 },
    );
  });

  it('does not decide on CR while LF may follow', () => {
    const out = { which: 0, start: 0 };
    findAny(search('\r\n', '\r', '\n'), bytes('a\r'), 0, false, out);
    expect(out.which).to.equal(UNDECIDED);
    findAny(search('\r\n', '\r', '\n'), bytes('a\r'), 0, true, out);
    expect(out.start).to.equal(1);
  });

  it('remembers what it found in one buffer, and forgets it with the next', () => {
    const rule = search('\r\n', ';');
    const out = { which: 0, start: 0 };
    const first = bytes('a;b;c\r\n');
    findAny(rule, first, 0, true, out);
    expect(out.start).to.equal(1);
    findAny(rule, first, 2, true, out);
    expect(out.start).to.equal(3);
    findAny(rule, first, 4, true, out);
    expect(out.start).to.equal(5);
    findAny(rule, bytes('xxx;'), 0, true, out);
    expect(out.start).to.equal(3);
  });
});
