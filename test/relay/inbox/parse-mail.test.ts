// Reading mails of every kind: what is shown, what can be opened, and that nothing makes it fail or hang.
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { openPart, parseMail, summarise } from '../../../relay/inbox/parse-mail.ts';
import type { MimeNode, ParsedMail } from '../../../relay/inbox/parsed-mail.ts';
import { randomNumbers } from '../../../src/random.ts';
import {
  BOUNCE,
  bytesOf,
  CALENDAR,
  DIGEST,
  ENCRYPTED,
  FORWARDED,
  HOSTILE,
  NEWSLETTER,
  nested,
  PLAIN,
  SIGNED,
  TNEF,
  utf8Of,
} from './corpus/mails.ts';

/** `0 multipart/mixed [1 text/plain, 2 application/pdf]` */
function outline({ partId, contentType, children }: MimeNode): string {
  return `${partId} ${contentType}${children.length > 0 ? ` [${children.map(outline).join(', ')}]` : ''}`;
}

function leaves(node: MimeNode): MimeNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leaves);
}

const parts = (mail: ParsedMail) =>
  [...mail.inline, ...mail.attachments].map(
    ({ partId, fileName, contentType, disposition }) => `${partId} ${fileName} ${contentType} ${disposition}`,
  );

const header = (...lines: string[]) => parseMail(utf8Of(...lines, '', ''));

