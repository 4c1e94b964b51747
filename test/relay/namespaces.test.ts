// Namespaces of a running sink: made with logins that hold at once and after a restart, in which mail and faults are told
// apart, and of which nothing is left when they are deleted.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { NamespaceLogins } from '../../relay/auth/namespace-logins.ts';
import type { NewNamespace } from '../../relay/inbox/inbox.ts';
import type { MailService } from '../../relay/service.ts';
import type { Client } from './support/client.ts';
import { authPlain, base64 } from './support/secure-client.ts';
import { portOf, Sinks, sendMail } from './support/sinks.ts';

const EMPTY: Omit<NewNamespace, 'name'> = { expiresAt: null, recipients: [], users: [], ports: [], headers: [] };

describe('namespaces of a sink', () => {
  const sinks = new Sinks();
  afterEach(() => sinks.close());

  const made = (mail: MailService, name: string, own: Partial<NewNamespace> = {}) =>
    mail.namespaces!.create({ ...EMPTY, name, users: [mail.namespaces!.userFor(name)], ...own });

  async function offer(mail: MailService): Promise<string> {
    const client = await sinks.client(mail);
    const ehlo = await client.say('EHLO c');
    return (
      ehlo
        .split('\n')
        .find((line) => /^250.AUTH /.test(line))
        ?.slice(4) ?? ''
    );
  }

  async function login(mail: MailService, user: string, password: string): Promise<{ client: Client; code: string }> {
    const client = await sinks.client(mail);
    await client.say('EHLO c');
    return { client, code: (await client.say(authPlain(user, password))).slice(0, 3) };
  }

  it('bring AUTH to a sink that had none, and take it away again', async () => {
    const mail = await sinks.start();
    const before = await sinks.client(mail);
    expect(await offer(mail)).to.equal('');
    expect(await before.codes('EHLO c', 'AUTH PLAIN', 'MAIL FROM:<a@x.example> AUTH=<>')).to.deep.equal([
      '250',
      '502',
      '555',
    ]);
    const { namespace, logins } = await made(mail, 'run-1');
    expect(namespace.users).to.deep.equal(['run-1']);
    expect(logins.map(({ user }) => user)).to.deep.equal(['run-1']);
    expect(logins[0]!.password).to.match(/^[\da-f]{32}$/);
    expect(await offer(mail)).to.equal('AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN');
    expect(await mail.namespaces!.delete('run-1')).to.equal(true);
    expect(await offer(mail)).to.equal('');
    expect((await login(mail, 'run-1', logins[0]!.password)).code).to.equal('502');
    expect(await mail.namespaces!.delete('run-1')).to.equal(false);
  });

  it('let in with their own password only', async () => {
    const mail = await sinks.start();
    const [one, two] = [await made(mail, 'one'), await made(mail, 'two')];
    const [a, b] = [one.logins[0]!.password, two.logins[0]!.password];
    expect(a).to.not.equal(b);
    expect((await login(mail, 'one', a)).code).to.equal('235');
    expect((await login(mail, 'two', b)).code).to.equal('235');
    expect((await login(mail, 'one', b)).code).to.equal('535');
    expect((await login(mail, 'three', a)).code).to.equal('535');
    const client = await sinks.client(mail);
    await client.codes('EHLO c', 'AUTH LOGIN', base64('one'));
    expect(await client.say(base64(a))).to.match(/^235/);
  });

  it('are told apart by login, port and recipient, each with its transcript', async () => {
    const mail = await sinks.start({ smtp: ['127.0.0.1:0', '127.0.0.1:0'] });
    const { logins } = await made(mail, 'login');
    await made(mail, 'port', { users: [], ports: [portOf(mail, 1)] });
    await made(mail, 'rcpt', { users: [], recipients: ['*+rcpt@*'] });
    const { client } = await login(mail, 'login', logins[0]!.password);
    const ids = [
      await sendMail(client),
      await sendMail(await sinks.client(mail, 1)),
      await sendMail(await sinks.client(mail), 'x+rcpt@y.example'),
      await sendMail(await sinks.client(mail)),
    ];
    const { messages } = await mail.inbox!.page({ limit: 10, oldestFirst: true });
    expect(messages.map(({ id, namespace }) => [id, namespace])).to.deep.equal([
      [ids[0], 'login'],
      [ids[1], 'port'],
      [ids[2], 'rcpt'],
      [ids[3], ''],
    ]);
    const lines = await mail.inbox!.transcript(ids[0]!);
    const text = lines.map((line) => line.text).join('\n');
    expect(text)
      .to.match(/AUTH PLAIN \*\*\*\n235 /)
      .and.match(new RegExp(`queued as ${ids[0]}$`));
    expect(text).to.not.include(base64(`\0login\0${logins[0]!.password}`));
  });

  it('keep their logins over a restart, with a key that only the owner may read', async () => {
    const first = await sinks.start();
    const { namespace, logins } = await made(first, 'run-1');
    const file = `${first.database}.key`;
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(await readFile(file, 'utf8')).to.not.include(logins[0]!.password);
    await sinks.stop(first);
    const second = await sinks.start();
    expect((await login(second, 'run-1', logins[0]!.password)).code).to.equal('235');
    expect(await second.namespaces!.loginsOf(namespace)).to.deep.equal(logins);
  });

  it('do without logins where the key is broken, and say so', async () => {
    const first = await sinks.start();
    await made(first, 'run-1');
    const { database } = first;
    await sinks.stop(first);
    await writeFile(`${database}.key`, 'nonsense');
    const second = await sinks.start();
    expect(sinks.log.of('namespaces.logins_failed')[0]!.fields['error']).to.match(/\.key: it holds no key/);
    expect(await sendMail(await sinks.client(second))).to.match(/^\w{22}$/);
  });

  it('of a name that was used before have another password', async () => {
    const mail = await sinks.start();
    const old = (await made(mail, 'run')).logins[0]!.password;
    await mail.namespaces!.delete('run');
    const { namespace, logins } = await made(mail, 'run');
    if (namespace.createdAt === 0) throw new Error('no time');
    expect((await login(mail, 'run', logins[0]!.password)).code).to.equal('235');
    if (logins[0]!.password !== old) expect((await login(mail, 'run', old)).code).to.equal('535');
  });

  it('lose their logins when their time is over', async () => {
    const logins = new NamespaceLogins(null, async () => Buffer.alloc(32));
    const run = { ...EMPTY, name: 'run', users: ['run'], createdAt: 1 };
    for (const [expiresAt, isIn] of [
      [Date.now() + 60_000, true],
      [Date.now() - 1, false],
      [null, true],
    ] as const) {
      await logins.set([{ ...run, expiresAt }]);
      expect(logins.find('run') !== null, String(expiresAt)).to.equal(isIn);
    }
    await logins.set([]);
    expect([logins.find('run'), logins.isDormant]).to.deep.equal([null, true]);
  });

  it('leave the users of the options as they are', async () => {
    const mail = await sinks.start({ user: 'anna:secret' });
    expect(mail.namespaces!.userFor('anna')).to.equal('ns.anna');
    const { logins } = await made(mail, 'run', { users: ['anna', 'run'] });
    expect(logins.map(({ user }) => user)).to.deep.equal(['run']);
    expect((await login(mail, 'anna', 'secret')).code).to.equal('235');
    expect((await login(mail, 'run', logins[0]!.password)).code).to.equal('235');
    await mail.namespaces!.delete('run');
    expect((await login(mail, 'anna', 'secret')).code).to.equal('235');
    expect((await login(mail, 'run', logins[0]!.password)).code).to.equal('535');
  });

  it('do not shut out anybody where any login will do', async () => {
    const mail = await sinks.start({ 'auth-accept-any': 'true' });
    await made(mail, 'run');
    expect(await offer(mail)).to.match(/^AUTH CRAM-MD5 PLAIN LOGIN/);
    const { client, code } = await login(mail, 'run', 'whatever');
    expect(code).to.equal('235');
    const id = await sendMail(client);
    expect((await mail.inbox!.summary(id))!.namespace).to.equal('run');
    expect((await login(mail, 'somebody', 'else')).code).to.equal('235');
  });

  it('have faults of their own, which go with them', async () => {
    const mail = await sinks.start({ fault: ['noop reply="451 4.0.0 Not now"'] });
    const { logins } = await made(mail, 'run');
    mail.faults!.replace([{ phase: 'mail', reply: '452 4.3.1 Full' }], 'run');
    const { client } = await login(mail, 'run', logins[0]!.password);
    expect(await client.codes('EHLO c', 'NOOP', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '451', '452']);
    const other = await sinks.client(mail);
    expect(await other.codes('EHLO c', 'NOOP', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '451', '250']);
    await mail.namespaces!.delete('run');
    expect(mail.faults!.list().map(({ phase }) => phase)).to.deep.equal(['noop']);
  });

  it('a sink that is told of faults and chaos has them from its first connection on', async () => {
    const mail = await sinks.start({ fault: ['connect reply="554 No" nth=1'], 'chaos-triggers': 'Sender:452:100' });
    const refused = await sinks.client(mail);
    expect(await refused.rest()).to.deep.equal([]);
    const client = await sinks.client(mail);
    expect(await client.codes('EHLO c', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '452']);
    expect(mail.chaos!.get().Sender).to.deep.equal({ ErrorCode: 452, Probability: 100 });
  });
});
