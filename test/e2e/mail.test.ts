// Mail from end to end: the real program between clients that people use and an upstream that keeps every byte. What a
// client sends must arrive as it was, with exactly one Received field in front.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { socketTransport } from '../../src/transport.ts';
import { serveHere } from '../relay/store/sqlite-place.ts';
import { contentOf } from '../relay/store/support.ts';
import { Client } from '../relay/support/client.ts';
import { withoutTrace } from '../relay/support/sessions.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { within } from '../support/within.ts';
import { compiled } from './support/build.ts';
import { HashingUpstream, MARKER } from './support/hashing-upstream.ts';
import { Program } from './support/program.ts';

/** Contents as a client means them; a client that ends its last line by itself says so in `arrives`. */
const CONTENTS: readonly [title: string, content: string, arrives?: string][] = [
  ['a plain message', 'Subject: t\r\n\r\nHello\r\n'],
  ['dots at line starts', 'Subject: t\r\n\r\n.\r\n..\r\n...\r\n.x\r\n x.\r\n.\r\n'],
  [
    '8-bit bytes',
    `Subject: t\r\n\r\n${Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('')}\r\n`,
  ],
  ['long lines', `Subject: t\r\n\r\n${'x'.repeat(998)}\r\n${'y'.repeat(5000)}\r\n.${'z'.repeat(100_000)}\r\n`],
  ['no last line end', 'Subject: t\r\n\r\nno end', 'Subject: t\r\n\r\nno end\r\n'],
  ['a Received field of another', 'Received: from a by b; Sun, 22 Nov 2026 09:00:00 +0000\r\nSubject: t\r\n\r\nx\r\n'],
  ['only a body', 'no header here\r\n'],
];

function tool(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}

async function run(command: string, args: readonly string[], input: string | Buffer = ''): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  const [code] = await within(10_000, once(child, 'close'), `the end of ${command}`);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
}

/** The content of the one mail that has arrived, without our trace line, of which there must be just one. */
function arrived(upstream: Upstream): string {
  expect(upstream.accepted.length).to.equal(1);
  const content = upstream.mails[0]!.content;
  expect(
    content.toString('latin1').match(/^Received: from .*\r\n\tby \S+ \(lonedot\) with E?SMTP id /gm)?.length,
  ).to.equal(1);
  return withoutTrace(content);
}

