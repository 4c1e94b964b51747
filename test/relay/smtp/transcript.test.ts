// What is kept of a session beside each of its mails: the lines, their order, and that no secret is among them.
import { expect } from 'chai';
import type { TranscriptLine } from '../../../relay/inbox/transcript.ts';
import { reply } from '../../../relay/smtp/replies.ts';
import type { SmtpContext } from '../../../relay/smtp/session-context.ts';
import { SessionTranscript } from '../../../relay/smtp/transcript.ts';
import { PeerList } from '../../../src/cidr.ts';
import { socketTransport } from '../../../src/transport.ts';
import type { Client } from '../support/client.ts';
import { base64 as B64, startTls, TEST_TLS, testLogins } from '../support/secure-client.ts';
import { Scene, type SceneOptions } from '../support/sessions.ts';

const PASSWORD = 'secret';

/** A scene whose transcripts are kept. */
class Kept extends Scene {
  readonly transcripts: (readonly TranscriptLine[])[];

  constructor(options: SceneOptions = {}) {
    const transcripts: (readonly TranscriptLine[])[] = [];
    const context: Partial<SmtpContext> = {
      keepsTranscripts: true,
      accepted: ({ transcript }) => transcripts.push(transcript),
      ...options.context,
    };
    super({ ...options, context });
    this.transcripts = transcripts;
  }

  /** `C: EHLO c`, `S: 250 Ok`, `-- note`; queue ids are replaced. */
  text(n = 0): string[] {
    const marks = { client: 'C: ', server: 'S: ', note: '-- ' };
    return (this.transcripts[n] ?? []).map(({ from, text }) =>
      (marks[from] + text).replace(/queued as [\w]{22}/, 'queued as ID'),
    );
  }
}

