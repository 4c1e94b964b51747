import { once } from 'node:events';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { until, within } from '../support/within.ts';
import { type Json, sinkForSuite, startSink } from './sink.ts';
import { recordingLog } from './support.ts';

interface Frame {
  readonly Type: string;
  readonly Data: Json;
}

describe('The WebSockets', () => {
  const sink = sinkForSuite();
  const open: WebSocket[] = [];

  afterEach(() => {
    for (const socket of open.splice(0)) socket.terminate();
  });

  async function listen(path = 'api/events', url = sink.current.url, options = {}) {
    const socket = new WebSocket(new URL(path, url.replace(/^http/, 'ws')), options);
    open.push(socket);
    const frames: Frame[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data))));
    await within(5000, once(socket, 'open'), 'the handshake');
    const types = () => frames.map(({ Type }) => Type).filter((type) => type !== 'stats');
    return { socket, frames, types };
  }

  function refusal(path: string, options = {}, url = sink.current.url): Promise<number> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(new URL(path, url.replace(/^http/, 'ws')), options);
      socket.once('unexpected-response', (_, answer) => resolve(answer.statusCode!));
      socket.once('open', () => reject(new Error('it was let in')));
      socket.on('error', () => {});
    });
  }

  it("tells Mailpit's clients what happens, in its order", async () => {
    const { frames, types } = await listen();
    await until(5000, () => frames.length > 0, 'the stats behind the handshake');
    expect(Object.keys(frames[0]!.Data)).to.deep.equal(['Total', 'Unread', 'Version']);
    const id = await sink.current.put();
    await until(5000, () => types().includes('new'), 'the new mail');
    const call = (method: string, path: string, body?: object) =>
      sink.current.ask(`api/v1${path}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
    await call('PUT', '/messages', { IDs: [id], Read: true });
    await call('PUT', '/tags', { IDs: [id], Tags: ['x'] });
    await call('DELETE', '/messages', { IDs: [id] });
    await until(5000, () => types().includes('delete'), 'the deletion');
    expect(types()).to.deep.equal(['new', 'update', 'update', 'delete']);
    const [made, read, tagged, deleted] = frames.filter(({ Type }) => Type !== 'stats');
    expect(made!.Data).to.deep.include({ ID: id, Subject: 'Hello', Cc: [], Bcc: [], Read: false });
    expect([read!.Data, tagged!.Data, deleted!.Data]).to.deep.equal([
      { ID: id, Read: true },
      { ID: id, Tags: ['x'] },
      { ID: id },
    ]);
    await sink.current.put();
    await call('DELETE', '/messages');
    await until(5000, () => types().includes('truncate'), 'the end of all');
    expect(frames.find(({ Type }) => Type === 'truncate')!.Data).to.equal(null);
  });

  it('tells many in the order in which they came, and the stats four times a second at most', async () => {
    const { frames, types } = await listen();
    const started = Date.now();
    const ids: string[] = [];
    for (let i = 0; i < 100; i++) ids.push(await sink.current.put());
    const total = () => frames.findLast(({ Type }) => Type === 'stats')?.Data.Total;
    await until(15_000, () => types().length >= 100 && total() === 100, 'all of them');
    const made = frames.filter(({ Type }) => Type === 'new').map(({ Data }) => Data.ID);
    expect(made).to.deep.equal(ids);
    const stats = frames.filter(({ Type }) => Type === 'stats').length;
    expect(stats).to.be.at.most(Math.ceil((Date.now() - started) / 250) + 1);
  });

  it("tells MailHog's clients whole mails", async () => {
    const { frames } = await listen('api/v2/websocket');
    const id = await sink.current.put();
    await until(5000, () => frames.length > 0, 'the mail');
    expect(frames[0])
      .to.deep.include({ ID: `${id}@lonedot` })
      .and.to.include.keys('Content', 'Raw', 'MIME');
  });

  it('tells a namespace its own only', async () => {
    const init = { method: 'POST', body: JSON.stringify({ name: 'mine' }) };
    await sink.current.ask('api/lonedot/v1/namespaces', init);
    const { frames, types } = await listen('ns/mine/api/events');
    await sink.current.put();
    const id = await sink.current.put({ to: ['a+mine@example.com'] });
    await until(5000, () => types().includes('new'), 'the mail');
    expect(frames.find(({ Type }) => Type === 'new')!.Data.ID).to.equal(id);
    await sink.current.ask('api/lonedot/v1/namespaces/mine', { method: 'DELETE' });
  });

  it('lets in its own pages and programs, and nobody else', async () => {
    const own = new URL(sink.current.url).origin;
    await listen('api/events', sink.current.url, { origin: own });
    expect(await refusal('api/events', { origin: 'http://evil.example' })).to.equal(403);
    expect(await refusal('api/events', { origin: 'null' })).to.equal(403);
    expect(await refusal('api/events', { headers: { host: 'evil.example' } })).to.equal(403);
    expect(await refusal('api/nowhere')).to.equal(404);
    expect(await refusal('ns/none/api/events')).to.equal(404);
    expect(await refusal('api/v1/messages')).to.equal(404);
  });

  it('asks for the login', async () => {
    const other = await startSink({ web: { uiAuth: ['ann:secret'] } });
    try {
      expect(await refusal('api/events', {}, other.url)).to.equal(401);
      expect(await refusal('api/events', { auth: 'ann:wrong' }, other.url)).to.equal(401);
      await listen('api/events', other.url, { auth: 'ann:secret' });
    } finally {
      await other.stop();
    }
  });

  it('lets go of a client that does not read, and tells the log', async () => {
    const { log, entries } = recordingLog();
    const other = await startSink({ log });
    try {
      const { socket } = await listen('api/v2/websocket', other.url);
      socket.pause();
      const big = `Subject: big\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(1000)}`;
      for (let i = 0; i < 12; i++) await other.put({ content: big });
      await until(15_000, () => entries.some(([event]) => event === 'web.listener_dropped'), 'the end of it');
      const closed = once(socket, 'close');
      socket.resume();
      expect((await within(10_000, closed))[0]).to.equal(1006);
    } finally {
      await other.stop();
    }
  });

  it('closes them when the server stops', async () => {
    const other = await startSink();
    const { socket } = await listen('api/events', other.url);
    const closed = once(socket, 'close');
    await other.stop();
    expect((await within(5000, closed))[0]).to.equal(1001);
  });

  it('heeds the inbox only while somebody listens', async () => {
    const inbox = sink.current.mail.inbox!;
    const subscribe = inbox.subscribe.bind(inbox);
    let heeding = 0;
    inbox.subscribe = (heed) => {
      heeding++;
      const leave = subscribe(heed);
      return () => {
        heeding--;
        leave();
      };
    };
    try {
      const [first, second] = [await listen(), await listen('api/v2/websocket')];
      expect(heeding).to.equal(1);
      first.socket.close();
      second.socket.close();
      await until(5000, () => heeding === 0, 'the end of heeding');
    } finally {
      inbox.subscribe = subscribe;
    }
  });
});
