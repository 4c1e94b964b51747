// The mail lint: a good mail has no finding but that it is not signed, and each fault has its own.
import { expect } from 'chai';
import { lintMail } from '../../../../relay/inbox/checks/lint.ts';
import { bytesOf, HOSTILE, NEWSLETTER, utf8Of } from '../corpus/mails.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const GOOD = {
  Date: 'Sun, 22 Nov 2026 10:00:00 +0100',
  From: 'Ann <ann@x.example>',
  To: 'bob@x.example',
  Subject: 'Hi',
  'Message-ID': '<one@x.example>',
  'MIME-Version': '1.0',
};

/** The good header with these fields in place of its own; null leaves one out. */
function header(changes: Readonly<Record<string, string | null>> = {}): string[] {
  return Object.entries({ ...GOOD, ...changes }).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`],
  );
}

const mail = (changes: Readonly<Record<string, string | null>> = {}, ...body: string[]) =>
  utf8Of(...header(changes), '', ...body, '');
const codes = (bytes: Buffer) =>
  lintMail(bytes, { now: NOW })
    .map(({ code }) => code)
    .filter((code) => code !== 'no-dkim');
const mixed = (...lines: string[]) => mail({ 'Content-Type': 'multipart/mixed; boundary=b' }, ...lines);
const DKIM = 'v=1; a=rsa-sha256; c=relaxed/simple; d=x.example; s=sel; h=from:to; bh=YWJj; b=YWJj';

const ROWS: readonly [name: string, bytes: Buffer, codes: readonly string[]][] = [
  ['a good mail', mail({}, 'words'), []],
  ['a good multipart', mixed('--b', '', 'words', '--b--'), []],
  ['a signed mail', mail({ 'DKIM-Signature': DKIM }), []],
  ['nothing', Buffer.alloc(0), ['empty', 'no-date', 'no-from', 'no-recipient', 'no-message-id', 'no-subject']],
  ['no Date', mail({ Date: null }), ['no-date']],
  ['a Date that is none', mail({ Date: 'yesterday' }), ['bad-date']],
  ['a Date of another world', mail({ Date: '2026-11-22T10:00:00Z' }), ['bad-date']],
  ['a Date in the future', mail({ Date: 'Sun, 29 Nov 2026 10:00:00 +0100' }), ['future-date']],
  ['no From', mail({ From: null }), ['no-from']],
  ['two From', mail({ from: 'c@x.example' }), ['several-fields']],
  ['two people and no Sender', mail({ From: 'a@x.example, b@x.example' }), ['no-sender']],
  ['two people and a Sender', mail({ From: 'a@x.example, b@x.example', Sender: 'a@x.example' }), []],
  ['no Message-ID', mail({ 'Message-ID': null }), ['no-message-id']],
  ['a Message-ID without brackets', mail({ 'Message-ID': 'one@x.example' }), ['bad-message-id']],
  ['nobody as recipient', mail({ To: null }), ['no-recipient']],
  ['only Cc', mail({ To: null, Cc: 'c@x.example' }), []],
  ['a group without members', mail({ To: 'undisclosed-recipients:;' }), []],
  ['an address without domain', mail({ To: 'bob' }), ['bad-address']],
  ['an address with two dots', mail({ To: 'b..b@x.example' }), ['bad-address']],
  ['an address with a bad domain', mail({ To: 'b@-x.example' }), ['bad-address']],
  ['an address literal', mail({ To: 'b@[192.0.2.1]' }), []],
  ['an empty To', mail({ To: '' }), ['bad-address']],
  ['Bcc', mail({ Bcc: 'c@x.example' }), ['bcc']],
  ['no subject', mail({ Subject: '' }), ['no-subject']],
  ['no MIME-Version', mail({ 'MIME-Version': null, 'Content-Type': 'text/plain' }), ['no-mime-version']],
  ['a header in UTF-8', mail({ Subject: 'Jörg' }), ['raw-8bit-header']],
  ['a long encoded word', mail({ Subject: `=?utf-8?Q?${'x'.repeat(80)}?=` }), ['long-encoded-word']],
  ['a stray line', bytesOf('X-A: b', 'stray words', ...header(), '', ''), ['stray-line']],
  ['no empty line', bytesOf(...header(), 'words', ''), ['no-empty-line']],
  ['a long line', mail({}, 'x'.repeat(999)), ['long-line']],
  ['a line as long as may be', mail({}, 'x'.repeat(998)), []],
  ['a bare LF', mail({}, 'a\nb'), ['bare-lf']],
  ['a bare CR', mail({}, 'a\rb'), ['bare-cr']],
  ['a NUL', mail({}, 'a\0b'), ['nul']],
  ['8-bit without a word', mail({}, 'wörds'), ['undeclared-8bit', 'undeclared-charset']],
  [
    '8-bit in UTF-8',
    mail({ 'Content-Type': 'text/plain; charset=utf-8', 'Content-Transfer-Encoding': '8bit' }, 'wörds'),
    [],
  ],
  [
    'UTF-8 that is none',
    Buffer.concat([
      mail({ 'Content-Type': 'text/plain; charset=utf-8', 'Content-Transfer-Encoding': '8bit' }),
      Buffer.from([0xff, 13, 10]),
    ]),
    ['bad-utf8'],
  ],
  ['an unknown charset', mail({ 'Content-Type': 'text/plain; charset=klingon' }), ['unknown-charset']],
  ['an unknown encoding', mail({ 'Content-Transfer-Encoding': 'rot13' }), ['unknown-encoding']],
  ['broken base64', mail({ 'Content-Transfer-Encoding': 'base64' }, 'aGV*'), ['bad-base64']],
  ['cut base64', mail({ 'Content-Transfer-Encoding': 'base64' }, 'aGVsb'), ['bad-base64']],
  [
    'broken quoted-printable',
    mail({ 'Content-Transfer-Encoding': 'quoted-printable' }, 'a=ZZ'),
    ['bad-quoted-printable'],
  ],
  [
    'good quoted-printable',
    mail(
      { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Transfer-Encoding': 'quoted-printable' },
      'a=C3=A4=',
      'b =',
    ),
    [],
  ],
  ['a Content-Type that is none', mail({ 'Content-Type': 'words' }), ['bad-content-type']],
  ['no boundary', mail({ 'Content-Type': 'multipart/mixed' }, 'x'), ['no-boundary']],
  ['a boundary that never comes', mixed('x'), ['no-parts']],
  ['no closing delimiter', mixed('--b', '', 'x'), ['unterminated']],
  [
    'a bad boundary',
    mail({ 'Content-Type': 'multipart/mixed; boundary="a@b"' }, '--a@b', '', 'x', '--a@b--'),
    ['bad-boundary'],
  ],
  [
    'an encoded multipart',
    mail({ 'Content-Type': 'multipart/mixed; boundary=b', 'Content-Transfer-Encoding': 'base64' }, '--b', '', '--b--'),
    ['encoded-multipart'],
  ],
  ['HTML alone', mail({ 'Content-Type': 'text/html' }, '<p>'), ['no-text']],
  [
    'text behind HTML',
    mail(
      { 'Content-Type': 'multipart/alternative; boundary=b' },
      '--b',
      'Content-Type: text/html',
      '',
      'x',
      '--b',
      '',
      'x',
      '--b--',
    ),
    ['alternative-order'],
  ],
  [
    'a picture that is not there',
    mixed('--b', '', 'x', '--b', 'Content-Type: text/html', '', '<img src="cid:no">', '--b--'),
    ['missing-cid'],
  ],
  [
    'long HTML',
    mail({ 'Content-Type': 'text/html' }, ...Array.from({ length: 2000 }, () => 'x'.repeat(60))),
    ['no-text', 'large-html'],
  ],
  ['winmail.dat', mixed('--b', 'Content-Type: application/ms-tnef', '', 'x', '--b--'), ['winmail']],
  ['a large mail', mail({}, ...Array.from({ length: 12 * 1100 }, () => 'x'.repeat(950))), ['large']],
  ['a list without a way out', mail({ 'List-Id': '<l.x.example>' }), ['no-list-unsubscribe']],
  ['a way out without one click', mail({ 'List-Unsubscribe': '<https://x.example/u>' }), ['no-one-click']],
  [
    'a broken way out',
    mail({ 'List-Unsubscribe': 'https://x.example/u', 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    ['bad-list-unsubscribe'],
  ],
  [
    'one click',
    mail({ 'List-Unsubscribe': '<https://x.example/u>', 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    [],
  ],
  ['a signature without tags', mail({ 'DKIM-Signature': DKIM.replace(' d=x.example;', '') }), ['bad-dkim']],
  ['a signature of SHA-1', mail({ 'DKIM-Signature': DKIM.replace('rsa-sha256', 'rsa-sha1') }), ['weak-dkim']],
  ['a signature without From', mail({ 'DKIM-Signature': DKIM.replace('from:', '') }), ['bad-dkim']],
  ['a signature for another', mail({ 'DKIM-Signature': `${DKIM}; i=@y.example` }), ['bad-dkim']],
  ['a signature for one below', mail({ 'DKIM-Signature': `${DKIM}; i=a@b.x.example` }), []],
  ['a signature of a part', mail({ 'DKIM-Signature': `${DKIM}; l=10` }), ['dkim-length']],
  ['an old signature', mail({ 'DKIM-Signature': `${DKIM}; t=1000; x=2000` }), ['expired-dkim']],
  ['a signature that is none', mail({ 'DKIM-Signature': `${DKIM}; nonsense; v=1` }), ['bad-dkim', 'bad-dkim']],
  ['Received-SPF', mail({ 'Received-SPF': 'pass (x) client-ip=192.0.2.1' }), []],
  ['a bad Received-SPF', mail({ 'Received-SPF': 'maybe' }), ['bad-received-spf']],
  [
    'results',
    mail({ 'Authentication-Results': 'mx.x.example 1; spf=pass smtp.mailfrom=x.example; dkim=fail (bad) header.d=x' }),
    [],
  ],
  ['no results', mail({ 'Authentication-Results': 'mx.x.example; none' }), []],
  [
    'bad results',
    mail({ 'Authentication-Results': 'mx.x.example; spf=great; words' }),
    ['bad-authentication-results', 'bad-authentication-results'],
  ],
  [
    'results without a server',
    mail({ 'Authentication-Results': 'spf=pass' }),
    ['bad-authentication-results', 'bad-authentication-results'],
  ],
  ['dmarc of nobody', mail({ 'Authentication-Results': 'mx.x.example; dmarc=pass' }), ['dmarc-without-from']],
];

describe('the mail lint', () => {
  for (const [name, bytes, expected] of ROWS) {
    it(`finds ${expected.join(', ') || 'nothing'} in ${name}`, () =>
      expect(codes(bytes)).to.have.members([...expected]));
  }

  it('says what, where and by which rule, worst first', () => {
    const findings = lintMail(mail({ 'Message-ID': null }, 'ok', 'x'.repeat(1200)), { now: NOW });
    expect(findings).to.deep.equal([
      {
        level: 'error',
        code: 'long-line',
        text: 'a line of the body has 1200 bytes; 998 are allowed',
        where: 'line 8',
        rule: 'RFC 5322 2.1.1',
      },
      {
        level: 'warning',
        code: 'no-message-id',
        text: 'Message-ID is missing',
        where: 'header',
        rule: 'RFC 5322 3.6.4',
      },
      {
        level: 'info',
        code: 'no-dkim',
        text: 'the mail is not signed (no DKIM-Signature)',
        where: 'header',
        rule: 'RFC 6376',
      },
    ]);
  });

  it('tells five of a kind and how many more there are', () => {
    const findings = lintMail(mail({}, ...Array.from({ length: 100 }, () => 'a\nb')), { now: NOW }).filter(
      ({ code }) => code === 'bare-lf',
    );
    expect(findings).to.have.length(5);
    expect(findings.at(-1)?.text).to.equal('a line ends with LF without CR (and 95 more of these)');
  });

  it('has no findings for the newsletter but what it does wrong', () => {
    expect(codes(NEWSLETTER)).to.have.members(['no-date', 'no-message-id', 'long-quoted-printable']);
  });

  for (const [name, bytes] of Object.entries(HOSTILE)) {
    it(`ends soon with ${name}`, () => {
      const started = performance.now();
      const findings = lintMail(bytes, { now: NOW });
      expect(performance.now() - started).to.be.below(4000);
      expect(findings.length).to.be.below(200);
      for (const { text, where } of findings) expect(text + where).not.to.match(/[\r\n]/);
    });
  }
});
