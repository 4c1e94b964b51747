// A mail was delivered, and the store could not note it (disk full, locked). The queue logged that and let go: a quarter
// of a minute later the lease had run out, the mail was claimed and sent again, and so on as long as the disk was full.
// The result is kept and offered again until the store takes it; a lease that ran out meanwhile is taken up, not sent.
import { expect } from 'chai';
import { Post, withMethods } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';

describe('2026-11: a result that the store did not take', () => {
  it('is not forgotten: the mail goes out once', async () => {
    const upstream = await Upstream.start();
    let broken = true;
    const post = await Post.open({
      upstreams: [upstream.url],
      between: (store) =>
        withMethods(store, {
          settle: (...args) => (broken ? Promise.reject(new Error('disk full')) : store.settle(...args)),
          renew: (...args) => (broken ? Promise.reject(new Error('disk full')) : store.renew(...args)),
        }),
    });
    try {
      await post.submit('x\r\n');
      await post.logged('queue.settle_failed');
      await post.pass(60_000);
      expect(upstream.mails.length).to.equal(1);
      broken = false;
      await post.pass(5_000, 1_000);
      await post.logged('message.delivered');
      await post.pass(60_000);
      expect(upstream.mails.length).to.equal(1);
      expect((await post.store.counts()).recipients.queued ?? 0).to.equal(0);
    } finally {
      await post.close();
      await upstream.stop();
    }
  });
});
