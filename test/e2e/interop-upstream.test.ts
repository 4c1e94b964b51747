// The relay in front of real servers: Postfix, which takes mail and passes it on, and Postfix' smtp-sink, which can be
// told to fail at any command. And the senders that come with them: smtp-source, smtpping.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Client } from '../relay/support/client.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until, within } from '../support/within.ts';
import { freePort, Postfix, postfixMissing } from './support/postfix.ts';
import { Program } from './support/program.ts';

const BODY = `Date: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nFrom: a@x.example\r\nSubject: t\r\n\r\n..\r\n.x\r\n${'y'.repeat(990)}\r\n`;

function needs(context: Mocha.Context, file: string, debianPackage: string): void {
  if (existsSync(file)) return;
  context.test!.title += ` (skipped: there is no ${file}; Debian's package ${debianPackage} has it)`;
  context.skip();
}

async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more));
  child.stdin.end(input);
  const [code] = (await within(25_000, once(child, 'close'), `the end of ${command}`)) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${text}`);
  return text;
}

describe('the relay with real peers', function () {
  this.timeout(60_000);
  let directory: string;
  const cleanUp: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-peers-'));
  });

  afterEach(async () => {
    for (const step of cleanUp.splice(0).reverse()) await step();
    await rm(directory, { recursive: true, force: true });
  });

  async function relay(upstream: string, ...more: readonly string[]): Promise<Program> {
    const common = ['-s', '127.0.0.1:0', '-d', join(directory, 'relay.db'), '--retry-min', '1s', '--retry-max', '2s'];
    const program = await Program.start(['relay', ...common, '--upstream', upstream, ...more]);
    cleanUp.push(() => program.stop());
    return program;
  }

  async function end(): Promise<Upstream> {
    const upstream = await Upstream.start();
    cleanUp.push(() => upstream.stop());
    return upstream;
  }

  async function send(client: Client, mail: string, ...rcpts: readonly string[]): Promise<void> {
    const codes = await client.codes(mail, ...rcpts, 'DATA');
    expect(codes.join()).to.equal(`250,${rcpts.map(() => '250,').join('')}354`);
    client.send(BODY.replaceAll(/^\./gm, '..'));
    expect(await client.say('.')).to.match(/^250 /);
  }

  describe('a real Postfix as upstream', () => {
    let last: Upstream;
    let postfix: Postfix;

    beforeEach(async function () {
      const missing = postfixMissing();
      if (missing !== null) {
        this.currentTest!.title += ` (skipped: ${missing})`;
        this.skip();
      }
      last = await end();
      const fates = '{gone@x.example = 550 5.1.1 nobody here}, {later@x.example = 450 4.2.1 come later}';
      postfix = await Postfix.start(last.port, {
        smtpd_recipient_restrictions: `check_recipient_access inline:{ ${fates} }, permit_mynetworks, reject`,
      });
      cleanUp.push(() => postfix.stop());
    });

    it('takes mail with all that an envelope can say, and its content byte for byte', async () => {
      const program = await relay(`smtp://127.0.0.1:${postfix.port}`);
      const client = await program.client();
      await client.say('EHLO c.example');
      const rcpt = 'RCPT TO:<b@x.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;old@x.example';
      await send(client, 'MAIL FROM:<a@x.example> BODY=8BITMIME RET=HDRS ENVID=e1', rcpt, 'RCPT TO:<c@y.example>');
      // Postfix makes a mail of each of the two, since their parameters differ, or of both; each arrives once.
      await until(20_000, () => last.accepted.flatMap(({ to }) => to).length === 2, 'both recipients behind Postfix');
      for (const { content } of last.accepted) {
        const text = content.toString('latin1');
        expect(text.endsWith(`\r\n${BODY}`), text.slice(0, 1000)).to.equal(true);
        expect(text).to.match(/\r\n\tby \S+ \(lonedot\) with ESMTP id /);
      }
      await until(5000, () => program.log('message.delivered').length === 2);
    });

    it('takes an address that is not ASCII, by SMTPUTF8', async () => {
      const program = await relay(`smtp://127.0.0.1:${postfix.port}`);
      const client = await program.client();
      await client.say('EHLO c.example');
      const utf8 = (text: string) => Buffer.from(text).toString('latin1');
      const codes = await client.codes(utf8('MAIL FROM:<jörg@x.example> SMTPUTF8'), 'RCPT TO:<b@x.example>', 'DATA');
      expect(codes).to.deep.equal(['250', '250', '354']);
      client.send(utf8('Subject: Grüße\r\n\r\nx\r\n'));
      expect(await client.say('.')).to.match(/^250 /);
      await until(10_000, () => program.log('message.delivered').length === 1, 'Postfix to take it');
      expect(program.log('message.delivered')[0]!['reply']).to.match(/^250 /);
    });

    it('refuses one recipient and defers one: each has its own end, and the sender a bounce', async () => {
      const program = await relay(`smtp://127.0.0.1:${postfix.port}`, '--hostname', 'relay.test');
      const client = await program.client();
      await client.say('EHLO c.example');
      const rcpts = ['b', 'gone', 'later'].map((name) => `RCPT TO:<${name}@x.example>`);
      await send(client, 'MAIL FROM:<a@x.example>', ...rcpts);
      const bounces = () => last.accepted.filter(({ from }) => from.startsWith('MAIL FROM:<>'));
      await until(20_000, () => bounces().length === 1, 'the bounce');
      await until(5000, () => program.log('message.deferred').length > 0);
      const fates = ['delivered', 'bounced', 'deferred'].map((fate) => [
        fate,
        String(program.log(`message.${fate}`).find(({ to }) => /^(b|gone|later)@/.test(String(to)))?.['to']),
      ]);
      expect(fates).to.deep.equal([
        ['delivered', 'b@x.example'],
        ['bounced', 'gone@x.example'],
        ['deferred', 'later@x.example'],
      ]);
      const report = bounces()[0]!;
      expect(report.to.map((line) => line.replace(/ .*$/, '').toLowerCase())).to.deep.equal(['rcpt']);
      const text = report.content.toString('latin1');
      expect(text).to.match(/Final-Recipient: rfc822; ?gone@x\.example\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/);
      expect(text).to.contain('nobody here');
      expect(last.accepted.filter(({ from }) => from.startsWith('MAIL FROM:<a@'))).to.have.length(1);
    });
  });

  describe('an smtp-sink that fails', () => {
    before(function () {
      needs(this, '/usr/sbin/smtp-sink', 'postfix');
    });

    async function sink(port: number, ...args: readonly string[]): Promise<ChildProcess> {
      const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
      const child = spawn('/usr/sbin/smtp-sink', [...user, ...args, `127.0.0.1:${port}`, '100'], { stdio: 'ignore' });
      cleanUp.push(() => stop(child));
      // It is there when something answers; a connection of ours says nothing to it.
      let isUp = false;
      const look = setInterval(() => {
        const socket = connect(port, '127.0.0.1', () => {
          isUp = true;
          socket.destroy();
        }).on('error', () => {});
      }, 50);
      await until(10_000, () => isUp, 'smtp-sink').finally(() => clearInterval(look));
      return child;
    }

    async function stop(child: ChildProcess): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    }

    const FAULTS: readonly [title: string, args: readonly string[], fate: string][] = [
      ['hangs up at MAIL', ['-q', 'mail'], 'deferred'],
      ['hangs up at RCPT', ['-q', 'rcpt'], 'deferred'],
      ['hangs up at DATA', ['-q', 'data'], 'deferred'],
      ['hangs up at the dot', ['-q', '.'], 'unknown'],
      ['answers 4xx to MAIL', ['-r', 'mail'], 'deferred'],
      ['answers 4xx to RCPT', ['-r', 'rcpt'], 'deferred'],
      ['answers 4xx to DATA', ['-r', 'data'], 'deferred'],
      ['answers 4xx to the dot', ['-r', '.'], 'deferred'],
      ['answers 5xx to MAIL', ['-f', 'mail'], 'bounced'],
      ['answers 5xx to RCPT', ['-f', 'rcpt'], 'bounced'],
      ['answers 5xx to DATA', ['-f', 'data'], 'bounced'],
      ['answers 5xx to the dot', ['-f', '.'], 'bounced'],
    ];
    for (const [title, args, fate] of FAULTS) {
      it(`${title}: ${fate}${fate === 'bounced' ? '' : ', and delivered when it is well again'}`, async () => {
        const port = await freePort();
        const bad = await sink(port, ...args);
        const program = await relay(`smtp://127.0.0.1:${port}`, '--pause-min', '100ms', '--pause-max', '500ms');
        const client = await program.client();
        await client.say('EHLO c.example');
        // From nobody: a bounce would only be one more mail that this sink refuses.
        await send(client, 'MAIL FROM:<>', 'RCPT TO:<b@x.example>');
        await until(15_000, () => program.log(`message.${fate}`).length > 0, fate);
        expect(program.log('message.delivered')).to.deep.equal([]);
        if (fate === 'bounced') return;
        await stop(bad);
        await sink(port);
        await until(15_000, () => program.log('message.delivered').length > 0, 'the delivery');
        expect(program.log('message.delivered')).to.have.length(1);
      });
    }
  });

  describe('senders', () => {
    it('smtp-source: 300 mails on 20 connections, each once', async function () {
      needs(this, '/usr/sbin/smtp-source', 'postfix');
      const last = await end();
      const program = await relay(last.url);
      const counts = ['-s', '20', '-m', '300', '-l', '4000', '-f', 'a@x.example', '-t', 'b@x.example', '-N'];
      await run('/usr/sbin/smtp-source', ['-d', ...counts, `127.0.0.1:${program.port}`]);
      await last.got(300, 20_000);
      await until(10_000, () => program.log('message.delivered').length === 300);
      expect(last.mails).to.have.length(300);
    });

    it('smtpping -C: mails in chunks (BDAT)', async function () {
      needs(this, '/usr/bin/smtpping', 'smtpping');
      const last = await end();
      const program = await relay(last.url);
      const counts = ['-c', '5', '-w', '1', '-s', '200', '-P', '2', '-S', 'a@x.example', '-q'];
      await run('/usr/bin/smtpping', ['-C', ...counts, '-p', String(program.port), 'b@x.example', '@127.0.0.1']);
      await last.got(5, 20_000);
      for (const { content } of last.accepted) expect(content.length).to.be.within(200_000, 210_000);
    });

    it('smtplib: 5 MB, and addresses and a header in UTF-8', async function () {
      needs(this, '/usr/bin/python3', 'python3');
      const last = await Upstream.start({ keywords: ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 100000000'] });
      cleanUp.push(() => last.stop());
      const program = await relay(last.url);
      const script = `
import smtplib
from email.message import EmailMessage
from email.policy import SMTPUTF8
server = smtplib.SMTP('127.0.0.1', ${program.port})
big = EmailMessage()
big['From'], big['To'], big['Subject'] = 'a@x.example', 'b@x.example', 'big'
big.set_content('x' * 70 + '\\n')
big.add_attachment(bytes(range(256)) * 20480, maintype='application', subtype='octet-stream', filename='b.bin')
assert server.send_message(big) == {}
mail = EmailMessage(policy=SMTPUTF8)
mail['From'], mail['To'], mail['Subject'] = 'jörg@x.example', 'señor@x.example', 'Grüße'
mail.set_content('ü')
assert server.send_message(mail) == {}
server.quit()
`;
      await run('/usr/bin/python3', ['-'], script);
      await last.got(2, 20_000);
      const [first, second] = [...last.accepted].sort((a, b) => b.content.length - a.content.length);
      expect(first!.content.length).to.be.above(5_242_880);
      expect(Buffer.from(second!.from, 'latin1').toString()).to.match(/^MAIL FROM:<jörg@x\.example>.* SMTPUTF8/);
      expect(second!.content.toString()).to.contain('\r\nSubject: Grüße\r\n');
    });
  });
});
