// What the linter finds in dialogues, wherever they are cut, and that it finds nothing in proper ones.
import { expect } from 'chai';
import { Journal } from '../../../proxy/dialogue/journal.ts';
import { maker } from '../../../proxy/dialogue/makers.ts';
import { LintReport } from '../../../proxy/lint/report.ts';
import type { ProfileName } from '../../../proxy/profiles/names.ts';
import { PROFILES } from '../../../proxy/profiles/table.ts';
import { realClock } from '../../../src/clock.ts';
import { type Burst, fixtures, parse } from '../profiles/support.ts';

/** The checks that have found something, once each, and what they said. */
async function lint(protocol: ProfileName, chunks: readonly Burst[]): Promise<{ checks: string[]; texts: string[] }> {
  const report = new LintReport();
  const journal = new Journal({ records: 4096, bytes: 1e9 });
  const wanted = {
    protocol,
    starttls: 'observe' as const,
    ftpData: 'off' as const,
    effects: undefined,
    lint: report,
    clock: realClock,
  };
  const make = await maker(wanted);
  const observer = make({ journal, conn: 1, profile: PROFILES[protocol], client: 'c', upstream: 's', now: () => 1 });
  for (const { from, bytes } of chunks) observer.feed(from, bytes);
  observer.close({ bytesUp: 0, bytesDown: 0, error: '' });
  const texts: string[] = [];
  for (let seq = 0; seq < journal.next; seq++) {
    const event = journal.event(seq)!;
    if (event.type === 'finding') texts.push(`${event.check}: ${event.text}`);
  }
  return { checks: Object.keys(report.findings), texts };
}

const HELLO = 'S: 220 hi\nC: EHLO a\nS: 250-x\nS: 250 PIPELINING\n';
const MAIL = `${HELLO}C: MAIL FROM:<a@b>\nC: RCPT TO:<c@d>\nC: DATA\nS: 250 x\nS: 250 x\nS: 354 go\n`;
const long = 'x'.repeat(1000);

const CASES: readonly (readonly [
  title: string,
  ProfileName,
  text: string,
  checks: readonly string[],
  says?: string,
])[] = [
  [
    'a proper mail',
    'smtp',
    `${MAIL}C: Subject: x\nC: \nC: ..dots\nC: ${'x'.repeat(998)}\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye`,
    [],
  ],
  ['a bare LF in a content', 'smtp', `${MAIL}C> a\\nb\\n\nC: c\nC: .\nS: 250 ok`, ['bare-lf'], '2 LF without CR'],
  ['a bare CR in a content', 'smtp', `${MAIL}C: a\\rb\nC: .\nS: 250 ok`, ['bare-cr']],
  ['a bare LF in a command', 'smtp', `${HELLO}C: NOOP\\nQUIT\nS: 250 x`, ['bare-lf']],
  ['a line that ends with LF alone', 'imap', 'S: * OK x\nC> a NOOP\\n\nS: a OK x', ['bare-lf']],
  ['a smuggled end: LF dot LF', 'smtp', `${MAIL}C> a\\n.\\nMAIL\\r\\n\nC: .\nS: 250 ok`, ['bare-lf', 'smuggling']],
  ['a smuggled end: CRLF dot LF', 'smtp', `${MAIL}C> a\\r\\n.\\nMAIL\\r\\n\nC: .\nS: 250 ok`, ['bare-lf', 'smuggling']],
  ['a smuggled end: CR dot CR', 'smtp', `${MAIL}C> a\\r.\\rMAIL\\r\\n\nC: .\nS: 250 ok`, ['bare-cr', 'smuggling']],
  [
    'a line of 999 bytes',
    'smtp',
    `${MAIL}C: ${'x'.repeat(999)}\nC: .\nS: 250 ok`,
    ['long-line'],
    'line 1 of the content has 999',
  ],
  ['a command that is too long', 'smtp', `${HELLO}C: NOOP ${long}\nS: 250 x`, ['long-line'], 'the limit is 512'],
  ['a long MAIL, which has parameters', 'smtp', `${HELLO}C: MAIL FROM:<a> ENVID=${'x'.repeat(600)}\nS: 250 x`, []],
  ['a reply that is too long', 'pop3', `S: +OK ${long}`, ['long-line']],
  ['dots that are not doubled', 'smtp', `${MAIL}C: .hidden\nC: .\nS: 250 ok`, ['dot-stuffing'], 'line 1'],
  ['dots that a server has not doubled', 'pop3', 'S: +OK\nC: RETR 1\nS: +OK\nS: .x\nS: .', ['dot-stuffing']],
  ['8-bit text without a word', 'smtp', `${MAIL}C: \nC: caf\\xe9\nC: .\nS: 250 ok`, ['eight-bit'], '1 lines have'],
  [
    '8-bit text that is declared',
    'smtp',
    `${MAIL.replace('<a@b>', '<a@b> BODY=8BITMIME')}C: X: y\nC: \nC: caf\\xe9\nC: .\nS: 250 ok`,
    [],
  ],
  [
    '8-bit text in a header',
    'smtp',
    `${MAIL.replace('<a@b>', '<a@b> BODY=8BITMIME')}C: X: \\xe9\nC: .\nS: 250 ok`,
    ['eight-bit'],
    'header',
  ],
  ['an address beyond ASCII', 'smtp', `${HELLO}C: MAIL FROM:<\\xc3\\xa9@b>\nS: 250 x`, ['eight-bit'], 'SMTPUTF8'],
  ['an address beyond ASCII, announced', 'smtp', `${HELLO}C: MAIL FROM:<\\xc3\\xa9@b> SMTPUTF8\nS: 250 x`, []],
  [
    'plaintext behind STARTTLS',
    'smtp',
    `${HELLO}C: STARTTLS\nC: RSET\nS: 220 go`,
    ['plaintext-before-tls'],
    'where TLS begins',
  ],
  [
    'plaintext of the server behind STARTTLS',
    'smtp',
    `${HELLO}C: STARTTLS\nS: 220 go\nS: 250 injected`,
    ['plaintext-before-tls'],
  ],
  ['a proper STARTTLS', 'smtp', `${HELLO}C: STARTTLS\nS: 220 go\nC> \\x16\\x03\\x01\\x00\\x05hello`, []],
  [
    'a command behind STARTTLS that was refused',
    'smtp',
    `${HELLO}C: STARTTLS\nC: RSET\nS: 454 no\nS: 250 x`,
    ['pipelining'],
  ],
  [
    'a client that does not wait for the greeting',
    'smtp',
    'C: EHLO a\nS: 220 hi\nS: 250 x',
    ['pipelining'],
    'before the greeting',
  ],
  [
    'a command behind EHLO',
    'smtp',
    'S: 220 hi\nC: EHLO a\nC: MAIL FROM:<a>\nS: 250 x\nS: 250 x',
    ['pipelining'],
    'behind EHLO',
  ],
  [
    'a group that was not offered',
    'smtp',
    'S: 220 hi\nC: EHLO a\nS: 250 x\nC: MAIL FROM:<a>\nC: RCPT TO:<b>\nS: 250 x\nS: 250 x',
    ['pipelining'],
    'not offered',
  ],
  [
    'a content before 354',
    'smtp',
    `${HELLO}C: DATA\nC: text\nC: .\nS: 354 go\nS: 250 x`,
    ['pipelining'],
    'behind DATA',
  ],
  ['a chunk that is too short', 'smtp', `${HELLO}C: BDAT 3\nC> abcdef\\r\\n\nS: 250 x`, ['count']],
  ['a chunk of its length', 'smtp', `${HELLO}C: BDAT 3 LAST\nC> abc\nC: QUIT\nS: 250 x\nS: 221 x`, []],
  ['a literal that is too short', 'imap', 'S: * OK x\nC: a LOGIN {1+}\nC: bob x\nS: a OK x', ['count']],
  ['a literal of its length', 'imap', 'S: * OK x\nC: a LOGIN {3+}\nC: bob x\nS: a OK x', []],
  ['a string of RESP without its end', 'memcached', 'C: set k 0 0 2\nC: abc\nS: STORED', ['bare-lf', 'count']],
  [
    'two ideas of a length',
    'http',
    'C: POST / HTTP/1.1\nC: Content-Length: 3\nC: Transfer-Encoding: chunked\nC: \nC: 0\nC: ',
    ['smuggling'],
  ],
  ['what is no reply', 'smtp', 'S: 220 hi\nC: EHLO a\nS: what?', ['grammar']],
];

