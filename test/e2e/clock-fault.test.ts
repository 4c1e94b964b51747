// Somebody sets the clock while mail is under way and mail waits: nothing is stranded, nothing is sent twice, and nobody
// who is connected notices. Due times and leases are times of day; whatever waits for less than a second or more than a
// retry does so by a clock that nobody sets.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Client } from '../relay/support/client.ts';
import { withoutTrace } from '../relay/support/sessions.ts';
import { type Act, Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';
import { LONEDOT } from './support/build.ts';
import { SettableClock } from './support/preload.ts';
import { Program } from './support/program.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const JUMPS: readonly [name: string, ms: number][] = [
  ['a day ahead', DAY],
  ['a day back', -DAY],
  ['an hour ahead', HOUR],
  ['an hour back', -HOUR],
];

describe('a relay whose clock is set', () => {
  let directory: string;
  let upstream: Upstream;
  let clock: SettableClock;
  let programs: Program[];
  let phase: 'putting-off' | 'silent' | 'well';

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-clock-'));
    clock = await SettableClock.make(directory);
    programs = [];
    phase = 'well';
    const silent: Act = 'silence';
    upstream = await Upstream.start({
      answer: (step) => {
        if (step.phase === 'rcpt' && phase === 'putting-off') return '451 4.3.0 later';
        return step.phase === 'dot' && phase === 'silent' ? silent : undefined;
      },
    });
  });

  afterEach(async () => {
    for (const program of programs) await program.kill();
    await upstream.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(...more: readonly string[]): Promise<Program> {
    const retry = ['--retry-min', '2s', '--retry-max', '2s', '--delay-notice', '0'];
    const args = ['relay', '-s', '127.0.0.1:0', '--upstream', upstream.url, '-d', join(directory, 'relay.db')];
    const program = await Program.start([...args, ...retry, ...more], { node: [...clock.node, ...LONEDOT] });
    programs.push(program);
    return program;
  }

  for (const [name, ms] of JUMPS) {
    it(`to ${name}: what waits, what is under way and what comes is delivered once`, async function () {
      this.timeout(40_000);
      const relay = await start('--idle-timeout', '5s');
      const client = await hello(relay);
      phase = 'putting-off';
      for (let n = 0; n < 5; n++) await send(client, `waiting ${n}`);
      await until(5000, () => relay.log('message.deferred').length === 5, 'five that wait');
      phase = 'silent';
      for (let n = 0; n < 3; n++) await send(client, `under way ${n}`);
      await until(5000, () => upstream.mails.length === 3, 'three that are under way');

      await clock.set(ms, relay);
      expect(await client.say('NOOP'), 'who was connected').to.match(/^250 /);
      await send(client, 'new');
      phase = 'well';
      // The one that came since gets its answer with the rest.
      await until(5000, () => upstream.mails.length >= 4, 'the new one');
      for (const mail of upstream.mails) mail.accepted = true;
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      // Within a minute, not a day: the queue looks each half minute what an upside-down clock has hidden from it.
      await until(35_000, () => new Set(bodies()).size === 9, 'nine mails');
      await until(5000, () => relay.log('message.delivered').length === 9, 'nine that are on record');
      expect(bodies().sort()).to.deep.equal([...new Set(bodies())].sort());
      expect(
        relay.log('clock.set').map((record) => Math.round(Number((record as { ms?: number }).ms) / HOUR)),
      ).to.deep.equal([ms / HOUR]);
      expect(await relay.stop()).to.equal(0);
    });
  }

  function bodies(): string[] {
    return upstream.accepted.map(({ content }) => withoutTrace(content).trim());
  }
});

async function hello(program: Program): Promise<Client> {
  const client = await program.client();
  await client.say('EHLO c.example');
  return client;
}

async function send(client: Client, content: string): Promise<void> {
  expect(await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA')).to.deep.equal([
    '250',
    '250',
    '354',
  ]);
  expect(await client.say(`${content}\r\n.`)).to.match(/^250 /);
}