describe('a mail that is read', () => {
  it('has what its header says', async () => {
    const mail = await parseMail(PLAIN);
    expect(mail.from).to.deep.equal({ name: 'Ann', address: 'ann@x.example' });
    expect(mail.to).to.deep.equal([{ name: '', address: 'bob@x.example' }]);
    expect([mail.subject, mail.messageId, mail.date]).to.deep.equal(['Hi', 'one@x.example', Date.UTC(2026, 10, 22, 9)]);
    expect(mail.headers.map(({ name }) => name)).to.deep.equal([
      'From',
      'To',
      'Subject',
      'MIME-Version',
      'Message-ID',
      'Date',
    ]);
    expect(outline(mail.tree)).to.equal('1 text/plain');
  });

  it('has its text byte for byte, with the line ends of the wire', async () => {
    expect((await parseMail(PLAIN)).text).to.equal('Hello,\r\n\r\nthis is text.\r\n');
  });

  it('has its tree, text, HTML, shown pictures and files', async () => {
    const mail = await parseMail(NEWSLETTER);
    expect(outline(mail.tree)).to.equal(
      '0 multipart/mixed [1 multipart/alternative [1.1 text/plain, 1.2 multipart/related ' +
        '[1.2.1 text/html, 1.2.2 image/png, 1.2.3 image/png]], 2 application/pdf]',
    );
    expect(mail.text).to.equal('plain words');
    expect(mail.html).to.equal(
      '<style>p { color: red }</style><p>HTML wörds</p><img src="cid:logo@x.example"><script>no()</script>',
    );
    expect(parts(mail)).to.deep.equal([
      '1.2.2 part-1.2.2.png image/png inline',
      '1.2.3 unused.png image/png attachment',
      '2 Rechnung € 17.pdf application/pdf attachment',
    ]);
    expect(mail.attachments[1]?.checksums).to.deep.equal({
      md5: '5d41402abc4b2a76b9719d911017c592',
      sha1: 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d',
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    });
    expect(mail.tree.children[1]?.size).to.equal(8);
  });

  const KINDS: readonly [name: string, mail: Buffer, tree: string, text: string, parts: readonly string[]][] = [
    [
      'an invitation',
      CALENDAR,
      '0 multipart/alternative [1 text/plain, 2 text/calendar, 3 text/x-amp-html]',
      'You are invited',
      ['2 part-2.ics text/calendar attachment'],
    ],
    [
      'a signed mail',
      SIGNED,
      '0 multipart/signed [1 text/plain, 2 application/pkcs7-signature]',
      'signed words',
      ['2 smime.p7s application/pkcs7-signature attachment'],
    ],
    [
      'an encrypted mail',
      ENCRYPTED,
      '1 application/pkcs7-mime',
      '',
      ['1 part-1.p7m application/pkcs7-mime attachment'],
    ],
    [
      'winmail.dat',
      TNEF,
      '0 multipart/mixed [1 text/plain, 2 application/ms-tnef]',
      'see winmail',
      ['2 winmail.dat application/ms-tnef attachment'],
    ],
    [
      'a mail in a mail',
      FORWARDED,
      '0 multipart/mixed [1 text/plain, 2 message/rfc822]',
      'see below',
      ['2 part-2.eml message/rfc822 attachment'],
    ],
    [
      'a bounce',
      BOUNCE,
      '0 multipart/report [1 text/plain, 2 message/delivery-status, 3 text/rfc822-headers]',
      'It failed.',
      ['2 part-2.txt message/delivery-status attachment', '3 part-3.txt text/rfc822-headers attachment'],
    ],
    [
      'a digest',
      DIGEST,
      '0 multipart/digest [1 message/rfc822, 2 message/rfc822]',
      '',
      ['1 part-1.eml message/rfc822 attachment', '2 part-2.eml message/rfc822 attachment'],
    ],
  ];
  for (const [name, bytes, tree, text, expected] of KINDS) {
    it(`is ${name}`, async () => {
      const mail = await parseMail(bytes);
      expect([outline(mail.tree), mail.text, parts(mail)]).to.deep.equal([tree, text, expected]);
    });
  }

  it('keeps a mail in a mail byte for byte', async () => {
    const inner = await openPart(FORWARDED, '2');
    const start = FORWARDED.indexOf('Subject: inner');
    const end = FORWARDED.indexOf('\r\n\r\n--f--') + 2;
    expect(Buffer.from(inner!.bytes).equals(FORWARDED.subarray(start, end))).to.equal(true);
  });

  it('takes a text with a file name for a file, but not when it is the mail', async () => {
    const named = 'Content-Type: text/plain; name=notes.txt';
    const alone = await parseMail(bytesOf(named, '', 'words'));
    const beside = await parseMail(
      bytesOf('Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'words', '--b', named, '', 'notes', '--b--'),
    );
    expect([alone.text, alone.attachments]).to.deep.equal(['words', []]);
    expect([beside.text, parts(beside)]).to.deep.equal(['words', ['2 notes.txt text/plain attachment']]);
  });

  it('shows the HTML that pictures are related to, even when it has a name', async () => {
    const mail = await parseMail(
      bytesOf(
        'Content-Type: multipart/related; boundary=b',
        '',
        '--b',
        'Content-Type: text/html; name=index.html',
        '',
        '<p>x',
        '--b',
        'Content-Type: text/html; name=other.html',
        '',
        '<p>y',
        '--b--',
      ),
    );
    expect([mail.html, parts(mail)]).to.deep.equal(['<p>x', ['2 other.html text/html attachment']]);
  });

  it('makes a text of HTML that has none beside it', async () => {
    const mail = await parseMail(
      bytesOf(
        'Content-Type: text/html',
        '',
        '<p>Hello <a href="https://x.example/">you</a></p><ul><li>one<li>two</ul>',
      ),
    );
    expect(mail.text).to.equal('Hello you (https://x.example/)\n\n* one\n* two');
  });
});

describe('charsets and encodings of a body', () => {
  const body = (type: string, encoding: string, content: Buffer) =>
    parseMail(
      Buffer.concat([bytesOf(`Content-Type: ${type}`, `Content-Transfer-Encoding: ${encoding}`, '', ''), content]),
    );
  const ROWS: readonly [type: string, encoding: string, content: Buffer, text: string][] = [
    ['text/plain; charset=iso-2022-jp', '7bit', Buffer.from('\x1b$BF|K\\8l\x1b(B', 'latin1'), '日本語'],
    ['text/plain; charset=Shift_JIS', '8bit', Buffer.from('93fa967b', 'hex'), '日本'],
    ['text/plain; charset="gbk"', '8bit', Buffer.from('c4e3bac3', 'hex'), '你好'],
    ['text/plain; charset=gb2312', 'base64', Buffer.from('xOO6ww=='), '你好'],
    ['text/plain; charset=big5', '8bit', Buffer.from('a741a66e', 'hex'), '你好'],
    ['text/plain; charset=euc-kr', '8bit', Buffer.from('c7d1b1db', 'hex'), '한글'],
    ['text/plain; charset=windows-1252', '8bit', Buffer.from('80 \x93x\x94', 'latin1'), '80 “x”'],
    ['text/plain; charset=iso-8859-1', 'quoted-printable', Buffer.from('f=F6r =80'), 'för €'],
    ['text/plain; charset=iso-8859-15', '8bit', Buffer.from([0xa4]), '€'],
    ['text/plain; charset=koi8-r', '8bit', Buffer.from('f0d2c9d7c5d4', 'hex'), 'Привет'],
    ['text/plain; charset=utf-16le', 'base64', Buffer.from(Buffer.from('hä', 'utf16le').toString('base64')), 'hä'],
    ['text/plain; charset=cp932', '8bit', Buffer.from('93fa', 'hex'), '日'],
    ['text/plain; charset=utf-8', '8bit', Buffer.from('61ff62', 'hex'), 'a\ufffdb'],
    ['text/plain; charset=utf-8', '8bit', Buffer.from('\ufeffx'), 'x'],
    ['text/plain', '8bit', Buffer.from('wörds'), 'wörds'],
    ['text/plain; charset=us-ascii', '8bit', Buffer.from('w\xf6rds', 'latin1'), 'wörds'],
    ['text/plain; charset=no-such', '8bit', Buffer.from('w\xf6rds', 'latin1'), 'wörds'],
    ['text', '7bit', Buffer.from('x'), 'x'],
    ['text/plain', '(a comment) "base64"', Buffer.from('eA=='), 'x'],
    ['text/plain', 'BASE64', Buffer.from('eA\r\n==\r\n'), 'x'],
    ['text/plain', 'base64', Buffer.from('aGVs\r\nbG8=\r\nIHRo\r\nZXJl'), 'hello there'],
    ['text/plain', 'base64', Buffer.from('YQ==YmM='), 'abc'],
    ['text/plain', 'quoted-printable', Buffer.from('a=20 \t\r\nb=\r\nc=3D=3d= \r\nd =XY ='), 'a \r\nbc==d =XY '],
    ['text/plain', 'uuencode', Buffer.from('begin 644 x\r\n%:&5L;&\\\r\n`\r\nend\r\n'), 'hello'],
    ['text/plain', 'rot13', Buffer.from('uryyb'), 'uryyb'],
  ];
  for (const [type, encoding, content, text] of ROWS) {
    it(`are read: ${type}, ${encoding}, ${JSON.stringify(text)}`, async () =>
      expect((await body(type, encoding, content)).text).to.equal(text));
  }

  it('give the bytes of a file as they were, whatever the encoding', async () => {
    const file = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 31) & 255));
    const lines = file.toString('base64').replace(/.{76}/g, '$&\r\n');
    const quoted = [...file]
      .map((byte) => `=${byte.toString(16).padStart(2, '0').toUpperCase()}`)
      .join('')
      .replace(/.{72}/g, '$&=\r\n');
    for (const [encoding, content] of [
      ['base64', lines],
      ['quoted-printable', quoted],
    ] as const) {
      const bytes = bytesOf(
        'Content-Type: application/octet-stream',
        `Content-Transfer-Encoding: ${encoding}`,
        '',
        content,
      );
      const [part] = (await parseMail(bytes)).attachments;
      expect(part?.checksums.sha256).to.equal(createHash('sha256').update(file).digest('hex'));
    }
  });
});

