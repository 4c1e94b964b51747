// What goes wrong around the program: a database that may not be written, a port that is taken, a disk that is full, a
// database that somebody locks, a stop in the middle of a message. Never a 250 for what is not safe, and never an end
// that was not asked for.
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import Libsql from 'libsql';
import { serveHere } from '../relay/store/sqlite-place.ts';
import type { Client } from '../relay/support/client.ts';
import { withoutTrace } from '../relay/support/sessions.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { within } from '../support/within.ts';
import { Program, type RunOptions } from './support/program.ts';

/** Any user but the one who may do everything. */
const NOBODY = 65534;

async function send(client: Client, content: string): Promise<string> {
  const codes = await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
  expect(codes).to.deep.equal(['250', '250', '354']);
  client.send(`${content}.\r\n`);
  return client.reply(15_000);
}

describe('a relay in trouble', () => {
  let directory: string;
  let upstream: Upstream;
  let programs: Program[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-faults-'));
    upstream = await Upstream.start();
    programs = [];
  });

  afterEach(async () => {
    for (const program of programs) await program.kill();
    await upstream.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function args(...more: readonly string[]): string[] {
    const upstreamUrl = ['--upstream', upstream.url, '--retry-min', '1s', '--retry-max', '1s'];
    return ['relay', '-s', '127.0.0.1:0', ...upstreamUrl, '-d', join(directory, 'relay.db'), ...more];
  }

  async function start(more: readonly string[] = [], options: RunOptions = {}): Promise<Program> {
    const program = await Program.start(args(...more), options);
    programs.push(program);
    return program;
  }

  /** Starts it and expects it to end by itself; gives what it said. */
  async function refused(more: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    const program = new Program(args(...more), options);
    programs.push(program);
    expect(await within(15_000, program.ended, 'the end of the program')).to.equal(1);
    expect(program.stdout).to.equal('');
    return program.stderr;
  }

  /** What is in the database, without our trace line. */
  async function stored(): Promise<string[]> {
    const store = await serveHere(join(directory, 'relay.db'));
    try {
      const texts: string[] = [];
      for (const { id } of (await store.list(1000)).reverse()) {
        const pieces: Buffer[] = [];
        for await (const piece of (await store.content(id))!) pieces.push(piece);
        texts.push(withoutTrace(Buffer.concat(pieces)));
      }
      return texts;
    } finally {
      await store.close();
    }
  }

  it('says which database may only be read, and does not start', async () => {
    const first = await start();
    expect(await send(await hello(first), 'x\r\n')).to.match(/^250 /);
    await first.stop();
    const file = join(directory, 'relay.db');
    await chmod(file, 0o444);
    await chmod(directory, 0o555);
    const message = await refused([], process.getuid?.() === 0 ? { uid: NOBODY } : {});
    expect(message)
      .to.include(file)
      .and.to.match(/may not be read and written|may only be read/);
    await chmod(directory, 0o755);
  });

  it('says which port is taken, does not start, and leaves the database alone', async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    try {
      const message = await refused(['-s', `127.0.0.1:${port}`]);
      expect(message)
        .to.include(`127.0.0.1:${port}`)
        .and.to.match(/in use/);
      // What is left over is good for the next start.
      expect(await send(await hello(await start()), 'x\r\n')).to.match(/^250 /);
      await upstream.got(1);
    } finally {
      taken.close();
    }
  });

  it('S16 answers 4xx while the disk is full, stays up, and takes mail again when there is room', async function () {
    if (spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status !== 0) {
      process.stdout.write('    skipped: there is no prlimit\n');
      this.skip();
    }
    // Nothing is delivered meanwhile: that would make room.
    upstream.answer = ({ phase }) => (phase === 'connect' ? { last: '421 4.3.2 busy' } : undefined);
    const relay = await start([], { under: ['prlimit', '--fsize=3000000:unlimited'] });
    const client = await hello(relay);
    const answered: string[] = [];
    const text = (n: number): string => `Subject: ${n}\r\n\r\n${`${n} `.repeat(100_000)}\r\n`;
    let refusals = 0;
    for (let n = 0; refusals < 3; n++) {
      expect(n, 'mails that a full disk has taken').to.be.lessThan(60);
      const reply = await send(client, text(n));
      if (reply.startsWith('250 ')) answered.push(text(n));
      else {
        expect(reply).to.match(/^45[12] 4\.3\.[01] /);
        refusals++;
      }
    }
    expect(answered.length).to.be.greaterThan(0);
    expect(relay.log('message.not_stored').length).to.equal(refusals);
    expect((await stat(join(directory, 'relay.db'))).size).to.be.at.most(3_000_000);
    // Others are still served.
    expect(await (await hello(relay)).codes('NOOP')).to.deep.equal(['250']);

    expect(spawnSync('prlimit', ['--pid', String(relay.pid), '--fsize=unlimited:unlimited']).status).to.equal(0);
    expect(await send(client, text(1000))).to.match(/^250 /);
    answered.push(text(1000));
    upstream.answer = () => undefined;
    await upstream.got(answered.length, 15_000);
    const arrived = upstream.accepted.map(({ content }) => withoutTrace(content));
    expect(arrived.sort()).to.deep.equal(answered.sort());
    expect(await relay.stop()).to.equal(0);
  });

  it('S16 answers 4xx while another program keeps the database locked, and goes on afterwards', async function () {
    this.timeout(30_000);
    upstream.answer = ({ phase }) => (phase === 'connect' ? { last: '421 4.3.2 busy' } : undefined);
    const relay = await start();
    const client = await hello(relay);
    expect(await send(client, 'before\r\n')).to.match(/^250 /);
    const other = new Libsql(join(directory, 'relay.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(await send(client, 'meanwhile\r\n')).to.match(/^45[12] 4\.3\.[01] /);
    other.exec('COMMIT');
    other.close();
    expect(await send(client, 'afterwards\r\n')).to.match(/^250 /);
    upstream.answer = () => undefined;
    await upstream.got(2, 15_000);
    const arrived = upstream.accepted.map(({ content }) => withoutTrace(content));
    expect(arrived.sort()).to.deep.equal(['afterwards\r\n', 'before\r\n']);
    expect(await relay.stop()).to.equal(0);
  });

  it('S15 a stop lets a message end, answers it, says 421, and exits with 0', async () => {
    // Nothing leaves, so what is stored can be looked at.
    upstream.answer = ({ phase }) => (phase === 'connect' ? { last: '421 4.3.2 busy' } : undefined);
    const relay = await start(['--drain-timeout', '10s']);
    const client = await hello(relay);
    const idle = await hello(relay);
    await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    client.send('half\r\n');
    relay.child.kill('SIGTERM');
    expect((await idle.rest()).join()).to.match(/^421 4\.3\.2 [^,]*$/);
    // Nobody new is let in, and who is there can end what he has begun.
    expect(
      await within(
        2000,
        relay.client().then(
          () => 'let in',
          () => 'refused',
        ),
      ),
    ).to.equal('refused');
    expect(await client.say('whole\r\n.')).to.match(/^250 2\.0\.0 /);
    expect((await client.rest()).join()).to.match(/^421 4\.3\.2 [^,]*$/);
    expect(await within(8000, relay.ended, 'the end, well before the limit')).to.equal(0);
    expect(await stored()).to.deep.equal(['half\r\nwhole\r\n']);
  });

  it('S15 a stop waits no longer than its limit: 421 in the middle of the message, nothing stored, exit 0', async () => {
    const relay = await start(['--drain-timeout', '500ms']);
    const client = await hello(relay);
    await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    client.send('half\r\n');
    const begin = performance.now();
    relay.child.kill('SIGTERM');
    const replies = await client.rest();
    expect(performance.now() - begin).to.be.within(400, 3000);
    expect(replies.join()).to.match(/^421 4\.3\.2 [^,]*$/);
    expect(await within(5000, relay.ended, 'the end')).to.equal(0);
    expect(await stored()).to.deep.equal([]);
  });

  it("R1 relays nobody else's mail", async () => {
    const relay = await start(['--relay-from', '192.0.2.0/24']);
    const client = await hello(relay);
    expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^250 /);
    expect(await client.say('RCPT TO:<b@elsewhere.example>')).to.match(/^55[04] 5\.7\.1 /);
    expect(await client.say('DATA')).to.match(/^554 5\.5\.1 /);
  });

  async function hello(program: Program): Promise<Client> {
    const client = await program.client();
    await client.say('EHLO c.example');
    return client;
  }
});
