import { expect } from 'chai';
import fc from 'fast-check';
import { DotStuffer, DotUnstuffer } from '../../src/dot-stuffing.ts';

interface Transform {
  write(chunk: Buffer): Buffer;
  end(options?: { terminator?: boolean }): Buffer;
}

function run(transform: Transform, chunks: readonly string[], options?: { terminator?: boolean }): string {
  const out = chunks.map((chunk) => transform.write(Buffer.from(chunk, 'latin1')));
  return Buffer.concat([...out, transform.end(options)]).toString('latin1');
}

const unstuff = (chunks: readonly string[]): string => run(new DotUnstuffer(), chunks);
const stuff = (chunks: readonly string[]): string => run(new DotStuffer(), chunks);
const stuffAndEnd = (chunks: readonly string[]): string => run(new DotStuffer(), chunks, { terminator: true });

const referenceUnstuff = (text: string): string => text.replace(/^\./, '').replaceAll('\r\n.', '\r\n');
const referenceStuff = (text: string): string => text.replace(/^\./, '..').replaceAll('\r\n.', '\r\n..');

function everyCut(text: string): string[][] {
  return Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]);
}

// Dots everywhere, and lines long enough that the native search runs.
const piece = fc.constantFrom('.', '.', '..', '\r', '\n', '\r\n', '\r\n.', 'x', 'w'.repeat(70), '\r\n..\r\n');
const pieces = fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 12 });

describe('DotUnstuffer', () => {
  const table: [name: string, input: string, output: string][] = [
    ['nothing', '', ''],
    ['no dots', 'ab\r\ncd\r\n', 'ab\r\ncd\r\n'],
    ['a dot at the start of the stream', '..a\r\n', '.a\r\n'],
    ['one dot of each line, whatever follows', '.a\r\n..b\r\n...c\r\n', 'a\r\n.b\r\n..c\r\n'],
    ['dots inside a line stay', 'a.b\r\nc.\r\n', 'a.b\r\nc.\r\n'],
    ['a bare LF starts no line', 'a\n.b\n..c', 'a\n.b\n..c'],
    ['a bare CR starts no line', 'a\r.b', 'a\r.b'],
    ['CR CR LF does', 'a\r\r\n.b', 'a\r\r\nb'],
    ['LF CR does not', 'a\n\r.b', 'a\n\r.b'],
    ['empty lines between', '\r\n..\r\n\r\n..', '\r\n.\r\n\r\n.'],
    ['a far dot after near ones', `..\r\n${'x'.repeat(300)}\r\n..y`, `.\r\n${'x'.repeat(300)}\r\n.y`],
  ];
  for (const [name, input, output] of table) {
    it(`${name}, at every cut`, () => {
      for (const chunks of everyCut(input)) expect(unstuff(chunks)).to.equal(output);
      expect(unstuff([...input])).to.equal(output);
    });
  }

  it('gives a chunk with nothing to change back as the very same buffer', () => {
    const unstuffer = new DotUnstuffer();
    for (const text of ['no dot at all\r\n', 'x', 'a.b\n.c', '\r', '\n', 'a long line '.repeat(50)]) {
      const chunk = Buffer.from(text, 'latin1');
      expect(unstuffer.write(chunk)).to.equal(chunk);
    }
  });

  it('never writes into the chunk it was given', () => {
    const chunk = Buffer.from('..a\r\n..b\r\n', 'latin1');
    new DotUnstuffer().write(chunk);
    expect(chunk.toString('latin1')).to.equal('..a\r\n..b\r\n');
  });

  it('every chunking gives what the reference gives', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const chunks = parts.map((each) => each.join(''));
        const text = chunks.join('');
        expect(unstuff(chunks)).to.equal(referenceUnstuff(text));
        expect(unstuff([...text])).to.equal(referenceUnstuff(text));
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });

  it('a body of nothing but dots and line ends takes time in proportion to its size', () => {
    const once = (body: Buffer): number => {
      const started = process.hrtime.bigint();
      new DotUnstuffer().write(body);
      return Number(process.hrtime.bigint() - started);
    };
    const time = (lines: number): number => {
      const body = Buffer.from('..\r\n'.repeat(lines), 'latin1');
      return Math.min(once(body), once(body), once(body));
    };
    // Sixteen times the size: quadratic behaviour would take 256 times as long.
    expect(time(400_000) / time(25_000)).to.be.below(100);
  });
});

describe('DotStuffer', () => {
  const table: [name: string, input: string, stuffed: string, terminator: string][] = [
    ['an empty body', '', '', '.\r\n'],
    ['a body that ends with CRLF', 'ab\r\n', 'ab\r\n', '.\r\n'],
    ['a body without a last CRLF', 'ab', 'ab', '\r\n.\r\n'],
    ['a lone dot', '.', '..', '\r\n.\r\n'],
    ['a line that is a dot', 'a\r\n.\r\nb\r\n', 'a\r\n..\r\nb\r\n', '.\r\n'],
    ['each line that starts with a dot', '.a\r\n..b\r\nc.\r\n', '..a\r\n...b\r\nc.\r\n', '.\r\n'],
    ['a bare LF starts and ends no line', 'a\n.b\n', 'a\n.b\n', '\r\n.\r\n'],
    ['a bare CR at the end stays what it is', 'a\r', 'a\r', '\r\n.\r\n'],
    ['only CRLF', '\r\n', '\r\n', '.\r\n'],
    ['a bare LF alone', '\n', '\n', '\r\n.\r\n'],
  ];
  for (const [name, input, stuffed, terminator] of table) {
    it(`${name}, at every cut`, () => {
      for (const chunks of [...everyCut(input), [...input]]) {
        expect(stuff(chunks)).to.equal(stuffed);
        expect(stuffAndEnd(chunks)).to.equal(stuffed + terminator);
      }
    });
  }

  it('gives a chunk with nothing to change back as the very same buffer', () => {
    const chunk = Buffer.from('a line. and another\r\n'.repeat(20), 'latin1');
    expect(new DotStuffer().write(chunk)).to.equal(chunk);
  });

  it('every chunking gives what the reference gives, and unstuffing gives it back', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const chunks = parts.map((each) => each.join(''));
        const text = chunks.join('');
        const stuffed = stuff(chunks);
        expect(stuffed).to.equal(referenceStuff(text));
        expect(unstuff([stuffed])).to.equal(text);
        // The end of the text is found where the terminator is, and nowhere before.
        const ended = `\r\n${stuffAndEnd(chunks)}`;
        expect(ended.indexOf('\r\n.\r\n')).to.equal(ended.length - 5);
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });
});
