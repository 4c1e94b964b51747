// Two queues on one PostgreSQL, as two nodes have them: mail is delivered once, whoever took it in, and an upstream's
// limits hold for both together.

import { expect } from 'chai';
import { Queue } from '../../../relay/queue/queue.ts';
import { Routes } from '../../../relay/queue/routes.ts';
import { openPostgresStore } from '../../../relay/store/postgres.ts';
import type { Store } from '../../../relay/store/store.ts';
import type { Courier } from '../../../relay/upstream/courier.ts';
import { until } from '../../support/within.ts';
import { NOTICES, RETRY } from '../support/queues.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { postgresForSuite } from './postgres-server.ts';
import { put, to } from './support.ts';

/** One upstream as all nodes see it: takes its time, and counts. */
class Sluggish implements Courier {
  readonly name = 'main';
  readonly begun: number[] = [];
  readonly recipients: string[] = [];
  atATime = 0;
  most = 0;

  group(): string {
    return '';
  }

  async deliver({ recipients }: Parameters<Courier['deliver']>[0]): ReturnType<Courier['deliver']> {
    this.begun.push(performance.now());
    this.most = Math.max(this.most, ++this.atATime);
    await new Promise((resolve) => setTimeout(resolve, 15));
    this.atATime--;
    this.recipients.push(...recipients.map(({ address }) => address));
    return { outcomes: recipients.map(() => ({ fate: 'delivered', reply: '250 ok' })), tls: '', host: 'x' };
  }

  close(): void {}
  destroy(): void {}
}

describe('two queues on one PostgreSQL', function () {
  this.timeout(30_000);
  const postgres = postgresForSuite({ isOld: true });
  let stores: Store[] = [];
  let queues: Queue[] = [];

  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.stop(2000)));
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  async function open(courier: Courier, rate: { count: number; perMs: number } | null = null): Promise<RecordingLog> {
    const url = await postgres.server.newDatabase();
    const log = new RecordingLog();
    stores = [await openPostgresStore({ url }), await openPostgresStore({ url })];
    queues = stores.map((store) => {
      return new Queue({
        ...{ store, log, hostname: 'mx.example', retry: RETRY, notices: NOTICES },
        routes: new Routes({ rules: [], upstreams: ['main'], otherwise: 'relay' }),
        upstreams: [{ courier, concurrency: 3, rate, pause: { min: 1000, max: 60_000 } }],
      });
    });
    return log;
  }

  const putAll = (count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        put(stores[i % 2]!, 'x', { receivedAt: Date.now(), ...to('relay', `${i}@x`) }),
      ),
    );

  it('deliver each mail once, at most so many at a time together', async () => {
    const courier = new Sluggish();
    const log = await open(courier);
    await putAll(120);
    for (const queue of queues) queue.lookForMore();
    await until(15_000, () => courier.recipients.length >= 120, 'all deliveries');
    expect(new Set(courier.recipients).size).to.equal(120);
    expect(courier.recipients.length).to.equal(120);
    expect(courier.most).to.equal(3);
    expect(log.of('queue.share_failed')).to.deep.equal([]);
  });

  it('begin no more in a period than its rate, together', async () => {
    const courier = new Sluggish();
    await open(courier, { count: 10, perMs: 1000 });
    await putAll(25);
    for (const queue of queues) queue.lookForMore();
    await until(20_000, () => courier.recipients.length >= 25, 'all deliveries');
    for (const from of courier.begun) {
      expect(courier.begun.filter((at) => at >= from && at < from + 980).length).to.be.at.most(10);
    }
  });

  it('wake each other: what one takes in and cannot deliver the other delivers', async () => {
    const courier = new Sluggish();
    await open(courier);
    await queues[0]!.stop(1000);
    queues[1]!.wake();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const begun = performance.now();
    await put(stores[0]!, 'x', { receivedAt: Date.now(), ...to('relay', 'a@x') });
    await until(10_000, () => courier.recipients.length === 1, 'the delivery');
    expect(performance.now() - begun).to.be.below(2000);
  });
});
