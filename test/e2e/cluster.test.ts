// Three nodes on one PostgreSQL, with load on all of them, while nodes are killed, stand still for longer than their
// leases and wake up again, and the database crashes and recovers: whatever any of them answered 250 reaches every one of
// its recipients undamaged, or its sender is told. Copies are counted, and each must have its reason. The order of events
// comes from a seed that is printed; LONEDOT_CLUSTER_SEED chooses another, LONEDOT_CLUSTER_MESSAGES goes on until so many
// mails were answered.
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { openPostgresStore } from '../../relay/store/postgres.ts';
import type { Store } from '../../relay/store/store.ts';
import { randomNumbers } from '../../src/random.ts';
import { PostgresServer, skipWithoutPostgres } from '../relay/store/postgres-server.ts';
import { Ledger } from './support/ledger.ts';
import { Load } from './support/load.ts';
import { Program } from './support/program.ts';

const ENV: { LONEDOT_CLUSTER_SEED?: string; LONEDOT_CLUSTER_MESSAGES?: string } = process.env;
const SEED = Number(ENV.LONEDOT_CLUSTER_SEED ?? 20261122);
const MESSAGES = Number(ENV.LONEDOT_CLUSTER_MESSAGES ?? 0);
const NODES = 3;
const SENDERS = 5;
/** Longer than a lease. */
const SLEEP_MS = 17_000;
/** What a node goes on with when it wakes up it has sent after so long; what it has delivered is recorded after so long. */
const AWAKE_MS = 3_000;
const SETTLED_MS = 2_000;

/** A node that is started anew whenever it has died, with clients that send to it as long as it lives. */
class Node {
  readonly args: readonly string[];
  readonly ledger: Ledger;
  readonly random: () => number;
  program: Program | null = null;
  isAsleep = false;
  /** When it slept. */
  readonly sleeps: { readonly from: number; readonly to: number }[] = [];
  private load: Load | null = null;

  constructor(args: readonly string[], ledger: Ledger, random: () => number) {
    this.args = args;
    this.ledger = ledger;
    this.random = random;
  }

  async start(): Promise<void> {
    this.program = await Program.start(this.args);
    await this.send();
  }

  /** Connections that ended while the node slept are opened anew. */
  async send(): Promise<void> {
    this.load = new Load(this.ledger, this.random);
    await this.load.start(SENDERS, this.program!).catch((error: Error) => {
      throw new Error(`${error.message}; the node says: ${this.program!.stderr.slice(-2000)}`);
    });
  }

  async stopSending(): Promise<void> {
    await this.load?.stop();
  }

  async kill(): Promise<void> {
    await this.program!.kill();
    this.ledger.kills.push(Date.now());
    await this.stopSending();
  }

  async sleep(ms: number): Promise<void> {
    this.isAsleep = true;
    const from = Date.now();
    this.program!.child.kill('SIGSTOP');
    // What it had sent and not yet recorded is sent by others: as if it had died.
    this.ledger.kills.push(from);
    await pause(ms);
    this.sleeps.push({ from, to: Date.now() });
    this.program!.child.kill('SIGCONT');
    await this.stopSending();
    await this.send();
    this.isAsleep = false;
  }
}

/**
 * Mail that a node sent when it woke up although another had delivered it meanwhile: what leases are there to prevent. Not
 * meant is what that other could not record, since it was killed or the database crashed, and what is therefore due again.
 */
function secondsBySleepers(
  { kills, ...ledger }: { kills: readonly number[]; copies: ReturnType<Ledger['copies']> },
  nodes: readonly Node[],
): string[] {
  return ledger.copies.flatMap(({ recipient, before, after }) => {
    const isLost = kills.some((at) => at >= before.at && at < before.at + SETTLED_MS);
    const isSecond = (nodes[after.place]?.sleeps ?? []).some(({ from, to }) => {
      return before.at > from && before.at < to && after.at >= to && after.at < to + AWAKE_MS;
    });
    return isSecond && before.place !== after.place && before.isAnswered && !isLost ? [recipient] : [];
  });
}

