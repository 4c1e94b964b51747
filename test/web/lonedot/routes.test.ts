import { expect } from 'chai';
import type { z } from 'zod';
import { METHODS, OWN_API } from '../../../web/server/frame/methods.ts';
import { ROUTES } from '../../../web/server/routes.ts';
import { type Json, SIMPLE, sinkForSuite, startSink } from '../sink.ts';
import { sendBySmtp } from '../smtp.ts';

describe('The API of lonedot', () => {
  const sink = sinkForSuite();
  const ask = (path: string, init?: RequestInit) => sink.current.ask(`api/lonedot/v1${path}`, init);
  const get = (path: string) => sink.current.json(`api/lonedot/v1${path}`);
  const post = (body: unknown, method = 'POST') => ({ method, body: JSON.stringify(body) });
  const problem = async (answer: Response) => [answer.status, ((await answer.json()) as { error: string }).error];
  const schemas = () => import('../../../web/server/lonedot/schemas.ts');
  /** Throws with what does not fit. */
  const fits = async (name: keyof Awaited<ReturnType<typeof schemas>>, value: unknown) => {
    ((await schemas())[name] as z.ZodType).parse(value);
  };

  it('lists mails by pages and from a cursor on', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.unshift(await sink.current.put());
    const first = await get('/messages?limit=2');
    await fits('page', first);
    expect(first.messages.map((one: { id: string }) => one.id)).to.deep.equal(ids.slice(0, 2));
    const second = await get(`/messages?limit=2&before=${first.older}`);
    expect([second.messages[0].id, second.older, first.cursor]).to.deep.equal([ids[2], null, first.messages[0].seq]);
    const id = await sink.current.put();
    const fresh = await get(`/messages?after=${first.cursor}`);
    expect(fresh.messages.map((one: { id: string }) => one.id)).to.deep.equal([id]);
  });

  it('searches, and says what is wrong with a search', async () => {
    await sink.current.put();
    expect((await get('/search?query=subject:hello')).matching).to.equal(1);
    expect(await problem(await ask('/search'))).to.deep.equal([400, 'query is missing']);
    const [status, line] = await problem(await ask('/messages?query=fron:x'));
    expect(status).to.equal(400);
    expect(line).to.match(/from/);
  });

  it('shows a mail with its envelope, and marks nothing', async () => {
    const id = await sink.current.put({ to: ['bob@example.com', 'x@y.example'] });
    const message = await get(`/messages/${id}`);
    await fits('message', message);
    expect(message.recipients.map((one: { state: string }) => one.state)).to.deep.equal(['captured', 'captured']);
    expect([message.mail.subject, message.read]).to.deep.equal(['Hello', false]);
    expect((await get(`/messages/latest`)).id).to.equal(id);
    const headers = await get(`/messages/${id}/headers`);
    await fits('headers', headers);
    expect(headers.headers[0]).to.deep.equal({
      name: 'From',
      raw: 'Ann <ann@example.com>',
      value: 'Ann <ann@example.com>',
    });
    await fits('structure', await get(`/messages/${id}/structure`));
    await fits('lint', await get(`/messages/${id}/lint`));
    await fits('transcript', await get(`/messages/${id}/transcript`));
    expect((await get('/messages')).unread).to.equal(1);
  });

  it('changes and deletes a selection', async () => {
    const first = await sink.current.put();
    await sink.current.put({ lines: ['Subject: other', '', 'x'] });
    const changed = await (
      await ask('/messages', post({ ids: [first], read: true, addTags: ['a', ' b '] }, 'PATCH'))
    ).json();
    expect(changed).to.deep.equal({ changed: 1 });
    expect((await get('/messages?query=tag:a')).messages[0]).to.deep.include({ read: true, tags: ['a', 'b'] });
    await ask('/messages', post({ query: 'tag:a', removeTags: ['a'] }, 'PATCH'));
    const tags = await get('/tags');
    await fits('tags', tags);
    expect(tags).to.deep.equal({ tags: [{ tag: 'b', messages: 1 }] });
    expect(await (await ask('/messages?query=tag:b', { method: 'DELETE' })).json()).to.deep.equal({ deleted: 1 });
    expect(await (await ask('/messages', post({ ids: [] }, 'DELETE'))).json()).to.deep.equal({ deleted: 0 });
    expect(await (await ask('/messages', { method: 'DELETE' })).json()).to.deep.equal({ deleted: 1 });
  });

  it('gives the HTML for a frame: pictures of the mail, nothing else', async () => {
    const lines = [
      'Content-Type: text/html',
      '',
      '<!DOCTYPE html><html><head><title>x</title></head><body>Hi</body></html>',
    ];
    const id = await sink.current.put({ lines });
    const answer = await ask(`/messages/${id}/html`);
    const policy = answer.headers.get('content-security-policy')!;
    expect(policy).to.match(
      /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data: http:/,
    );
    expect(policy)
      .to.include(`/api/v1/message/${id}/part/;`)
      .and.not.to.match(/script-src|allow-scripts|allow-same-origin/);
    expect(policy).not.to.match(/ https?: | https?:;/);
    expect(answer.headers.get('x-frame-options')).to.equal('SAMEORIGIN');
    expect(await answer.text()).to.match(/^<!DOCTYPE html><html><head><base target="_blank"><title>/);
    const remote = await ask(`/messages/${id}/html?remote=1`);
    expect(remote.headers.get('content-security-policy')).to.match(/img-src data: \S+ http: https:;/);
    const plain = await sink.current.put();
    expect(await problem(await ask(`/messages/${plain}/html`))).to.deep.equal([404, 'this message has no HTML']);
  });

  it('compares two mails', async () => {
    const first = await sink.current.put();
    const second = await sink.current.put({ lines: [...SIMPLE.slice(0, -1), 'It fails.'] });
    const same = await get(`/messages/${first}/diff/${first}`);
    await fits('difference', same);
    expect(same).to.deep.include({ same: true, headers: [], text: [] });
    const { text } = await get(`/messages/${first}/diff/${second}`);
    expect(text).to.deep.equal([
      { kind: 'removed', lines: ['It works.'] },
      { kind: 'added', lines: ['It fails.'] },
    ]);
    expect((await ask(`/messages/${first}/diff/${'0'.repeat(22)}`)).status).to.equal(404);
  });

  it('exports an mbox, a tar and one file', async () => {
    const first = await sink.current.put();
    await sink.current.put({ lines: ['Subject: From', '', 'From here on'] });
    const mbox = await (await ask('/export')).text();
    expect(mbox).to.match(
      /^From ann@example\.com .*\nFrom: Ann [\s\S]*It works\.\n\nFrom ann@[\s\S]*\n>From here on\n\n$/,
    );
    const tar = Buffer.from(await (await ask('/export?format=eml&query=subject:hello')).arrayBuffer());
    expect(tar.length % 512).to.equal(0);
    expect(tar.toString('latin1', 0, 26)).to.equal(`${first}.eml`);
    const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
    expect(tar.toString('latin1', 512, 512 + size)).to.equal(`${SIMPLE.join('\r\n')}\r\n`);
    const sum = tar.subarray(0, 512).reduce((all, byte, i) => all + (i >= 148 && i < 156 ? 32 : byte), 0);
    expect(Number.parseInt(tar.toString('latin1', 148, 154), 8)).to.equal(sum);
    const file = await ask(`/messages/${first}/eml`);
    expect(file.headers.get('content-disposition')).to.equal(`attachment; filename="${first}.eml"`);
  });

  it('extracts links, codes and captures', async () => {
    const lines = [...SIMPLE.slice(0, 6), 'Your code is 493817. https://example.com/confirm?token=abc123'];
    const id = await sink.current.put({ lines });
    const found = await get(`/messages/${id}/extract?capture=token=token%3D(%5Cw%2B)&capture=none=zzz`);
    await fits('extracted', found);
    expect(found).to.deep.equal({
      links: ['https://example.com/confirm?token=abc123'],
      codes: ['493817'],
      captures: { token: 'abc123', none: null },
    });
    for (const bad of ['token', 'token=(', '1=x']) {
      expect((await ask(`/messages/${id}/extract?capture=${encodeURIComponent(bad)}`)).status, bad).to.equal(400);
    }
  });

  it('sends a mail once more, to this machine only', async () => {
    const other = await startSink();
    try {
      const [to] = other.mail.smtp as [string];
      const id = await sendBySmtp(sink.current.mail.smtp[0]!, { to: ['bob@example.com'] });
      const again = await (await ask(`/messages/${id}/replay`, post({ to }))).json();
      await fits('replayed', again);
      expect((again as Json).outcomes[0]).to.include({ recipient: 'bob@example.com', outcome: 'delivered' });
      const dialogue = (await (await ask(`/messages/${id}/replay`, post({ to, mode: 'dialogue' }))).json()) as Json;
      await fits('replayed', dialogue);
      const sent = dialogue.steps.map((step: { sent: string }) => step.sent.split(/[ :]/)[0]);
      expect(sent).to.include.members(['', 'EHLO', 'MAIL', 'RCPT', 'DATA', '[content']);
      for (const { recorded, received } of dialogue.steps) expect(received.slice(0, 3)).to.equal(recorded.slice(0, 3));
      expect((await other.json('api/v1/messages')).total).to.equal(2);
      expect((await ask(`/messages/${id}/replay`, post({ to: '192.0.2.1:25' }))).status).to.equal(403);
      expect((await ask(`/messages/${id}/replay`, post({ to: 'unix:/run/x' }))).status).to.equal(403);
      expect((await ask(`/messages/${id}/replay`, post({ to: 'x y' }))).status).to.equal(400);
      expect((await ask(`/messages/${id}/replay`, post({ to, recipients: ['a>\r\nRSET'] }))).status).to.equal(400);
      expect((await ask(`/messages/${id}/replay`, post({}))).status).to.equal(400);
    } finally {
      await other.stop();
    }
    expect((await ask('/messages/latest/replay', post({ to: '127.0.0.1:1' }))).status).to.equal(502);
  });

  it('keeps fault rules', async () => {
    const made = await ask('/faults', post({ phase: 'rcpt', reply: '451 Later', to: '@slow.example' }));
    expect(made.status).to.equal(201);
    const rule = (await made.json()) as { id: string };
    const list = await get('/faults');
    await fits('faults', list);
    expect(list.faults[0]).to.deep.include({ ...rule, hits: 0 });
    expect(await get(`/faults/${rule.id}`)).to.deep.equal(rule);
    for (const bad of [
      {},
      { phase: 'rcpt' },
      { phase: 'nowhere', reply: '451' },
      [],
      3,
      { phase: 'rcpt', reply: '451 a\r\nb' },
    ]) {
      expect((await ask('/faults', post(bad))).status, JSON.stringify(bad)).to.equal(400);
    }
    expect((await ask(`/faults/${rule.id}/reset`, { method: 'POST' })).status).to.equal(200);
    expect((await ask('/faults', post({ faults: 'x' }, 'PUT'))).status).to.equal(400);
    expect((await get('/faults')).faults).to.have.length(1);
    expect((await ask(`/faults/${rule.id}`, { method: 'DELETE' })).status).to.equal(204);
    expect((await ask(`/faults/${rule.id}`)).status).to.equal(404);
    await ask('/faults', { method: 'DELETE' });
  });

  it('shows the queue', async () => {
    const queue = await get('/queue');
    await fits('queue', queue);
    expect(queue).to.deep.include({ messages: [], next: null });
  });

  describe('described', () => {
    it('has an operation for each route, and a route for each operation', async () => {
      const { OPERATIONS } = await import('../../../web/server/lonedot/operations.ts');
      const routes = ROUTES.filter(({ path }) => path.startsWith(OWN_API)).flatMap((route) =>
        METHODS.filter((method) => route[method]).map((method) => `${method} ${route.path.slice(OWN_API.length)}`),
      );
      expect(Object.keys(OPERATIONS)).to.have.members(routes);
    });

    it('is an OpenAPI document whose references lead somewhere', async () => {
      const document = await get('/openapi.json');
      expect([document.openapi, document.servers]).to.deep.equal(['3.1.0', [{ url: '/api/lonedot/v1' }]]);
      const text = JSON.stringify(document);
      const names = new Set([...text.matchAll(/#\/components\/schemas\/([^"/]+)/g)].map(([, name]) => name!));
      expect([...names]).to.include.members(['Page', 'Waited', 'Missed', 'CreatedNamespace', 'MimeNode']);
      for (const name of names) expect(document.components.schemas, name).to.have.property(name);
      expect(text).not.to.include('undefined');
      expect(document.paths['/wait'].get.responses).to.include.keys('200', '408', '4XX');
    });

    it('has a page to try it, whose one script is let in by its hash', async () => {
      const answer = await ask('/docs');
      const text = await answer.text();
      expect(text)
        .to.include('data-path="/api/lonedot/v1/wait"')
        .and.not.to.match(/src="|href="http/);
      expect(answer.headers.get('content-security-policy')).to.match(/script-src 'sha256-[^']+='; style-src 'sha256-/);
    });

    it('tells where mail can be sent to', async () => {
      const info = await get('/info');
      await fits('info', info);
      expect(info.smtp).to.deep.equal(sink.current.mail.smtp);
    });
  });
});
