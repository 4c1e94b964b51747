// Limits that several nodes keep together, divided by PostgreSQL.

import { expect } from 'chai';
import { fairPart } from '../../../relay/store/postgres/shares.ts';
import { openPostgresStore } from '../../../relay/store/postgres.ts';
import type { Share, ShareAsk, Store } from '../../../relay/store/store.ts';
import { postgresForSuite } from './postgres-server.ts';

describe("an upstream's limits, kept by several nodes together", () => {
  const rows: readonly [string, number, Record<string, number>, Record<string, number>][] = [
    ['one gets what he wants', 10, { a: 4 }, { a: 4 }],
    ['and no more than there is', 10, { a: 40 }, { a: 10 }],
    ['two get the same', 10, { a: 10, b: 10 }, { a: 5, b: 5 }],
    ['what one does not want the other gets', 10, { a: 2, b: 10 }, { a: 2, b: 8 }],
    ['all is given away', 5, { a: 5, b: 5, c: 5 }, { a: 1, b: 2, c: 2 }],
    ['with more nodes than slots some get none', 2, { a: 1, b: 1, c: 1 }, { a: 0, b: 1, c: 1 }],
  ];
  for (const [name, all, wanted, expected] of rows) {
    it(name, () => {
      const asks = new Map(Object.entries(wanted));
      const given = Object.fromEntries([...asks.keys()].map((owner) => [owner, fairPart(all, owner, asks, 0)]));
      expect(given).to.deep.equal(expected);
    });
  }

  it('gives each of too many nodes a slot in its turn', () => {
    const asks = new Map([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    const turns = [0, 1, 2].map((turn) => [...asks.keys()].filter((owner) => fairPart(1, owner, asks, turn) === 1));
    expect(turns.flat().toSorted()).to.deep.equal(['a', 'b', 'c']);
  });

  describe('in the database', function () {
    this.timeout(20_000);
    const postgres = postgresForSuite();
    let store: Store;
    let upstreams = 0;

    before(async () => {
      store = await openPostgresStore({ url: await postgres.server.newDatabase() });
    });
    after(async () => {
      await store?.close();
    });

    function asker(changes: Partial<ShareAsk>): (owner: string, more: Partial<ShareAsk>) => Promise<Share> {
      const upstream = `upstream ${++upstreams}`;
      const all = { upstream, concurrency: 10, wanted: 0, running: 0, rate: null, starts: 0, ...changes };
      return (owner, more) => store.share!({ ...all, owner, ...more });
    }

    it('never gives more slots than there are, and an equal part once the other has given back', async () => {
      const ask = asker({ concurrency: 10, wanted: 10 });
      expect((await ask('a', {})).slots).to.equal(10);
      expect((await ask('b', {})).slots, 'all are taken').to.equal(0);
      // It has six under way and cannot do with less at once.
      expect((await ask('a', { running: 6 })).slots).to.equal(6);
      expect((await ask('b', {})).slots).to.equal(4);
      expect((await ask('a', { running: 2 })).slots).to.equal(5);
      expect((await ask('b', { running: 4 })).slots).to.equal(5);
      await ask('b', { wanted: 0 });
      expect((await ask('a', {})).slots).to.equal(10);
    });

    it('holds when many ask at the same time', async () => {
      const ask = asker({ concurrency: 7, wanted: 7 });
      const owners = ['a', 'b', 'c', 'd', 'e'];
      for (let round = 0; round < 3; round++) {
        const given = await Promise.all(owners.map((owner) => ask(owner, {})));
        expect(given.reduce((sum, { slots }) => sum + slots, 0)).to.be.at.most(7);
      }
      const settled = await Promise.all(owners.map((owner) => ask(owner, {})));
      expect(settled.reduce((sum, { slots }) => sum + slots, 0)).to.be.within(5, 7);
    });

    it('gives no more starts in a period than its number, and more when the period is over', async () => {
      const ask = asker({ wanted: 5, starts: 20, rate: { count: 8, perMs: 600 } });
      const begun: number[] = [];
      const end = performance.now() + 2500;
      while (performance.now() < end) {
        for (const owner of ['a', 'b']) {
          const { starts } = await ask(owner, {});
          for (let i = 0; i < starts; i++) begun.push(performance.now());
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      for (const from of begun) {
        expect(begun.filter((at) => at >= from && at < from + 590).length).to.be.at.most(8);
      }
      expect(begun.length).to.be.greaterThan(16);
    });
  });
});
