// Strict refused every bare CR and LF, the bytes that SMTP smuggling is made of, and took a line `NUL . NUL`. A server
// behind us that drops NULs (RFC 5321 allows none, and some are that old) reads the end of the message there, and the
// rest as commands of ours. Strict refuses such a line too; NULs elsewhere are kept.
import { expect } from 'chai';
import { HiddenDots } from '../../relay/smtp/hidden-dots.ts';
import { everySplit } from '../../src/testing.ts';
import { Scene } from '../relay/support/sessions.ts';

function found(chunks: readonly Buffer[]): boolean {
  const dots = new HiddenDots();
  for (const chunk of chunks) dots.add(chunk);
  return dots.found;
}

describe('2026-11: a lone dot among NULs', () => {
  it('is refused behind the true end', async () => {
    const scene = new Scene();
    const client = await scene.inData();
    expect(await client.say('a\r\n\0.\r\nMAIL FROM:<evil@x.example>\r\n.')).to.match(/^550 5\.5\.2 /);
    expect(scene.bodies).to.deep.equal([]);
  });

  const HIDDEN = [
    '\0.\r\n',
    '.\0\r\n',
    'a\r\n\0\0.\0\r\nb\r\n',
    '\r\n.\0\r\n',
    'a\n\0.\nb',
    `${'x'.repeat(100)}\r\n.\0\r\n`,
  ];
  for (const text of HIDDEN) {
    it(`is found in ${JSON.stringify(text.slice(-20))}, in every chunking`, () => {
      expect(everySplit(text, found, { random: 50 })).to.equal(true);
    });
  }

  const OTHERS = [
    '.\r\n',
    '\0\r\n',
    'a\0.\r\n',
    '.\0a\r\n',
    '..\0\r\n',
    '\0..\r\n',
    '.a\0\r\n',
    '\0a.\r\n',
    '\0.',
    'a.\0\r\n',
    '..\r\n\0\r\n',
  ];
  for (const text of OTHERS) {
    it(`is not found in ${JSON.stringify(text)}, in every chunking`, () => {
      expect(everySplit(text, found, { random: 50 })).to.equal(false);
    });
  }
});
