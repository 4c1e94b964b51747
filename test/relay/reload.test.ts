// New options for a running server: what queued mail, open sessions and deliveries under way make of them.
import { connect } from 'node:net';
import { expect } from 'chai';
import { type RelayOptions, resolveRelay } from '../../relay/options.ts';
import { type MailService, startMail } from '../../relay/service.ts';
import type { ChatError } from '../../src/errors.ts';
import { socketTransport } from '../../src/transport.ts';
import { until } from '../support/within.ts';
import { Directory } from './store/sqlite-place.ts';
import { Client } from './support/client.ts';
import { RecordingLog } from './support/recording-log.ts';
import { Upstream } from './support/upstream.ts';

describe('a running relay that is given new options', () => {
  let directory: Directory;
  let mail: MailService;
  const upstreams: Upstream[] = [];

  beforeEach(async () => {
    directory = await Directory.make();
  });

  afterEach(async () => {
    await mail.stop(0);
    for (const one of upstreams.splice(0)) await one.stop();
    await directory.remove();
  });

  function options(values: Readonly<Record<string, string>>): RelayOptions {
    const all = { smtp: '127.0.0.1:0', database: directory.file, ...values };
    return resolveRelay({ flags: new Map(Object.entries(all).map(([name, value]) => [name, [value]])) });
  }

  async function upstream(...args: Parameters<typeof Upstream.start>): Promise<Upstream> {
    const one = await Upstream.start(...args);
    upstreams.push(one);
    return one;
  }

  async function client(): Promise<Client> {
    const port = Number(/:(\d+)$/.exec(mail.smtp[0]!)![1]);
    const one = new Client(socketTransport(connect(port, '127.0.0.1')));
    expect(await one.reply()).to.match(/^220 /);
    expect(await one.say('EHLO c')).to.match(/^250/);
    return one;
  }

  const send = (one: Client, to = 'b@x.example') =>
    one.codes('MAIL FROM:<a@x.example>', `RCPT TO:<${to}>`, 'DATA', 'Subject: t\r\n\r\nx\r\n.');

  it('sends queued mail by the new upstream, and what comes now as well', async () => {
    const [bad, good] = [
      await upstream({ answer: ({ phase }) => (phase === 'rcpt' ? '450 4.2.1 later' : undefined) }),
      await upstream(),
    ];
    const log = new RecordingLog();
    mail = await startMail(options({ upstream: bad.url, 'retry-min': '1s', 'retry-max': '1s' }), log);
    const one = await client();
    await send(one);
    await until(8000, () => log.of('message.deferred').length > 0, 'a first attempt');
    expect(await mail.reload(options({ upstream: good.url }))).to.deep.equal([]);
    await send(one);
    await good.got(2, 10_000);
    expect(bad.accepted).to.deep.equal([]);
    await until(4000, () => log.of('message.delivered').length === 2);
  });

  it('lets a delivery that is under way come to its end, once', async () => {
    const slow = await upstream({ answer: ({ phase }) => (phase === 'dot' ? 'silence' : undefined) });
    const other = await upstream();
    const log = new RecordingLog();
    mail = await startMail(options({ upstream: slow.url }), log);
    await send(await client());
    await until(8000, () => slow.mails.length === 1, 'the dot');
    await mail.reload(options({ upstream: other.url }));
    for (const socket of slow.sockets) socket.write('250 2.0.0 taken\r\n');
    await until(8000, () => log.of('message.delivered').length === 1);
    expect([slow.mails.length, other.mails.length]).to.deep.equal([1, 0]);
  });

  it('holds an open session to the new limits and routes', async () => {
    const up = await upstream();
    mail = await startMail(options({ upstream: up.url }), new RecordingLog());
    const one = await client();
    expect(await one.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@old.example>')).to.deep.equal(['250', '250']);
    await mail.reload(
      options({ upstream: up.url, route: '@old.example=reject:550 5.1.6 Moved', 'max-recipients': '2' }),
    );
    const [refused] = await one.codes('RCPT TO:<c@old.example>');
    expect(refused).to.equal('550');
    expect(await one.codes('RCPT TO:<c@x.example>', 'RCPT TO:<d@x.example>')).to.deep.equal(['250', '452']);
  });

  it('names what needs a restart, and goes on as it was', async () => {
    const up = await upstream();
    mail = await startMail(options({ upstream: up.url }), new RecordingLog());
    const next = options({ upstream: up.url, smtp: '127.0.0.1:1', 'max-connections': '7' });
    expect(await mail.reload(next)).to.deep.equal(['smtp', 'maxConnections']);
    expect(await send(await client())).to.deep.equal(['250', '250', '354', '250']);
    await up.got(1);
  });

  it('changes nothing when a part of it makes no sense', async () => {
    const up = await upstream();
    mail = await startMail(options({ upstream: up.url }), new RecordingLog());
    const before = options({ upstream: up.url, hostname: 'new.example' });
    const failure = await mail.reload({ ...before, route: ['*=relay:nobody'] }).catch((error: ChatError) => error.code);
    expect(failure).to.equal('BAD_OPTION');
    expect((await (await client()).say('EHLO c')).split('\r\n')[0]).not.to.contain('new.example');
    expect(await send(await client())).to.deep.equal(['250', '250', '354', '250']);
    await up.got(1);
  });
});
