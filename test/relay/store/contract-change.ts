// The contract's part on the queue as an operator sees and changes it.

import { expect } from 'chai';
import {
  type Attempt,
  type Claim,
  type ClaimedRecipient,
  PAUSE_KEPT_MS,
  type QueueAction,
  type QueueFilter,
  type RecipientState,
  type Store,
} from '../../../relay/store/store.ts';
import { delivered, newMessage, onFresh, type Place, put, to } from './support.ts';

const LEASE = 1000;
/** Every state that a recipient can be in, as `settle` brings it about. */
const STATES: readonly RecipientState[] = [
  'queued',
  'deferred',
  'held',
  'delivered',
  'bounced',
  'expired',
  'unknown',
  'captured',
];

/** What each action makes of each state; those that are not named stay as they are. */
const ACTIONS: readonly [QueueAction, Partial<Record<RecipientState, RecipientState | 'gone'>>][] = [
  ['hold', { queued: 'held', deferred: 'held', unknown: 'held' }],
  ['release', { held: 'queued' }],
  ['flush', { queued: 'queued', deferred: 'deferred', unknown: 'unknown' }],
  [
    'requeue',
    { queued: 'queued', deferred: 'queued', unknown: 'queued', held: 'queued', bounced: 'queued', expired: 'queued' },
  ],
  ['bounce', { queued: 'queued', deferred: 'deferred', unknown: 'unknown', held: 'queued' }],
  [
    'delete',
    {
      queued: 'gone',
      deferred: 'gone',
      unknown: 'gone',
      held: 'gone',
      bounced: 'gone',
      expired: 'gone',
      delivered: 'gone',
    },
  ],
];

