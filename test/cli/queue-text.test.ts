// How the queue is written: words for times and sizes, and columns that fit.
import { expect } from 'chai';
import { addressText, columns, relativeTime, shortDuration, shortSize } from '../../cli/commands/queue-text.ts';

const plain = (_: string, text: string): string => text;

describe('the words of lonedot queue', () => {
  const durations: readonly [ms: number, text: string][] = [
    [-5, '0s'],
    [0, '0s'],
    [99_000, '99s'],
    [100_000, '2m'],
    [5_940_000, '99m'],
    [6_000_000, '2h'],
    [47 * 3_600_000, '47h'],
    [48 * 3_600_000, '2d'],
    [400 * 86_400_000, '400d'],
  ];
  for (const [ms, text] of durations) {
    it(`calls ${ms} ms ${text}`, () => {
      expect(shortDuration(ms)).to.equal(text);
    });
  }

  it('tells the past from the future', () => {
    expect([relativeTime(5000, 1000), relativeTime(1000, 5000)]).to.deep.equal(['in 4s', '4s ago']);
  });

  const sizes: readonly [bytes: number, text: string][] = [
    [0, '0'],
    [999, '999'],
    [1000, '1.0k'],
    [4096, '4.0k'],
    [123_456, '121k'],
    [1_048_000, '1.0M'],
    [50 * 1024 ** 2, '50M'],
    [3 * 1024 ** 3, '3.0G'],
    [5000 * 1024 ** 3, '5000G'],
  ];
  for (const [bytes, text] of sizes) {
    it(`calls ${bytes} bytes ${text}`, () => {
      expect(shortSize(bytes)).to.equal(text);
    });
  }

  it('writes the null sender as such, and nothing that a terminal obeys', () => {
    expect(addressText('')).to.equal('<>');
    expect(addressText('a\x1b[2J@b')).to.equal('a\\u001b[2J@b');
  });
});

describe('the columns of lonedot queue', () => {
  const rows = [
    [{ text: 'id' }, { text: '5', align: 'right' as const }, { text: 'x'.repeat(50) }, { text: 'y'.repeat(50) }],
    [{ text: 'longer' }, { text: '1234', align: 'right' as const }, { text: 'z' }, { text: '' }],
  ];

  it('are aligned, and whole where there is no terminal', () => {
    expect(columns(rows, undefined, plain)).to.deep.equal([
      `id         5  ${'x'.repeat(50)}  ${'y'.repeat(50)}`,
      'longer  1234  z',
    ]);
  });

  for (const width of [200, 120, 80, 60]) {
    it(`fit a terminal of ${width}`, () => {
      for (const line of columns(rows, width, plain)) expect([...line].length).to.be.at.most(width);
    });
  }

  it('are cut with a mark, and coloured without counting the colour', () => {
    const loud = (_: string, text: string): string => `\x1b[1m${text}\x1b[0m`;
    const cells = [
      { text: 'ab', colour: 'red' as const },
      { text: 'c' },
      { text: 'täxt'.repeat(20), colour: 'dim' as const },
    ];
    const [line] = columns([cells, [{ text: 'abcd' }, { text: 'c' }, { text: '' }]], 30, loud);
    expect(line).to.equal(`\x1b[1mab\x1b[0m    c  \x1b[1m${'täxt'.repeat(5)}…\x1b[0m`);
  });
});
