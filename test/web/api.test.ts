import { expect } from 'chai';
import { appOver, put, RECEIVED_AT, settleAll, storeWith, temporaryStore } from './support.ts';

interface Listed {
  messages: { seq: number; id: string }[];
  older: number | null;
}

describe('The API of the web server', () => {
  const store = temporaryStore();
  const ask = (path: string, init?: RequestInit) => appOver(store.current).request(`/api/lonedot/v1${path}`, init);
  const listed = async (query = '') => (await (await ask(`/messages${query}`)).json()) as Listed;

  it('lists messages as the store has them, newest first', async () => {
    const first = await put(store.current);
    const second = await put(store.current, { sender: '', to: ['a@example.com', 'b@example.com'], content: 'x' });
    const { messages, older } = await listed();
    const receivedAt = '2026-11-22T08:46:32.123Z';
    expect(older).to.equal(null);
    expect(messages.map(({ seq: _, ...rest }) => rest)).to.deep.equal([
      { id: second, receivedAt, sender: '', recipients: ['a@example.com', 'b@example.com'], size: 1 },
      { id: first, receivedAt, sender: 'me@example.com', recipients: ['you@example.com'], size: 29 },
    ]);
    expect(messages[0]!.seq).to.be.greaterThan(messages[1]!.seq);
  });

  it('leads from page to page without a gap or a repetition', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift(await put(store.current));
    const seen: string[] = [];
    let query = '?limit=3';
    for (let pages = 0; pages < 4; pages++) {
      const { messages, older } = await listed(query);
      seen.push(...messages.map(({ id }) => id));
      if (older === null) break;
      query = `?limit=3&before=${older}`;
    }
    expect(seen).to.deep.equal(ids);
  });

  it('tells of no further page when the last one is full', async () => {
    for (let i = 0; i < 4; i++) await put(store.current);
    const { older } = await listed('?limit=2');
    expect(await listed(`?limit=2&before=${older}`)).to.have.property('older', null);
  });

  it('shows one message with recipients, states and attempts', async () => {
    const id = await put(store.current, { route: 'relay', parameters: [['BODY', '8BITMIME']], tls: 'TLSv1.3' });
    const attempt = { at: RECEIVED_AT + 1_000, upstream: 'mx.example.com:25', tls: '', reply: '451 Later' };
    await settleAll(store.current, {
      state: 'deferred',
      nextAttempt: RECEIVED_AT + 61_000,
      attempt: { ...attempt, outcome: 'deferred' },
    });
    const answer = await ask(`/messages/${id}`);
    const { seq, ...message } = (await answer.json()) as Record<string, unknown>;
    expect(seq).to.be.a('number');
    expect(message).to.deep.equal({
      id,
      receivedAt: '2026-11-22T08:46:32.123Z',
      size: 29,
      sender: 'me@example.com',
      parameters: [['BODY', '8BITMIME']],
      helo: 'client.example.com',
      clientAddress: '192.0.2.1',
      protocol: 'ESMTP',
      tls: 'TLSv1.3',
      authUser: '',
      recipients: [
        {
          address: 'you@example.com',
          parameters: [],
          route: 'relay',
          state: 'deferred',
          nextAttempt: '2026-11-22T08:47:33.123Z',
          attempts: [{ ...attempt, at: '2026-11-22T08:46:33.123Z', outcome: 'deferred' }],
        },
      ],
    });
  });

  it('deletes a message once', async () => {
    const id = await put(store.current);
    const [first, second] = [await ask(`/messages/${id}`, { method: 'DELETE' }), await ask(`/messages/${id}`)];
    expect([first.status, await first.text(), second.status]).to.deep.equal([204, '', 404]);
    expect((await ask(`/messages/${id}`, { method: 'DELETE' })).status).to.equal(404);
    expect(await store.current.counts()).to.have.property('messages', 0);
  });

  it('deletes nothing for a page of another site', async () => {
    const id = await put(store.current);
    const answer = await ask(`/messages/${id}`, { method: 'DELETE', headers: { origin: 'http://evil.example' } });
    expect(answer.status).to.equal(403);
    expect(await store.current.counts()).to.have.property('messages', 1);
  });

  it('does not trouble the store with what cannot be an id', async () => {
    const app = appOver(storeWith({}));
    for (const id of ['short', '..%2F..%2Fetc', `${'a'.repeat(22)}%00`, 'ä'.repeat(22)]) {
      expect((await app.request(`/api/lonedot/v1/messages/${id}`)).status, id).to.equal(404);
    }
  });
});

describe('The raw source of a message', () => {
  const store = temporaryStore();

  it('is what was received, byte for byte', async () => {
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256));
    const id = await put(store.current, { content });
    const answer = await appOver(store.current).request(`/api/v1/message/${id}/raw`);
    expect(answer.headers.get('content-type')).to.equal('text/plain; charset=utf-8');
    expect(answer.headers.get('content-length')).to.equal('70000');
    expect(answer.headers.get('content-disposition')).to.equal(null);
    expect(content.equals(Buffer.from(await answer.arrayBuffer()))).to.equal(true);
  });

  it('is a file to download when asked for', async () => {
    const id = await put(store.current);
    const answer = await appOver(store.current).request(`/api/v1/message/${id}/raw?dl=1`);
    expect(answer.headers.get('content-disposition')).to.equal(`attachment; filename="${id}.eml"`);
    expect(await answer.text()).to.equal('Subject: Hello\r\n\r\nIt works.\r\n');
  });

  it('of an empty message is empty', async () => {
    const id = await put(store.current, { content: '' });
    const answer = await appOver(store.current).request(`/api/v1/message/${id}/raw`);
    expect([answer.status, await answer.text()]).to.deep.equal([200, '']);
  });

  it('of no message is a 404', async () => {
    const answer = await appOver(store.current).request(`/api/v1/message/${'0'.repeat(22)}/raw`);
    expect(answer.status).to.equal(404);
    expect(await answer.text()).to.equal('404 page not found');
  });

  describe('of a big message', () => {
    const id = '0'.repeat(22);
    const read = { pieces: 0, ended: false };
    const big = storeWith({
      get: async () => ({ id, size: 1e9, recipients: [] }) as never,
      content: async () => pieces(),
    });

    async function* pieces(): AsyncGenerator<Buffer> {
      try {
        for (; read.pieces < 1_000; read.pieces++) yield Buffer.alloc(1e6);
      } finally {
        read.ended = true;
      }
    }

    beforeEach(() => Object.assign(read, { pieces: 0, ended: false }));

    it('is read no faster than it is taken, and no further when the client goes away', async () => {
      const answer = await appOver(big).request(`/api/v1/message/${id}/raw`);
      const reader = answer.body!.getReader();
      for (let i = 0; i < 3; i++) expect((await reader.read()).value).to.have.length(1e6);
      await new Promise((resolve) => setImmediate(resolve));
      expect(read).to.deep.equal({ pieces: 2, ended: false });
      await reader.cancel();
      expect(read.ended).to.equal(true);
    });

    it('is not read at all for HEAD', async () => {
      const answer = await appOver(big).request(`/api/v1/message/${id}/raw`, { method: 'HEAD' });
      expect([answer.status, answer.headers.get('content-length')]).to.deep.equal([200, '1000000000']);
      expect(read).to.deep.equal({ pieces: 0, ended: false });
    });
  });
});
