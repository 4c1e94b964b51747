// List-Unsubscribe and its one-click companion: what can be used of them, and what is wrong.
import { expect } from 'chai';
import { unsubscribeOf } from '../../../../relay/inbox/checks/unsubscribe.ts';

const fields = (header: string, post?: string) => [
  { name: 'List-unsubscribe', raw: header, value: header },
  ...(post === undefined ? [] : [{ name: 'List-Unsubscribe-Post', raw: post, value: post }]),
];

const ROWS: readonly [header: string, links: readonly string[], errors: RegExp, post?: string][] = [
  ['<https://x.example/u>', ['https://x.example/u'], /^$/],
  [
    '<mailto:u@x.example?subject=u>, <https://x.example/u>',
    ['mailto:u@x.example?subject=u', 'https://x.example/u'],
    /^$/,
  ],
  ['(click) <https://x.example/u> (or not)', ['https://x.example/u'], /^$/],
  ['<HTTPS://x.example/u>', ['HTTPS://x.example/u'], /^$/],
  ['<https://x.example/u>', ['https://x.example/u'], /^$/, 'List-Unsubscribe=One-Click'],
  ['https://x.example/u', [], /no link in angle brackets/],
  [
    '<https://x.example/u> <mailto:u@x.example>',
    ['https://x.example/u', 'mailto:u@x.example'],
    /angle brackets and commas/,
  ],
  ['<https://x.example/a>, <https://x.example/b>', ['https://x.example/a'], /one HTTP link more/],
  ['<https://x.example/a b>', [], /has blanks in it/],
  ['<ftp://x.example/a>', [], /is no mailto: or http/],
  ['<mailto:>', [], /is no mailto:/],
  ['<https://>', [], /is no mailto:/],
  ['<mailto:u@x.example>', ['mailto:u@x.example'], /needs an https:\/\/ link/, 'List-Unsubscribe=One-Click'],
  ['<http://x.example/u>', ['http://x.example/u'], /needs an https:\/\/ link/, 'List-Unsubscribe=One-Click'],
  ['<https://x.example/u>', ['https://x.example/u'], /must be List-Unsubscribe=One-Click/, 'yes'],
  [`<${'('.repeat(50_000)}`, [], /no link/],
];

describe('List-Unsubscribe', () => {
  for (const [header, links, errors, post] of ROWS) {
    it(`is read: ${header.slice(0, 60)}${post === undefined ? '' : ` with ${post}`}`, () => {
      const found = unsubscribeOf(fields(header, post));
      expect(found).to.deep.include({ header, links, headerPost: post ?? '' });
      expect(found.errors).to.match(errors).and.not.include('\n');
    });
  }

  it('is empty when it is not there', () => {
    expect(unsubscribeOf([])).to.deep.equal({ header: '', links: [], errors: '', headerPost: '' });
  });
});
