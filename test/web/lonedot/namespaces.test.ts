import { expect } from 'chai';
import { MailpitClient } from 'mailpit-api';
import { type Json, type Sink, sinkForSuite } from '../sink.ts';
import { sendBySmtp } from '../smtp.ts';

describe('Namespaces over HTTP', () => {
  const sink = sinkForSuite();
  const ask = (path: string, init?: RequestInit) => sink.current.ask(`api/lonedot/v1${path}`, init);
  const make = async (body: object = {}) =>
    (await (await ask('/namespaces', { method: 'POST', body: JSON.stringify(body) })).json()) as Json;
  const smtp = ({ current }: { current: Sink }) => current.mail.smtp[0]!;

  afterEach(async () => {
    const { namespaces } = (await (await ask('/namespaces')).json()) as Json;
    for (const { name } of namespaces) await ask(`/namespaces/${name}`, { method: 'DELETE' });
  });

  it('makes one that tells everything that is needed to use it', async () => {
    const made = await make();
    const { createdNamespace } = await import('../../../web/server/lonedot/schemas.ts');
    createdNamespace.parse(made);
    expect(made.apiBase).to.equal(`${sink.current.url}ns/${made.name}`);
    expect(made.ownApiBase).to.equal(`${sink.current.url}api/lonedot/v1/ns/${made.name}`);
    expect(made.addressPattern).to.equal(`*+${made.name}@*`);
    const left = Date.parse(made.expiresAt) - Date.parse(made.createdAt);
    expect(left).to.be.within(86_300_000, 86_500_000);
  });

  it('takes mail by login, by recipient and by header', async () => {
    const made = await make({ name: 'run-1' });
    const byLogin = await sendBySmtp(smtp(sink), { login: made.smtp });
    const byAddress = await sendBySmtp(smtp(sink), { to: ['bob+run-1@example.com'] });
    const byHeader = await sendBySmtp(smtp(sink), { lines: ['X-Lonedot-Namespace: run-1', 'Subject: x', '', 'x'] });
    await sendBySmtp(smtp(sink));
    const { messages } = (await (await ask('/ns/run-1/messages')).json()) as Json;
    expect(messages.map((one: { id: string }) => one.id)).to.deep.equal([byHeader, byAddress, byLogin]);
    expect(messages.map((one: { namespace: string }) => one.namespace)).to.deep.equal(['run-1', 'run-1', 'run-1']);
    const byParameter = (await (await ask('/messages?namespace=run-1')).json()) as Json;
    expect(byParameter.messages).to.deep.equal(messages);
  });

  it('gives a client of Mailpit that knows none a part of its own', async () => {
    const made = await make();
    const [inside, outside] = [
      await sink.current.put({ to: [`a+${made.name}@example.com`] }),
      await sink.current.put({ to: ['a@example.com'] }),
    ];
    const client = new MailpitClient(made.apiBase);
    expect((await client.listMessages()).messages.map((one) => one.ID)).to.deep.equal([inside]);
    expect((await client.searchMessages({ query: 'hello' })).messages_count).to.equal(1);
    expect((await client.getMessageSummary()).ID).to.equal(inside);
    const strange = await client.getMessageSummary(outside).catch((error: Error) => error.message);
    expect(strange).to.match(/404/);
    await client.setReadStatus({ Read: true });
    await client.deleteMessages({ IDs: [outside] });
    await client.deleteMessages();
    const { messages } = await new MailpitClient(sink.current.url).listMessages();
    expect(messages.map((one) => [one.ID, one.Read])).to.deep.equal([[outside, false]]);
  });

  it('gives one of MailHog the same', async () => {
    const made = await make();
    const inside = await sink.current.put({ to: [`a+${made.name}@example.com`] });
    const outside = await sink.current.put();
    const base = `ns/${made.name}/api`;
    const { items, total } = await sink.current.json(`${base}/v2/messages`);
    expect([total, items[0].ID]).to.deep.equal([1, `${inside}@lonedot`]);
    const found = await sink.current.json(`${base}/v2/search?kind=containing&query=works`);
    expect(found.total).to.equal(1);
    expect(await sink.current.json(`${base}/v1/messages/${outside}`)).to.equal(null);
    expect((await sink.current.ask(`${base}/v1/messages/${outside}/download`)).status).to.equal(404);
    expect((await sink.current.ask(`${base}/v1/messages/${outside}`, { method: 'DELETE' })).status).to.equal(500);
  });

  it('deletes one with its mail and nothing else', async () => {
    const made = await make({ name: 'gone' });
    await sink.current.put({ to: ['a+gone@example.com'] });
    const other = await sink.current.put();
    expect((await ask('/namespaces/gone', { method: 'DELETE' })).status).to.equal(204);
    expect((await ask('/namespaces/gone', { method: 'DELETE' })).status).to.equal(404);
    const { messages } = await sink.current.json('api/lonedot/v1/messages');
    expect(messages.map((one: { id: string }) => one.id)).to.deep.equal([other]);
    const refused = await sendBySmtp(smtp(sink), { login: made.smtp }).catch((error: Error) => error.message);
    expect(refused).to.be.a('string');
  });

  it('scopes faults: they strike its mail and no other', async () => {
    await make({ name: 'slow' });
    const rule = { phase: 'rcpt', reply: '452 4.2.2 Full' };
    const made = await ask('/ns/slow/faults', { method: 'POST', body: JSON.stringify(rule) });
    expect([made.status, ((await made.json()) as Json).namespace]).to.deep.equal([201, 'slow']);
    const refused = await sendBySmtp(smtp(sink), { to: ['a+slow@example.com'] }).catch((error: Error) => error.message);
    expect(refused).to.match(/^452 4\.2\.2 Full/);
    await sendBySmtp(smtp(sink));
    const { faults } = (await (await ask('/ns/slow/faults')).json()) as Json;
    expect(faults[0]).to.include({ namespace: 'slow', hits: 1 });
    await ask('/ns/slow/faults', { method: 'DELETE' });
    expect(((await (await ask('/faults')).json()) as Json).faults).to.deep.equal([]);
  });

  it('refuses names that are taken or none, and lives that are too long', async () => {
    await make({ name: 'taken' });
    const status = async (body: unknown) =>
      (await ask('/namespaces', { method: 'POST', body: JSON.stringify(body) })).status;
    expect(await status({ name: 'taken' })).to.equal(409);
    const bad = [
      ...[
        { name: '' },
        { name: '../x' },
        { name: 'a b' },
        { name: 5 },
        { name: 'x\r\ny' },
        { ttl: '1y' },
        { ttl: '400d' },
      ],
      ...[
        { ttl: '0' },
        { recipients: 'x' },
        { recipients: ['no pattern'] },
        { ports: [0] },
        { headers: ['x'] },
        { other: 1 },
      ],
      ...[[], 'x', 3],
    ];
    for (const body of bad) expect(await status(body), JSON.stringify(body)).to.equal(400);
    const { namespaces } = (await (await ask('/namespaces')).json()) as Json;
    expect(namespaces.map((one: { name: string }) => one.name)).to.deep.equal(['taken']);
  });

  it('says 404 to whatever is asked of one that does not exist', async () => {
    for (const path of [
      'ns/none/api/v1/messages',
      'ns/none/view/latest.html',
      'api/lonedot/v1/ns/none/wait',
      'ns/%00/',
    ]) {
      expect((await sink.current.ask(path)).status, path).to.equal(404);
    }
    await sink.current.put();
    const answer = await sink.current.ask('api/v1/messages?namespace=none', { method: 'DELETE' });
    expect(answer.status).to.equal(404);
    expect((await sink.current.json('api/v1/messages')).total).to.equal(1);
  });
});