describe('a header', () => {
  it('has its encoded words decoded and keeps them as written', async () => {
    const { headers, subject } = await header(
      'Subject: =?utf-8?Q?J=C3=B6rg?= =?utf-8?B?w6Q=?= a =?iso-8859-1*de?q?=e4_b?=',
      ' folded',
    );
    expect(subject).to.equal('Jörgä a ä b folded');
    expect(headers[0]).to.deep.equal({
      name: 'Subject',
      raw: '=?utf-8?Q?J=C3=B6rg?= =?utf-8?B?w6Q=?= a =?iso-8859-1*de?q?=e4_b?= folded',
      value: 'Jörgä a ä b folded',
    });
  });

  it('may hold UTF-8 or Latin-1 as it is', async () => {
    expect((await header('Subject: Jörg €')).subject).to.equal('Jörg €');
    expect((await parseMail(bytesOf('Subject: J\xf6rg \x80', '', ''))).subject).to.equal('Jörg €');
  });

  const LISTS: readonly [list: string, mailboxes: readonly [name: string, address: string][]][] = [
    ['a@x.example', [['', 'a@x.example']]],
    [
      'A B <a@x.example>, <b@x.example>',
      [
        ['A B', 'a@x.example'],
        ['', 'b@x.example'],
      ],
    ],
    ['"B, A" <a@x.example>', [['B, A', 'a@x.example']]],
    ['=?utf-8?Q?J=C3=B6rg=2C?= <j@x.example>', [['Jörg,', 'j@x.example']]],
    ['a@x.example (A B)', [['A B', 'a@x.example']]],
    [
      'Team: a@x.example, B <b@x.example>;, c@x.example',
      [
        ['', 'a@x.example'],
        ['B', 'b@x.example'],
        ['', 'c@x.example'],
      ],
    ],
    ['undisclosed-recipients:;', []],
    ['"john doe"@x.example', [['', 'john doe@x.example']]],
    ['jörg@exämple.example', [['', 'jörg@exämple.example']]],
    ['', []],
    [', ,', []],
  ];
  for (const [list, mailboxes] of LISTS) {
    it(`has the mailboxes of ${list || 'an empty list'}`, async () => {
      expect((await header(`To: ${list}`)).to.map(({ name, address }) => [name, address])).to.deep.equal(mailboxes);
    });
  }

  it('may have a field several times', async () => {
    const mail = await header('To: a@x.example', 'to: b@x.example', 'Subject: one', 'Subject: two');
    expect(mail.to.map(({ address }) => address)).to.deep.equal(['a@x.example', 'b@x.example']);
    expect(mail.subject).to.equal('one');
  });

  it('shows a From that is no address', async () => {
    expect((await header('From: the robot')).from).to.deep.equal({ name: 'the robot', address: '' });
    expect((await header('Subject: x')).from).to.equal(null);
  });

  it('has ids and paths without brackets, and the tags that X-Tags asks for', async () => {
    const mail = await header('Message-ID: <a@b> (c)', 'Return-Path: <>', 'X-Tags: one, two words,ONE,, three');
    expect([mail.messageId, mail.returnPath, mail.tags]).to.deep.equal(['a@b', '', ['one', 'two words', 'three']]);
  });

  const DATES: readonly [date: string, time: number | null][] = [
    ['Sun, 22 Nov 2026 10:00:00 +0100', Date.UTC(2026, 10, 22, 9)],
    ['22 Nov 26 10:00 EST', Date.UTC(2026, 10, 22, 15)],
    ['Sun, 22 Nov 2026 10:00:00 -0000 (a comment)', Date.UTC(2026, 10, 22, 10)],
    ['Sun, 22 November 2026 10:00:00 GMT', Date.UTC(2026, 10, 22, 10)],
    ['2026-11-22T10:00:00Z', Date.UTC(2026, 10, 22, 10)],
    ['2026-11-22 10:00:00', Date.UTC(2026, 10, 22, 10)],
    ['yesterday', null],
    ['foo 1', null],
    ['Sun, 42 Nov 2026 10:00:00 +0100', null],
    ['Sun, 22 Nov 2026 25:00:00 +0100', null],
    ['', null],
  ];
  for (const [date, time] of DATES)
    it(`has the date ${date || 'nothing'}`, async () => expect((await header(`Date: ${date}`)).date).to.equal(time));

  const NAMES: readonly [field: string, name: string][] = [
    ['attachment; filename="a b.pdf"', 'a b.pdf'],
    ['attachment; filename=Invoice(1).pdf', 'Invoice(1).pdf'],
    ['attachment; filename="=?utf-8?B?w6QucGRm?="', 'ä.pdf'],
    ["attachment; filename=plain.pdf; filename*=iso-8859-1'de'%e4.pdf", 'ä.pdf'],
    ['attachment; filename="C:\\\\Users\\\\me\\\\a.pdf"', 'a.pdf'],
    ['attachment; filename="../../etc/passwd"', 'passwd'],
    ['attachment; filename="say \\"hi\\".pdf"', 'say "hi".pdf'],
    ['attachment; filename=".."', 'part-1.pdf'],
    ['attachment', 'part-1.pdf'],
    [`attachment; filename=${'x'.repeat(500)}.pdf`, `${'x'.repeat(180)}${'x'.repeat(16)}.pdf`],
  ];
  for (const [field, name] of NAMES) {
    it(`names a file: ${field.slice(0, 60)}`, async () => {
      const mail = await header('Content-Type: application/pdf', `Content-Disposition: ${field}`);
      expect(mail.attachments[0]?.fileName).to.equal(name);
    });
  }

  it('ends where text begins without an empty line, but a stray line is passed over', async () => {
    const cut = await parseMail(bytesOf('Subject: x', 'Dear all,', 'words'));
    expect([cut.subject, cut.text]).to.deep.equal(['x', 'Dear all,\r\nwords']);
    const stray = await parseMail(
      bytesOf('From ann Mon Nov 22', 'Subject: x', 'a stray line', 'To: a@x.example', '', 'words'),
    );
    expect([stray.subject, stray.to.length, stray.text]).to.deep.equal(['x', 1, 'words']);
  });
});

