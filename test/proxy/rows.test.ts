// Every row of the corpus of correctness has a test that bears its number.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { expect } from 'chai';

/** What each row is about, in the order of their numbers. */
const ROWS = [
  'the reply after a half-close',
  'the same, late',
  'words after the end of the other side',
  'a reset of the upstream',
  'a reset of the client',
  'a reset behind much data',
  'a slow reader of one that has left',
  'a reader that never reads',
  'a slow reader behind a latency',
  'servers that speak first',
  'an upstream that refuses',
  'an upstream that does not answer',
  'data before the upstream is there',
  'a reset before the upstream is there',
  'several addresses of a name',
  'a reset that is not read',
  'one side closed, the other silent',
  'both silent',
  'a peer without power',
  'small writes',
  'writes to one that has left',
  'replies at the end of the request',
  'errors in every state',
  'many pauses',
  'bursts',
  'many connections at once',
  'no descriptors left',
  'urgent bytes',
  'plaintext behind STARTTLS',
  'an early or cut ClientHello',
  'ends of TLS',
  'changes in mid-line',
  'a stop signal',
  'cut terminators, endless lines',
  'slow watchers',
];

// Compiled tests run from another directory; the documents stay where they are.
const ROOT = join(import.meta.dirname.replace(/[\\/]build([\\/]test[\\/])/, '$1'), '..', '..');

describe('the corpus of correctness', () => {
  const extension = extname(import.meta.filename);
  const titles = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(`.test${extension}`))
    .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .flatMap((text) => [...text.matchAll(/['"`]row (\d+)(?=[: '])/g)].map(([, number]) => Number(number)));

  for (const [index, what] of ROWS.entries()) {
    it(`has a test of its ${index + 1}. row: ${what}`, () => {
      expect(titles).to.include(index + 1);
    });
  }

  it('is told of in docs/proxy.md, with the tests that there are', () => {
    const docs = readFileSync(join(ROOT, 'docs', 'proxy.md'), 'utf8');
    const rows = [...docs.matchAll(/^\| (\d+) \| (.+?) \| (.+?) \|$/gm)].map(([, number, what, files]) => {
      for (const file of files!.split(', ')) {
        const text = readFileSync(join(import.meta.dirname, `${file}.test${extension}`), 'utf8');
        expect(text, `row ${number} in ${file}`).to.match(new RegExp(`['"\`]row ${number}[: ']`));
      }
      return what;
    });
    expect(rows).to.deep.equal(ROWS);
  });

  it('has no others', () => {
    expect(Math.max(...titles)).to.equal(ROWS.length);
  });
});
