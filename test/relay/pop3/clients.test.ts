// The inbox through real mail clients: a sink as it is started, Python's poplib, curl.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { expect } from 'chai';
import { resolveSink } from '../../../relay/options.ts';
import { type MailService, startMail } from '../../../relay/service.ts';
import { silentLog } from '../../../src/log.ts';
import { socketTransport } from '../../../src/transport.ts';
import { readAll } from '../../support/sockets.ts';
import { within } from '../../support/within.ts';
import { Client } from '../support/client.ts';
import { lines } from './pop3-scene.ts';

const started: MailService[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.stop(0))));

async function sink(flags: Record<string, string> = {}): Promise<MailService> {
  const given = { smtp: '127.0.0.1:0', pop3: '127.0.0.1:0', ...flags };
  const options = resolveSink({ flags: new Map(Object.entries(given).map(([name, value]) => [name, [value]])) });
  const mail = await startMail(options, silentLog);
  started.push(mail);
  return mail;
}

const portOf = (address: string | undefined): number => Number(address!.split(':').at(-1));

/** Sends each content by BDAT, so that it is stored as it is. */
async function send(mail: MailService, ...contents: readonly string[]): Promise<void> {
  const client = new Client(socketTransport(connect(portOf(mail.smtp[0]), '127.0.0.1')));
  await client.reply();
  await client.say('EHLO c.example');
  for (const content of contents) {
    await client.codes('MAIL FROM:<a@x.example> BODY=BINARYMIME', 'RCPT TO:<b@x.example>');
    client.send(`BDAT ${content.length} LAST\r\n${content}`);
    expect(await client.reply()).to.match(/^250 /);
  }
  client.transport.end();
}

/** Runs a program; null when there is none of that name. */
function output(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
    });
    child.stderr.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
    });
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(null) : reject(error)));
    child.once('close', () => resolve(text));
  });
}

const POPLIB = `
import poplib, sys, json
c = poplib.POP3('127.0.0.1', int(sys.argv[1]))
c.user('any'); c.pass_('thing')
count, octets = c.stat()
sizes = [int(line.split()[1]) for line in c.list()[1]]
uids = [line.split()[1].decode() for line in c.uidl()[1]]
mails = [c.retr(n + 1)[1] for n in range(count)]
print(json.dumps({
  'octets': octets, 'sizes': sizes, 'uids': uids,
  'real': [sum(len(line) + 2 for line in lines) for lines in mails],
  'last': [lines[-1].decode() for lines in mails], 'top': [l.decode() for l in c.top(1, 1)[1]],
}))
c.dele(1); c.rset(); c.dele(2); c.quit()
`;

describe('POP3 clients', function () {
  this.timeout(20_000);

  it('reads, counts and deletes with poplib', async function () {
    const mail = await sink();
    await send(mail, 'Subject: 1\r\n\r\none\r\n..two\r\n', 'Subject: 2\r\n\r\nno end', 'Subject: 3\r\n\r\n.\r\n.');
    const text = await output('python3', ['-c', POPLIB, String(portOf(mail.pop3[0]))]);
    if (text === null) {
      console.log('      (no python3 here)');
      return this.skip();
    }
    const seen = JSON.parse(text) as Record<string, unknown> & { uids: string[]; sizes: number[] };
    expect(seen['real']).to.deep.equal(seen.sizes);
    expect(seen['octets']).to.equal(seen.sizes.reduce((sum, one) => sum + one, 0));
    expect(seen['last']).to.deep.equal(['..two', 'no end', '.']);
    expect((seen['top'] as string[]).at(-1)).to.equal('one');
    const left = (await mail.inbox!.page({ limit: 10, oldestFirst: true })).messages.map(({ id }) => id);
    expect(left).to.deep.equal([seen.uids[0], seen.uids[2]]);
  });

  it('lists and fetches with curl, the bytes as they are', async function () {
    const mail = await sink();
    await send(mail, 'Subject: 1\r\n\r\n.\r\n\xff\x00\r\n.x\r\n');
    const url = `pop3://127.0.0.1:${portOf(mail.pop3[0])}/`;
    const list = await output('curl', ['-s', '-u', 'any:thing', url]);
    if (list === null) {
      console.log('      (no curl here)');
      return this.skip();
    }
    const { id, size } = (await mail.inbox!.latest({}))!;
    expect(list).to.equal(`1 ${size}\r\n`);
    let stored = '';
    for await (const piece of (await mail.inbox!.content(id))!) stored += piece.toString('latin1');
    expect(await output('curl', ['-s', '-u', 'any:thing', `${url}1`])).to.equal(stored);
    expect(stored).to.match(/\r\n\r\n\.\r\n\xff\0\r\n\.x\r\n$/);
  });

  it('sizes long mail right, wherever its pieces are cut', async () => {
    const mail = await sink();
    const contents = [65_534, 65_535, 65_536, 65_537, 131_072].flatMap((size) => {
      const head = 'Subject: long\r\n\r\n';
      return [`${head}${'x'.repeat(size - head.length - 2)}\r\n`, `${head}${'x'.repeat(size - head.length)}`];
    });
    await send(mail, ...contents);
    const socket = connect(portOf(mail.pop3[0]), '127.0.0.1');
    const numbers = contents.map((_, i) => i + 1);
    socket.write(lines('USER any', 'PASS thing', 'LIST', ...numbers.map((n) => `RETR ${n}`), 'QUIT'));
    const text = await within(10_000, readAll(socket), 'the end');
    const sizes = /\+OK 10 messages\r\n(.*?)\.\r\n/s.exec(text)![1]!.match(/ \d+/g)!.map(Number);
    const real = [...text.matchAll(/octets\r\n(Received.*?)\.\r\n(?=\+OK)/gs)].map(([, content]) => content!.length);
    expect(real).to.deep.equal(sizes);
    expect(sizes.filter((_, i) => i % 2 === 1)).to.deep.equal(
      sizes.filter((_, i) => i % 2 === 0).map((size) => size + 2),
    );
  });

  it('lets the users of a namespace in by the password that SMTP knows, and shows them their part', async () => {
    const mail = await sink({ 'pop3-user': 'admin:secret' });
    const namespace = {
      name: 'run-1',
      expiresAt: null,
      recipients: ['*+run-1@*'],
      users: ['run-1'],
      ports: [],
      headers: [],
    };
    const {
      logins: [login],
    } = await mail.namespaces!.create(namespace);
    const client = new Client(socketTransport(connect(portOf(mail.smtp[0]), '127.0.0.1')));
    await client.reply();
    await client.say('EHLO c.example');
    for (const to of ['x+run-1@y.example', 'x@y.example']) {
      await client.codes('MAIL FROM:<a@x.example>', `RCPT TO:<${to}>`, 'DATA');
      expect(await client.say(`Subject: ${to}\r\n\r\nx\r\n.`)).to.match(/^250 /);
    }
    const talk = async (user: string, password: string): Promise<string> => {
      const socket = connect(portOf(mail.pop3[0]), '127.0.0.1');
      socket.write(lines(`USER ${user}`, `PASS ${password}`, 'TOP 1 0', 'QUIT'));
      return within(4000, readAll(socket), 'the end');
    };
    expect(await talk('admin', 'secret')).to.match(/\+OK 2 messages/);
    const theirs = await talk(login!.user, login!.password);
    expect(theirs).to.match(/\+OK 1 messages/);
    expect(theirs).to.contain('Subject: x+run-1@y.example');
    expect(await talk(login!.user, 'wrong')).to.contain('-ERR [AUTH]');
    client.transport.end();
  });
});
