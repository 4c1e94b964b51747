// An upstream closed the connection in answer to AUTH. nodemailer then reports an error event and forgets the callback
// of login(): the delivery waited for ever, its lease was prolonged for ever, and its place in the queue was lost.
// The end of the connection now ends the login too.
import { expect } from 'chai';
import { Unreachable } from '../../relay/upstream/courier.ts';
import { Forwarder } from '../../relay/upstream/forward.ts';
import { parseUpstream } from '../../relay/upstream/upstream.ts';
import { silentLog } from '../../src/log.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { within } from '../support/within.ts';

describe('2026-11: an upstream that hangs up at the password', () => {
  for (const how of ['drop', 'reset'] as const) {
    it(`is unreachable (${how})`, async () => {
      const answer = ({ phase }: { phase: string }) => (phase === 'auth' ? how : undefined);
      const upstream = await Upstream.start({ keywords: ['AUTH PLAIN'], answer });
      const url = `${upstream.url.replace('//', '//me:secret@')}?tls=none`;
      const forwarder = new Forwarder(parseUpstream(url), { hostname: 'mx.example', log: silentLog });
      const mail = {
        sender: 'a@x.example',
        recipients: [{ address: 'b@x.example', parameters: [] }],
        size: 3,
        parameters: [],
        traits: [],
      };
      const outcome = forwarder
        .deliver(mail, () => Promise.resolve([Buffer.from('x\r\n')]))
        .then(
          () => null,
          (error: unknown) => error,
        );
      expect(await within(3000, outcome, 'the outcome')).to.be.instanceOf(Unreachable);
      await upstream.stop();
    });
  }
});
