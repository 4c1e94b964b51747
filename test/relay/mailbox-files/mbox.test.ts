// mbox files: cut into messages and written, in every chunking the same.
import { expect } from 'chai';
import fc from 'fast-check';
import { NotMbox, readMbox } from '../../../relay/mailbox-files/mbox-read.ts';
import { type MboxKind, MboxSplitter, senderOfFromLine } from '../../../relay/mailbox-files/mbox-split.ts';
import { mboxOf } from '../../../relay/mailbox-files/mbox-write.ts';
import { everySplit } from '../../../src/every-split.ts';

const F = 'From a@x.example Sun Nov 22 15:07:00 2026';

interface Found {
  readonly line: string;
  text: string;
  ended: boolean;
}

function split(chunks: readonly Buffer[], kind: MboxKind = 'mboxrd'): Found[] | 'no mbox' {
  const found: Found[] = [];
  const splitter = new MboxSplitter(
    {
      begin: (line) => found.push({ line, text: '', ended: false }),
      data: (bytes) => {
        found.at(-1)!.text += bytes.toString('latin1');
      },
      end: () => {
        found.at(-1)!.ended = true;
      },
    },
    kind,
  );
  if (!chunks.every((chunk) => splitter.feed(chunk)) || !splitter.end()) return 'no mbox';
  return found;
}

const texts = (found: Found[] | 'no mbox'): unknown => (found === 'no mbox' ? found : found.map(({ text }) => text));

const ROWS: readonly (readonly [
  what: string,
  text: string,
  messages: readonly string[] | 'no mbox',
  kind?: MboxKind,
])[] = [
  ['one message', `${F}\nS: 1\n\nx\n`, ['S: 1\n\nx\n']],
  ["two, and the empty line between them is neither's", `${F}\nS: 1\n\nx\n\n${F}\nS: 2\n`, ['S: 1\n\nx\n', 'S: 2\n']],
  ['the same with CRLF', `${F}\r\nS: 1\r\n\r\nx\r\n\r\n${F}\r\nS: 2\r\n`, ['S: 1\r\n\r\nx\r\n', 'S: 2\r\n']],
  ['the last separator', `${F}\nx\n\n`, ['x\n']],
  ['empty lines that are text', `${F}\nx\n\n\n\n${F}\ny\n\n\n`, ['x\n\n\n', 'y\n\n']],
  ['a message without an end of its last line', `${F}\nx\n\n${F}\ny`, ['x\n', 'y']],
  ['an empty message', `${F}\n\n${F}\n`, ['', '']],
  ['a From line without an end', `${F}\nx\n\n${F}`, ['x\n', '']],
  ['quoted From lines', `${F}\n>From me\n>>From me\n> From\n>From\n`, ['From me\n>From me\n> From\n>From\n']],
  ['the same, quoted once only', `${F}\n>From me\n>>From me\n`, ['From me\n>>From me\n'], 'mboxo'],
  ['a From line behind text', `${F}\nx\n${F}\ny\n`, [`x\n${F}\ny\n`]],
  ['a From without a date', `${F}\nx\n\nFrom here on\nFrom me\n`, ['x\n\nFrom here on\nFrom me\n']],
  ['a date with a zone', `From - Mon Mar 31 16:10:05 +0000 2014\nx\n`, ['x\n']],
  ['empty lines before the first', `\n\r\n${F}\nx\n`, ['x\n']],
  ['nothing', '', []],
  ['a mail that is no mbox', 'Subject: x\n\ny\n', 'no mbox'],
  ['a text without lines', 'x', 'no mbox'],
  ['CRs that end nothing', `${F}\n\r\r\nx\r\n\r${F}\n`, [`\r\r\nx\r\n\r${F}\n`]],
];

describe('MboxSplitter', () => {
  for (const [what, text, messages, kind] of ROWS) {
    it(`reads ${what}`, () => {
      expect(texts(everySplit(text, (chunks) => split(chunks, kind), { random: 20 }))).to.deep.equal(messages);
    });
  }

  it('tells the beginning with its line, and the end of each message', () => {
    const found = split([Buffer.from(`${F} \r\nx\n\n${F}\n`)]) as Found[];
    expect(found.map(({ line, ended }) => [line, ended])).to.deep.equal([
      [F, true],
      [F, true],
    ]);
  });

  it('holds no more than a line that could be a From line', () => {
    const text = `${F}\n${'>'.repeat(100_000)}From x\n\nFrom ${'x'.repeat(5000)} Mon Jan 1 10:00:00 2024\n`;
    expect(texts(split([...text].map((c) => Buffer.from(c))))).to.deep.equal([
      `${'>'.repeat(100_000)}From x\n\nFrom ${'x'.repeat(5000)} Mon Jan 1 10:00:00 2024\n`,
    ]);
  });
});