describe('mail from end to end', () => {
  let directory: string;
  let upstream: Upstream;
  let relay: Program;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-e2e-'));
    upstream = await Upstream.start();
    const database = join(directory, 'relay.db');
    relay = await Program.start(['relay', '-s', '127.0.0.1:0', '--upstream', upstream.url, '-d', database]);
  });

  beforeEach(() => {
    upstream.mails.length = 0;
  });

  after(async () => {
    expect(await relay.stop()).to.equal(0);
    await upstream.stop();
    await rm(directory, { recursive: true, force: true });
  });

  describe('from a plain socket', () => {
    for (const [title, content, ends] of CONTENTS) {
      if (ends !== undefined) continue;
      it(`${title} arrives byte for byte`, async () => {
        const client = await relay.client();
        const lines = ['EHLO c.example', 'MAIL FROM:<a@x.example> BODY=8BITMIME', 'RCPT TO:<b@x.example>', 'DATA'];
        expect(await client.codes(...lines)).to.deep.equal(['250', '250', '250', '354']);
        client.send(`${content.replace(/^\./gm, '..')}.\r\n`);
        expect(await client.reply()).to.match(/^250 2\.0\.0 Ok: queued as \w{22}$/);
        await client.say('QUIT');
        await upstream.got(1);
        expect(arrived(upstream) === content).to.equal(true);
        expect(upstream.mails[0]!.from).to.match(/^MAIL FROM:<a@x\.example> BODY=8BITMIME SIZE=\d+$/);
        expect(upstream.mails[0]!.to).to.deep.equal(['RCPT TO:<b@x.example>']);
      });
    }

    it('an empty message has its 250 at once, and arrives', async () => {
      const client = await relay.client();
      await client.codes('HELO c.example', 'MAIL FROM:<>', 'RCPT TO:<b@x.example>', 'DATA');
      const begin = performance.now();
      expect(await client.say('.')).to.match(/^250 2\.0\.0 /);
      expect(performance.now() - begin).to.be.lessThan(1000);
      await client.say('QUIT');
      await upstream.got(1);
      expect(arrived(upstream)).to.equal('');
      expect(upstream.mails[0]!.from).to.match(/^MAIL FROM:<>/);
    });

    it('many mails on many connections arrive, each once', async () => {
      const send = async (connection: number): Promise<void> => {
        const client = await relay.client();
        await client.say('EHLO c.example');
        for (let n = 0; n < 10; n++) {
          client.send('MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n');
          await client.replies(3);
          expect(await client.say(`Subject: ${connection * 10 + n}\r\n\r\n.`)).to.match(/^250 /);
        }
        await client.say('QUIT');
      };
      await Promise.all(Array.from({ length: 20 }, (_, connection) => send(connection)));
      await upstream.got(200);
      const numbers = upstream.mails.map(({ content }) =>
        Number(/^Subject: (\d+)/m.exec(content.toString('latin1'))![1]),
      );
      expect(numbers.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 200 }, (_, i) => i));
    });
  });

  describe("from Python's smtplib", () => {
    before(function () {
      if (tool('python3')) return;
      process.stdout.write('    skipped: there is no python3\n');
      this.skip();
    });

    const SCRIPT = `
import smtplib, sys
server = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=10)
content = sys.stdin.buffer.read()
refused = server.sendmail('a@x.example', ['b@x.example', 'c@x.example'], content, ['BODY=8BITMIME'])
server.quit()
sys.exit(1 if refused else 0)
`;
    for (const [title, content, arrives = content] of CONTENTS) {
      it(`${title} arrives byte for byte`, async () => {
        await run('python3', ['-c', SCRIPT, String(relay.port)], Buffer.from(content, 'latin1'));
        await upstream.got(1);
        expect(arrived(upstream) === arrives).to.equal(true);
        expect(upstream.mails[0]!.to).to.deep.equal(['RCPT TO:<b@x.example>', 'RCPT TO:<c@x.example>']);
      });
    }
  });

  describe('from curl', () => {
    before(function () {
      const { stdout } = spawnSync('curl', ['--version'], { encoding: 'utf8' });
      if (/^Protocols:.* smtp/m.test(stdout ?? '')) return;
      process.stdout.write('    skipped: there is no curl that speaks SMTP\n');
      this.skip();
    });

    for (const [title, content, arrives = content] of CONTENTS) {
      it(`${title} arrives byte for byte`, async () => {
        const file = join(directory, 'mail.eml');
        await writeFile(file, content, 'latin1');
        const envelope = ['--mail-from', 'a@x.example', '--mail-rcpt', 'b@x.example', '--upload-file', file];
        await run('curl', ['-sS', ...envelope, `smtp://127.0.0.1:${relay.port}/c.example`]);
        await upstream.got(1);
        expect(arrived(upstream) === arrives).to.equal(true);
      });
    }
  });

  describe('from swaks', () => {
    before(function () {
      if (tool('swaks')) return;
      process.stdout.write('    skipped: there is no swaks\n');
      this.skip();
    });

    for (const [title, content, ends] of CONTENTS) {
      if (ends !== undefined) continue;
      it(`${title} arrives byte for byte`, async () => {
        const file = join(directory, 'mail.eml');
        // It is told to touch nothing, so the stuffing and the lone dot are ours.
        await writeFile(file, `${content.replace(/^\./gm, '..')}.`, 'latin1');
        const envelope = [
          '--server',
          '127.0.0.1',
          '--port',
          String(relay.port),
          '-f',
          'a@x.example',
          '-t',
          'b@x.example',
        ];
        await run('swaks', [...envelope, '--data', `@${file}`, '--no-data-fixup']);
        await upstream.got(1);
        expect(arrived(upstream) === content).to.equal(true);
      });
    }
  });
});

