// Two relays on one database file, both taking mail and both delivering, with operators' commands in between. One is
// killed and comes back; one is put to sleep, for longer than its leases where LONEDOT_LONG_TESTS is set (20 s), and then
// goes on where it was: it must not send what the other one has taken over meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Store } from '../../relay/store/store.ts';
import { randomNumbers } from '../../src/random.ts';
import { serveHere } from '../relay/store/sqlite-place.ts';
import { LONEDOT } from './support/build.ts';
import { Ledger } from './support/ledger.ts';
import { Load } from './support/load.ts';
import { SettableClock } from './support/preload.ts';
import { Program } from './support/program.ts';

const ENV: { LONEDOT_LONG_TESTS?: string; LONEDOT_CRASH_SEED?: string } = process.env;
const SEED = Number(ENV.LONEDOT_CRASH_SEED ?? 20261122);
/** Longer than a lease. */
const LONG_MS = 20_000;

describe('two relays on one database', () => {
  let directory: string;
  let file: string;
  let ledger: Ledger;
  let programs: Program[];
  let store: Store | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-two-'));
    file = join(directory, 'relay.db');
    programs = [];
  });

  afterEach(async () => {
    await store?.close();
    store = undefined;
    for (const program of programs) await program.kill();
    await ledger.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Each with an upstream of its own, so that the ledger tells who delivered. */
  async function start(place: number, node: readonly string[] = []): Promise<Program> {
    const args = ['relay', '-s', '127.0.0.1:0', '--upstream', ledger.upstreams[place]!.url, '-d', file];
    const retry = ['--retry-min', '1s', '--retry-max', '2s', '--notice-limit', '0'];
    const program = await Program.start([...args, ...retry], { node: [...node, ...LONEDOT] });
    programs.push(program);
    return program;
  }

  async function queue(...args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [...LONEDOT, 'queue', ...args, '-d', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = await once(child, 'close');
    expect(code, output).to.be.oneOf([0, 1]);
    return output;
  }

  /** Until nobody waits for anything any more. */
  async function drained(ms: number): Promise<void> {
    store ??= await serveHere(file);
    const end = Date.now() + ms;
    for (;;) {
      const { recipients } = await store.counts();
      const waiting = (recipients.queued ?? 0) + (recipients.deferred ?? 0) + (recipients.unknown ?? 0);
      if (waiting === 0 && ledger.missing().length === 0) return;
      if (Date.now() > end) throw new Error(`${waiting} still wait: ${ledger.report().line}`);
      await pause(100);
    }
  }

  it(`lose nothing when one is killed and comes back, and the other sleeps for a while (seed ${SEED})`, async function () {
    this.timeout(90_000);
    const random = randomNumbers(SEED);
    ledger = await Ledger.open(random, {}, 2);
    const load = new Load(ledger, random);
    let [first, second] = await Promise.all([start(0), start(1)]);
    await load.start(4, first, second);
    await pause(500);
    await first.kill();
    ledger.kills.push(Date.now());
    await queue('list', '--limit', '5');
    first = await start(0);
    const more = new Load(ledger, random);
    await more.start(4, first);
    second.child.kill('SIGSTOP');
    // If it fell asleep in the middle of a commit, nobody can change anything: that is told, and does not last.
    expect(await queue('hold', '--recipient', '*1@y.example')).to.match(/held|[Nn]othing|locked/);
    await queue('flush');
    second.child.kill('SIGCONT');
    expect(await queue('release', '--all')).to.match(/released|[Nn]othing/);
    await Promise.all([load.stop(), more.stop()]);
    // Whoever the killed one was delivering to waits for the end of its leases: a clock that is ahead need not.
    await Promise.all([first.stop(), second.stop()]);
    await start(0, (await SettableClock.make(directory, LONG_MS)).node);
    await drained(30_000);
    const { line, unexplained } = ledger.report();
    process.stdout.write(`      ${line}\n`);
    expect(ledger.wrongs).to.deep.equal([]);
    expect(unexplained).to.deep.equal([]);
    expect(ledger.promised).to.be.greaterThan(50);
  });

  // Half a minute of sleep: only where it is asked for. A shorter one is test/regressions/2026-11-content-after-the-lease.
  const long = ENV.LONEDOT_LONG_TESTS ? it : () => {};
  long(
    'one that slept over its leases does not send what the other has taken over',
    async function (this: Mocha.Context) {
      this.timeout(120_000);
      const random = randomNumbers(SEED);
      ledger = await Ledger.open(random, { dropped: 0 }, 2);
      const [first, second] = await Promise.all([start(0), start(1)]);
      const load = new Load(ledger, random);
      await load.start(4, first, second);
      await pause(300);
      // Its upstream stops reading: everything that it delivers waits for the reply to MAIL or DATA.
      const held = ledger.upstreams[1]!;
      for (const socket of held.sockets) socket.pause();
      await pause(600);
      second.child.kill('SIGSTOP');
      const asleep = Date.now();
      ledger.kills.push(asleep);
      const listed = await queue('list', '--json');
      const busy = listed.match(/"busy":true/g)?.length ?? 0;
      await pause(LONG_MS);
      await load.stop();
      for (const socket of held.sockets) socket.resume();
      await pause(500);
      const awake = Date.now();
      second.child.kill('SIGCONT');
      await drained(30_000);
      const { line, unexplained } = ledger.report();
      const overtaken = ledger
        .copies()
        .filter(({ before, after }) => after.place === 1 && after.at >= awake && before.at < awake);
      const lost = second.log('queue.lease_lost').length;
      process.stdout.write(`      ${line}\n`);
      process.stdout.write(
        `      ${busy} under way when it fell asleep; awake again it let go of ${lost}, sent ${overtaken.length} copies\n`,
      );
      expect(ledger.wrongs).to.deep.equal([]);
      expect(unexplained).to.deep.equal([]);
      expect(lost).to.be.greaterThan(0);
      expect(overtaken).to.deep.equal([]);
    },
  );
});
