// Real clients to a real relay to an upstream that records bytes: what arrives is what was sent, behind one Received
// field, and nothing else.
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { Client, RelayProcess, run } from './relay-process.ts';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** The message behind our one Received field. */
function behindTrace(content: Buffer): string {
  const text = content.toString('latin1');
  const field =
    /^Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby \S+ \(lonedot\) with E?SMTP id \w{22}\r\n(?:\tfor <[^>]+>;|.*;)\r\n\t.*\r\n/;
  const trace = field.exec(text)?.[0] ?? /^Received:(?:.*\r\n[ \t])*.*\r\n/.exec(text)?.[0];
  expect(trace, `a Received field before ${text.slice(0, 200)}`).to.be.a('string');
  return text.slice(trace!.length);
}

const DOTTED = 'Subject: dots\r\n\r\n.\r\n..\r\n.one\r\nend';
const EIGHT_BIT = `Subject: eight\r\n\r\n${'\xe9\xff\x80'.repeat(40)}\r\n`;
const LONG = `Subject: long\r\n\r\n${'x'.repeat(5000)}\r\n`;

describe('end to end: a relay between real programs', function () {
  this.timeout(30_000);
  let upstream: Upstream;
  let relay: RelayProcess;

  before(async () => {
    upstream = await Upstream.start();
    relay = new RelayProcess('--upstream', upstream.url);
    await relay.start();
  });
  after(async () => {
    await relay.remove();
    await upstream.stop();
  });

  async function arrived(count: number): Promise<string> {
    await upstream.got(count, 10_000);
    return behindTrace(upstream.accepted.at(-1)!.content);
  }

  it('passes what smtplib sends, byte for byte', async function () {
    if (!has('python3')) {
      console.log('      skipped: no python3 here');
      this.skip();
    }
    const script = [
      'import smtplib, sys',
      's = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))',
      's.ehlo("py.example")',
      'for body in sys.stdin.buffer.read().split(b"\\0"):',
      '    s.sendmail("a@x.example", ["b@y.example"], body, mail_options=["BODY=8BITMIME"])',
      's.quit()',
    ].join('\n');
    const bodies = [DOTTED, EIGHT_BIT, LONG];
    const before = upstream.accepted.length;
    await run('python3', ['-c', script, String(relay.port)], Buffer.from(bodies.join('\0'), 'latin1'));
    await upstream.got(before + bodies.length, 10_000);
    const got = upstream.accepted.slice(before).map((mail) => behindTrace(mail.content));
    // smtplib ends the last line of each.
    expect(got.sort()).to.deep.equal(bodies.map((body) => (body.endsWith('\r\n') ? body : `${body}\r\n`)).sort());
  });

  it('passes what curl sends, byte for byte', async () => {
    const before = upstream.accepted.length;
    const args = ['-sS', '--mail-from', 'a@x.example', '--mail-rcpt', 'b@y.example', '-T', '-'];
    await run('curl', [...args, `smtp://127.0.0.1:${relay.port}`], Buffer.from(`${DOTTED}\r\n`, 'latin1'));
    expect(await arrived(before + 1)).to.equal(`${DOTTED}\r\n`);
  });

  it('passes what swaks sends, byte for byte', async function () {
    if (!has('swaks')) {
      console.log('      skipped: no swaks here');
      this.skip();
    }
    const before = upstream.accepted.length;
    const data = 'Subject: from swaks\\n\\n.dot\\n..two\\nend\\n';
    await run('swaks', [
      '--server',
      '127.0.0.1',
      '--port',
      String(relay.port),
      '--from',
      'a@x.example',
      '--to',
      'b@y.example',
      '--data',
      data,
    ]);
    expect(await arrived(before + 1)).to.match(/^Subject: from swaks\r\n\r\n\.dot\r\n\.\.two\r\nend\r\n(?:\r\n)*$/);
  });

  it('answers an empty message at once, and passes it', async () => {
    const before = upstream.accepted.length;
    const client = new Client(relay.port);
    await client.hello();
    const begun = performance.now();
    expect(await client.mail('b@y.example', '.\r\n')).to.match(/^250 2\.0\.0 /);
    expect(performance.now() - begun).to.be.below(2000);
    client.socket.destroy();
    expect(await arrived(before + 1)).to.equal('');
  });

  it('gives each recipient of one mail the same bytes, and names none of them in the trace', async () => {
    const before = upstream.accepted.length;
    const client = new Client(relay.port);
    await client.hello();
    await client.say('MAIL FROM:<a@x.example>');
    for (const name of ['one', 'two', 'three']) await client.say(`RCPT TO:<${name}@y.example>`);
    await client.say('DATA');
    client.socket.write('Subject: three\r\n\r\nx\r\n.\r\n');
    expect(await client.reply()).to.match(/^250 /);
    client.socket.destroy();
    await upstream.got(before + 1);
    const mail = upstream.accepted.at(-1)!;
    expect(mail.to).to.deep.equal(['one', 'two', 'three'].map((name) => `RCPT TO:<${name}@y.example>`));
    expect(mail.content.toString()).to.not.include('two@');
    expect(behindTrace(mail.content)).to.equal('Subject: three\r\n\r\nx\r\n');
  });
});

describe('end to end: a message of 200 MB', function () {
  this.timeout(120_000);
  const BYTES = 200 * 1024 * 1024;

  it('passes with the memory of the relay below 150 MB', async () => {
    const counted = await CountingUpstream.start();
    const relay = new RelayProcess('--upstream', counted.url, '--max-message-size', '300MB');
    await relay.start();
    try {
      const client = new Client(relay.port);
      await client.hello();
      await client.say('MAIL FROM:<a@x.example>');
      await client.say('RCPT TO:<b@y.example>');
      await client.say('DATA');
      const block = Buffer.alloc(64 * 1024, `${'0123456789'.repeat(7)}abcdefgh\r\n`);
      const whole = block.subarray(0, block.length - (block.length % 80));
      for (let sent = 0; sent < BYTES; sent += whole.length) {
        if (!client.socket.write(whole)) await new Promise((resume) => client.socket.once('drain', resume));
      }
      client.socket.write('.\r\n');
      expect(await client.reply()).to.match(/^250 /);
      console.log(`      peak memory when it was accepted: ${relay.peakMb().toFixed(0)} MB`);
      client.socket.destroy();
      await until(90_000, () => counted.mails > 0);
      expect(counted.bytes).to.be.at.least(BYTES);
      const peak = relay.peakMb();
      console.log(`      peak memory: ${peak.toFixed(0)} MB`);
      expect(peak).to.be.below(150);
    } finally {
      await relay.remove();
      await counted.stop();
    }
  });
});
