// A certificate that did not hold was reported like an upstream that is away: no alarm, although nothing gets better
// until somebody looks (R10).
import { expect } from 'chai';
import { Unreachable } from '../../relay/upstream/courier.ts';
import { WayOut } from '../relay/support/way-out.ts';
import { STRANGER_CERTIFICATE, STRANGER_KEY } from '../support/tls-certificate.ts';

describe('a certificate that does not hold', () => {
  for (const implicit of [false, true]) {
    it(`is the fault of the route, by ${implicit ? 'smtps' : 'STARTTLS'}`, async () => {
      const tls = { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE, implicit };
      const way = await WayOut.open({ tls, scheme: implicit ? 'smtps' : 'smtp', query: 'tls=require' });
      const error = await way.deliver().catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Unreachable).and.include({ code: 'ETLS', blame: 'route' });
      await way.stop();
    });
  }
});
