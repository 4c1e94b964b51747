// Links, one-time passwords and captures: what a test takes out of a mail, and what it must not take for one.
import { expect } from 'chai';
import { codesOf } from '../../../relay/inbox/codes.ts';
import { extract } from '../../../relay/inbox/extract.ts';
import { checkedUrls, linksOf } from '../../../relay/inbox/links.ts';
import { parseMail } from '../../../relay/inbox/parse-mail.ts';
import type { ParsedMail } from '../../../relay/inbox/parsed-mail.ts';
import { ChatError } from '../../../src/errors.ts';

function mail(body: string, { subject = '', type = 'text/plain' } = {}): Promise<ParsedMail> {
  return parseMail(Buffer.from(`Subject: ${subject}\r\nContent-Type: ${type}; charset=utf-8\r\n\r\n${body}`));
}

const html = (body: string) => mail(body, { type: 'text/html' });

describe('links of a mail', () => {
  const TEXTS: readonly [text: string, links: readonly string[]][] = [
    ['no link at all, not even http://', []],
    ['see https://x.example/a.', ['https://x.example/a']],
    ['(https://x.example/a_(b)) and https://x.example/c, too!', ['https://x.example/a_(b)', 'https://x.example/c']],
    ['<https://x.example/long/\r\n  tail?a=1> end', ['https://x.example/long/tail?a=1']],
    ['<URL:https://x.example/a>', ['https://x.example/a']],
    ['"https://x.example/q" HTTPS://X.example/Q', ['https://x.example/q', 'HTTPS://X.example/Q']],
    ['https://a.example https://b.example https://a.example', ['https://a.example', 'https://b.example']],
    ['*https://x.example/bold*', ['https://x.example/bold']],
    ['https://[::1]:8025/x', ['https://[::1]:8025/x']],
  ];
  for (const [text, links] of TEXTS)
    it(`finds those in: ${text.slice(0, 40)}`, async () => expect(linksOf(await mail(text))).to.deep.equal(links));

  it('takes what can be clicked in HTML, decoded, in order, before what only the text has', async () => {
    const found = linksOf(
      await html(
        `<a href=" https://x.example/?a=1&amp;b=2 ">one</a> <a href='#top'>x</a><a href="javascript:alert(1)">x</a>
        <area href=myapp://verify?t=1><a href="mailto:a@b.example">m</a><a href="/relative">r</a><img src="https://x.example/i.png">
        <a href="https://x.example/\n?a=3">broken</a> and https://y.example/plain <script>"https://no.example"</script>
        <!-- <a href="https://comment.example"> -->`,
      ),
    );
    expect(found).to.deep.equal([
      'https://x.example/?a=1&b=2',
      'myapp://verify?t=1',
      'https://x.example/?a=3',
      'https://y.example/plain',
    ]);
  });

  it('has pictures and style sheets among what is checked, and only the web', async () => {
    const found = checkedUrls(
      await html(
        '<link rel=stylesheet href="https://x.example/s.css"><img src="http://x.example/i.png"><a href="app://x">a</a><img src="cid:1">',
      ),
    );
    expect(found).to.deep.equal(['https://x.example/s.css', 'http://x.example/i.png']);
  });

  it('stops at a thousand', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => `<a href="https://x.example/${i}">`).join('');
    expect(linksOf(await html(many))).to.have.length(1000);
  });
});

