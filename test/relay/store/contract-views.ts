// The contract's third part: what is seen of the messages, and how they leave.

import { expect } from 'chai';
import type { NewMessage, Store } from '../../../relay/store/store.ts';
import { contentOf, delivered, newMessage, onFresh, type Place, pattern, put, storeFailed, to } from './support.ts';

const NOTHING = { messages: 0, recipients: {}, oldestWaiting: null };

export function viewContract(newPlace: () => Promise<Place>): void {
  it(
    'gives the whole envelope back as it came',
    onFresh(newPlace, async ({ store, open }) => {
      const message: NewMessage = {
        receivedAt: 1_700_000_000_123,
        sender: '"odd \\" one"@exämple.com',
        parameters: [
          ['SIZE', '1000'],
          ['SMTPUTF8', ''],
        ],
        helo: '[IPv6:2001:db8::1]',
        clientAddress: '2001:db8::1',
        protocol: 'ESMTPSA',
        tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
        authUser: 'user\u2028with\ttabs and 𝄞',
        traits: ['eight-bit', 'utf8-header'],
        recipients: [
          { address: "o'hara@example.org", parameters: [['ORCPT', "rfc822;o'hara@example.org"]], route: 'relay' },
          { address: '用户@例子.广告', parameters: [], route: 'capture' },
        ],
      };
      const writer = store.begin();
      await writer.commit(message);
      await store.close();
      const { seq, id, size, recipients, ...envelope } = (await (await open()).get(writer.id))!;
      expect({ id, size }).to.deep.equal({ id: writer.id, size: 0 });
      expect(seq).to.be.greaterThan(0);
      expect({
        ...envelope,
        recipients: recipients.map(({ address, parameters, route }) => ({ address, parameters, route })),
      }).to.deep.equal(message);
    }),
  );

  it(
    'knows nothing of a message that is not there',
    onFresh(newPlace, async ({ store }) => {
      for (const id of ['0000000000000000000000', '', "'; DROP TABLE message; --"]) {
        expect(await store.get(id)).to.equal(undefined);
        expect(await store.content(id)).to.equal(undefined);
        expect(await store.delete([id])).to.equal(0);
      }
    }),
  );

  it(
    'starts each recipient in the state that its route asks for',
    onFresh(newPlace, async ({ store }) => {
      const routes = ['capture', 'relay', 'discard', 'reject'] as const;
      const recipients = routes.map((route) => ({ address: `${route}@x`, parameters: [], route }));
      const id = await put(store, '', { recipients });
      const found = (await store.get(id))!.recipients;
      expect(found.map((r) => [r.route, r.state, r.nextAttempt])).to.deep.equal([
        ['capture', 'captured', null],
        ['relay', 'queued', 5000],
        ['discard', 'delivered', null],
        ['reject', 'bounced', null],
      ]);
    }),
  );

  it(
    'lists the newest commit first, page by page, whichever message was begun first',
    onFresh(newPlace, async ({ store }) => {
      const early = store.begin();
      const ids: string[] = [];
      for (let i = 0; i < 6; i++) ids.unshift(await put(store, 'x'.repeat(i), to('capture', `${i}@x`, 'both@x')));
      await early.commit(newMessage({ sender: '', receivedAt: 1 }));
      ids.unshift(early.id);

      const all = await store.list(100);
      expect(all.map((summary) => summary.id)).to.deep.equal(ids);
      expect(all.map((summary) => summary.seq)).to.deep.equal(all.map((s) => s.seq).toSorted((a, b) => b - a));
      expect(all[0]).to.deep.include({ receivedAt: 1, sender: '', recipients: ['rcpt@example.org'], size: 0 });
      expect(all[1]).to.deep.include({ sender: 'sender@example.com', recipients: ['5@x', 'both@x'], size: 5 });

      const pages = [await store.list(3)];
      while (pages.at(-1)!.length > 0) pages.push(await store.list(3, pages.at(-1)!.at(-1)!.seq));
      expect(pages.map((page) => page.length)).to.deep.equal([3, 3, 1, 0]);
      expect(pages.flat()).to.deep.equal(all);
      expect(await store.list(0)).to.deep.equal([]);
    }),
  );

  it(
    'never uses a seq again, also when the newest message is deleted',
    onFresh(newPlace, async ({ store, open }) => {
      const first = (await store.get(await put(store, '')))!;
      await store.delete([first.id]);
      await store.close();
      const again = await open();
      expect((await again.get(await put(again, '')))!.seq).to.be.greaterThan(first.seq);
    }),
  );

  it(
    'counts messages and recipients by state, through every change',
    onFresh(newPlace, async ({ store }) => {
      expect(await store.counts()).to.deep.equal(NOTHING);
      const id = await put(store, '', to('relay', 'a@x', 'b@x'));
      await put(store, '', to('capture', 'c@x'));
      expect(await store.counts()).to.deep.equal({
        messages: 2,
        recipients: { queued: 2, captured: 1 },
        oldestWaiting: 5000,
      });
      const [claim] = await store.claim('one', 5000, 1000, 1);
      await store.settle([delivered(claim!.recipients[0]!)]);
      const expected = { messages: 2, recipients: { queued: 1, delivered: 1, captured: 1 }, oldestWaiting: 5000 };
      expect(await store.counts()).to.deep.equal(expected);
      await store.delete([id]);
      expect(await store.counts()).to.deep.equal({ messages: 1, recipients: { captured: 1 }, oldestWaiting: null });
    }),
  );

  it(
    'shows what another store on the same database has done',
    onFresh(newPlace, async ({ store, open }) => {
      const other = await open();
      await store.counts();
      const id = await put(other, pattern(100_000), to('relay', 'a@x'));
      expect(await store.counts()).to.deep.equal({ messages: 1, recipients: { queued: 1 }, oldestWaiting: 5000 });
      expect((await contentOf(store, id)).equals(pattern(100_000))).to.equal(true);
      await store.delete([id]);
      expect(await other.counts()).to.deep.equal(NOTHING);
      expect(await other.list(1)).to.deep.equal([]);
    }),
  );

  it(
    'deletes messages whole, short and long, and tells how many there were',
    onFresh(newPlace, async ({ store }) => {
      const ids = [await put(store, 'short', to('relay', 'a@x')), await put(store, pattern(1_200_000))];
      const kept = await put(store, pattern(300_000));
      const [claim] = await store.claim('one', 5000, 1000, 1);
      expect(await store.delete([...ids, ids[0]!, 'unknown'])).to.equal(2);
      for (const id of ids) {
        expect(await store.get(id)).to.equal(undefined);
        expect(await store.content(id)).to.equal(undefined);
      }
      expect(await store.settle(claim!.recipients.map(delivered))).to.equal(0);
      expect(await store.nextDue()).to.equal(null);
      expect((await contentOf(store, kept)).equals(pattern(300_000))).to.equal(true);
      expect(await store.delete([])).to.equal(0);
    }),
  );

  it(
    'keeps a message whole whose deletion failed',
    onFresh(newPlace, async ({ store, open }) => {
      const id = await put(store, pattern(300_000));
      await storeFailed(store.delete([id, 'nul\0']));
      expect((await store.counts()).messages).to.equal(1);
      await store.close();
      expect((await contentOf(await open(), id)).equals(pattern(300_000))).to.equal(true);
    }),
  );

  it(
    'trims the oldest of the messages that are only captured, and no other',
    onFresh(newPlace, async ({ store }) => {
      const captured: string[] = [];
      const relayed: string[] = [];
      for (let i = 0; i < 5; i++) {
        captured.push(await put(store, pattern(i === 0 ? 200_000 : 10), to('capture', 'a@x', 'b@x')));
        relayed.push(await putMixed(store));
      }
      expect(await store.trim(5)).to.equal(0);
      expect(await store.trim(3)).to.equal(2);
      expect(await idsOf(store)).to.have.members([...captured.slice(2), ...relayed]);
      expect(await store.trim(0)).to.equal(3);
      expect(await idsOf(store)).to.have.members(relayed);
      expect(await store.counts()).to.deep.equal({
        messages: 5,
        recipients: { captured: 5, queued: 5 },
        oldestWaiting: 5000,
      });
    }),
  );

  it(
    'trims a message, too, whose last recipient was settled as captured',
    onFresh(newPlace, async ({ store }) => {
      await putMixed(store);
      const [claim] = await store.claim('one', 5000, 1000, 1);
      expect(await store.trim(0)).to.equal(0);
      await store.settle([{ ...delivered(claim!.recipients[0]!), state: 'captured' }]);
      expect(await store.trim(0)).to.equal(1);
    }),
  );

  for (const state of ['delivered', 'bounced', 'expired'] as const) {
    it(
      `trims a message, too, of which a copy was ${state}, but not one that is delivered again`,
      onFresh(newPlace, async ({ store }) => {
        const id = await putMixed(store);
        const [claim] = await store.claim('one', 5000, 1000, 1);
        const end = { ...delivered(claim!.recipients[0]!), state };
        await store.settle([end], { forgetDelivered: true });
        expect((await store.get(id))!.recipients.map((one) => one.state)).to.deep.equal(['captured', state]);
        if (state !== 'delivered') {
          expect(await store.change({ ids: [id] }, 'requeue', 6000)).to.deep.equal({ changed: 1, busy: 0 });
          expect(await store.trim(0)).to.equal(0);
          const [again] = await store.claim('one', 6000, 1000, 1);
          await store.settle([{ ...delivered(again!.recipients[0]!), state }], { forgetDelivered: true });
        }
        expect(await store.trim(0)).to.equal(1);
      }),
    );
  }

  it(
    'does not count what was only to be relayed among what is captured',
    onFresh(newPlace, async ({ store }) => {
      await put(store, 'x', to('relay', 'a@x', 'b@x'));
      const [claim] = await store.claim('one', 5000, 1000, 1);
      await store.settle(
        claim!.recipients.map((one, i) => ({ ...delivered(one), state: i === 0 ? 'bounced' : 'expired' })),
      );
      expect(await store.trim(0)).to.equal(0);
      expect(await store.purge(6000)).to.equal(1);
    }),
  );

  it(
    'keeps the port of the listener, and that a mail was released',
    onFresh(newPlace, async ({ store, open }) => {
      const marks = { port: 1025, isRelease: true } as const;
      const id = await put(store, 'x', { ...to('relay', 'a@x'), ...marks });
      const plain = await put(store, 'x', to('relay', 'a@x'));
      await store.close();
      const again = await open();
      expect(await again.get(id)).to.include(marks);
      expect(await again.get(plain)).to.not.have.any.keys('port', 'isRelease');
      const claims = await again.claim('one', 5000, 1000, 2);
      expect(claims.map(({ isRelease = false }) => isRelease)).to.have.members([true, false]);
    }),
  );
}

function putMixed(store: Store): Promise<string> {
  return put(store, 'mixed', {
    recipients: [
      { address: 'a@x', parameters: [], route: 'capture' },
      { address: 'b@x', parameters: [], route: 'relay' },
    ],
  });
}

async function idsOf(store: Store): Promise<string[]> {
  return (await store.list(1000)).map((summary) => summary.id);
}