export function changeContract(newPlace: () => Promise<Place>): void {
  for (const [action, effects] of ACTIONS) {
    it(
      `${action}: changes each state as it says, and counts right`,
      onFresh(newPlace, async ({ store }) => {
        const id = await everyState(store);
        await store.counts();
        const changed = Object.keys(effects).length;
        expect(await store.change({}, action, 9000)).to.deep.equal({ changed, busy: 0 });

        const expected = new Map(STATES.map((state) => [`${state}@x`, effects[state] ?? state]));
        const found = (await store.get(id))?.recipients ?? [];
        const states = new Map(found.map((one) => [one.address, one.state]));
        for (const [address, state] of expected) expect(states.get(address) ?? 'gone', address).to.equal(state);
        for (const { address, nextAttempt, state } of found) {
          const before = address.split('@')[0] as RecipientState;
          if (!effects[before]) continue;
          expect(nextAttempt, address).to.equal(state === 'held' ? null : 9000);
        }
        const counted: Partial<Record<RecipientState, number>> = {};
        for (const state of states.values()) counted[state] = (counted[state] ?? 0) + 1;
        expect((await store.counts()).recipients).to.deep.equal(counted);
        const due = action === 'hold' ? 0 : Object.values(effects).filter((state) => state !== 'gone').length;
        expect((await claimAll(store, 9000)).length).to.be.at.least(due);
      }),
    );
  }

  it(
    'shows what is not captured, with its last attempt, oldest first',
    onFresh(newPlace, async ({ store, clock }) => {
      clock.advance(5000 - clock.now());
      await put(store, 'kept', to('capture', 'a@x'));
      const id = await put(store, 'four', { receivedAt: 4000, sender: '', ...to('relay', 'a@x', 'b@x') });
      const [claim] = await store.claim('one', 4000, LEASE, 1);
      const [a, b] = claim!.recipients;
      await store.settle([{ ...delivered(a!), state: 'deferred', nextAttempt: 7000, attempt: attempt('451 later') }]);
      await store.renew([b!], 6000);
      const all = await store.queue({}, 10);
      const { seq } = (await store.get(id))!;
      const both = { route: 'relay', since: 4000, order: null } as const;
      expect(all).to.deep.equal([
        {
          ...{ seq, id, receivedAt: 4000, sender: '', size: 4 },
          recipients: [
            {
              ...{ recipientId: a!.recipientId, address: 'a@x', state: 'deferred', nextAttempt: 7000, attempts: 1 },
              ...{ lastReply: '451 later', lastUpstream: 'main', busy: false, ...both },
            },
            {
              ...{ recipientId: b!.recipientId, address: 'b@x', state: 'queued', nextAttempt: 4000, attempts: 0 },
              ...{ lastReply: null, lastUpstream: null, busy: true, ...both },
            },
          ],
        },
      ]);
      clock.advance(1001);
      expect((await store.queue({}, 10))[0]!.recipients[1]!.busy, 'its lease has run out').to.equal(false);
      expect((await store.queue({ states: ['captured'] }, 10)).length).to.equal(1);
    }),
  );

  const filters: readonly [string, QueueFilter, string[]][] = [
    ['nothing', {}, ['1', '2', '3', '4']],
    ['an address', { recipient: 'ANN@one.example' }, ['1']],
    ['a domain', { recipient: '@One.Example' }, ['1', '2']],
    ['not its subdomains', { recipient: '@example' }, []],
    ['subdomains', { recipient: '@*.example' }, ['1', '2', '3', '4']],
    ['a star in the middle', { recipient: 'b*@*e.example' }, ['2']],
    ['many stars', { recipient: '*a*n*@*o*' }, ['1', '3']],
    ['only stars', { recipient: '**' }, ['1', '2', '3', '4']],
    ['stars that overlap', { recipient: 'ann@one.example*ann@one.example' }, []],
    ['letters that are not ASCII', { recipient: 'ÄNNE@two.example' }, ['4']],
    ['characters that mean something to a database', { recipient: '%@one_example' }, []],
    ['a sender', { sender: 'boss@example.com' }, ['1', '4']],
    ['the null sender', { sender: '<>' }, ['3']],
    ['any sender', { sender: '*' }, ['1', '2', '3', '4']],
    ['senders of a domain', { sender: '@example.com' }, ['1', '2', '4']],
    ['both', { sender: 'boss@*', recipient: '@one.example' }, ['1']],
    ['received before', { receivedBefore: 300 }, ['1', '2']],
    ['received after', { receivedAfter: 200 }, ['3', '4']],
    ['a time between', { receivedAfter: 100, receivedBefore: 300 }, ['2']],
    ['states', { states: ['held'] }, ['2']],
    ['no state', { states: [] }, []],
  ];

  for (const [name, filter, expected] of filters) {
    it(
      `finds and changes by ${name}`,
      onFresh(newPlace, async ({ store }) => {
        const names = await fourMails(store);
        const found = await store.queue(filter, 10);
        expect(found.map((entry) => names.get(entry.id))).to.deep.equal(expected);
        expect(await store.change(filter, 'delete', 1000)).to.deep.equal({ changed: expected.length, busy: 0 });
        const left = await store.queue({}, 10);
        const others = ['1', '2', '3', '4'].filter((one) => !expected.includes(one));
        expect(left.map((entry) => names.get(entry.id))).to.deep.equal(others);
      }),
    );
  }

  it(
    'finds by ids and by how an id begins',
    onFresh(newPlace, async ({ store }) => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.push(await put(store, '', to('relay', `${i}@x`)));
      const found = async (filter: QueueFilter): Promise<string[]> =>
        (await store.queue(filter, 10)).map((entry) => entry.id);
      expect(await found({ ids: [ids[3]!, ids[1]!, ids[1]!, 'unknown'] })).to.deep.equal([ids[1], ids[3]]);
      expect(await found({ ids: [] })).to.deep.equal([]);
      expect(await found({ ids: [ids[1]!], recipient: '2@x' })).to.deep.equal([]);
      expect(await found({ idPrefix: ids[2]! })).to.deep.equal([ids[2]]);
      expect(await found({ idPrefix: ids[2]!.slice(0, 14) })).to.deep.equal([ids[2]]);
      expect(await found({ idPrefix: ids[2]!.slice(0, 8) })).to.deep.equal(ids);
      expect(await found({ idPrefix: '%' })).to.deep.equal([]);
      expect(await store.change({ ids: [ids[0]!, ids[4]!] }, 'hold', 1)).to.deep.equal({ changed: 2, busy: 0 });
      expect(await found({ states: ['held'] })).to.deep.equal([ids[0], ids[4]]);
    }),
  );

  it(
    'shows page by page, whole messages each, and all of a long queue',
    onFresh(newPlace, async ({ store }) => {
      await Promise.all(
        Array.from({ length: 700 }, (_, i) => {
          const addresses = [`a${i}@x`, `b${i}@x`, `c${i}@x`];
          return put(
            store,
            '',
            to('relay', ...(i === 300 ? Array.from({ length: 2500 }, (_, n) => `${n}@x`) : addresses)),
          );
        }),
      );
      const all = await store.queue({}, 10_000);
      expect(all.length).to.equal(700);
      expect(
        all
          .map((entry) => entry.recipients.length)
          .toSorted((a, b) => a - b)
          .slice(-2),
      ).to.deep.equal([3, 2500]);
      const paged = [];
      for (
        let page = await store.queue({}, 150);
        page.length > 0;
        page = await store.queue({}, 150, page.at(-1)!.seq)
      ) {
        expect(page.length).to.be.at.most(150);
        paged.push(...page);
      }
      expect(paged).to.deep.equal(all);
      expect(await store.queue({}, 0)).to.deep.equal([]);
      expect(await store.change({}, 'hold', 1)).to.deep.equal({ changed: 699 * 3 + 2500, busy: 0 });
      expect((await store.counts()).recipients).to.deep.equal({ held: 699 * 3 + 2500 });
      expect(await store.change({ recipient: 'a*' }, 'delete', 1)).to.deep.equal({ changed: 699, busy: 0 });
      expect(await store.change({}, 'delete', 1)).to.deep.equal({ changed: 699 * 2 + 2500, busy: 0 });
      expect(await store.counts()).to.deep.equal({ messages: 0, recipients: {}, oldestWaiting: null });
    }),
  );

  it(
    'does not touch what is leased, and says how much that was',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, '', to('relay', 'a@x', 'b@x'));
      const [claim] = await store.claim('one', 5000, LEASE, 1);
      const [a, b] = claim!.recipients;
      await store.settle([{ ...delivered(b!), state: 'deferred', nextAttempt: 9000 }]);
      for (const action of ['flush', 'bounce', 'hold', 'requeue', 'delete'] as const) {
        const before = (await store.get(id))?.recipients[0];
        expect(await store.change({}, action, 5500), action).to.deep.equal({ changed: 1, busy: 1 });
        expect((await store.get(id))?.recipients[0]).to.deep.equal(before);
      }
      expect(await store.settle([delivered(a!)], { forgetDelivered: true })).to.equal(1);
      expect(await store.get(id)).to.equal(undefined);
    }),
  );

  it(
    'ends a lease that has run out: its owner settles nothing any more',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, '', to('relay', 'a@x'));
      const [old] = await claimAll(store, 5000);
      expect(await store.change({}, 'hold', 5000 + LEASE)).to.deep.equal({ changed: 1, busy: 0 });
      expect(await store.settle([delivered(old!)])).to.equal(0);
      expect(await store.renew([old!], 9000)).to.deep.equal(new Set());
      expect((await store.get(id))?.recipients[0]?.state).to.equal('held');
    }),
  );

  it(
    'requeues as if just received: attempts and life begin anew, what happened stays on record',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, '', to('relay', 'a@x'));
      const [first] = await claimAll(store, 5000);
      await store.settle([{ ...delivered(first!), state: 'deferred', nextAttempt: 6000, attempt: attempt('one') }]);
      const [second] = await claimAll(store, 6000);
      await store.settle([{ ...delivered(second!), state: 'expired', attempt: attempt('two') }]);
      await store.change({}, 'requeue', 50_000);
      const [third] = await claimAll(store, 50_000);
      expect(third).to.deep.include({ attempts: 0, state: 'queued', since: 50_000, order: null });
      expect((await store.queue({}, 1))[0]!.recipients[0]).to.deep.include({ attempts: 0, since: 50_000 });
      await store.settle([{ ...delivered(third!), state: 'deferred', nextAttempt: 60_000, attempt: attempt('three') }]);
      expect((await store.get(id))?.recipients[0]?.attempts.map((one) => one.reply)).to.deep.equal([
        'one',
        'two',
        'three',
      ]);
      expect((await store.queue({}, 1))[0]!.recipients[0]).to.deep.include({ attempts: 1, lastReply: 'three' });
      const [fourth] = await claimAll(store, 60_000);
      expect(fourth).to.deep.include({ attempts: 1, since: 50_000 });
    }),
  );

  it(
    'hands out the order to bounce until it is carried out or taken back',
    onFresh(newPlace, async ({ store }) => {
      await put(store, '', to('relay', 'a@x', 'b@x', 'c@x'));
      await store.change({ recipient: 'c@x' }, 'hold', 5000);
      await store.change({}, 'bounce', 5000);
      const orders = (all: readonly { order: unknown }[]): unknown[] => all.map((one) => one.order);
      expect(orders((await store.queue({}, 1))[0]!.recipients)).to.deep.equal(['bounce', 'bounce', 'bounce']);
      const claimed = await claimAll(store, 5000);
      expect(orders(claimed)).to.deep.equal(['bounce', 'bounce', 'bounce']);
      // Given back undone.
      await store.settle(claimed.map((one) => ({ ...delivered(one), state: one.state, nextAttempt: 5000 })));
      await store.change({ recipient: 'a@x' }, 'hold', 5000);
      await store.change({ recipient: 'a@x' }, 'release', 5000);
      await store.change({ recipient: 'b@x' }, 'requeue', 5000);
      const again = await claimAll(store, 5000);
      expect(orders(again)).to.deep.equal([null, null, 'bounce']);
      await store.settle([{ ...delivered(again[2]!), state: 'bounced', attempt: attempt('ordered') }]);
      expect((await store.queue({ states: ['bounced'] }, 1))[0]!.recipients[0]!.order).to.equal(null);
    }),
  );

  it(
    'deletes single recipients, and the message with the last of them; captured ones stay',
    onFresh(newPlace, async ({ store }) => {
      const alone = await put(store, 'x'.repeat(200_000), to('relay', 'a@x', 'b@x'));
      const mixed = await put(store, 'x', {
        recipients: [
          { address: 'a@x', parameters: [], route: 'relay' },
          { address: 'kept@x', parameters: [], route: 'capture' },
        ],
      });
      expect(await store.change({ recipient: 'a@x' }, 'delete', 1)).to.deep.equal({ changed: 2, busy: 0 });
      expect((await store.get(alone))?.recipients.map((one) => one.address)).to.deep.equal(['b@x']);
      expect((await store.get(mixed))?.recipients.map((one) => one.address)).to.deep.equal(['kept@x']);
      expect(await store.counts()).to.deep.equal({
        messages: 2,
        recipients: { queued: 1, captured: 1 },
        oldestWaiting: 5000,
      });
      expect(await store.change({ states: ['captured', 'queued'] }, 'delete', 1)).to.deep.equal({
        changed: 1,
        busy: 0,
      });
      expect(await store.get(alone)).to.equal(undefined);
      expect(await store.content(alone)).to.equal(undefined);
      expect(await store.trim(0), 'now it is only captured').to.equal(1);
      expect(await store.counts()).to.deep.equal({ messages: 0, recipients: {}, oldestWaiting: null });
    }),
  );

  it(
    'tells of the oldest message that waits, whatever has come and gone since',
    onFresh(newPlace, async ({ store }) => {
      const oldest = async (): Promise<number | null> => (await store.counts()).oldestWaiting;
      expect(await oldest()).to.equal(null);
      await put(store, '', { receivedAt: 50, ...to('capture', 'a@x') });
      expect(await oldest()).to.equal(null);
      const first = await put(store, '', { receivedAt: 100, ...to('relay', 'a@x') });
      await put(store, '', { receivedAt: 200, ...to('relay', 'b@x') });
      expect(await oldest()).to.equal(100);
      const [a] = await claimAll(store, 100);
      expect(await oldest(), 'under way is not done').to.equal(100);
      await store.settle([{ ...delivered(a!), state: 'deferred', nextAttempt: 900 }]);
      expect(await oldest()).to.equal(100);
      await store.change({ ids: [first] }, 'hold', 1);
      expect(await oldest()).to.equal(200);
      await store.change({}, 'delete', 1);
      expect(await oldest()).to.equal(null);
    }),
  );

  it(
    'shows to all which upstreams somebody has paused, until it is taken back or long over',
    onFresh(newPlace, async ({ store, open }) => {
      const other = await open();
      const main = { upstream: 'main', until: 500, why: '535 5.7.8 "no"', alarm: true };
      const spare = { upstream: 'spare', until: 300, why: 'connect ECONNREFUSED', alarm: false };
      await store.notePauses('one', [main, spare], 100);
      expect(await other.pauses(100)).to.deep.equal([main, spare]);
      expect(await other.pauses(300 + PAUSE_KEPT_MS)).to.deep.equal([main]);
      await other.notePauses('two', [{ ...main, until: 900 }], 100);
      expect((await store.pauses(100)).map((one) => one.until)).to.deep.equal([500, 900, 300]);
      expect(await store.pauses(100, 'one')).to.deep.equal([main, spare]);
      expect(await store.pauses(100, 'nobody')).to.deep.equal([]);
      await store.notePauses('one', [], 200);
      expect((await store.pauses(200)).map((one) => one.until)).to.deep.equal([900]);
      await store.notePauses('three', [spare], 900 + PAUSE_KEPT_MS);
      expect(await store.pauses(0), 'what is long over is gone').to.deep.equal([spare]);
    }),
  );

  it(
    'ends all pauses with a flush',
    onFresh(newPlace, async ({ store, open }) => {
      const other = await open();
      const over = { upstream: 'over', until: 150, why: 'gone', alarm: false };
      await store.notePauses('one', [{ upstream: 'main', until: 500, why: '535 no', alarm: true }, over], 100);
      await other.change({}, 'hold', 200);
      expect((await store.pauses(200)).map(({ until }) => until)).to.deep.equal([500, 150]);
      await other.change({}, 'flush', 200);
      expect((await store.pauses(200)).map(({ until }) => until)).to.deep.equal([200, 150]);
    }),
  );

  it(
    'tells whoever watches that another has changed something, and not of his own changes',
    onFresh(newPlace, async ({ store, open }) => {
      const other = await open();
      let told = 0;
      let tell = (): void => {};
      let gone = 0;
      const unwatch = store.watch(() => gone++);
      store.watch(() => {
        told++;
        tell();
      });
      unwatch();
      await put(store, '', to('relay', 'a@x'));
      const once = new Promise<void>((resolve) => {
        tell = resolve;
      });
      await other.change({}, 'flush', 1);
      await once;
      expect([told, gone]).to.deep.equal([1, 0]);
    }),
  ).timeout(10_000);

  it(
    'keeps two stores on one database apart: what one has claimed, the other neither claims nor changes',
    onFresh(newPlace, async ({ store, open }) => {
      const other = await open();
      await put(store, '', to('relay', 'a@x'));
      await put(other, '', to('relay', 'b@x'));
      const [a] = await claimAll(store, 5000, 1);
      const [b, ...none] = await claimAll(other, 5000);
      expect([a?.address, b?.address, none.length]).to.deep.equal(['a@x', 'b@x', 0]);
      expect(await other.change({}, 'delete', 5001)).to.deep.equal({ changed: 0, busy: 2 });
      await other.settle([{ ...delivered(b!), state: 'deferred', nextAttempt: 9000 }]);
      expect(await store.change({}, 'delete', 5001)).to.deep.equal({ changed: 1, busy: 1 });
      expect(await store.settle([delivered(a!)])).to.equal(1);
      const counts = { messages: 1, recipients: { delivered: 1 }, oldestWaiting: null };
      expect(await store.counts()).to.deep.equal(counts);
      expect(await other.counts()).to.deep.equal(counts);
    }),
  );
}

