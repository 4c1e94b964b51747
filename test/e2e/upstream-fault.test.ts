// The real program and an upstream in every kind of trouble: silent at each phase, gone, hanging up at once while
// thousands of mails gather. Whatever it was, all of it is delivered when the upstream is well, and nothing twice but what
// was not answered.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { randomNumbers } from '../../src/random.ts';
import type { Client } from '../relay/support/client.ts';
import { withoutTrace } from '../relay/support/sessions.ts';
import { type Act, type Phase, Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';
import { Ledger } from './support/ledger.ts';
import { Load } from './support/load.ts';
import { Program } from './support/program.ts';

const MANY = 2_000;

describe('a relay and an upstream in trouble', () => {
  let directory: string;
  let programs: Program[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-upstream-'));
    programs = [];
  });

  afterEach(async () => {
    for (const program of programs) await program.kill();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(upstream: string, ...more: readonly string[]): Promise<Program> {
    const args = ['relay', '-s', '127.0.0.1:0', '--upstream', upstream, '-d', join(directory, 'relay.db')];
    const retry = ['--retry-min', '1s', '--retry-max', '1s', '--pause-min', '100ms', '--pause-max', '500ms'];
    const program = await Program.start([...args, ...retry, ...more]);
    programs.push(program);
    return program;
  }

  it('that never replies, at whatever phase: the wait ends, and the mail goes when it is well', async function () {
    this.timeout(60_000);
    const upstream = await Upstream.start();
    try {
      const relay = await start(`${upstream.url}?timeout=300ms&dot-timeout=300ms`);
      const client = await hello(relay);
      const phases: readonly Phase[] = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot'];
      for (const [i, phase] of phases.entries()) {
        // A connection that is kept would skip the first phases.
        for (const socket of upstream.sockets) socket.destroy();
        const before = relay.stderr.length;
        let silences = 0;
        upstream.answer = (step) => {
          if (step.phase !== phase) return undefined;
          silences++;
          return 'silence';
        };
        await send(client, `silent at ${phase}`);
        await until(5000, () => silences > 0, `silence at ${phase}`);
        await until(5000, () => /waited in vain/.test(relay.stderr.slice(before)), `the end of the wait at ${phase}`);
        upstream.answer = () => undefined;
        await upstream.got(i + 1, 8000);
      }
      await until(5000, () => relay.log('message.delivered').length === phases.length, 'all of them on record');
      expect(bodies(upstream)).to.deep.equal(phases.map((phase) => `silent at ${phase}`));
      // Silence behind the dot may be a mail that has arrived; everywhere else none was sent.
      expect(upstream.mails.length).to.be.at.least(phases.length + 1);
      for (const mail of upstream.mails)
        if (!mail.accepted) expect(withoutTrace(mail.content).trim()).to.equal('silent at dot');
      expect(await relay.stop()).to.equal(0);
    } finally {
      await upstream.stop();
    }
  });

  it('that drops, resets, says 421, 4xx or 5xx at any phase: each mail arrives once, or its sender is told', async function () {
    this.timeout(40_000);
    const acts: Readonly<Record<string, Act>> = {
      drop: 'drop',
      reset: 'reset',
      leave: { last: '421 4.3.2 going down' },
      later: '451 4.3.0 later',
      never: '554 5.7.0 no',
    };
    const cases = (['mail', 'rcpt', 'data', 'dot'] as const).flatMap((phase) =>
      Object.keys(acts).map((kind) => ({ name: `${kind}.${phase}`, kind, phase })),
    );
    const upstream = await Upstream.start();
    try {
      // Whose mail is on which connection; each is treated badly once.
      const senders = new Map<number, string>();
      const treated = new Set<string>();
      upstream.answer = ({ phase, line, connection }) => {
        if (phase === 'mail') senders.set(connection, /<([^@>]*)/.exec(line)![1]!);
        const found = cases.find((one) => one.phase === phase && one.name === senders.get(connection));
        if (!found || treated.has(found.name)) return undefined;
        treated.add(found.name);
        return acts[found.kind];
      };
      const relay = await start(upstream.url, '--notice-limit', '0');
      const client = await hello(relay);
      for (const { name } of cases) await send(client, name, `${name}@x.example`);
      await upstream.got(cases.length, 20_000);
      await until(5000, () => relay.log('message.delivered').length === cases.length, 'all of them on record');
      expect(treated.size, 'treated badly').to.equal(cases.length);
      const refused = cases.filter(({ kind }) => kind === 'never').map(({ name }) => name);
      const bounces = upstream.accepted.filter(({ from }) => from.startsWith('MAIL FROM:<>'));
      const mails = upstream.accepted.filter((one) => !bounces.includes(one));
      const delivered = mails.map(({ content }) => withoutTrace(content).trim()).sort();
      expect(delivered).to.deep.equal(cases.flatMap(({ name }) => (refused.includes(name) ? [] : [name])).sort());
      const told = bounces.map(({ to }) => /<([^@>]*)/.exec(to[0]!)![1]!);
      expect(told.sort()).to.deep.equal(refused.sort());
      expect(await relay.stop()).to.equal(0);
    } finally {
      await upstream.stop();
    }
  });

  it('that is gone for a while, and comes back', async function () {
    this.timeout(30_000);
    const gone = await Upstream.start();
    const { port, url } = gone;
    await gone.stop();
    const relay = await start(url);
    const client = await hello(relay);
    for (let n = 0; n < 20; n++) await send(client, `while it was gone ${n}`);
    await until(5000, () => relay.log('upstream.unreachable').length >= 3, 'three pauses');
    const upstream = await Upstream.start({}, port);
    try {
      await upstream.got(20, 10_000);
      expect(new Set(bodies(upstream)).size).to.equal(20);
      expect(upstream.mails.length).to.equal(20);
      expect(await relay.stop()).to.equal(0);
    } finally {
      await upstream.stop();
    }
  });

  it(`that hangs up at once while ${MANY} mails gather: it is left in peace, then gets all of them once`, async function () {
    this.timeout(120_000);
    const random = randomNumbers(1);
    const ledger = await Ledger.open(random, { dropped: 0, putOff: 0, refused: 0.01 });
    const { upstream } = ledger;
    const friendly = upstream.answer;
    try {
      upstream.answer = ({ phase }) => (phase === 'connect' ? 'drop' : undefined);
      const relay = await start(upstream.url, '--notice-limit', '0');
      const load = new Load(ledger, random, MANY);
      await load.start(10, relay);
      await load.done();
      const begin = upstream.connections;
      await pause(2000);
      // One goes ahead at the end of each pause, of half a second by now.
      expect(upstream.connections - begin).to.be.within(2, 25);
      expect(ledger.missing().length).to.be.at.least(MANY);
      const paused = Date.now();
      upstream.answer = friendly;
      for (const end = paused + 60_000; ledger.missing().length > 0 && Date.now() < end; ) await pause(50);
      await until(5000, () => relay.log('upstream.resumed').length > 0, 'the end of the pause');
      const { line, unexplained } = ledger.report();
      process.stdout.write(`      ${line}; drained in ${((Date.now() - paused) / 1000).toFixed(1)} s\n`);
      expect(unexplained).to.deep.equal([]);
      expect(ledger.wrongs).to.deep.equal([]);
      expect(await relay.stop()).to.equal(0);
    } finally {
      await ledger.close();
    }
  });
});

function bodies(upstream: Upstream): string[] {
  return upstream.accepted.map(({ content }) => withoutTrace(content).trim());
}

async function hello(program: Program): Promise<Client> {
  const client = await program.client();
  await client.say('EHLO c.example');
  return client;
}

async function send(client: Client, content: string, sender = 'a@x.example'): Promise<void> {
  expect(await client.codes(`MAIL FROM:<${sender}>`, 'RCPT TO:<b@x.example>', 'DATA')).to.deep.equal([
    '250',
    '250',
    '354',
  ]);
  expect(await client.say(`${content}\r\n.`)).to.match(/^250 /);
}
