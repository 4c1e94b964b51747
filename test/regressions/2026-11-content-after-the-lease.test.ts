// A relay slept in the middle of a transaction: its lease ran out, another one took the mail and sent it. Awake again, it
// read the 354 that had come meanwhile and sent the content too, since it asked whether the mail was still its own only
// before it began. It is asked again in front of the content, and for long content in front of its end.
import { expect } from 'chai';
import { put, to } from '../relay/store/support.ts';
import { Post, withMethods } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';

describe('2026-11: a lease that ran out in the middle of a transaction', () => {
  let upstream: Upstream;
  let post: Post;

  beforeEach(async () => {
    upstream = await Upstream.start({ keywords: ['HELP'] });
    const between = (store: Post['store']): Post['store'] =>
      withMethods(store, { renew: () => Promise.reject(new Error('asleep')) });
    post = await Post.open({ upstreams: [upstream.url], between });
  });

  afterEach(async () => {
    await post.close();
    await upstream.stop();
  });

  const hold = (): void => {
    for (const socket of upstream.sockets) socket.pause();
  };
  const goOn = (): void => {
    for (const socket of upstream.sockets) socket.resume();
  };

  async function takenOver(): Promise<void> {
    post.clock.advance(16_000);
    expect((await post.store.claim('other', post.clock.now(), 15_000, 10)).length).to.equal(1);
    goOn();
    await post.logged('queue.lease_lost');
  }

  it('sends no content', async () => {
    let isHeld = false;
    upstream.answer = ({ phase }) => {
      if (phase === 'rcpt') setImmediate(hold);
      if (phase === 'rcpt') isHeld = true;
      return undefined;
    };
    await post.submit('one\r\n');
    await until(4000, () => isHeld);
    await takenOver();
    await upstream.left();
    expect(upstream.mails).to.deep.equal([]);
  });

  it('sends no end of a long content', async () => {
    let isHeld = false;
    upstream.answer = ({ phase }) => {
      if (phase === 'content' && !isHeld) hold();
      if (phase === 'content') isHeld = true;
      return undefined;
    };
    // More than the buffers of two sockets take.
    await put(post.store, Buffer.alloc(20_000_000, 'x\r\n'), {
      ...to('relay', 'b@x.example'),
      receivedAt: post.clock.now(),
    });
    post.queue.wake();
    await until(4000, () => isHeld);
    await takenOver();
    await upstream.left();
    expect(upstream.mails).to.deep.equal([]);
  });
});
