// A sink and a relay put together: what they let in, what they keep, and that nothing is left open when a start fails.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { resolveRelay, resolveSink } from '../../relay/options.ts';
import { type MailService, startMail } from '../../relay/service.ts';
import type { ChatError } from '../../src/errors.ts';
import { socketTransport } from '../../src/transport.ts';
import { until, within } from '../support/within.ts';
import { Directory } from './store/sqlite-place.ts';
import { contentOf } from './store/support.ts';
import { Client } from './support/client.ts';
import { RecordingLog } from './support/recording-log.ts';
import { withoutTrace } from './support/sessions.ts';
import { Upstream } from './support/upstream.ts';

const flags = (values: Readonly<Record<string, string>>) => ({
  flags: new Map(Object.entries(values).map(([name, value]) => [name, [value]] as const)),
});

async function clientOf(address: string): Promise<Client> {
  const [, port] = /:(\d+)$/.exec(address) ?? [];
  const socket = address.startsWith('unix:') ? connect(address.slice(5)) : connect(Number(port), '127.0.0.1');
  const client = new Client(socketTransport(socket));
  expect(await client.reply()).to.match(/^220 /);
  return client;
}

async function send(client: Client, content: string): Promise<string[]> {
  return client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', `${content}.`);
}

describe('startMail', () => {
  let directory: Directory;
  let log: RecordingLog;
  const started: MailService[] = [];

  beforeEach(async () => {
    directory = await Directory.make();
    log = new RecordingLog();
  });

  afterEach(async () => {
    for (const mail of started.splice(0)) await mail.stop(0);
    await directory.remove();
  });

  async function sink(values: Readonly<Record<string, string>> = {}): Promise<MailService> {
    const mail = await startMail(resolveSink(flags({ smtp: '127.0.0.1:0', database: directory.file, ...values })), log);
    started.push(mail);
    return mail;
  }

  async function relay(upstream: Upstream, values: Readonly<Record<string, string>> = {}): Promise<MailService> {
    const all = { smtp: '127.0.0.1:0', database: directory.file, upstream: upstream.url, ...values };
    const mail = await startMail(resolveRelay(flags(all)), log);
    started.push(mail);
    return mail;
  }

  it('as a sink captures for anybody, and keeps the newest', async () => {
    const mail = await sink({ max: '3' });
    const client = await clientOf(mail.smtp[0]!);
    await client.say('EHLO c');
    for (let n = 0; n < 8; n++) expect(await send(client, `${n}\r\n`)).to.deep.equal(['250', '250', '354', '250']);
    await until(4000, () => log.of('message.accepted').length === 8);
    let kept: string[] = [];
    for (const limit = Date.now() + 5000; Date.now() < limit && kept.join() !== '7,6,5'; ) {
      const listed = await mail.store.list(100);
      kept = await Promise.all(
        listed.map(async ({ id }) => withoutTrace(await contentOf(mail.store, id).catch(() => Buffer.alloc(0))).trim()),
      ).catch(() => []);
    }
    expect(kept).to.deep.equal(['7', '6', '5']);
    expect((await mail.store.counts()).recipients).to.deep.equal({ captured: 3 });
    expect(mail.stats).to.include({ connections: 1, openConnections: 1 });
  });

  it('as a sink takes bare line ends and makes them whole', async () => {
    const mail = await sink();
    const client = await clientOf(mail.smtp[0]!);
    await client.say('EHLO c');
    expect(await send(client, 'a\nb\r\n')).to.deep.equal(['250', '250', '354', '250']);
    const [summary] = await mail.store.list(1);
    expect(withoutTrace(await contentOf(mail.store, summary!.id))).to.equal('a\r\nb\r\n');
  });

  it('R1 as a relay lets in whom it was told to, and nobody else', async () => {
    const upstream = await Upstream.start();
    try {
      const closed = await clientOf((await relay(upstream, { 'relay-from': '192.0.2.0/24' })).smtp[0]!);
      expect(await closed.codes('EHLO c', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250']);
      expect(await closed.say('RCPT TO:<b@x.example>')).to.match(/^550 5\.7\.1 /);
      for (const mail of started.splice(0)) await mail.stop(0);
      const open = await clientOf((await relay(upstream, { 'relay-from': '127.0.0.0/8' })).smtp[0]!);
      await open.say('EHLO c');
      expect(await send(open, 'x\r\n')).to.deep.equal(['250', '250', '354', '250']);
      await upstream.got(1);
    } finally {
      await upstream.stop();
    }
  });

  it('as a relay takes mail over a unix socket, whose clients have no address to show', async () => {
    const upstream = await Upstream.start();
    try {
      const mail = await relay(upstream, { smtp: `unix:${join(directory.path, 'smtp.sock')}` });
      const client = await clientOf(mail.smtp[0]!);
      await client.say('EHLO c.example');
      expect(await send(client, 'x\r\n')).to.deep.equal(['250', '250', '354', '250']);
      await upstream.got(1);
      expect(upstream.mails[0]!.content.toString('latin1')).to.match(/^Received: from c\.example\r\n\tby /);
    } finally {
      await upstream.stop();
    }
  });

  it('as a relay delivers at its start what an earlier one has left', async () => {
    const upstream = await Upstream.start({ answer: ({ phase }) => (phase === 'connect' ? 'silence' : undefined) });
    try {
      const soon = { 'retry-min': '1s', 'retry-max': '1s' };
      const first = await relay(upstream, soon);
      const client = await clientOf(first.smtp[0]!);
      await client.say('EHLO c');
      for (const n of [1, 2, 3]) await send(client, `${n}\r\n`);
      client.transport.end();
      await first.stop(0);
      started.pop();
      expect(upstream.mails).to.deep.equal([]);
      upstream.answer = () => undefined;
      await relay(upstream, soon);
      await upstream.got(3, 8000);
      expect(upstream.mails.map(({ content }) => withoutTrace(content)).sort()).to.deep.equal([
        '1\r\n',
        '2\r\n',
        '3\r\n',
      ]);
    } finally {
      await upstream.stop();
    }
  });

  it('serves a client that is there before the store is', async () => {
    const path = join(directory.path, 'early.sock');
    const starting = sink({ smtp: `unix:${path}` });
    let client: Client | undefined;
    while (!client) client = await clientOf(`unix:${path}`).catch(() => undefined);
    client.send('EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n');
    expect((await client.rest()).map((reply) => reply.slice(0, 3)).join()).to.equal('250,250,250,354,250,221');
    await starting;
  });

  describe('leaves nothing open when it fails', () => {
    it('because an address is taken', async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const { port } = taken.address() as { port: number };
      const error = await sink({ smtp: `127.0.0.1:${port}` }).then(
        () => null,
        (reason: ChatError) => reason,
      );
      expect(error?.code).to.equal('LISTEN_FAILED');
      await new Promise((resolve) => taken.close(resolve));
      // Neither the address nor the database is held by the one that failed.
      const mail = await sink({ smtp: `127.0.0.1:${port}` });
      expect(mail.smtp).to.deep.equal([`127.0.0.1:${port}`]);
    });

    it('because the database cannot be opened', async () => {
      await rm(directory.file, { force: true });
      await mkdir(directory.file);
      const path = join(directory.path, 'smtp.sock');
      const error = await sink({ smtp: `unix:${path}` }).then(
        () => null,
        (reason: ChatError) => reason,
      );
      expect(error?.code).to.equal('STORE_FAILED');
      expect(await readdir(directory.path)).to.not.include('smtp.sock');
    });
  });

  it('stops at once when nobody is there, and within its limit when somebody is', async () => {
    const mail = await sink();
    const client = await clientOf(mail.smtp[0]!);
    await client.codes('HELO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>');
    started.pop();
    const begin = performance.now();
    const stopped = mail.stop(200);
    expect((await client.rest()).join()).to.match(/^421 4\.3\.2 /);
    client.transport.end();
    await within(3000, stopped, 'the stop');
    expect(performance.now() - begin).to.be.greaterThan(190);
    const again = await sink();
    started.pop();
    await within(1000, again.stop(60_000), 'the stop');
  });
});