async function send(client: Client, ...more: readonly string[]): Promise<void> {
  await client.codes(...more, 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
  client.send('Subject: x\r\n\r\nhello\r\n.\r\n');
  await client.reply();
}

describe('transcripts', () => {
  it('hold the session up to the answer, with rising times', async () => {
    const scene = new Kept();
    const client = await scene.greeted();
    await send(client, 'EHLO c.example');
    const lines = scene.text();
    expect(lines[0]).to.equal('S: 220 mx.example ESMTP lonedot');
    expect(lines[1]).to.equal('C: EHLO c.example');
    expect(lines[2]).to.equal('S: 250-mx.example');
    expect(lines.slice(lines.indexOf('S: 250 HELP') + 1)).to.deep.equal([
      'C: MAIL FROM:<a@x.example>',
      'S: 250 2.1.0 Ok',
      'C: RCPT TO:<b@x.example>',
      'S: 250 2.1.5 Ok',
      'C: DATA',
      'S: 354 End data with <CR><LF>.<CR><LF>',
      'C: [content: 21 bytes]',
      'S: 250 2.0.0 Ok: queued as ID',
    ]);
    const times = scene.transcripts[0]!.map(({ ms }) => ms);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect(times[0]).to.be.within(0, 4000);
  });

  it('begin each mail with the opening, and leave out the mails between', async () => {
    const scene = new Kept();
    const client = await scene.greeted();
    await send(client, 'HELO c.example');
    await send(client, 'RSET');
    await send(client);
    expect(scene.text(1).slice(0, 6)).to.deep.equal([
      'S: 220 mx.example ESMTP lonedot',
      'C: HELO c.example',
      'S: 250 mx.example',
      '-- 1 earlier mail in this session',
      'C: RSET',
      'S: 250 2.0.0 Ok',
    ]);
    expect(scene.text(2)[3]).to.equal('-- 2 earlier mails in this session');
    expect(scene.text(2)[4]).to.equal('C: MAIL FROM:<a@x.example>');
    expect(scene.text(2).filter((line) => line.includes('queued as'))).to.have.length(1);
  });

  it('hold what was refused on the way, chunks, and one answer for each recipient of LMTP', async () => {
    const refused = reply(550, '5.1.1', 'Nobody of that name');
    const scene = new Kept({ door: { lmtp: true }, route: (to) => (to.startsWith('no') ? refused : 'capture') });
    const client = await scene.greeted();
    await client.codes('LHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<no@x.example>', 'RCPT TO:<b@x.example>');
    await client.codes('RCPT TO:<c@x.example>');
    client.send('BDAT 3\r\nx\r\nBDAT 2 LAST\r\n\r\n');
    await client.replies(3);
    const lines = scene.text();
    expect(lines.slice(lines.indexOf('C: RCPT TO:<no@x.example>'))).to.deep.equal([
      'C: RCPT TO:<no@x.example>',
      'S: 550 5.1.1 Nobody of that name',
      'C: RCPT TO:<b@x.example>',
      'S: 250 2.1.5 Ok',
      'C: RCPT TO:<c@x.example>',
      'S: 250 2.1.5 Ok',
      'C: BDAT 3',
      'S: 250 2.0.0 Ok, chunk taken',
      'C: BDAT 2 LAST',
      'C: [content: 5 bytes]',
      'S: 250 2.0.0 Ok: queued as ID',
      'S: 250 2.0.0 Ok: queued as ID',
    ]);
  });

  it('tell of TLS, and keep what came before it', async () => {
    const scene = new Kept({ context: { tls: TEST_TLS } });
    const socket = await scene.socket();
    const plain = await scene.greeted(socketTransport(socket));
    await send(plain, 'EHLO c');
    const client = await startTls(socket, plain);
    await send(client, 'EHLO c');
    await send(client);
    const marks = (n: number): string[] => scene.text(n).filter((line) => /TLS|EHLO|earlier|MAIL/.test(line));
    expect(marks(1)).to.deep.equal([
      ...['C: EHLO c', 'S: 250-STARTTLS', 'C: STARTTLS', 'S: 220 2.0.0 Ready to start TLS'],
      ...['-- TLS: TLSv1.3 TLS_AES_256_GCM_SHA384', 'C: EHLO c', 'S: 250-REQUIRETLS'],
      ...['-- 1 earlier mail in this session', 'C: MAIL FROM:<a@x.example>'],
    ]);
    expect(marks(2)).to.deep.equal(marks(1).with(-2, '-- 2 earlier mails in this session'));
    await scene.close();
  });

  const LOGINS: readonly (readonly [how: string, lines: readonly string[], kept: readonly string[]])[] = [
    ['PLAIN at once', [`AUTH PLAIN ${B64(`\0alice\0${PASSWORD}`)}`], ['C: AUTH PLAIN ***']],
    ['PLAIN', ['auth plain', B64(`\0alice\0${PASSWORD}`)], ['C: auth plain', 'S: 334 ', 'C: ***']],
    [
      'LOGIN',
      ['AUTH LOGIN', B64('alice'), B64(PASSWORD)],
      ['C: AUTH LOGIN', 'S: 334 VXNlcm5hbWU6', 'C: ***', 'S: 334 UGFzc3dvcmQ6', 'C: ***'],
    ],
    [
      'LOGIN at once',
      [`AUTH LOGIN ${B64('alice')}`, B64(PASSWORD)],
      ['C: AUTH LOGIN ***', 'S: 334 UGFzc3dvcmQ6', 'C: ***'],
    ],
    ['a wrong one', [`AUTH PLAIN ${B64(`\0alice\0${PASSWORD}!`)}`], ['C: AUTH PLAIN ***']],
    ['one without a mechanism', [`AUTH ${B64(`\0alice\0${PASSWORD}`)}`], ['C: AUTH ***']],
    ['one that was refused and goes on', ['AUTH NTLM', B64('alice'), B64(PASSWORD)], ['C: AUTH NTLM']],
    ['one that is too long', [`AUTH PLAIN ${'A'.repeat(13_000)}`], ['C: AUTH PLAIN ***']],
    ['XCLIENT', ['XCLIENT LOGIN=alice NAME=c'], ['C: XCLIENT LOGIN=*** NAME=c']],
  ];
  for (const [how, lines, kept] of LOGINS) {
    it(`hold nothing secret of a login: ${how}`, async () => {
      const scene = new Kept({
        context: { auth: await testLogins(), xclientFrom: new PeerList(['192.0.2.7']) },
      });
      const client = await scene.greeted();
      await client.codes('EHLO c', ...lines);
      await send(client, 'EHLO c');
      const text = scene.text().join('\n');
      for (const line of kept) expect(scene.text()).to.include(line);
      for (const secret of [PASSWORD, B64('alice'), B64(PASSWORD), 'AAAA']) expect(text).to.not.include(secret);
    });
  }

  it('mask what a challenge of CRAM-MD5 and SCRAM would tell', async () => {
    const scene = new Kept({ context: { auth: await testLogins() } });
    const client = await scene.greeted();
    await client.codes('EHLO c', 'AUTH CRAM-MD5', '*', `AUTH SCRAM-SHA-256 ${B64('n,,n=alice,r=abcdef')}`, '*');
    await send(client);
    expect(scene.text().filter((line) => line.startsWith('S: 334'))).to.deep.equal(['S: 334 ***', 'S: 334 ***']);
    expect(scene.text()).to.include('C: AUTH SCRAM-SHA-256 ***');
  });

  it('escape what a terminal or a page would obey', async () => {
    const scene = new Kept();
    const client = await scene.greeted();
    client.send(
      'NOOP a\tb\x1b[2J\0\r\nNOOP \xff\xc3\xa4\r\nNOOP gr\xc3\xbc\xc3\x9fe\u202e\r\n'.replace('\u202e', '\xe2\x80\xae'),
    );
    await client.replies(3);
    await send(client, 'EHLO c');
    expect(scene.text().filter((line) => line.startsWith('C: NOOP'))).to.deep.equal([
      'C: NOOP a\\u0009b\\u001b[2J\\u0000',
      'C: NOOP \\xff\\xc3\\xa4',
      'C: NOOP grüße\\u202e',
    ]);
  });

  it('stay small whatever is said, and tell what is left out', async () => {
    const scene = new Kept({
      limits: { maxErrors: Number.POSITIVE_INFINITY, maxIdleCommands: Number.POSITIVE_INFINITY },
    });
    const client = await scene.greeted();
    const opening = 2 + (await client.say('EHLO c')).split('\n').length;
    await client.say('MAIL FROM:<a@x.example>');
    const rcpts = Array.from({ length: 1000 }, (_, i) => `RCPT TO:<r${i}.${'x'.repeat(40)}@x.example>\r\n`);
    client.send(rcpts.join(''));
    await client.replies(1000);
    await client.codes('DATA');
    client.send('x\r\n.\r\n');
    await client.reply();
    const lines = scene.text();
    expect(lines.length).to.be.at.most(502);
    expect(lines.join('\n').length).to.be.at.most(68 * 1024);
    const omitted = lines.find((line) => line.endsWith('lines left out'));
    expect(lines.length - 1 + Number(/\d+/.exec(omitted!)![0])).to.equal(opening + 2 + 2000 + 4);
    expect(lines).to.include.members([rcpts[0]!, rcpts[999]!].map((line) => `C: ${line.trim()}`));
    expect(lines.at(-1)).to.equal('S: 250 2.0.0 Ok: queued as ID');
  });

  it('cut a single long line', () => {
    const transcript = new SessionTranscript();
    transcript.heard(`NOOP ${'x'.repeat(5000)}`, false);
    const [line] = transcript.accepted([]);
    expect(line!.text).to.match(/^NOOP x{995}\.\.\. \(5005 bytes\)$/);
  });

  it('are not kept where nobody looks at them', async () => {
    const scene = new Kept({ context: { keepsTranscripts: false } });
    await send(await scene.greeted(), 'EHLO c');
    expect(scene.transcripts).to.deep.equal([[]]);
    expect(scene.store.messages[0]!.message).to.not.have.property('port');
  });

  it('come with the port of the listener in the envelope', async () => {
    const scene = new Kept();
    await send(await scene.greeted(), 'EHLO c');
    expect(scene.store.messages[0]!.message.port).to.equal(2525);
  });
});