describe('broken structure', () => {
  const read = async (...lines: string[]) => {
    const mail = await parseMail(bytesOf(...lines));
    return [outline(mail.tree), mail.text];
  };
  const mixed = 'Content-Type: multipart/mixed; boundary=b';

  it('is shown as text when there is no boundary or it never comes', async () => {
    expect(await read('Content-Type: multipart/mixed', '', 'words')).to.deep.equal(['1 multipart/mixed', 'words']);
    expect(await read(mixed, '', 'words')).to.deep.equal(['1 multipart/mixed', 'words']);
  });

  it('ends with the mail when the last delimiter is missing', async () => {
    expect(await read(mixed, '', '--b', '', 'one', '--b', '', 'two')).to.deep.equal([
      '0 multipart/mixed [1 text/plain, 2 text/plain]',
      'one\ntwo',
    ]);
  });

  it('ends with the outer multipart when an inner one is not closed', async () => {
    const inner = ['Content-Type: multipart/alternative; boundary=c', '', '--c', '', 'in'];
    expect(await read(mixed, '', '--b', ...inner, '--b', '', 'out', '--b--')).to.deep.equal([
      '0 multipart/mixed [1 multipart/alternative [1.1 text/plain], 2 text/plain]',
      'in\nout',
    ]);
  });

  it('takes a part without header or body', async () => {
    expect(await read(mixed, '', '--b', '--b', 'X: y', '--b', '', '', '--b', '', 'x', '--b--')).to.deep.equal([
      '0 multipart/mixed [1 text/plain, 2 text/plain, 3 text/plain, 4 text/plain]',
      'x',
    ]);
  });

  it('knows a delimiter only when it is the whole line', async () => {
    expect(await read(mixed, '', '--b \t', '', '--bc', '--b-', ' --b', '--b--')).to.deep.equal([
      '0 multipart/mixed [1 text/plain]',
      '--bc\r\n--b-\r\n --b',
    ]);
  });

  it('lets a boundary be the beginning of another', async () => {
    const inner = ['Content-Type: multipart/mixed; boundary=b--', '', '--b--', '', 'in', '--b----'];
    expect((await read(mixed, '', '--b', ...inner, '--b', '', 'out', '--b--'))[1]).to.equal('in\nout');
  });

  it('has a bounded depth, and what lies deeper can still be opened', async () => {
    const mail = await parseMail(nested(1000));
    let depth = 0;
    for (let node: MimeNode | undefined = mail.tree; node; node = node.children[0]) depth++;
    expect(depth).to.equal(101);
    const [bottom] = leaves(mail.tree);
    expect(mail.attachments.map(({ partId }) => partId)).to.deep.equal([bottom!.partId]);
    expect(Buffer.from((await openPart(nested(1000), bottom!.partId))!.bytes).toString()).to.include('the bottom');
  });
});

