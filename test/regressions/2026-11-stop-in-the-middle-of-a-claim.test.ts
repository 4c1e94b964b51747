// stop() came while the queue was asking the store for mail, and one more mail came in meanwhile: the queue meant to
// look again, found that it was stopped, and told nobody that it had come to rest. The program then stood still for the
// whole drain limit with nothing to do.

import { Post } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { within } from '../support/within.ts';

describe('2026-11: a stop in the middle of a claim', () => {
  it('comes to its end at once', async () => {
    const upstream = await Upstream.start();
    const post = await Post.open({ upstreams: [upstream.url] });
    try {
      post.queue.wake();
      post.queue.wake();
      await within(1000, post.queue.stop(60_000), 'the stop');
    } finally {
      await post.close();
      await upstream.stop();
    }
  });
});