describe('a message of 200 MB', () => {
  it('passes whole, and the relay stays below 150 MB', async function () {
    this.timeout(60_000);
    const directory = await mkdtemp(join(tmpdir(), 'lonedot-e2e-'));
    const upstream = await HashingUpstream.start();
    const build = await compiled();
    const args = ['relay', '-s', '127.0.0.1:0', '--upstream', upstream.url, '-d', join(directory, 'relay.db')];
    const relay = await Program.start([...args, '--max-message-size', '300MB'], { node: build.node });
    try {
      const socket = connect({ port: relay.port, host: '127.0.0.1' });
      const client = new Client(socketTransport(socket));
      await client.reply();
      const codes = await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
      expect(codes).to.deep.equal(['250', '250', '250', '354']);
      const hash = createHash('sha256');
      client.send(MARKER);
      let size = 0;
      for (let n = 0; size < 200_000_000; n++) {
        const block = Buffer.from(`${n} ${'abcdefghij'.repeat(97)}\r\n`.repeat(66), 'latin1');
        hash.update(block);
        size += block.length;
        if (!socket.write(block)) await once(socket, 'drain');
      }
      socket.write('.\r\n');
      expect(await client.reply(30_000)).to.match(/^250 /);
      await client.say('QUIT');
      await upstream.got(1, 30_000);
      expect(upstream.sizes).to.deep.equal([size]);
      expect(upstream.hashes).to.deep.equal([hash.digest('hex')]);
      expect(upstream.heads[0]).to.match(/^Received: from c .*\r\n(?:\t.*\r\n)+$/);
      const peak = relay.peakMegabytes();
      process.stdout.write(`      peak of the relay: ${peak.toFixed(0)} MB\n`);
      expect(peak).to.be.lessThan(150);
      expect(await relay.stop()).to.equal(0);
    } finally {
      await relay.kill();
      await upstream.stop();
      await build.remove();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('lonedot sink', () => {
  it('takes mail for anybody and keeps it, byte for byte', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lonedot-e2e-'));
    const file = join(directory, 'inbox.db');
    const sink = await Program.start(['sink', '-s', '127.0.0.1:0', '-l', '127.0.0.1:0', '-d', file]);
    try {
      const client = await sink.client();
      const ids: string[] = [];
      const contents = CONTENTS.filter(([, , ends]) => ends === undefined);
      await client.say('EHLO c.example');
      for (const [, content] of contents) {
        const lines = [
          'MAIL FROM:<a@anywhere.example>',
          'RCPT TO:<b@elsewhere.example>',
          'RCPT TO:<c@x.example>',
          'DATA',
        ];
        expect(await client.codes(...lines)).to.deep.equal(['250', '250', '250', '354']);
        client.send(`${content.replace(/^\./gm, '..')}.\r\n`);
        ids.push(/queued as (\w{22})$/.exec(await client.reply())![1]!);
      }
      await client.say('QUIT');
      expect(await sink.stop()).to.equal(0);

      const store = await serveHere(file);
      try {
        const listed = await store.list(100);
        expect(listed.map(({ id }) => id).reverse()).to.deep.equal(ids);
        expect(listed[0]).to.deep.include({
          sender: 'a@anywhere.example',
          recipients: ['b@elsewhere.example', 'c@x.example'],
        });
        for (const [i, [, content]] of contents.entries()) {
          expect(withoutTrace(await contentOf(store, ids[i]!)) === content).to.equal(true);
        }
        expect((await store.counts()).recipients).to.deep.equal({ captured: 2 * contents.length });
      } finally {
        await store.close();
      }
    } finally {
      await sink.kill();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