/** One message with a recipient in each state, named after it; all that wait are due at 8000. */
async function everyState(store: Store): Promise<string> {
  const id = await put(store, 'x', to('relay', ...STATES.map((state) => `${state}@x`)));
  const [claim] = await store.claim('one', 5000, LEASE, 1);
  await store.settle(claim!.recipients.map((one, i) => ({ ...delivered(one), state: STATES[i]!, nextAttempt: 8000 })));
  return id;
}

/** Messages that differ in what filters look at; gives their ids with names. */
async function fourMails(store: Store): Promise<Map<string, string>> {
  const mails: [string, string][] = [
    ['boss@example.com', 'ann@one.example'],
    ['Other@Example.COM', 'Bob@One.example'],
    ['', 'dan@foo.example'],
    ['boss@example.com', 'änne@two.example'],
  ];
  const names = new Map<string, string>();
  for (const [i, [sender, recipient]] of mails.entries()) {
    const id = await put(store, '', newMessage({ receivedAt: 100 * (i + 1), sender, ...to('relay', recipient) }));
    names.set(id, String(i + 1));
    if (i === 1) await store.change({ ids: [id] }, 'hold', 1);
  }
  return names;
}

async function claimAll(store: Store, now: number, limit = 100): Promise<ClaimedRecipient[]> {
  const claims: Claim[] = await store.claim('one', now, LEASE, limit);
  return claims.flatMap((claim) => claim.recipients);
}

function attempt(reply: string): Attempt {
  return { at: 5001, upstream: 'main', tls: '', reply, outcome: 'deferred' };
}
