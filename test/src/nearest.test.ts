import { expect } from 'chai';
import fc from 'fast-check';
import { nearest } from '../../src/nearest.ts';

describe('nearest', () => {
  const known = ['smtp', 'database', 'max-recipients', 'max-line', 'listen'];

  for (const [given, expected] of [
    ['smpt', 'smtp'],
    ['databse', 'database'],
    ['maxRecipients', 'max-recipients'],
    ['max_line', 'max-line'],
    ['LISTEN', 'listen'],
    ['lsiten', 'listen'],
    ['upstream', undefined],
    ['x', undefined],
    ['', undefined],
  ] as const) {
    it(`of "${given}" is ${expected ?? 'nothing'}`, () => {
      expect(nearest(given, known)).to.equal(expected);
    });
  }

  it('finds a name with one letter changed, left out or doubled', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.nat(), fc.constantFrom('change', 'drop', 'double'), (name, n, how) => {
        const at = n % name.length;
        const middle = how === 'change' ? '~' : how === 'drop' ? '' : name[at]! + name[at]!;
        expect(nearest(name.slice(0, at) + middle + name.slice(at + 1), known)).to.equal(name);
      }),
    );
  });
});
