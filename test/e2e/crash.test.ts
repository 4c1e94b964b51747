// kill -9 at random moments: whatever was answered 250 reaches every one of its recipients undamaged, or its sender is
// told, however often the relay dies on its way. What was not answered may arrive or not, and must not be damaged either;
// nothing arrives that was not sent whole. Copies are counted, and each must have its reason. The moments come from a seed
// that is printed; LONEDOT_CRASH_ROUNDS and LONEDOT_CRASH_SEED choose others, LONEDOT_CRASH_MESSAGES goes on until so
// many mails were answered.
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

const ENV: { LONEDOT_CRASH_ROUNDS?: string; LONEDOT_CRASH_SEED?: string; LONEDOT_CRASH_MESSAGES?: string } =
  process.env;
const ROUNDS = Number(ENV.LONEDOT_CRASH_ROUNDS ?? 5);
const SEED = Number(ENV.LONEDOT_CRASH_SEED ?? 20261122);
const MESSAGES = Number(ENV.LONEDOT_CRASH_MESSAGES ?? 0);
const SENDERS = 10;
/** Leases of the last process that died last so long; who does not want to wait sets the clock. */
const LEASES_MS = 20_000;

describe('a relay that is killed', () => {
  const much = MESSAGES > 0 ? `until ${MESSAGES} mails were answered` : `${ROUNDS} times`;
  it(`S17 delivers all that it answered 250, over kill -9 ${much} (seed ${SEED})`, async function () {
    this.timeout(60_000 + ROUNDS * 5_000 + MESSAGES * 60);
    const random = randomNumbers(SEED);
    const directory = await mkdtemp(join(tmpdir(), 'lonedot-crash-'));
    const file = join(directory, 'relay.db');
    const ledger = await Ledger.open(random);
    const args = ['relay', '-s', '127.0.0.1:0', '--upstream', ledger.upstream.url, '-d', file, '--notice-limit', '0'];
    const start = (node: readonly string[] = []): Promise<Program> =>
      Program.start([...args, '--retry-min', '1s', '--retry-max', '2s'], { node: [...node, ...LONEDOT] });
    const load = new Load(ledger, random);
    let relay: Program | undefined;
    let store: Store | undefined;
    try {
      for (let round = 0; round < ROUNDS || ledger.promised < MESSAGES; round++) {
        relay = await start();
        await load.start(SENDERS, relay);
        await pause(50 + random() * 900);
        await relay.kill();
        ledger.kills.push(Date.now());
        await load.stop();
        ledger.post();
      }
      expect(ledger.promised).to.be.greaterThan(ROUNDS * SENDERS);

      relay = await start(MESSAGES > 0 ? [] : (await SettableClock.make(directory, LEASES_MS)).node);
      store = await serveHere(file);
      const end = Date.now() + 40_000 + MESSAGES * 5;
      let waiting = -1;
      // Also what was not promised, and copies: nothing stays behind.
      while (waiting !== 0 || ledger.missing().length > 0) {
        if (Date.now() > end) throw new Error(`${waiting} still wait: ${ledger.report().line}`);
        await pause(100);
        const { recipients } = await store.counts();
        waiting = (recipients.queued ?? 0) + (recipients.deferred ?? 0) + (recipients.unknown ?? 0);
      }
      const { line, unexplained } = ledger.report();
      process.stdout.write(`      ${line}\n`);
      expect(ledger.wrongs).to.deep.equal([]);
      expect(unexplained).to.deep.equal([]);
      // Nothing was given up on the way, and nothing is left half done.
      expect((await store.counts()).recipients).to.not.have.any.keys('expired', 'held');
      expect(await relay.stop()).to.equal(0);
    } finally {
      await store?.close();
      await relay?.kill();
      await ledger.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
