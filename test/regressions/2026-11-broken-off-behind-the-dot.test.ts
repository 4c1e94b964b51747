// A stop reached its limit while the answer to a dot was awaited. The connection was destroyed, and the store closed
// before the queue could note what that meant: the mail stayed `queued`, and the next start sent it again within
// seconds, although the upstream may well have had it (RFC 1047). A broken-off delivery is now noted before the end.
import { connect } from 'node:net';
import { expect } from 'chai';
import { resolveRelay } from '../../relay/options.ts';
import { startMail } from '../../relay/service.ts';
import { silentLog } from '../../src/log.ts';
import { socketTransport } from '../../src/transport.ts';
import { Directory, serveHere } from '../relay/store/sqlite-place.ts';
import { Client } from '../relay/support/client.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';

describe('2026-11: a delivery that a stop breaks off behind the dot', () => {
  it('is unknown in the store, and waits the longest wait', async () => {
    const upstream = await Upstream.start({ answer: ({ phase }) => (phase === 'dot' ? 'silence' : undefined) });
    const directory = await Directory.make();
    try {
      const flags = { smtp: '127.0.0.1:0', upstream: upstream.url, database: directory.file };
      const options = resolveRelay({ flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])) });
      const mail = await startMail(options, silentLog);
      const client = new Client(socketTransport(connect(Number(mail.smtp[0]!.split(':')[1]), '127.0.0.1')));
      await client.reply();
      const lines = ['HELO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'x\r\n.', 'QUIT'];
      expect(await client.codes(...lines)).to.deep.equal(['250', '250', '250', '354', '250', '221']);
      await until(4000, () => upstream.mails.length === 1);
      await mail.stop(50);

      const store = await serveHere(directory.file);
      const [summary] = await store.list(1);
      const [recipient] = (await store.get(summary!.id))!.recipients;
      await store.close();
      expect(recipient!.state).to.equal('unknown');
      expect(recipient!.nextAttempt! - Date.now()).to.be.within(59 * 60_000, 60 * 60_000);
    } finally {
      await upstream.stop();
      await directory.remove();
    }
  });
});
