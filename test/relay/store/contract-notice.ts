// The contract's part on what goes with a settlement: mails of our own in the same commit, and the marks that a
// recipient keeps from one claim to the next.

import { expect } from 'chai';
import type { ClaimedRecipient, Notice, Store } from '../../../relay/store/store.ts';
import { contentOf, delivered, newMessage, onFresh, type Place, put, storeFailed, to } from './support.ts';

export function noticeContract(newPlace: () => Promise<Place>): void {
  it(
    'stores a notice with the settlement that makes it necessary, and hands it out like any other mail',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, 'x', to('relay', 'a@x', 'b@x'));
      const [a, b] = await claimAll(store, 5000);
      const settled = await store.settle([{ ...delivered(a!), state: 'bounced' }, delivered(b!)], {
        forgetDelivered: true,
        notices: [noticeOf(store, 'it bounced', a!)],
      });
      expect(settled, 'counts results, not notices').to.equal(2);
      const [claim] = await store.claim('two', 6000, 1000, 10);
      expect(claim).to.deep.include({ sender: '', receivedAt: 6000, size: 10, traits: ['utf8-header'] });
      expect(String(claim?.content)).to.equal('it bounced');
      expect(claim?.recipients.map((one) => [one.address, one.since])).to.deep.equal([['sender@example.com', 6000]]);
      expect(claim!.id > id).to.equal(true);
      expect(await store.counts()).to.deep.equal({
        messages: 2,
        recipients: { bounced: 1, delivered: 1, queued: 1 },
        oldestWaiting: 6000,
      });
    }),
  );

  it(
    'stores the notice of a message that is forgotten in the same commit, and one that is captured',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, 'x', to('relay', 'a@x'));
      const [a] = await claimAll(store, 5000);
      const notice = noticeOf(store, 'it arrived', a!);
      const captured: Notice = { ...notice, message: { ...notice.message, ...to('capture', 'kept@x') } };
      await store.settle([delivered(a!)], { forgetDelivered: true, notices: [captured] });
      expect(await store.get(id)).to.equal(undefined);
      expect((await store.get(notice.id))?.recipients[0]).to.deep.include({ address: 'kept@x', state: 'captured' });
      expect(await contentOf(store, notice.id).then(String)).to.equal('it arrived');
    }),
  );

  it(
    'stores no notice about leases that were lost, and one about several when a single one was held',
    onFresh(newPlace, async ({ store }) => {
      await put(store, 'x', to('relay', 'a@x', 'b@x'));
      const [a, b] = await claimAll(store, 5000);
      await store.settle([delivered(b!)]);
      const [again] = await claimAll(store, 9000);
      expect(again!.recipientId).to.equal(a!.recipientId);

      const late = noticeOf(store, 'late', a!, b!);
      expect(await store.settle([delivered(a!), delivered(b!)], { notices: [late] })).to.equal(0);
      expect(await store.get(late.id)).to.equal(undefined);
      const unsettled = noticeOf(store, 'about one that is not settled here', again!);
      await store.settle([], { notices: [unsettled] });
      expect(await store.get(unsettled.id)).to.equal(undefined);

      const right = noticeOf(store, 'right', again!, b!);
      expect(await store.settle([delivered(again!), delivered(b!)], { notices: [right] })).to.equal(1);
      expect((await store.get(right.id))?.size).to.equal(5);
    }),
  );

  it(
    'settles nothing when a notice cannot be stored, and nothing is stored when nothing is settled',
    onFresh(newPlace, async ({ store }) => {
      await put(store, 'x', to('relay', 'a@x'));
      const [a] = await claimAll(store, 5000);
      const bad = noticeOf(store, 'bad', a!);
      const notices = [{ ...bad, message: { ...bad.message, ...to('relay', 'nul\0@x') } }];
      await storeFailed(store.settle([delivered(a!)], { notices }));
      const long = { ...noticeOf(store, '', a!), content: Buffer.alloc(65537) };
      await store.settle([delivered(a!)], { notices: [long] }).then(
        () => expect.fail('took a notice that is too long'),
        () => {},
      );
      expect(await store.counts()).to.deep.equal({ messages: 1, recipients: { queued: 1 }, oldestWaiting: 5000 });
      const longest = { ...noticeOf(store, '', a!), content: Buffer.alloc(65536, 7) };
      expect(await store.settle([delivered(a!)], { notices: [longest] })).to.equal(1);
      expect((await contentOf(store, longest.id)).equals(longest.content)).to.equal(true);
    }),
  );

  it(
    'gives ids of the same order as those of writers',
    onFresh(newPlace, async ({ store }) => {
      const ids = [store.begin().id, store.nextId(), store.begin().id, store.nextId()];
      expect(ids.toSorted()).to.deep.equal(ids);
      expect(new Set(ids).size).to.equal(4);
      for (const id of ids) expect(id).to.match(/^[0-9A-Za-z]{22}$/);
    }),
  );

  it(
    'hands out the traits of a message with every claim',
    onFresh(newPlace, async ({ store }) => {
      const writer = store.begin();
      const message = newMessage({ traits: ['eight-bit', 'binary'], ...to('relay', 'a@x') });
      const claim = await writer.commit(message, { owner: 'one', until: 6000 });
      expect(claim?.traits).to.deep.equal(['eight-bit', 'binary']);
      const [again] = await store.claim('two', 7000, 1000, 1);
      expect(again?.traits).to.deep.equal(['eight-bit', 'binary']);
      expect((await store.get(writer.id))?.traits).to.deep.equal(['eight-bit', 'binary']);
    }),
  );

  it(
    'remembers that a sender was told of the delay, until the recipient is requeued',
    onFresh(newPlace, async ({ store }) => {
      await put(store, 'x', to('relay', 'a@x', 'b@x'));
      const marks = (all: ClaimedRecipient[]): unknown[] => all.map((one) => [one.address, one.delayNotified]);
      const [a, b] = await claimAll(store, 5000);
      const later = { state: 'deferred', nextAttempt: 6000 } as const;
      await store.settle([
        { ...delivered(a!), ...later, delayNotified: true },
        { ...delivered(b!), ...later },
      ]);
      const second = await claimAll(store, 6000);
      expect(marks(second)).to.deep.equal([
        ['a@x', true],
        ['b@x', false],
      ]);
      await store.settle(second.map((one) => ({ ...delivered(one), ...later, nextAttempt: 7000 })));
      const third = await claimAll(store, 7000);
      expect(marks(third)[0], 'a settlement that says nothing').to.deep.equal(['a@x', true]);
      await store.settle(third.map((one) => ({ ...delivered(one), ...later, nextAttempt: 8000 })));
      await store.change({}, 'requeue', 7500);
      expect(marks(await claimAll(store, 7500))[0]).to.deep.equal(['a@x', false]);
    }),
  );
}

async function claimAll(store: Store, now: number): Promise<ClaimedRecipient[]> {
  return (await store.claim('one', now, 1000, 10)).flatMap((claim) => claim.recipients);
}

function noticeOf(store: Store, content: string, ...about: ClaimedRecipient[]): Notice {
  const message = newMessage({
    receivedAt: 6000,
    sender: '',
    traits: ['utf8-header'],
    ...to('relay', 'sender@example.com'),
  });
  return { id: store.nextId(), message, content: Buffer.from(content), about };
}
