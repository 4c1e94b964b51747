// Differences of two mails, and of two texts: the shortest way is found, what always differs is not told.
import { expect } from 'chai';
import { type DiffLine, diffLines, onlyChanges } from '../../../relay/inbox/line-diff.ts';
import { diffMails, type MailDiffOptions, markupLines } from '../../../relay/inbox/mail-diff.ts';
import { parseMail } from '../../../relay/inbox/parse-mail.ts';
import { randomNumbers } from '../../../src/random.ts';
import { bytesOf, NEWSLETTER } from './corpus/mails.ts';

const SIGNS = { same: ' ', removed: '-', added: '+' };
const show = (lines: readonly DiffLine[]) =>
  lines.map((line) => (line.kind === 'skipped' ? `@${line.lines}` : SIGNS[line.kind] + line.text));

describe('the difference of two texts', () => {
  const ROWS: readonly [before: string, after: string, diff: string][] = [
    ['', '', ''],
    ['abc', 'abc', ' a b c'],
    ['', 'ab', '+a+b'],
    ['ab', '', '-a-b'],
    ['abc', 'axc', ' a-b+x c'],
    ['abcabba', 'cbabac', '-a-b c+b a b-b a+c'],
    ['ab', 'ba', '-a b+a'],
  ];
  for (const [before, after, diff] of ROWS) {
    it(`of ${before || 'nothing'} and ${after || 'nothing'} is ${diff || 'none'}`, () =>
      expect(show(diffLines([...before], [...after])).join('')).to.equal(diff));
  }

  it('leads from one to the other and is as short as can be', () => {
    const random = randomNumbers(7);
    const word = () => Array.from({ length: Math.floor(random() * 12) }, () => 'abc'[Math.floor(random() * 3)]!);
    for (let i = 0; i < 500; i++) {
      const [a, b] = [word(), word()];
      const lines = diffLines(a, b) as { kind: 'same' | 'removed' | 'added'; text: string }[];
      expect(lines.filter(({ kind }) => kind !== 'added').map(({ text }) => text)).to.deep.equal(a);
      expect(lines.filter(({ kind }) => kind !== 'removed').map(({ text }) => text)).to.deep.equal(b);
      expect(lines.filter(({ kind }) => kind === 'same').length).to.equal(longestCommon(a, b));
    }
  });

  it('takes bounded time and room for texts that have nothing in common', () => {
    const started = performance.now();
    const [a, b] = ['a', 'b'].map((letter) => Array.from({ length: 30_000 }, (_, i) => letter + i)) as [
      string[],
      string[],
    ];
    expect(diffLines(a, b)).to.have.length(40_000);
    expect(performance.now() - started).to.be.below(3000);
  });

  it('is shown with some lines around it', () => {
    const before = Array.from({ length: 30 }, (_, i) => `${i}`);
    const after = before.map((line) => (line === '10' ? 'x' : line));
    expect(show(onlyChanges(diffLines(before, after)))).to.deep.equal([
      '@7',
      ' 7',
      ' 8',
      ' 9',
      '-10',
      '+x',
      ' 11',
      ' 12',
      ' 13',
      '@16',
    ]);
    expect(onlyChanges(diffLines(before, before))).to.deep.equal([]);
  });
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  const rows = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++)
      rows[i]![j] = a[i - 1] === b[j - 1] ? rows[i - 1]![j - 1]! + 1 : Math.max(rows[i - 1]![j]!, rows[i]![j - 1]!);
  return rows[a.length]![b.length]!;
}