describe('codes of a mail', () => {
  const FOUND: readonly [text: string, codes: readonly string[], subject?: string][] = [
    ['Your verification code is 123456.', ['123456']],
    ['123456 is your Example code', ['123456']],
    ['Code: 1234', ['1234']],
    ['Your code is: 2024', ['2024']],
    ['Use code ABC-123 to sign in', ['ABC-123']],
    ['Your one-time password is 12345678', ['12345678']],
    ['Enter this PIN:\r\n\r\n   4711\r\n\r\nIt expires in 10 minutes.', ['4711']],
    ['Your OTP\r\n123 456\r\n', ['123456']],
    ['Your login code:\r\n\r\n1 2 3 4 5 6\r\n', ['123456']],
    ['G-482910 is your Google verification code.', ['G-482910']],
    ['Ihr Kennwort lautet 83920174', ['83920174']],
    ['Ihr Bestätigungscode: 482910', ['482910']],
    ['Votre code est 482910', ['482910']],
    ['您的验证码是 482910', ['482910']],
    ['認証コード：482910', ['482910']],
    ['Ваш код: 482910', ['482910']],
    ['Your token: aB3xY9Qz', ['aB3xY9Qz']],
    ['Your access code is XK7P2Q.', ['XK7P2Q']],
    ['Security code\r\n\r\n9 3 2 1 4 4\r\n\r\nThanks', ['932144']],
    ['OTP for txn of INR 2500.00 on card XX1234 is 839201. Valid till 22-11-2026', ['839201']],
    ['Backup codes:\r\n12345678\r\n23456789', ['12345678', '23456789']],
    ['Meeting ID: 812 3456 7890\r\nPasscode: 482910', ['482910']],
    ['Your Slack confirmation code: JQZ-0BR', ['JQZ-0BR']],
    ['hello', ['998877'], 'Your code is 998877'],
    ['Hi, 4711 visitors came.\r\nYour security code is 556677.', ['556677']],
    ['Your code is 556677. Example Ltd, 12345 Berlin, (c) 2026', ['556677']],
    ['Use 556677 as your code.', ['556677']],
  ];
  for (const [text, codes, subject = ''] of FOUND) {
    it(`finds ${codes.join()} in: ${(subject || text).slice(0, 50).replaceAll(/\s+/g, ' ')}`, async () =>
      expect(codesOf(await mail(text, { subject }))).to.deep.equal(codes));
  }

  const NONE = [
    'Copyright 2026 Example. All codes are ours since 1999.',
    'Call +49 30 123456 or 0800 123456 for the code of conduct.',
    'The colour code is #123456 or #ABC123.',
    'Your total: $1234.56, or 1234 EUR. No code needed.',
    'Order number 123456 has been shipped.',
    'Invoice 20261122 is attached',
    'Your zip code: 12345',
    'Use promo code SAVE20 today',
    'See https://x.example/code/123456?code=123456',
    'The code review starts on 2026-11-22 at 12:30.',
    'The code expires in 1440 minutes.',
    'Error code 5432',
    'Just 123456 with nothing to say what it is.',
    'Version 1.2.3456 of the source code',
    'Code promo : NOEL2026. Code postal: 75001',
    'Your password was changed at 10:30 on 22112026.',
    'Ticket 123456 is about your token',
  ];
  for (const text of NONE)
    it(`finds none in: ${text}`, async () => expect(codesOf(await mail(text))).to.deep.equal([]));

  it('finds the one that stands alone in a table of HTML', async () => {
    const body =
      '<style>.a{color:#123456;width:6000px}</style><p>Use this code to sign in</p><table><tr><td><b>739201</b></td></tr></table><p>&copy; 2026</p>';
    expect(codesOf(await html(body))).to.deep.equal(['739201']);
  });

  it('puts the one beside the word first', async () => {
    expect(codesOf(await mail('The code for device 4711 below.\r\n\r\nYour code: 998877'))[0]).to.equal('998877');
  });

  it('ends soon with a text made against it', async () => {
    const started = Date.now();
    codesOf(await mail('code '.repeat(20_000) + '1 '.repeat(50_000) + 'code 1234 '.repeat(10_000)));
    codesOf(await mail('A-'.repeat(100_000)));
    expect(Date.now() - started).to.be.below(3000);
  });
});

describe('captures', () => {
  it('have the names of their groups, from subject, text and HTML', async () => {
    const source = await mail('token=abc123 rest', { subject: 'Order 17' });
    const { captures } = extract(source, {
      patterns: ['token=(?<token>\\w+)', '^Order (?<order>\\d+)$', 'missing(?<no>x)', 'rest'],
    });
    expect(captures).to.deep.equal({ token: 'abc123', order: '17', 0: 'rest' });
  });

  it('refuse what is no pattern', async () => {
    const source = await mail('x');
    expect(() => extract(source, { patterns: ['(x'] })).to.throw(
      ChatError,
      /is no regular expression: .*Unterminated group/,
    );
    expect(() => extract(source, { patterns: ['x'.repeat(2000)] })).to.throw(ChatError, /at most 1000 characters/);
  });

  it('give up a pattern that would never end', async () => {
    const source = await mail(`${'a'.repeat(60)}!`);
    const started = Date.now();
    expect(() => extract(source, { patterns: ['^(a+)+$'], timeoutMs: 50 })).to.throw(
      ChatError,
      /took longer than 50 ms/,
    );
    expect(Date.now() - started).to.be.below(2000);
  });
});
