// kill -9 at random moments: whatever was answered 250 reaches the upstream, undamaged, however often the relay dies on
// its way. What was not answered may arrive or not, and must not be damaged either. The moments come from a seed that is
// printed; LONEDOT_CRASH_ROUNDS and LONEDOT_CRASH_SEED choose others.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { serveHere } from '../relay/store/sqlite-place.ts';
import type { Client } from '../relay/support/client.ts';
import { withoutTrace } from '../relay/support/sessions.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';
import { Program } from './support/program.ts';

const ENV: { LONEDOT_CRASH_ROUNDS?: string; LONEDOT_CRASH_SEED?: string } = process.env;
const ROUNDS = Number(ENV.LONEDOT_CRASH_ROUNDS ?? 5);
const SEED = Number(ENV.LONEDOT_CRASH_SEED ?? 20261122);
const SENDERS = 10;
/** Long enough for the leases of the last process that died to run out. */
const DELIVERED_MS = 30_000;

/** Mulberry32: small, and the same everywhere. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A body that proves itself: its name, and the hash of what follows. */
function message(name: string, size: number): string {
  const text = `${`.${name} `.repeat(12)}\r\n`;
  const body = text.repeat(Math.ceil(size / text.length));
  return `X-Name: ${name}\r\nX-Hash: ${createHash('sha256').update(body).digest('hex')}\r\n\r\n${body}`;
}

/** The name of a whole message; throws for a damaged one. */
function nameOf(content: Buffer): string {
  const found = /^X-Name: (\S+)\r\nX-Hash: (\S+)\r\n\r\n([\s\S]*)$/.exec(withoutTrace(content));
  if (!found) throw new Error(`damaged: ${content.toString('latin1', 0, 300)}`);
  const [, name, hash, body] = found;
  if (createHash('sha256').update(body!).digest('hex') !== hash) throw new Error(`${name} is damaged`);
  return name!;
}

describe('a relay that is killed', () => {
  it(`S17 delivers all that it answered 250, over ${ROUNDS} times kill -9 (seed ${SEED})`, async function () {
    this.timeout(40_000 + ROUNDS * 3_000);
    const random = dice(SEED);
    const directory = await mkdtemp(join(tmpdir(), 'lonedot-crash-'));
    const file = join(directory, 'relay.db');
    // Some are put off, so that deferred mail is killed as well.
    const upstream = await Upstream.start({
      answer: ({ phase }) => (phase === 'rcpt' && random() < 0.02 ? '451 4.3.0 later' : undefined),
    });
    const args = ['relay', '-s', '127.0.0.1:0', '--upstream', upstream.url, '-d', file];
    const start = () => Program.start([...args, '--retry-min', '1s', '--retry-max', '2s']);
    const answered = new Set<string>();
    let sent = 0;

    /** Sends one mail after the other until the connection is gone. */
    async function send(client: Client): Promise<void> {
      client.send('EHLO c.example\r\n');
      await client.reply();
      for (;;) {
        const name = `m${++sent}`;
        const size = random() < 0.05 ? 300_000 * random() : 2_000 * random();
        client.send('MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n');
        await client.replies(3);
        client.send(`${message(name, size).replace(/^\./gm, '..')}.\r\n`);
        if (/^250 /.test(await client.reply())) answered.add(name);
      }
    }

    let relay: Program | undefined;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        relay = await start();
        const clients = await Promise.all(Array.from({ length: SENDERS }, () => relay!.client()));
        const senders = clients.map((client) => send(client).catch(() => client.transport.destroy()));
        await new Promise((resolve) => setTimeout(resolve, 50 + random() * 900));
        await relay.kill();
        await Promise.all(senders);
      }
      expect(answered.size).to.be.greaterThan(ROUNDS * SENDERS);

      relay = await start();
      const names = new Map<string, number>();
      let seen = 0;
      const missing = (): number => {
        for (; seen < upstream.mails.length; seen++) {
          const { content, accepted } = upstream.mails[seen]!;
          if (!accepted) break;
          const name = nameOf(content);
          names.set(name, (names.get(name) ?? 0) + 1);
        }
        return [...answered].filter((name) => !names.has(name)).length;
      };
      await until(DELIVERED_MS, () => missing() === 0, `delivery of the last of ${answered.size}`).catch(
        (error: Error) => {
          throw new Error(`${error.message}: ${missing()} of ${answered.size} are lost`);
        },
      );
      const twice = [...names.values()].reduce((sum, times) => sum + times - 1, 0);
      const more = [...names.keys()].filter((name) => !answered.has(name)).length;
      process.stdout.write(`      answered ${answered.size}, delivered ${names.size}, of these `);
      process.stdout.write(`${more} without an answer; ${twice} duplicates\n`);
      expect(await relay.stop()).to.equal(0);

      const store = await serveHere(file);
      const { recipients } = await store.counts();
      await store.close();
      // Nothing was given up on the way. What waits still is a copy, or was never answered.
      expect(recipients).to.not.have.any.keys('bounced', 'expired');
    } finally {
      await relay?.kill();
      await upstream.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
