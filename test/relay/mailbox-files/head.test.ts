// The header of a message in pieces, and what sendmail makes of it.
import { expect } from 'chai';
import { addressesIn, HeadTooLong, readHead } from '../../../relay/mailbox-files/head.ts';
import { type OutgoingOptions, readOutgoing } from '../../../relay/mailbox-files/outgoing.ts';
import { everySplit } from '../../../src/every-split.ts';

async function* from(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield chunk;
}

async function text(pieces: AsyncIterable<Buffer>): Promise<string> {
  let all = '';
  for await (const piece of pieces) all += piece.toString('latin1');
  return all;
}

describe('readHead', () => {
  for (const [what, mail, fields, rest, isEnded] of [
    ['fields and a body', 'A: 1\r\nB : 2\r\n\r\nbody', ['a=1', 'b=2'], '\r\nbody', true],
    ['LF line ends', 'A: 1\n\nbody\n', ['a=1'], '\nbody\n', true],
    ['folded fields', 'A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n', ['a=1 2\t3', 'b=4'], '\r\n', true],
    ['a header alone', 'A: 1\nB: 2', ['a=1', 'b=2'], '', false],
    ['a body behind no empty line', 'A: 1\nbody of it\n', ['a=1'], 'body of it\n', false],
    ['a body alone', 'no field here\nA: 1\n', [], 'no field here\nA: 1\n', false],
    ['nothing', '', [], '', false],
    ['an empty line first', '\nA: 1\n', [], '\nA: 1\n', true],
    ['a body that begins folded', ' A: 1\n', [], ' A: 1\n', false],
  ] as const) {
    it(`reads ${what}`, async () => {
      const read = await everySplit(
        mail,
        async (chunks) => {
          const head = await readHead(from(chunks));
          const { block, isEnded: ended } = head;
          const pairs = head.fields.map(({ name, value }) => `${name}=${value}`);
          return { block: block.toString('latin1'), pairs, ended, rest: await text(head.rest) };
        },
        { random: 10 },
      );
      expect(read.pairs).to.deep.equal(fields);
      expect(read.rest).to.equal(rest);
      expect(read.ended).to.equal(isEnded);
      expect(read.block + read.rest).to.equal(mail);
    });
  }

  it('takes no header without end', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.from(`X-Line: ${'x'.repeat(60_000)}\r\n`);
    }
    const error = await readHead(endless()).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(HeadTooLong);
  });

  it('takes a line without end for a body', async () => {
    const head = await readHead(from([Buffer.from('x'.repeat(500_000)), Buffer.from('y'.repeat(2_000_000))]));
    expect([head.block.length, (await text(head.rest)).length]).to.deep.equal([0, 2_500_000]);
  });
});

describe('addressesIn', () => {
  it('finds groups, names, comments and duplicates, and leaves out what is no address', async () => {
    const mail =
      'To: "A, B" <a@x.example>, b@x.example (Bob),\r\n Team: c@x.example, d@x.example;\r\n' +
      'Cc: A@x.example, a@x.example, undisclosed-recipients:;\r\nTo: root\r\n\r\n';
    const { fields } = await readHead(from([Buffer.from(mail)]));
    expect(addressesIn(fields, new Set(['to', 'cc']))).to.deep.equal([
      'a@x.example',
      'b@x.example',
      'c@x.example',
      'd@x.example',
      'A@x.example',
      'root',
    ]);
  });
});

const OPTIONS: OutgoingOptions = {
  sender: 'me@here.example',
  fullName: '',
  hostname: 'here.example',
  now: new Date(Date.UTC(2026, 10, 22, 15, 7)),
  readsRecipients: true,
  ignoresDots: true,
};

async function outgoing(mail: string, options: Partial<OutgoingOptions> = {}) {
  return everySplit(mail, async (chunks) => {
    const { recipients, isUtf8, content } = await readOutgoing(from(chunks), { ...OPTIONS, ...options });
    const sent = (await text(content)).replace(/^Message-ID: <[\w.]+@here\.example>\r\n/m, 'Message-ID: ours\r\n');
    return { recipients, isUtf8, sent };
  });
}

const DATED = 'From: a@x.example\nDate: today\nMessage-ID: <1@x>\n';

