// The promise of the relay, tried: senders at work, the process killed at random moments, started again on the same
// database. Each mail that was answered 250 arrives, and none arrives damaged. A mail whose delivery was under way may
// arrive twice: these are counted and printed. LONEDOT_CRASH_ROUNDS sets the number of kills.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';
import { Client, RelayProcess } from './relay-process.ts';

const ROUNDS = Number(process.env['LONEDOT_CRASH_ROUNDS'] ?? 5);
const SENDERS = 10;

/** The same kills in every run: a failure can be looked at again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function body(name: string, random: () => number): string {
  const lines = Array.from({ length: 1 + Math.floor(random() * 60) }, (_, i) => `${i % 3 ? '' : '.'}${name} line ${i}`);
  const text = lines.join('\r\n');
  const sum = createHash('sha256').update(text).digest('hex');
  return `Subject: ${name}\r\nX-Sum: ${sum}\r\n\r\n${text}\r\n`;
}

const onTheWire = (message: string): string => `${message.replace(/^\./gm, '..')}.\r\n`;

describe('end to end: kill -9', function () {
  this.timeout(60_000 + ROUNDS * 20_000);

  it('loses no mail that was answered 250, and damages none', async () => {
    const random = seeded(20261122);
    const upstream = await Upstream.start();
    const relay = new RelayProcess('--upstream', upstream.url, '--retry-min', '1s', '--retry-max', '1s');
    const acknowledged = new Set<string>();
    let sent = 0;

    /** Sends until the connection breaks. */
    async function sender(port: number): Promise<void> {
      const client = new Client(port);
      try {
        await client.hello();
        for (;;) {
          const name = `mail-${++sent}`;
          const answer = await client.mail('b@y.example', onTheWire(body(name, random)));
          if (answer.startsWith('250 ')) acknowledged.add(name);
        }
      } catch {
        client.socket.destroy();
      }
    }

    try {
      for (let round = 0; round < ROUNDS; round++) {
        await relay.start();
        const senders = Array.from({ length: SENDERS }, () => sender(relay.port));
        await delay(100 + random() * 900);
        await relay.kill();
        await Promise.all(senders);
      }
      await relay.start();
      const arrivals = (): Map<string, number> => {
        const count = new Map<string, number>();
        for (const mail of upstream.accepted) {
          const name = /^Subject: (\S+)\r$/m.exec(mail.content.toString('latin1'))?.[1] ?? 'no subject';
          count.set(name, (count.get(name) ?? 0) + 1);
        }
        return count;
      };
      await until(40_000, () => {
        const there = arrivals();
        return [...acknowledged].every((name) => there.has(name));
      });
      for (const mail of upstream.accepted) {
        const [, header = '', text = ''] =
          /^([\s\S]*?)\r\n\r\n([\s\S]*)\r\n$/.exec(mail.content.toString('latin1')) ?? [];
        const sum = /^X-Sum: (\w+)\r?$/m.exec(header)?.[1];
        expect(createHash('sha256').update(text).digest('hex'), header).to.equal(sum);
        expect(header.match(/^Received:/gm)?.length).to.equal(1);
      }
      const twice = [...arrivals().values()].filter((times) => times > 1).length;
      console.log(
        `      ${acknowledged.size} mails answered 250, ${upstream.accepted.length} arrived, ${twice} more than once`,
      );
      expect(acknowledged.size).to.be.greaterThan(ROUNDS * SENDERS);
    } finally {
      await relay.remove();
      await upstream.stop();
    }
  });
});
