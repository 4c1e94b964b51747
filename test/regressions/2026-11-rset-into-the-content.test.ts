// An upstream refused a message while it was still being sent (552, too big). The refusal looked like any other, so the
// connection was made ready for the next mail with RSET: five more bytes of content. No answer came, and the delivery
// waited for it for five minutes. Such a connection is given up; and no RSET is waited for longer than some seconds.
import { expect } from 'chai';
import { Forwarder } from '../../relay/upstream/forward.ts';
import { parseUpstream } from '../../relay/upstream/upstream.ts';
import { silentLog } from '../../src/log.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until, within } from '../support/within.ts';

describe('2026-11: a message refused in the middle of its content', () => {
  it('is refused at once, and its connection gets no RSET', async () => {
    let times = 0;
    const upstream = await Upstream.start({
      answer: ({ phase, bytes }) =>
        phase === 'content' && bytes > 100_000 && ++times === 1 ? '552 5.3.4 too big' : undefined,
    });
    const forwarder = new Forwarder(parseUpstream(upstream.url), { hostname: 'mx.example', log: silentLog });
    const mail = {
      sender: 'a@x.example',
      recipients: [{ address: 'b@x.example', parameters: [] }],
      size: 9_000_000,
      parameters: [],
      traits: [],
    };
    const content = Array(140).fill(Buffer.from('x\r\n'.repeat(21_000))) as Buffer[];
    const { outcomes } = await within(
      3000,
      forwarder.deliver(mail, () => Promise.resolve(content)),
      'the outcome',
    );
    expect(outcomes).to.deep.equal([{ fate: 'failed', reply: '552 5.3.4 too big', status: '5.3.4', remote: true }]);
    await until(3000, () => upstream.sockets.size === 0, 'the end of the connection');
    expect(upstream.mails).to.deep.equal([]);
    forwarder.destroy();
    await upstream.stop();
  });
});