describe('proxy: --lint', () => {
  for (const [title, protocol, text, checks, says = ''] of CASES) {
    it(`${title}: ${checks.join(', ') || 'nothing'}, however it is cut`, async () => {
      const { bursts } = parse('', text);
      const found = await lint(protocol, bursts);
      expect(found.checks, found.texts.join('; ')).to.have.members(checks);
      expect(found.texts.join('\n')).to.contain(says);
      const single = bursts.flatMap(({ from, bytes }) =>
        [...bytes].map((byte) => ({ from, bytes: Buffer.from([byte]) })),
      );
      expect((await lint(protocol, single)).texts).to.deep.equal(found.texts);
      for (const [index, { from, bytes }] of bursts.entries()) {
        // Of long ones only the edges.
        for (let at = 1; at < bytes.length; at += bytes.length > 600 ? 97 : 1) {
          const halves = [bytes.subarray(0, at), bytes.subarray(at)].map((half) => ({ from, bytes: half }));
          expect((await lint(protocol, bursts.toSpliced(index, 1, ...halves))).texts).to.deep.equal(found.texts);
        }
      }
    });
  }

  it('finds nothing in the transcripts of proper sessions', async () => {
    const improper =
      /bare|broken|plain|clienthello|auto|empty-message|line-|raw-|telnet|irc|connect|memcached|smtp-auth|smtp-session|starttls|stls/;
    for (const { file, profile, bursts } of fixtures()) {
      if (improper.test(file) || !profile) continue;
      const { texts } = await lint(profile.name as ProfileName, bursts);
      // Some of them speak in groups that nobody has offered.
      expect(
        texts.filter((text) => !text.startsWith('pipelining: commands in a group')),
        file,
      ).to.deep.equal([]);
    }
  });

  it('tells twenty of a kind, and counts them all', async () => {
    const { texts } = await lint('smtp', parse('', `${MAIL}${'C: .x\n'.repeat(100)}C: .\nS: 250 ok`).bursts);
    expect(texts).to.have.length(20);
    expect(texts.at(-1)).to.contain('only counted');
  });
});