describe('opening a part', () => {
  it('gives each leaf by its id, as it was listed', async () => {
    for (const bytes of [PLAIN, NEWSLETTER, CALENDAR, SIGNED, TNEF, FORWARDED, BOUNCE, DIGEST]) {
      const mail = await parseMail(bytes);
      for (const { partId } of leaves(mail.tree)) expect((await openPart(bytes, partId))?.partId).to.equal(partId);
      for (const listed of [...mail.inline, ...mail.attachments]) {
        const { bytes: content, ...rest } = (await openPart(bytes, listed.partId))!;
        const { size, disposition: _, ...same } = listed;
        expect(rest).to.deep.equal(same);
        expect(content.length).to.equal(size);
      }
    }
  });

  it('knows no other ids', async () => {
    for (const id of ['', '0', '1', '3', '1.2', '1.2.4', '01.1', '../1', '__proto__', '1.1\u0000'])
      expect(await openPart(NEWSLETTER, id), id).to.equal(undefined);
  });
});

describe('the summary', () => {
  it('has the beginning of what is seen, on one line', async () => {
    expect(summarise(await parseMail(NEWSLETTER)).snippet).to.equal('HTML wörds');
    expect(summarise(await parseMail(PLAIN)).snippet).to.equal('Hello, this is text.');
    const long = summarise(await parseMail(bytesOf('', 'word '.repeat(100)))).snippet;
    expect(long).to.equal(`${'word '.repeat(40)}...`);
    const emoji = summarise(await parseMail(utf8Of('', `${'x'.repeat(199)}😀y`))).snippet;
    expect(emoji).to.equal(`${'x'.repeat(199)}...`);
  });

  it('has everything that a word is looked for in', async () => {
    const { searchText } = summarise(await parseMail(NEWSLETTER));
    for (const word of ['Ann <ann@x.example>', 'Hi', 'bob@x.example', 'HTML wörds', 'Rechnung € 17.pdf', 'unused.png'])
      expect(searchText).to.include(word);
    for (const word of ['color', 'no()', 'plain words']) expect(searchText).not.to.include(word);
  });
});

