// The contract's second part: each recipient is claimed by one at a time, and only who holds the newest lease settles.

import { expect } from 'chai';
import type { Attempt, Claim, ClaimedRecipient, Store } from '../../../relay/store/store.ts';
import { delivered, newMessage, onFresh, type Place, put, storeFailed, to } from './support.ts';

const LEASE = 1000;

export function queueContract(newPlace: () => Promise<Place>): void {
  it(
    'claims the recipients that are to be relayed, with what a delivery needs to know',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, 'four', {
        parameters: [
          ['BODY', '8BITMIME'],
          ['SMTPUTF8', ''],
        ],
        recipients: [
          { address: 'kept@example.org', parameters: [], route: 'capture' },
          { address: 'sent@example.org', parameters: [['NOTIFY', 'SUCCESS,FAILURE']], route: 'relay' },
          { address: 'gone@example.org', parameters: [], route: 'discard' },
        ],
      });
      const [claim, ...others] = await store.claim('one', 5000, LEASE, 10);
      expect(others).to.deep.equal([]);
      expect(claim).to.deep.include({ id, receivedAt: 5000, sender: 'sender@example.com', size: 4 });
      expect(claim?.parameters).to.deep.equal([
        ['BODY', '8BITMIME'],
        ['SMTPUTF8', ''],
      ]);
      expect(claim?.recipients.map(({ recipientId: _, ...rest }) => rest)).to.deep.equal([
        {
          address: 'sent@example.org',
          parameters: [['NOTIFY', 'SUCCESS,FAILURE']],
          attempts: 0,
          state: 'queued',
          fence: 1,
          since: 5000,
          delayNotified: false,
          order: null,
        },
      ]);
    }),
  );

  it(
    'hands out short content with the claim, and none of long content',
    onFresh(newPlace, async ({ store }) => {
      await put(store, 'four', { receivedAt: 1, ...to('relay', 'a@x') });
      await put(store, 'x'.repeat(200_000), { receivedAt: 2, ...to('relay', 'a@x') });
      const [short, long] = await store.claim('one', 10, LEASE, 10);
      expect(String(short?.content)).to.equal('four');
      expect(long?.content).to.equal(null);
    }),
  );

  it(
    'claims in the commit itself what is handed in with a lease',
    onFresh(newPlace, async ({ store }) => {
      const commit = async (content: string, route: 'relay' | 'capture', until: number): Promise<Claim | null> => {
        const writer = store.begin();
        await writer.write(Buffer.from(content));
        return writer.commit(newMessage({ receivedAt: 1, ...to(route, 'a@x', 'b@x') }), { owner: 'one', until });
      };
      expect(await commit('kept', 'capture', 100), 'nothing to deliver').to.equal(null);
      const claim = await commit('four', 'relay', 100);
      expect(claim).to.deep.include({ receivedAt: 1, sender: 'sender@example.com', size: 4 });
      expect(String(claim!.content)).to.equal('four');
      expect((await commit('x'.repeat(200_000), 'relay', 100))!.content).to.equal(null);
      expect(await store.claim('two', 99, LEASE, 10), 'leased').to.deep.equal([]);
      expect(await store.settle(claim!.recipients.map(delivered)), 'settled under that lease').to.equal(2);
      expect((await store.get(claim!.id))!.recipients.map((one) => one.state)).to.deep.equal([
        'delivered',
        'delivered',
      ]);
      const [late] = await store.claim('two', 100, LEASE, 10);
      expect(
        late!.recipients.map((one) => one.fence),
        'it ran out',
      ).to.deep.equal([2, 2]);
    }),
  );

  it(
    'forgets a message when the last of its recipients is delivered, and only then',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, 'x'.repeat(200_000), { receivedAt: 1, ...to('relay', 'a@x', 'b@x') });
      const other = await put(store, '', { receivedAt: 2, ...to('relay', 'c@x', 'd@x') });
      const [first, second] = await store.claim('one', 10, LEASE, 10);
      const [a, b] = first!.recipients;
      const [c, d] = second!.recipients;
      const forgetDelivered = true;
      await store.settle([delivered(a!), delivered(c!), { ...delivered(d!), state: 'bounced' }], { forgetDelivered });
      expect((await store.get(id))?.recipients.map((one) => one.state)).to.deep.equal(['delivered', 'queued']);
      expect(await store.settle([delivered(b!)], { forgetDelivered })).to.equal(1);
      expect(await store.get(id)).to.equal(undefined);
      expect(await store.content(id)).to.equal(undefined);
      expect(await store.get(other), 'one that failed is kept').to.be.an('object');
      expect(await store.counts()).to.deep.equal({
        messages: 1,
        recipients: { delivered: 1, bounced: 1 },
        oldestWaiting: null,
      });
    }),
  );

  it(
    'purges what is old and has nothing left to do',
    onFresh(newPlace, async ({ store }) => {
      await put(store, '', { receivedAt: 1, ...to('relay', 'a@x') });
      const waiting = await put(store, '', { receivedAt: 2, ...to('relay', 'b@x') });
      const captured = await put(store, '', { receivedAt: 3, ...to('capture', 'c@x') });
      const [claim] = await store.claim('one', 10, LEASE, 1);
      await store.settle([{ ...delivered(claim!.recipients[0]!), state: 'bounced' }]);
      expect(await store.purge(1), 'not old enough').to.equal(0);
      expect(await store.purge(100)).to.equal(1);
      const left = await store.list(10);
      expect(left.map((one) => one.id)).to.deep.equal([captured, waiting]);
    }),
  );

  it(
    'claims nothing before it is due, the oldest due first, and at most as many messages as asked for',
    onFresh(newPlace, async ({ store }) => {
      const ids = [];
      for (const receivedAt of [300, 100, 200, 900]) {
        ids.push(await put(store, '', { receivedAt, ...to('relay', 'a@x', 'b@x', 'c@x') }));
      }
      expect(await store.claim('one', 99, LEASE, 10)).to.deep.equal([]);
      const first = await store.claim('one', 500, LEASE, 2);
      expect(first.map((claim) => claim.id)).to.deep.equal([ids[1], ids[2]]);
      for (const claim of first) expect(addresses(claim)).to.deep.equal(['a@x', 'b@x', 'c@x']);
      const second = await store.claim('two', 500, LEASE, 2);
      expect(second.map((claim) => claim.id)).to.deep.equal([ids[0]]);
      expect(await store.claim('two', 500, LEASE, 2)).to.deep.equal([]);
      expect(await store.claim('two', 900, LEASE, 0)).to.deep.equal([]);
    }),
  );

  it(
    'claims all the due recipients of a message with very many of them, and only those',
    onFresh(newPlace, async ({ store }) => {
      const many = Array.from({ length: 1000 }, (_, i) => `r${i}@example.org`);
      await put(store, 'x', to('relay', ...many));
      const [claim] = await store.claim('one', 5000, LEASE, 1);
      expect(addresses(claim!)).to.deep.equal(many);
      const [late, ...rest] = claim!.recipients;
      await store.settle([{ ...delivered(late!), state: 'deferred', nextAttempt: 9000 }, ...rest.map(delivered)]);
      expect(await store.claim('one', 8999, LEASE, 1)).to.deep.equal([]);
      expect(addresses((await store.claim('one', 9000, LEASE, 1))[0]!)).to.deep.equal(['r0@example.org']);
    }),
  );

  it(
    'gives a recipient to the next when its lease has run out, and then no longer listens to the first',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, '', to('relay', 'a@x'));
      const old = await claimOne(store, 5000);
      expect(await store.claim('two', 5000 + LEASE - 1, LEASE, 10)).to.deep.equal([]);
      const current = await claimOne(store, 5000 + LEASE);
      expect(current).to.deep.equal({ ...old, fence: old.fence + 1 });

      expect(await store.settle([{ ...delivered(old), state: 'bounced', attempt: attempt('failed') }])).to.equal(0);
      expect((await store.get(id))?.recipients[0]).to.deep.include({ state: 'queued', attempts: [] });
      expect(await store.settle([delivered(current)])).to.equal(1);
      expect((await store.get(id))?.recipients[0]?.state).to.equal('delivered');
      expect(await store.claim('two', 1e9, LEASE, 10)).to.deep.equal([]);
    }),
  );

  it(
    'accepts the result of a lease that has run out while nobody else has taken it, and only once',
    onFresh(newPlace, async ({ store }) => {
      await put(store, '', to('relay', 'a@x'));
      const claimed = await claimOne(store, 5000);
      expect(await store.settle([delivered(claimed)])).to.equal(1);
      expect(await store.settle([{ ...delivered(claimed), state: 'bounced' }])).to.equal(0);
      expect((await store.counts()).recipients).to.deep.equal({ delivered: 1 });
    }),
  );

  it(
    'prolongs leases that are held, tells which are, and leaves the others alone',
    onFresh(newPlace, async ({ store }) => {
      await put(store, '', to('relay', 'a@x', 'b@x', 'c@x'));
      const [claim] = await store.claim('one', 5000, LEASE, 10);
      const [a, b, c] = claim!.recipients as [ClaimedRecipient, ClaimedRecipient, ClaimedRecipient];
      await store.settle([delivered(b)]);
      const stranger = { recipientId: c.recipientId, fence: c.fence + 7 };
      expect(await store.renew([a, b, stranger], 20_000)).to.deep.equal(new Set([a.recipientId]));
      expect(addresses((await store.claim('two', 19_999, LEASE, 10))[0]!)).to.deep.equal(['c@x']);
      expect(await store.renew([c], 30_000)).to.deep.equal(new Set());
      const again = await store.claim('two', 20_999, LEASE, 10);
      expect(again.map(addresses)).to.deep.equal([['a@x', 'c@x']]);
      expect(await store.renew([], 1)).to.deep.equal(new Set());
    }),
  );

  it(
    'records every outcome with its attempts, and tries again only what waits',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, '', to('relay', 'ok@x', 'later@x', 'no@x', 'maybe@x', 'held@x', 'old@x'));
      const [claim] = await store.claim('one', 5000, LEASE, 10);
      const result = (i: number): Pick<ClaimedRecipient, 'recipientId' | 'fence'> => claim!.recipients[i]!;
      const settled = await store.settle([
        { ...delivered(result(0)), attempt: attempt('delivered') },
        { ...delivered(result(1)), state: 'deferred', nextAttempt: 7000, attempt: attempt('deferred') },
        // A time means nothing for a state that does not wait.
        { ...delivered(result(2)), state: 'bounced', nextAttempt: 6000, attempt: attempt('failed') },
        { ...delivered(result(3)), state: 'unknown', nextAttempt: 8000, attempt: attempt('unknown') },
        { ...delivered(result(4)), state: 'held' },
        { ...delivered(result(5)), state: 'expired' },
      ]);
      expect(settled).to.equal(6);
      const now = (await store.get(id))!.recipients;
      expect(now.map((r) => [r.address, r.state, r.nextAttempt, r.attempts.length])).to.deep.equal([
        ['ok@x', 'delivered', null, 1],
        ['later@x', 'deferred', 7000, 1],
        ['no@x', 'bounced', null, 1],
        ['maybe@x', 'unknown', 8000, 1],
        ['held@x', 'held', null, 0],
        ['old@x', 'expired', null, 0],
      ]);
      expect(now[3]?.attempts).to.deep.equal([attempt('unknown')]);

      const later = await claimOne(store, 7000);
      expect(later).to.deep.include({ address: 'later@x', attempts: 1, state: 'deferred', fence: 2 });
      await store.settle([{ ...delivered(later), attempt: attempt('delivered', 7001) }]);
      const maybe = await claimOne(store, 8000);
      expect(maybe).to.deep.include({ address: 'maybe@x', attempts: 1, state: 'unknown' });
      expect((await store.get(id))?.recipients[1]?.attempts).to.deep.equal([
        attempt('deferred'),
        attempt('delivered', 7001),
      ]);
    }),
  );

  it(
    'refuses to let a recipient wait without a time, and then settles nothing of that call',
    onFresh(newPlace, async ({ store }) => {
      await put(store, '', to('relay', 'a@x', 'b@x'));
      const [claim] = await store.claim('one', 5000, LEASE, 10);
      const [a, b] = claim!.recipients as [ClaimedRecipient, ClaimedRecipient];
      const neighbour = put(store, 'in the same commit');
      await storeFailed(store.settle([delivered(a), { ...delivered(b), state: 'deferred', nextAttempt: null }]));
      await neighbour;
      expect((await store.counts()).recipients).to.deep.equal({ queued: 2, captured: 1 });
      expect(await store.settle([delivered(a), delivered(b)])).to.equal(2);
    }),
  );

  it(
    'tells when something will be due: new mail, the end of a lease, the next attempt',
    onFresh(newPlace, async ({ store }) => {
      expect(await store.nextDue()).to.equal(null);
      await put(store, '', { receivedAt: 700, ...to('relay', 'a@x') });
      await put(store, '', { receivedAt: 10, ...to('capture', 'b@x') });
      expect(await store.nextDue()).to.equal(700);
      const claimed = await claimOne(store, 700);
      expect(await store.nextDue()).to.equal(700 + LEASE);
      await store.settle([{ ...delivered(claimed), state: 'deferred', nextAttempt: 4000 }]);
      expect(await store.nextDue()).to.equal(4000);
      await store.settle([delivered(await claimOne(store, 4000))]);
      expect(await store.nextDue()).to.equal(null);
    }),
  );

  it(
    'keeps leases and results when it is reopened',
    onFresh(newPlace, async ({ store, open }) => {
      const id = await put(store, '', to('relay', 'a@x', 'b@x'));
      const [claim] = await store.claim('one', 5000, LEASE, 10);
      await store.settle([{ ...delivered(claim!.recipients[0]!), attempt: attempt('delivered') }]);
      const before = await store.get(id);
      await store.close();
      const again = await open();
      expect(await again.get(id)).to.deep.equal(before);
      expect(await again.claim('two', 5000 + LEASE - 1, LEASE, 10)).to.deep.equal([]);
      expect(await again.settle([delivered(claim!.recipients[1]!)])).to.equal(1);
    }),
  );

  it(
    'never gives a recipient to two who ask at the same time, through one store or two',
    onFresh(newPlace, async ({ store, open }) => {
      const other = await open();
      for (let i = 0; i < 40; i++) await put(store, '', to('relay', 'a@x', 'b@x'));
      const claims = await Promise.all(
        [store, other, store, other, store, other].map((from, i) => from.claim(`worker ${i}`, 5000, LEASE, 9)),
      );
      const taken = claims.flat().flatMap((claim) => claim.recipients.map((r) => r.recipientId));
      expect(taken.length).to.equal(80);
      expect(new Set(taken).size).to.equal(80);
    }),
  );

  it(
    'makes due what would be due too late, and ends leases that would last too long',
    onFresh(newPlace, async ({ store }) => {
      const far = 5000 + 24 * 3_600_000;
      await put(store, 'late', { receivedAt: far, ...to('relay', 'late@x') });
      await put(store, 'leased', { receivedAt: 1, ...to('relay', 'leased@x') });
      const [leased] = await store.claim('one', far - 1, LEASE, 1);
      await put(store, 'soon', { receivedAt: 5000 + 3000, ...to('relay', 'soon@x') });
      await put(store, 'kept', to('capture', 'kept@x'));
      expect(await store.hasten(5000, 3000, LEASE)).to.equal(2);
      expect(await store.hasten(5000, 3000, LEASE), 'nothing more').to.equal(0);
      expect((await store.claim('two', 5000, LEASE, 10)).flatMap(addresses)).to.deep.equal(['late@x']);
      expect(await store.renew(leased!.recipients, 5000 + LEASE), 'whoever lives keeps it').to.have.lengthOf(1);
      expect(await store.claim('two', 5000 + LEASE - 1, LEASE, 10)).to.deep.equal([]);
      expect((await store.claim('two', 5000 + LEASE, LEASE, 10)).flatMap(addresses)).to.include('leased@x');
      expect((await store.claim('two', 5000 + 3000, LEASE, 10)).flatMap(addresses)).to.include('soon@x');
    }),
  );

  it(
    'says whether it could take a message',
    onFresh(newPlace, async ({ store }) => {
      await store.check();
      await store.close();
      await storeFailed(store.check());
    }),
  );
}

function addresses(claim: Claim): string[] {
  return claim.recipients.map((recipient) => recipient.address);
}

async function claimOne(store: Store, now: number): Promise<ClaimedRecipient> {
  const claims = await store.claim('one', now, LEASE, 10);
  expect(claims.flatMap((claim) => claim.recipients).length).to.equal(1);
  return claims[0]!.recipients[0]!;
}

function attempt(outcome: Attempt['outcome'], at = 5001): Attempt {
  return { at, upstream: 'smtp://mx.example.org:25', tls: 'TLSv1.3', reply: `${outcome}: "so", ünd €`, outcome };
}
