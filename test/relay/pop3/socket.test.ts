// POP3 on real sockets: TLS in the middle, a reader that is slow, sessions that say nothing, and the listeners.
import { connect } from 'node:net';
import { expect } from 'chai';
import type { Inbox } from '../../../relay/inbox/inbox.ts';
import { resolveSink } from '../../../relay/options.ts';
import { type Pop3Service, startPop3 } from '../../../relay/pop3/service.ts';
import { createSecurity } from '../../../relay/security.ts';
import { ChatError } from '../../../src/errors.ts';
import { silentLog } from '../../../src/log.ts';
import { closed, readAll, readUntil } from '../../support/sockets.ts';
import { until, within } from '../../support/within.ts';
import { TEST_TLS, testLogins, underTls } from '../support/secure-client.ts';
import { FakeInbox } from './fake-inbox.ts';
import { lines, Pop3Scene } from './pop3-scene.ts';

const scenes: Pop3Scene[] = [];
const services: Pop3Service[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) scene.close();
  await Promise.all(services.splice(0).map((one) => one.drain(0)));
});

async function scene(...args: Parameters<typeof Pop3Scene.make>): Promise<Pop3Scene> {
  const one = await Pop3Scene.make(...args);
  scenes.push(one);
  return one;
}

/** The POP3 server that these flags ask for. */
async function served(inbox: FakeInbox, flags: Record<string, string>): Promise<Pop3Service> {
  const given = new Map(Object.entries(flags).map(([name, value]) => [name, [value]]));
  const options = resolveSink({ flags: given });
  const security = await createSecurity(options, silentLog);
  const parts = { inbox: inbox.inbox as Inbox, mails: inbox.maildrop, security, log: silentLog };
  const service = await startPop3(options, parts);
  services.push(service);
  return service;
}

const portOf = (address: string | undefined): number => Number(address!.split(':').at(-1));

describe('a POP3 connection', () => {
  it('goes on under TLS after STLS, and forgets what it was told before', async () => {
    const tls = { auth: await testLogins({ needsTls: true }), tls: TEST_TLS };
    const socket = connect(await (await scene(['x\r\n'], tls)).listen(), '127.0.0.1');
    expect(await readUntil(socket, '\r\n')).to.match(/^\+OK /);
    socket.write(lines('STLS'));
    expect(await readUntil(socket, '\r\n')).to.equal('+OK begin TLS\r\n');
    const { transport } = await underTls(socket);
    let said = '';
    transport.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1');
    });
    transport.write(lines('STLS', 'CAPA', 'USER alice', 'PASS secret', 'RETR 1', 'QUIT'));
    await until(2000, () => said.includes('+OK bye'));
    expect(said).to.match(/^-ERR TLS is on already\r\n\+OK these\r\nUSER\r\nSASL /);
    expect(said).to.match(/\+OK 3 octets\r\nx\r\n\.\r\n\+OK bye/);
  });

  it('runs no command that came in the clear behind STLS', async () => {
    const one = await scene(['x\r\n'], { tls: TEST_TLS });
    const socket = connect(await one.listen(), '127.0.0.1');
    await readUntil(socket, '\r\n');
    socket.write(lines('STLS', 'USER alice', 'PASS secret', 'DELE 1', 'QUIT'));
    expect(await readAll(socket)).to.not.contain('octets');
    expect(one.inbox.deleted).to.deep.equal([]);
  });

  it('reads no more of a mail than its client takes', async () => {
    const one = await scene([`${'x'.repeat(998)}\r\n`.repeat(30_000)]);
    one.inbox.pieceBytes = 65_536;
    const socket = connect(await one.listen(), '127.0.0.1');
    await readUntil(socket, '\r\n');
    socket.write(lines('USER alice', 'PASS secret', 'RETR 1', 'QUIT'));
    socket.pause();
    // 30 MB in all; what fits into the buffers of two sockets is a few of them.
    let before = -1;
    await until(5000, () => {
      const stands = one.inbox.pieces > 0 && one.inbox.pieces === before;
      before = one.inbox.pieces;
      return stands;
    });
    expect(one.inbox.pieces).to.be.lessThan(300);
    const reading = readAll(socket);
    socket.resume();
    const rest = await within(10_000, reading, 'the rest');
    expect(rest.length).to.be.greaterThan(30_000_000);
    expect(rest).to.match(/x\r\n\.\r\n\+OK bye\r\n$/);
  }).timeout(20_000);

  it('lets go of a mail whose client has gone', async () => {
    const one = await scene([`${'x'.repeat(998)}\r\n`.repeat(20_000)]);
    let ended = false;
    const content = one.inbox.content.bind(one.inbox);
    one.inbox.content = async (id) => {
      const pieces = (await content(id))!;
      async function* watched(): AsyncGenerator<Buffer, void, undefined> {
        try {
          yield* pieces;
        } finally {
          ended = true;
        }
      }
      return watched();
    };
    const socket = connect(await one.listen(), '127.0.0.1');
    await readUntil(socket, '\r\n');
    socket.write(lines('USER alice', 'PASS secret', 'RETR 1'));
    await until(2000, () => one.inbox.pieces > 0);
    socket.destroy();
    await until(2000, () => ended);
  });

  it('ends without a word when nothing is said for too long, and deletes nothing', async () => {
    const one = await scene(['x\r\n'], { idleTimeout: 60 });
    const socket = connect(await one.listen(), '127.0.0.1');
    await readUntil(socket, '\r\n');
    socket.write(lines('USER alice', 'PASS secret', 'DELE 1'));
    expect(await within(3000, readAll(socket), 'the end')).to.match(/goes at QUIT\r\n$/);
    expect(one.inbox.deleted).to.deep.equal([]);
    expect(one.log.levels('pop3.timeout')).to.deep.equal(['info']);
  });
});

