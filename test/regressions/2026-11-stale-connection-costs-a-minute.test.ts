// A connection that was kept for the next mail had been closed by the upstream meanwhile. The mail that took it failed
// before its first command and was put off by --retry-min, although nothing was wrong with the upstream.
// What an idle connection fails at before any content is tried at once on a fresh one.
import { expect } from 'chai';
import { Post } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';

describe('2026-11: a kept connection that the upstream has closed', () => {
  for (const how of ['reset', 'FIN', '421'] as const) {
    it(`costs the next mail nothing (${how})`, async () => {
      const upstream = await Upstream.start();
      const post = await Post.open({ upstreams: [upstream.url] });
      try {
        await post.submit('one\r\n');
        await post.logged('message.delivered');
        const [socket] = upstream.sockets;
        if (how === 'reset') socket!.resetAndDestroy();
        else if (how === 'FIN') socket!.end();
        else {
          upstream.answer = ({ phase, connection }) =>
            phase === 'mail' && connection === 1 ? { last: '421 4.4.2 idle' } : undefined;
        }
        await post.submit('two\r\n');
        await post.logged('message.delivered', 2);
        expect(post.log.of('message.deferred')).to.deep.equal([]);
        expect(upstream.connections).to.equal(2);
        await until(2000, () => upstream.accepted.length === 2);
      } finally {
        await post.close();
        await upstream.stop();
      }
    });
  }
});
