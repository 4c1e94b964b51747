// One recipient was refused for now (450, mailbox full), the others were taken, and then the content was refused (554):
// the error of the content counted for all, and the one with the full mailbox was bounced for good. Likewise a
// recipient who was refused for good was tried again, for days, when the content was put off.
import { expect } from 'chai';
import { Post } from '../relay/support/queues.ts';
import { type Act, Upstream } from '../relay/support/upstream.ts';

describe('2026-11: a refused recipient', () => {
  const CASES: readonly [rcpt: string, dot: Act, states: readonly string[]][] = [
    ['450 4.2.2 full', '554 5.6.0 spam', ['bounced', 'deferred']],
    ['550 5.1.1 nobody', '451 4.3.0 later', ['deferred', 'bounced']],
    ['550 5.1.1 nobody', 'drop', ['unknown', 'bounced']],
  ];
  for (const [rcpt, dot, states] of CASES) {
    it(`${rcpt} is not changed by ${dot} to the content`, async () => {
      const upstream = await Upstream.start({
        answer: ({ phase, line }) => (line.includes('other@') ? rcpt : phase === 'dot' ? dot : undefined),
      });
      const post = await Post.open({ upstreams: [upstream.url] });
      try {
        const id = await post.submit('x\r\n', 'taken@x.example', 'other@x.example');
        await post.logged(`message.${states[0]}`);
        await post.logged(`message.${states[1]}`);
        expect(await post.states(id)).to.deep.equal(states);
      } finally {
        await post.close();
        await upstream.stop();
      }
    });
  }
});