describe('the POP3 server', () => {
  const talk = async (port: number, ...commands: readonly string[]): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.write(lines(...commands, 'QUIT'));
    return within(4000, readAll(socket), 'the end');
  };

  it('lets anybody in on this machine where there are no users', async () => {
    const service = await served(new FakeInbox(['x\r\n']), { pop3: '127.0.0.1:0' });
    expect(await talk(portOf(service.pop3[0]), 'USER any', 'PASS thing')).to.contain('+OK 1 messages, 3 octets');
  });

  for (const flags of [{ 'pop3-user': 'bob:builder' }, { user: 'bob:builder' }]) {
    it(`lets in only those of --${Object.keys(flags)[0]}`, async () => {
      const service = await served(new FakeInbox(['x\r\n']), { pop3: '127.0.0.1:0', ...flags });
      const port = portOf(service.pop3[0]);
      expect(await talk(port, 'USER any', 'PASS thing')).to.contain('-ERR [AUTH]');
      expect(await talk(port, 'USER bob', 'PASS builder')).to.contain('+OK 1 messages');
    });
  }

  it('prefers its own users to those of SMTP', async () => {
    const flags = { pop3: '127.0.0.1:0', 'pop3-user': 'bob:builder', user: 'smtp:secret' };
    const port = portOf((await served(new FakeInbox(), flags)).pop3[0]);
    expect(await talk(port, 'USER smtp', 'PASS secret')).to.contain('-ERR [AUTH]');
  });

  for (const pop3 of ['0.0.0.0:1110', '[::]:1110', '192.0.2.1:110', 'mail.example:110']) {
    it(`is not open to other machines at ${pop3} without users`, () => {
      const resolve = (more: Record<string, string>): unknown =>
        resolveSink({ flags: new Map(Object.entries({ pop3, ...more }).map(([name, value]) => [name, [value]])) });
      expect(() => resolve({})).to.throw(ChatError, `pop3: ${pop3} is open to other machines, which needs users`);
      expect(() => resolve({ 'pop3-auth-file': 'users' })).to.not.throw();
    });
  }

  it('begins with TLS on --pop3s, with a certificate of its own making', async () => {
    const service = await served(new FakeInbox(['x\r\n']), { pop3s: '127.0.0.1:0' });
    const socket = connect(portOf(service.pop3s[0]), '127.0.0.1');
    await new Promise((connected) => socket.once('connect', connected));
    const { transport } = await underTls(socket, { rejectUnauthorized: false });
    let said = '';
    transport.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1');
    });
    transport.write(lines('USER any', 'PASS thing', 'QUIT'));
    await until(3000, () => said.includes('+OK bye'));
    expect(said).to.match(/^\+OK .* POP3\r\n\+OK and the password\?\r\n\+OK 1 messages, 3 octets/);
  });

  it('refuses connections over the limit with a word', async () => {
    const service = await served(new FakeInbox(), { pop3: '127.0.0.1:0', 'max-connections': '1' });
    const port = portOf(service.pop3[0]);
    const first = connect(port, '127.0.0.1');
    await readUntil(first, '\r\n');
    expect(await talk(port)).to.equal('-ERR [SYS/TEMP] too many connections\r\n');
    first.destroy();
    await closed(first);
  });

  it('tells its sessions when it stops, and deletes nothing for them', async () => {
    const inbox = new FakeInbox(['x\r\n']);
    const service = await served(inbox, { pop3: '127.0.0.1:0' });
    const socket = connect(portOf(service.pop3[0]), '127.0.0.1');
    socket.write(lines('USER any', 'PASS thing', 'DELE 1'));
    await readUntil(socket, 'goes at QUIT\r\n');
    const end = readAll(socket);
    const stopped = service.drain(5000);
    expect(await within(3000, end, 'the end')).to.equal('-ERR [SYS/TEMP] the server is stopping\r\n');
    socket.end();
    await within(3000, stopped, 'the stop');
    expect(inbox.deleted).to.deep.equal([]);
  });
});