describe('senderOfFromLine', () => {
  for (const [line, sender] of [
    [F, 'a@x.example'],
    ['From <b@x.example> Sun Nov 22', 'b@x.example'],
    ['From - Mon Mar 31 16:10:05 2014', undefined],
    ['From MAILER-DAEMON Sun Nov 22 15:07:00 2026', ''],
  ] as const)
    it(`finds ${JSON.stringify(sender)} in ${line}`, () => expect(senderOfFromLine(line)).to.equal(sender));
});

async function* from(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text, 'latin1');
}

describe('readMbox', () => {
  it('gives each message as a stream, and skips what is not read', async () => {
    const seen: string[] = [];
    for await (const { content } of readMbox(from(`${F}\none\n\n${F}\ntw`, `o\n\n${F}\nthree\n`))) {
      if (seen.length === 1) {
        seen.push('skipped');
        continue;
      }
      let text = '';
      for await (const piece of content) text += piece.toString('latin1');
      seen.push(text);
    }
    expect(seen).to.deep.equal(['one\n', 'skipped', 'three\n']);
  });

  it('rejects what is no mbox', async () => {
    const error = await readMbox(from('Subject: x\n'))
      .next()
      .then(
        () => null,
        (reason: unknown) => reason,
      );
    expect(error).to.be.instanceOf(NotMbox);
  });

  it('ends its source when nobody reads on', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield* from(`${F}\nx\n\n`, `${F}\ny\n`);
      } finally {
        ended = true;
      }
    }
    for await (const _ of readMbox(source())) break;
    expect(ended).to.equal(true);
  });
});

async function written(chunks: readonly Buffer[], sender = 'a@x.example'): Promise<string> {
  let text = '';
  const entry = { sender, receivedAt: Date.UTC(2026, 10, 2, 5, 7, 9), content: chunks };
  for await (const bytes of mboxOf([entry])) text += bytes.toString('latin1');
  return text;
}

describe('mboxOf', () => {
  const head = 'From a@x.example Mon Nov  2 05:07:09 2026\n';
  for (const [what, content, expected] of [
    ['a message with Unix line ends, and an empty line behind it', 'S: 1\r\n\r\nx\r\n', 'S: 1\n\nx\n\n'],
    ['the end of a last line', 'x', 'x\n\n'],
    [
      'From lines quoted, and quoted ones once more',
      'From x\r\n>From y\r\n>>From\r\n',
      '>From x\n>>From y\n>>From\n\n',
    ],
    ['bare CRs as they are', 'a\rb\r\r\n\r', 'a\rb\r\n\r\n\n'],
    ['a beginning of a From line at the end', 'x\r\nFro', 'x\nFro\n\n'],
    ['nothing', '', '\n'],
  ] as const) {
    it(`writes ${what}`, async () => {
      expect(await everySplit(content, written, { random: 10 })).to.equal(head + expected);
    });
  }

  it('names the null sender as others do, and lets no sender break its line', async () => {
    expect(await written([], '')).to.match(/^From MAILER-DAEMON Mon /);
    expect(await written([], '"a\n b"@x.example')).to.match(/^From "a__b"@x\.example Mon /);
  });

  it('gives back what was written, whatever it is', async () => {
    const line = fc.constantFrom('From x', '>From x', '>>From', '', '>', 'F', 'From ', 'text', `${F}`, '.');
    const mail = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((one) => `${one}\r\n`).join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(mail, { maxLength: 4 }), async (mails) => {
        const entries = mails.map((text) => ({ sender: 'a@x.example', receivedAt: 0, content: [Buffer.from(text)] }));
        const read: string[] = [];
        for await (const { content } of readMbox(mboxOf(entries))) {
          let text = '';
          for await (const piece of content) text += piece.toString('latin1');
          read.push(text.replaceAll('\n', '\r\n'));
        }
        expect(read).to.deep.equal(mails);
      }),
      { numRuns: 200 },
    );
  });
});