describe('three nodes on one PostgreSQL', () => {
  const much = MESSAGES > 0 ? `until ${MESSAGES} mails were answered` : 'for a while';
  it(`lose nothing when nodes die or sleep and the database crashes, ${much} (seed ${SEED})`, async function () {
    skipWithoutPostgres(this);
    this.timeout(180_000 + MESSAGES * 200);
    const random = randomNumbers(SEED);
    const server = await PostgresServer.start();
    const ledger = await Ledger.open(random, {}, NODES);
    const database = await server.newDatabase();
    const args = ['relay', '-s', '127.0.0.1:0', '-d', database, '--notice-limit', '0'];
    const retries = ['--retry-min', '1s', '--retry-max', '2s'];
    // Each has a way out of its own: so it is known who delivered what.
    const nodes = ledger.upstreams.map(({ url }) => new Node([...args, ...retries, '--upstream', url], ledger, random));
    const told = { kills: 0, sleeps: 0, crashes: 0 };
    let store: Store | undefined;

    const someNode = (): Node | undefined => {
      const awake = nodes.filter((node) => !node.isAsleep);
      return awake.length > 1 ? awake[Math.floor(random() * awake.length)] : undefined;
    };
    const killOne = async (): Promise<void> => {
      const node = someNode();
      if (!node) return;
      told.kills++;
      await node.kill();
      await pause(random() * 500);
      await node.start();
    };
    const crash = async (): Promise<void> => {
      told.crashes++;
      ledger.kills.push(Date.now());
      await server.halt();
      await pause(200 + random() * 1500);
      await server.restart();
      // What was delivered while it was away could not be recorded.
      ledger.kills.push(Date.now());
    };
    const fallAsleep = (): Promise<void> => {
      told.sleeps++;
      return someNode()?.sleep(SLEEP_MS) ?? Promise.resolve();
    };

    try {
      // All at once: one of them makes the tables.
      await Promise.all(nodes.map((node) => node.start()));
      let round = 0;
      do {
        const sleeping = fallAsleep();
        for (const event of [killOne, crash, killOne]) {
          await pause(300 + random() * 2000);
          await event();
          ledger.post();
        }
        await sleeping;
        ledger.post();
        if (++round % 10 === 0) process.stdout.write(`      ${ledger.report().line}\n`);
      } while (ledger.promised < MESSAGES);
      await Promise.all(nodes.map((node) => node.stopSending()));
      expect(ledger.promised).to.be.greaterThan(100);

      store = await openPostgresStore({ url: database });
      const end = Date.now() + 60_000 + MESSAGES * 5;
      let waiting = -1;
      // Also what was not promised, and copies: nothing stays behind.
      while (waiting !== 0 || ledger.missing().length > 0) {
        if (Date.now() > end) throw new Error(`${waiting} still wait: ${ledger.report().line}`);
        await pause(200);
        const { recipients } = await store.counts();
        waiting = (recipients.queued ?? 0) + (recipients.deferred ?? 0) + (recipients.unknown ?? 0);
      }
      const { line, unexplained } = ledger.report();
      const { kills, sleeps, crashes } = told;
      process.stdout.write(`      ${kills} times killed, ${sleeps} asleep, ${crashes} crashes of the database\n`);
      process.stdout.write(`      ${line}\n`);
      expect(ledger.wrongs).to.deep.equal([]);
      expect(
        secondsBySleepers({ kills: ledger.kills, copies: ledger.copies() }, nodes),
        'what others had delivered while it slept',
      ).to.deep.equal([]);
      expect(unexplained).to.deep.equal([]);
      expect((await store.counts()).recipients).to.not.have.any.keys('expired', 'held');
      const others = await store.nodes!();
      // Those that were killed are seen to be gone, and those that live as living; only a kill ends one.
      for (const { program } of nodes) expect(program!.child.exitCode, program!.stderr.slice(-1000)).to.equal(null);
      expect(others.filter(({ unseenMs }) => unseenMs < 10_000).length).to.be.within(NODES, NODES + 2);
      for (const { program } of nodes) expect(await program!.stop()).to.equal(0);
      expect((await store.nodes!()).filter(({ unseenMs }) => unseenMs < 1_000)).to.deep.equal([]);
    } finally {
      await store?.close();
      await Promise.all(nodes.map(({ program }) => program?.kill()));
      await ledger.close();
      await server.stop();
    }
  });
});