describe('the difference of two mails', () => {
  const diff = async (before: Buffer, after: Buffer, options?: MailDiffOptions) =>
    diffMails(await parseMail(before), await parseMail(after), options);
  const change = (...pairs: readonly [from: string, to: string][]) =>
    Buffer.from(
      pairs.reduce((text, [from, to]) => text.replaceAll(from, to), NEWSLETTER.toString('latin1')),
      'latin1',
    );

  it('is none between a mail and itself', async () => {
    expect(await diff(NEWSLETTER, NEWSLETTER)).to.deep.equal({
      isSame: true,
      headers: [],
      text: [],
      html: [],
      tree: [],
      parts: [],
    });
  });

  it('is none between two sendings, unless asked exactly', async () => {
    const sent = (id: string, boundary: string) =>
      bytesOf(
        `Received: from ${id}`,
        `Message-ID: <${id}@x.example>`,
        `Date: Sun, 22 Nov 2026 10:00:0${id} +0100`,
        `DKIM-Signature: b=${id}`,
        `Content-Type: multipart/mixed; boundary="${boundary}"`,
        '',
        `--${boundary}`,
        '',
        'words',
        `--${boundary}--`,
      );
    expect((await diff(sent('1', 'aaa'), sent('2', 'bbb'))).isSame).to.equal(true);
    const exact = await diff(sent('1', 'aaa'), sent('2', 'bbb'), { exact: true });
    expect(exact.headers.map(({ name }) => name)).to.deep.equal([
      'Received',
      'Message-ID',
      'Date',
      'DKIM-Signature',
      'Content-Type',
    ]);
  });

  it('has fields that changed, came and went', async () => {
    const { headers } = await diff(
      NEWSLETTER,
      change(['Subject: Hi', 'Subject: Ho'], ['MIME-Version: 1.0\r\n', 'X-New: 1\r\nX-New: 2\r\n']),
    );
    expect(headers).to.deep.equal([
      { name: 'Subject', before: 'Hi', after: 'Ho' },
      { name: 'MIME-Version', before: '1.0', after: null },
      { name: 'X-New', before: null, after: '1' },
      { name: 'X-New', before: null, after: '2' },
    ]);
  });

  it('has lines of text, HTML and tree', async () => {
    const other = await diff(
      NEWSLETTER,
      change(['plain words', 'plain\r\nthings'], ['HTML w', 'Html w'], ['text/plain; charset=utf-8', 'text/plain']),
    );
    expect(show(other.text)).to.deep.equal(['-plain words', '+plain', '+things']);
    expect(show(other.html)).to.include.members(['-HTML wörds', '+Html wörds']);
    expect(show(other.tree)).to.deep.equal([
      ' multipart/mixed; boundary=…',
      '   multipart/alternative; boundary=…',
      '-    text/plain; charset=utf-8',
      '+    text/plain',
      '     multipart/related; boundary=…; type="text/html"',
      '       text/html; charset=utf-8, quoted-printable',
      '       image/png, base64',
      '@2',
    ]);
    expect([other.isSame, other.headers, other.parts]).to.deep.equal([false, [], []]);
  });

  it('has files that changed, came, went and got another name', async () => {
    const kinds = async (...pairs: readonly [from: string, to: string][]) =>
      (await diff(NEWSLETTER, change(...pairs))).parts.map(({ kind, before, after }) =>
        `${kind} ${before?.fileName ?? ''} ${after?.fileName ?? ''}`.trim(),
      );
    expect(await kinds(['aGVsbG8=', 'aGVsbG9v'])).to.deep.equal(['changed Rechnung € 17.pdf Rechnung € 17.pdf']);
    expect(await kinds(['unused.png', 'other.png'])).to.deep.equal(['renamed unused.png other.png']);
    expect(await kinds(['aGVsbG8=', 'aGVsbG9v'], ['Rechnung', 'Bill'])).to.deep.equal([
      'removed Rechnung € 17.pdf',
      'added  Bill € 17.pdf',
    ]);
  });

  it('can pass over the tokens in links', async () => {
    const html = (token: string) =>
      bytesOf(
        'Content-Type: text/html',
        '',
        `<a href="https://x.example/verify/${token}?u=${token}&amp;lang=de">go</a>`,
      );
    const tokens = ['3f2504e0-4f89-41d3-9a0c-0305e82c3301', '3f2504e0-4f89-41d3-9a0c-0305e82c3302'] as const;
    expect((await diff(html(tokens[0]), html(tokens[1]))).isSame).to.equal(false);
    expect((await diff(html(tokens[0]), html(tokens[1]), { ignoreTokens: true })).isSame).to.equal(true);
    expect((await diff(html('one'), html('two'), { ignoreTokens: true })).isSame).to.equal(false);
  });

  it('sees no difference in how HTML is written', () => {
    const [one, two] = [markupLines('<P  class=a id="b">x\n  y</P>'), markupLines("<p id='b' class='a'>\nx\ny\n</p>")];
    expect(one).to.deep.equal(two);
    expect(one).to.deep.equal(['<p class="a" id="b">', 'x', 'y', '</p>']);
  });
});
