// Mail that was claimed waited for its turn while the process slept over its leases. Another one took it and sent it;
// then this one woke up and sent it too, since only results were fenced, not beginnings. And a lease that this process
// took up anew was forgotten for the older one of the session that had committed the mail: its result counted for nothing.
import { expect } from 'chai';
import { newMessage, to } from '../relay/store/support.ts';
import { Post, withMethods } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';

describe('2026-11: a lease that ran out before its mail was begun', () => {
  let upstream: Upstream;
  let post: Post;
  /** Messages that the queue has got from the store. */
  let taken: number;

  beforeEach(async () => {
    taken = 0;
    upstream = await Upstream.start({ answer: ({ phase }) => (phase === 'dot' ? 'silence' : undefined) });
    post = await Post.open({
      upstreams: [upstream.url],
      concurrency: 1,
      between: (store) =>
        withMethods(store, {
          renew: () => Promise.reject(new Error('busy')),
          claim: async (...args) => {
            const claims = await store.claim(...args);
            taken += claims.length;
            return claims;
          },
        }),
    });
  });

  afterEach(async () => {
    await post.close();
    await upstream.stop();
  });

  const answerDots = (): void => {
    for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
  };

  it('is not begun: another has it', async () => {
    await post.leave('one\r\n');
    await post.leave('two\r\n');
    post.queue.wake();
    await until(4000, () => upstream.mails.length === 1);
    post.clock.advance(16_000);
    expect((await post.store.claim('other', post.clock.now(), 15_000, 10)).length).to.equal(2);
    answerDots();
    await post.logged('queue.lease_lost');
    await post.quiet();
    expect(upstream.mails.length).to.equal(1);
  });

  it('that a session brings late does not replace the one that we hold', async () => {
    post.queue.wake();
    await post.quiet();
    const lease = post.queue.reserve()!;
    const writer = post.store.begin();
    await writer.write(Buffer.from('x\r\n'));
    const message = newMessage({ ...to('relay', 'b@x.example'), receivedAt: post.clock.now() });
    const claim = await writer.commit(message, lease);
    await post.passUntil(() => taken === 1, 1_000);
    await until(4000, () => upstream.mails.length === 1);
    post.queue.use(lease, claim);
    await post.quiet();
    answerDots();
    await post.logged('message.delivered');
    expect(post.log.of('queue.lease_lost')).to.deep.equal([]);
  });
});
