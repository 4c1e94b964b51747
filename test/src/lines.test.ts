import { expect } from 'chai';
import fc from 'fast-check';
import { LINE_POLICIES, LineEndings, type LinePolicy } from '../../src/lines.ts';

interface Outcome {
  text: string;
  bareCr: number;
  bareLf: number;
  longestLine: number;
}

function run(policy: LinePolicy, chunks: readonly string[]): Outcome {
  const lines = new LineEndings(policy);
  const out = chunks.map((chunk) => lines.write(Buffer.from(chunk, 'latin1')));
  out.push(lines.end());
  const { bareCr, bareLf, longestLine } = lines;
  return { text: Buffer.concat(out).toString('latin1'), bareCr, bareLf, longestLine };
}

/** The same by regular expressions over the whole text. */
function reference(policy: LinePolicy, text: string): Outcome {
  const bareCr = text.match(/\r(?!\n)/g)?.length ?? 0;
  const bareLf = text.match(/(?<!\r)\n/g)?.length ?? 0;
  const out = policy === 'normalise' ? text.replace(/\r\n|\r|\n/g, '\r\n') : text;
  return { text: out, bareCr, bareLf, longestLine: Math.max(...out.split('\r\n').map((line) => line.length)) };
}

function everyCut(text: string): string[][] {
  return Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]);
}