// The size of what tests do at once is in its name; each worker sends, waits and deletes as if it were alone.
describe('Eight namespaces at once', () => {
  const sink = sinkForSuite();

  it('see their own mail only, all of it, each once', async () => {
    const json = (path: string, init?: RequestInit) => sink.current.json(`api/lonedot/v1${path}`, init);
    const work = async (worker: number): Promise<void> => {
      const { name } = await json('/namespaces', { method: 'POST', body: '{}' });
      const sent: string[] = [];
      const seen: string[] = [];
      let cursor = 0;
      for (let round = 0; round < 5; round++) {
        const waiting = json(`/ns/${name}/wait?count=2&after=${cursor}&timeout=15s&query=subject:w${worker}`);
        for (const i of [0, 1]) {
          const lines = [`Subject: w${worker} r${round} m${i}`, '', 'x'];
          sent.push(await sink.current.put({ to: [`a+${name}@example.com`], lines }));
        }
        const answer = await waiting;
        seen.push(...answer.messages.map((one: { id: string }) => one.id));
        cursor = answer.cursor;
      }
      expect(seen).to.deep.equal(sent);
      const { deleted } = await json(`/ns/${name}/messages`, { method: 'DELETE' });
      expect(deleted).to.equal(10);
      await sink.current.ask(`api/lonedot/v1/namespaces/${name}`, { method: 'DELETE' });
    };
    await Promise.all(Array.from({ length: 8 }, (_, worker) => work(worker)));
    expect((await json('/messages')).total).to.equal(0);
  });
});