describe('readOutgoing', () => {
  it('adds what is missing, and nothing else', async () => {
    const { sent } = await outgoing('To: b@x.example\n\nbody\n');
    expect(sent).to.match(
      /^To: b@x\.example\nFrom: <me@here\.example>\r\nDate: (Sun|Mon), 2[23] Nov 2026 \d\d:\d\d:00 [+-]\d{4}\r\nMessage-ID: ours\r\n\nbody\n$/,
    );
    const whole = `${DATED}To: b@x.example\n\nbody\n`;
    expect((await outgoing(whole)).sent).to.equal(whole);
  });

  for (const [what, mail, sent] of [
    [
      'Bcc goes, folded as it may be',
      `${DATED}Bcc: b@x.example,\n c@x.example\nX: 1\n\nbody\n`,
      `${DATED}X: 1\n\nbody\n`,
    ],
    ['a body without a header gets one', 'body: no, text\n', undefined],
    ['a header without a body gets its end', DATED, `${DATED}\r\n`],
    ['a header that is cut gets its end', `${DATED}X: 1`, `${DATED}X: 1\r\n\r\n`],
    ['a From line of an mbox goes', `From me Sun Nov 22 15:07:00 2026\n${DATED}\nbody`, `${DATED}\nbody`],
    ['a body behind no empty line gets one', `${DATED}body of it\n`, `${DATED}\r\nbody of it\n`],
  ] as const) {
    it(what, async () => {
      const { sent: got } = await outgoing(mail);
      if (sent !== undefined) expect(got).to.equal(sent);
      else expect(got).to.match(/\r\nMessage-ID: ours\r\n\r\n?/);
    });
  }

  it('leaves Bcc alone, and reads no recipients, where they were named', async () => {
    const mail = `${DATED}To: c@x.example\nBcc: b@x.example\n\nbody\n`;
    expect(await outgoing(mail, { readsRecipients: false })).to.deep.equal({
      recipients: [],
      isUtf8: false,
      sent: mail,
    });
  });

  it('takes To, Cc and Bcc, or those of a mail that is sent once more', async () => {
    const mail = 'To: a@x.example\nCc: b@x.example\nBcc: c@x.example\n';
    expect((await outgoing(`${mail}\n`)).recipients).to.deep.equal(['a@x.example', 'b@x.example', 'c@x.example']);
    expect((await outgoing(`${mail}Resent-To: d@x.example\n\n`)).recipients).to.deep.equal(['d@x.example']);
  });

  it('ends at a lone dot, unless dots are text', async () => {
    for (const [mail, sent] of [
      [`${DATED}\na\n.\nb\n`, `${DATED}\na\n`],
      [`${DATED}\r\na\r\n.\r\nb`, `${DATED}\r\na\r\n`],
      [`${DATED}\n..\n.x\n.`, `${DATED}\n..\n.x\n`],
      [`${DATED}\na.\n.`, `${DATED}\na.\n`],
      [`${DATED}\na\n.\r`, `${DATED}\na\n`],
    ] as const) {
      expect((await outgoing(mail, { ignoresDots: false })).sent, JSON.stringify(mail)).to.equal(sent);
      expect((await outgoing(mail)).sent).to.equal(mail);
    }
  });

  for (const [name, field] of [
    ['Ada Lovelace', 'From: Ada Lovelace <me@here.example>'],
    ['Lovelace, "Ada"', 'From: "Lovelace, \\"Ada\\"" <me@here.example>'],
    ['Jürgen', 'From: =?UTF-8?B?SsO8cmdlbg==?= <me@here.example>'],
    ['a\r\nBcc: x@x.example', 'From: "a Bcc: x@x.example" <me@here.example>'],
  ] as const) {
    it(`writes ${JSON.stringify(name)} into the From field that it adds`, async () => {
      expect((await outgoing('To: b@x.example\n\n', { fullName: name })).sent).to.contain(`${field}\r\n`);
    });
  }

  it('tells a header with more than ASCII', async () => {
    expect((await outgoing('To: b@x.example\nSubject: \xc3\xbc\n\n')).isUtf8).to.equal(true);
    expect((await outgoing('To: b@x.example\n\n\xc3\xbc\n')).isUtf8).to.equal(false);
  });
});
