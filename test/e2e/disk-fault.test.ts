// The disk under the database: it cannot sync, it may only be read, it is nearly full, its file is deleted or replaced
// while the relay runs. Never a 250 for what would be lost, no end that was not asked for, mail again as soon as all is
// well, and nothing sent twice since its result could not be written down. (A full disk: faults.test.ts.)
import { copyFile, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Client } from '../relay/support/client.ts';
import { withoutTrace } from '../relay/support/sessions.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';
import { type Build, compiled, LONEDOT } from './support/build.ts';
import { type DiskFault, FaultyDisk } from './support/preload.ts';
import { Program } from './support/program.ts';

const NOT_STORED = /^451 4\.3\.0 /;

describe('a relay and the disk under its database', () => {
  let build: Build;
  let directory: string;
  let file: string;
  let upstream: Upstream;
  let programs: Program[];

  before(async function () {
    this.timeout(60_000);
    build = await compiled();
  });

  after(() => build.remove());

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-disk-'));
    file = join(directory, 'relay.db');
    upstream = await Upstream.start();
    programs = [];
  });

  afterEach(async () => {
    for (const program of programs) await program.kill();
    await upstream.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(node: readonly string[], ...more: readonly string[]): Promise<Program> {
    const args = ['relay', '-s', '127.0.0.1:0', '-l', '127.0.0.1:0', '--upstream', upstream.url, '-d', file];
    const retry = ['--retry-min', '1s', '--retry-max', '1s', '--pause-min', '100ms', '--pause-max', '500ms'];
    const program = await Program.start([...args, ...retry, ...more], { node });
    programs.push(program);
    return program;
  }

  async function ready(program: Program): Promise<string> {
    const url = /"service":"web","url":"([^"]+)"/.exec(program.stdout)![1]!;
    const answer = await fetch(new URL('/readyz', url));
    return `${answer.status} ${(await answer.text()).trim()}`;
  }

  function arrived(): string[] {
    return upstream.accepted.map(({ content }) => withoutTrace(content).trim()).sort();
  }

  const FAULTS: readonly [name: string, fault: DiskFault][] = [
    ['cannot sync', 'io-error'],
    ['may only be read', 'read-only'],
  ];
  for (const [name, fault] of FAULTS) {
    it(`that ${name} for a while: 4xx meanwhile, nothing lost, nothing sent twice`, async function () {
      this.timeout(30_000);
      const disk = await FaultyDisk.make(directory, build.node.at(-1)!);
      const relay = await start([...disk.node, ...build.node]);
      const client = await hello(relay);
      upstream.answer = ({ phase }) => (phase === 'dot' ? 'silence' : undefined);
      expect(await send(client, 'under way')).to.match(/^250 /);
      await until(5000, () => upstream.mails.length === 1, 'the first at the upstream');
      await disk.fail(fault);
      expect(await send(client, 'meanwhile')).to.match(NOT_STORED);
      expect(await send(client, `long meanwhile ${'x'.repeat(300_000)}`)).to.match(NOT_STORED);
      expect(await ready(relay)).to.match(/^503 /);
      // It arrives now, and that cannot be written down.
      upstream.answer = () => undefined;
      upstream.mails[0]!.accepted = true;
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await until(5000, () => relay.log('queue.settle_failed').length > 0, 'a result that is not on record');
      expect(await client.say('NOOP')).to.match(/^250 /);
      await disk.heal();
      await until(5000, () => relay.log('message.delivered').length === 1, 'its record');
      expect(await send(client, 'afterwards')).to.match(/^250 /);
      await upstream.got(2, 5000);
      expect(arrived()).to.deep.equal(['afterwards', 'under way']);
      expect(await ready(relay)).to.equal('200 ok');
      expect(await relay.stop()).to.equal(0);
    });
  }

  const REMOVALS: readonly [name: string, remove: () => Promise<void>][] = [
    ['deleted', () => unlink(file)],
    ['deleted, of which only the -wal was meant', () => unlink(`${file}-wal`)],
    [
      'replaced by a copy',
      async () => {
        await copyFile(file, `${file}.copy`);
        await rename(`${file}.copy`, file);
      },
    ],
  ];
  for (const [name, remove] of REMOVALS) {
    it(`whose file is ${name}: takes no more mail, says why, delivers what it has`, async function () {
      this.timeout(30_000);
      const relay = await start(LONEDOT);
      const client = await hello(relay);
      upstream.answer = ({ phase }) => (phase === 'rcpt' ? '451 4.3.0 later' : undefined);
      expect(await send(client, 'before')).to.match(/^250 /);
      await until(5000, () => relay.log('message.deferred').length > 0, 'one that waits');
      await remove();
      expect(await send(client, 'too late')).to.match(NOT_STORED);
      expect(JSON.stringify(relay.log('message.not_stored'))).to.match(/deleted or replaced/);
      expect(await ready(relay)).to.match(/^503 /);
      upstream.answer = () => undefined;
      await upstream.got(1, 10_000);
      expect(arrived()).to.deep.equal(['before']);
      expect(await relay.stop()).to.equal(0);
    });
  }

  it('that has less room than must stay free: 452 at MAIL, and mail again with another limit', async () => {
    const relay = await start(LONEDOT, '--min-free', '900000g');
    const client = await hello(relay);
    let reply = '';
    for (const end = Date.now() + 4000; !reply.startsWith('452') && Date.now() < end; await pause(10)) {
      await client.say('RSET');
      reply = await client.say('MAIL FROM:<a@x.example>');
    }
    expect(reply).to.match(/^452 4\.3\.1 /);
    expect(await client.say('RCPT TO:<b@x.example>')).to.match(/^503 /);
    expect(await ready(relay)).to.match(/^503 the disk is nearly full/);
    expect(await relay.stop()).to.equal(0);
    const roomy = await start(LONEDOT, '--min-free', '1k');
    expect(await send(await hello(roomy), 'room')).to.match(/^250 /);
    await upstream.got(1);
  });
});

async function hello(program: Program): Promise<Client> {
  const client = await program.client();
  await client.say('EHLO c.example');
  return client;
}

async function send(client: Client, content: string): Promise<string> {
  expect(await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA')).to.deep.equal([
    '250',
    '250',
    '354',
  ]);
  client.send(`${content}\r\n.\r\n`);
  return client.reply(15_000);
}