describe('hostile and broken mails', () => {
  for (const [name, bytes] of Object.entries(HOSTILE)) {
    it(`are read in bounded time: ${name}`, async () => {
      const started = performance.now();
      const mail = await parseMail(bytes);
      summarise(mail);
      expect(performance.now() - started).to.be.below(4000);
      expect(JSON.stringify(mail)).to.be.a('string');
      const listed = [...mail.inline, ...mail.attachments];
      if (listed[0]) expect((await openPart(bytes, listed[0].partId))?.bytes.length).to.equal(listed[0].size);
      for (const { fileName } of listed.slice(0, 100)) expect(fileName).to.match(/^[^/\\\p{Cc}]{1,200}$/u);
    });
  }

  it('never throws and soon ends on mails that chance has changed', async () => {
    const random = randomNumbers(4711);
    const pick = (limit: number) => Math.floor(random() * limit);
    const sources = [PLAIN, NEWSLETTER, CALENDAR, SIGNED, FORWARDED, BOUNCE, DIGEST];
    const pieces = [
      '\r\n',
      '\n',
      '\r',
      '--b',
      '--outer--',
      '\r\n\r\n',
      ':',
      ';',
      '"',
      '(',
      '=?utf-8?B?',
      '=',
      '\0',
      'Content-Type: multipart/mixed; boundary=outer\r\n',
      '<',
      '>',
    ];
    for (let i = 0; i < 500; i++) {
      let bytes = Buffer.from(sources[pick(sources.length)]!);
      for (let change = 1 + pick(8); change > 0; change--) {
        const at = pick(bytes.length + 1);
        const cut = at + pick(40);
        const piece = random() < 0.5 ? Buffer.from(pieces[pick(pieces.length)]!) : Buffer.from([pick(256)]);
        bytes =
          random() < 0.2
            ? bytes.subarray(0, at)
            : Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(random() < 0.5 ? at : cut)]);
      }
      const started = performance.now();
      const mail = await parseMail(bytes);
      summarise(mail);
      for (const leaf of leaves(mail.tree))
        expect(await openPart(bytes, leaf.partId), `run ${i}`).not.to.equal(undefined);
      expect(performance.now() - started, `run ${i}`).to.be.below(1000);
    }
  });
});