describe('LineEndings', () => {
  const table: [name: string, input: string, normalised: string, bareCr: number, bareLf: number, longest: number][] = [
    ['nothing', '', '', 0, 0, 0],
    ['a clean line', 'ab\r\n', 'ab\r\n', 0, 0, 2],
    ['an unfinished line', 'ab\r\ncde', 'ab\r\ncde', 0, 0, 3],
    ['a bare LF', 'ab\ncde\r\n', 'ab\r\ncde\r\n', 0, 1, 3],
    ['a bare CR', 'ab\rcde\r\n', 'ab\r\ncde\r\n', 1, 0, 3],
    ['a bare LF first', '\nab', '\r\nab', 0, 1, 2],
    ['a bare CR last', 'ab\r', 'ab\r\n', 1, 0, 2],
    ['CR CR LF: a bare CR and a CRLF', 'a\r\r\nb', 'a\r\n\r\nb', 1, 0, 1],
    ['CR LF LF: a CRLF and a bare LF', 'a\r\n\nb', 'a\r\n\r\nb', 0, 1, 1],
    ['LF CR: a bare LF and a bare CR', 'a\n\rb', 'a\r\n\r\nb', 1, 1, 1],
    ['the smuggler: LF dot CR LF', 'a\n.\r\nb', 'a\r\n.\r\nb', 0, 1, 1],
    ['empty lines', '\r\n\r\n', '\r\n\r\n', 0, 0, 0],
  ];
  for (const [name, input, normalised, bareCr, bareLf, longest] of table) {
    it(`normalise: ${name}`, () => {
      for (const chunks of everyCut(input)) {
        expect(run('normalise', chunks)).to.deep.equal({ text: normalised, bareCr, bareLf, longestLine: longest });
      }
    });
    it(`strict and preserve leave the bytes and count: ${name}`, () => {
      for (const chunks of everyCut(input)) {
        for (const policy of ['strict', 'preserve'] as const) {
          const outcome = run(policy, chunks);
          expect(outcome).to.include({ text: input, bareCr, bareLf });
          expect(outcome.longestLine).to.equal(reference(policy, input).longestLine);
        }
      }
    });
  }

  it('normalised text is clean, and normalising it again changes nothing', () => {
    const first = run('normalise', ['\r\r\n\n\n\r', 'x\n\r\r', '\n']).text;
    expect(run('normalise', [first])).to.include({ text: first, bareCr: 0, bareLf: 0 });
  });

  it('gives a clean chunk back as the very same buffer, whatever the cut', () => {
    const text = Buffer.from('a line of text\r\n'.repeat(20), 'latin1');
    for (const policy of LINE_POLICIES) {
      for (let at = 0; at <= text.length; at++) {
        const lines = new LineEndings(policy);
        for (const chunk of [text.subarray(0, at), text.subarray(at)]) expect(lines.write(chunk)).to.equal(chunk);
        expect(lines.end()).to.have.length(0);
        expect(lines.longestLine).to.equal(14);
      }
    }
  });

  it('strict and preserve give every chunk back as the very same buffer', () => {
    const chunk = Buffer.from('a\rb\nc\r\n\r', 'latin1');
    for (const policy of ['strict', 'preserve'] as const) expect(new LineEndings(policy).write(chunk)).to.equal(chunk);
  });

  it('never writes into the chunk it was given', () => {
    const chunk = Buffer.from('a\nb\rc', 'latin1');
    new LineEndings('normalise').write(chunk);
    expect(chunk.toString('latin1')).to.equal('a\nb\rc');
  });

  it('a CR at the very end is decided by end(), once', () => {
    const lines = new LineEndings('strict');
    lines.write(Buffer.from('a\r'));
    expect(lines.bareCr).to.equal(0);
    lines.end();
    lines.end();
    expect(lines.bareCr).to.equal(1);
  });

  it('finds what is bare among many lines, short and long ones, wherever it stands', () => {
    const clean = `${'..\r\n'.repeat(8)}${'x'.repeat(40)}\r\n${'\r\n'.repeat(6)}${'y'.repeat(17)}\r\nab\r\n`;
    for (const bare of ['\r', '\n', '\r\r\n', '\n\r']) {
      for (let at = 0; at <= clean.length; at++) {
        const text = clean.slice(0, at) + bare + clean.slice(at);
        for (const policy of LINE_POLICIES) expect(run(policy, [text])).to.deep.equal(reference(policy, text));
      }
    }
  });

  it('gives the same text and counts where nobody asks for the longest line', () => {
    const clean = `${'..\r\n'.repeat(8)}${'x'.repeat(40)}\r\n\r\nab`;
    for (const bare of ['', '\r', '\n', '\r\r\n', '\n\r']) {
      for (let at = 0; at <= clean.length; at++) {
        const text = clean.slice(0, at) + bare + clean.slice(at);
        for (const policy of LINE_POLICIES) {
          for (const cut of [0, at, at + 1]) {
            const lines = new LineEndings(policy, false);
            const out = [text.slice(0, cut), text.slice(cut)].map((part) => lines.write(Buffer.from(part, 'latin1')));
            out.push(lines.end());
            const { bareCr, bareLf, longestLine } = lines;
            const outcome = { text: Buffer.concat(out).toString('latin1'), bareCr, bareLf };
            expect({ ...outcome, longestLine }).to.deep.equal({ ...reference(policy, text), longestLine: 0 });
          }
        }
      }
    }
  });

  it('shows the longest line while it is still growing', () => {
    const lines = new LineEndings('strict');
    lines.write(Buffer.alloc(5000, 'x'));
    expect(lines.longestLine).to.equal(5000);
    lines.write(Buffer.alloc(5000, 'x'));
    expect(lines.longestLine).to.equal(10_000);
  });

  // Lines long enough for the native searches, and pieces short enough for the byte loop.
  const piece = fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    '\r\n',
    '.',
    'x',
    'some words',
    'w'.repeat(60),
    `${'v'.repeat(50)}\r\n`,
  );
  for (const policy of LINE_POLICIES) {
    it(`${policy}: every chunking of every text gives what the reference gives`, () => {
      fc.assert(
        fc.property(fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 12 }), (pieces) => {
          const chunks = pieces.map((each) => each.join(''));
          const text = chunks.join('');
          const expected = reference(policy, text);
          expect(run(policy, chunks)).to.deep.equal(expected);
          expect(run(policy, [...text])).to.deep.equal(expected);
        }),
        { seed: 20261122, numRuns: 400 },
      );
    });
  }
});
