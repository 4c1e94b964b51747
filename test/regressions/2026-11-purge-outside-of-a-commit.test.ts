// A purge was not named among the store's writes. So it ran outside of the group's transaction: each of its statements
// was a commit with a sync of its own, thousands of them, while every session waited; and the counts were told of it
// only with the next commit. It is one commit like any other write.
import { expect } from 'chai';
import { inThisThread } from '../relay/store/sqlite-place.ts';
import { delivered, onFresh, put, to } from '../relay/store/support.ts';

describe('2026-11: a purge outside of a commit', () => {
  it(
    'is in one commit, and counted at once',
    onFresh(inThisThread, async ({ store }) => {
      for (let i = 0; i < 20; i++) await put(store, '', to('relay', 'a@x'));
      const claims = await store.claim('one', 5000, 1000, 100);
      await store.settle(claims.flatMap((claim) => claim.recipients.map(delivered)));
      expect((await store.counts()).messages).to.equal(20);
      expect(await store.purge(6000)).to.equal(20);
      expect((await store.counts()).messages).to.equal(0);
    }),
  );
});
