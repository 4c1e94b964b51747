// A relay that is open to its users and to nobody else, put together from its options as the command line does it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeCredentials } from '../../../relay/auth/credentials.ts';
import { resolveRelay } from '../../../relay/options.ts';
import { type MailService, startMail } from '../../../relay/service.ts';
import { silentLog } from '../../../src/log.ts';
import { socketTransport } from '../../../src/transport.ts';
import { Client } from '../support/client.ts';
import { authPlain, startTls, underTls } from '../support/secure-client.ts';
import { Upstream } from '../support/upstream.ts';

describe('a relay with users', () => {
  let folder: string;
  let upstream: Upstream;
  let relay: MailService;
  const sockets: Socket[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-logins-'));
    const users = join(folder, 'users');
    writeFileSync(users, `alice:${await makeCredentials('secret', { scram: false, cramMd5: false })}\n`, {
      mode: 0o600,
    });
    upstream = await Upstream.start();
    const flags = {
      smtp: '127.0.0.1:0',
      smtps: '127.0.0.1:0',
      database: join(folder, 'relay.db'),
      upstream: upstream.url,
      users,
      // This machine is a stranger to it.
      'relay-from': '192.0.2.0/24',
    };
    const sources = { flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])) };
    relay = await startMail(resolveRelay(sources), silentLog);
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await relay?.stop(1000);
    await upstream?.stop();
    rmSync(folder, { recursive: true });
  });

  function socketTo(address: string): Socket {
    const socket = connect({ host: '127.0.0.1', port: Number(address.split(':').pop()), noDelay: true });
    sockets.push(socket.on('error', () => {}));
    return socket;
  }
  const authority = (): string => readFileSync(join(folder, 'relay.db.tls.pem'), 'latin1');

  it('takes no mail for others from a stranger', async () => {
    const client = new Client(socketTransport(socketTo(relay.smtp[0]!)));
    await client.reply();
    await client.codes('EHLO c.example', 'MAIL FROM:<a@x.example>');
    expect(await client.say('RCPT TO:<b@x.example>')).to.match(/^550 5\.7\.1 /);
  });

  it('takes it from a user under STARTTLS, by a certificate that the relay has made, and delivers it', async () => {
    const socket = socketTo(relay.smtp[0]!);
    const client = new Client(socketTransport(socket));
    await client.reply();
    await client.say('EHLO c.example');
    expect(await client.say(authPlain('alice', 'secret'))).to.match(/^538 /);
    const secure = await startTls(socket, client, { ca: authority() });
    await secure.say('EHLO c.example');
    expect(await secure.say(authPlain('alice', 'secret'))).to.match(/^235 /);
    const codes = await secure.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'S: t\r\n\r\nx\r\n.');
    expect(codes).to.deep.equal(['250', '250', '354', '250']);
    await upstream.got(1);
    expect(upstream.mails[0]!.content.toString('latin1')).to.contain('with ESMTPSA ');
  });

  it('does so on its --smtps listener too', async () => {
    const secure = await underTls(socketTo(relay.smtps[0]!), { ca: authority() });
    expect(await secure.reply()).to.match(/^220 /);
    await secure.say('EHLO c.example');
    expect(await secure.say(authPlain('alice', 'wrong'))).to.match(/^535 /);
    expect(await secure.say(authPlain('alice', 'secret'))).to.match(/^235 /);
    expect(await secure.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>')).to.deep.equal(['250', '250']);
  });
});
