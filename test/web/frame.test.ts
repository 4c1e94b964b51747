import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpsGet } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { expect } from 'chai';
import type { ChatError } from '../../src/errors.ts';
import { resolveRelayWeb, resolveSinkWeb } from '../../web/server/options.ts';
import { type Json, type Sink, type SinkSettings, startSink } from './sink.ts';
import { recordingLog } from './support.ts';

describe('The frame of the web server', () => {
  const started: Sink[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'lonedot-frame-'));

  async function start(settings: SinkSettings): Promise<Sink> {
    const sink = await startSink(settings);
    started.push(sink);
    return sink;
  }

  afterEach(async () => {
    for (const sink of started.splice(0)) await sink.stop();
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  const basic = (user: string, password: string) => ({
    headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
  });

  describe('with a login', () => {
    const sha = createHash('sha1').update('sha').digest('base64');
    const users = () =>
      file(
        'users',
        `# who may\nann:${hashSync('crypt', 4).replace('$2b$', '$2y$')}\nbob:{SHA}${sha}\n\ncarol:plain:with:colons\n`,
      );

    it('knows bcrypt, SHA-1 and plain passwords', async () => {
      const { log, entries } = recordingLog();
      const sink = await start({ web: { uiAuthFile: users() }, log });
      const status = async (user: string, password: string) =>
        (await sink.ask('api/v1/info', basic(user, password))).status;
      for (const [user, password] of [
        ['ann', 'crypt'],
        ['ann', 'crypt'],
        ['bob', 'sha'],
        ['carol', 'plain:with:colons'],
      ] as const) {
        expect(await status(user, password), user).to.equal(200);
      }
      for (const [user, password] of [
        ['ann', 'wrong'],
        ['ann', ''],
        ['nobody', 'crypt'],
        ['', ''],
      ] as const) {
        expect(await status(user, password), user).to.equal(401);
      }
      expect(JSON.stringify(entries)).not.to.match(/crypt|wrong/);
    });

    it('says so as Mailpit does, and shows supervisors its health', async () => {
      const sink = await start({ web: { uiAuth: ['ann:secret'] } });
      const refused = await sink.ask('');
      expect([refused.status, await refused.text()]).to.deep.equal([401, 'Unauthorized.\n']);
      expect(refused.headers.get('www-authenticate')).to.match(/^Basic realm="Login"/);
      for (const header of ['Bearer x', 'Basic', 'Basic !!!', 'Basic eA==']) {
        const answer = await sink.ask('api/v1/messages', { method: 'DELETE', headers: { authorization: header } });
        expect(answer.status, header).to.equal(401);
      }
      for (const path of ['livez', 'readyz', 'healthz']) expect((await sink.ask(path)).status, path).to.equal(200);
      expect((await sink.ask('metrics')).status).to.equal(401);
    });

    it('notes who sent a mail over HTTP', async () => {
      const sink = await start({ web: { uiAuth: ['ann:secret'] } });
      const body = JSON.stringify({ From: { Email: 'a@b.example' }, To: [{ Email: 'c@d.example' }], Text: 'x' });
      await sink.ask('api/v1/send', { method: 'POST', body, ...basic('ann', 'secret') });
      const { messages } = (await (await sink.ask('api/v1/messages', basic('ann', 'secret'))).json()) as Json;
      expect(messages[0].Username).to.equal('ann');
    });

    it('refuses files that are none, with one line', async () => {
      const problem = async (web: SinkSettings['web']) =>
        start({ web: web! }).then(
          () => 'none',
          (error: ChatError) => error.message,
        );
      expect(await problem({ uiAuthFile: join(folder, 'missing') })).to.match(
        /ui-auth-file: .* there is no such file$/,
      );
      expect(await problem({ uiAuthFile: file('empty', '# nobody\n') })).to.match(/there is no user in/);
      expect(await problem({ uiAuthFile: file('bad', 'ann:x\nann:y\n') })).to.match(
        /bad:2: the user "ann" is there twice$/,
      );
      expect(await problem({ uiAuthFile: file('md5', 'ann:$apr1$x$y\n') })).to.match(/md5:1: MD5 is too weak/);
      expect(await problem({ uiAuth: ['ann:$2b$10$short'] })).to.equal('ui-auth: the bcrypt hash is damaged');
      expect(await problem({ uiAuth: ['ann:plain'], allowWeakPasswords: false })).to.match(/a relay takes no plain/);
    });
  });

  describe('behind a base path', () => {
    it('is there and nowhere else, but for its health', async () => {
      const sink = await start({ web: { webroot: 'some/where' } });
      expect(sink.url).to.match(/\/some\/where\/$/);
      const id = await sink.put({ lines: ['Content-Type: text/html', '', 'x'] });
      const origin = new URL(sink.url).origin;
      const status = async (path: string) => (await fetch(origin + path, { redirect: 'manual' })).status;
      expect(await status('/some/where/api/v1/messages')).to.equal(200);
      expect(await status('/some/where//api//v1/messages')).to.equal(200);
      expect(await status(`/some/where/view/${id}.html`)).to.equal(200);
      expect(await status('/some/where')).to.equal(301);
      expect(await status('/some/wherever/')).to.equal(404);
      expect(await status('/api/v1/messages')).to.equal(404);
      expect(await status('/')).to.equal(404);
      expect(await status('/livez')).to.equal(200);
      expect(await status('/some/where/readyz')).to.equal(200);
      const page = await (await fetch(sink.url)).text();
      expect(page).to.include(`href="/some/where/message/${id}"`).and.not.to.include('href="/message');
      const view = await fetch(`${sink.url}view/${id}`, { redirect: 'manual' });
      expect(view.headers.get('location')).to.equal(`/some/where/message/${id}`);
      const document = await sink.json('api/lonedot/v1/openapi.json');
      expect(document.servers[0].url).to.equal('/some/where/api/lonedot/v1');
    });

    it('is written as people write it', () => {
      const root = (text: string) => resolveSinkWeb({ flags: new Map([['webroot', [text]]]) }).webroot;
      expect(['/', 'a', '/a/', 'a/b/'].map(root)).to.deep.equal(['/', '/a/', '/a/', '/a/b/']);
      expect(() => root('a b')).to.throw('--webroot: expected a path such as /mail/');
    });
  });

  describe('for pages of other sites', () => {
    const foreign = { headers: { origin: 'https://app.example' } };

    it('is closed unless it is told otherwise', async () => {
      const sink = await start({});
      const answer = await sink.ask('api/v1/messages', foreign);
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).to.deep.equal([200, null]);
      for (const method of ['DELETE', 'PUT']) {
        expect((await sink.ask('api/v1/messages', { method, body: '{}', ...foreign })).status).to.equal(403);
      }
    });

    it('is open to those that are named', async () => {
      const sink = await start({ web: { apiCors: ['https://app.example/'] } });
      const answer = await sink.ask('api/v1/messages', foreign);
      expect(answer.headers.get('access-control-allow-origin')).to.equal('https://app.example');
      expect(answer.headers.get('vary')).to.match(/Origin/);
      const preflight = await sink.ask('api/lonedot/v1/messages', { method: 'OPTIONS', ...foreign });
      expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).to.deep.equal([
        204,
        'GET, POST, PUT, PATCH, DELETE, OPTIONS',
      ]);
      expect((await sink.ask('api/v1/messages', { method: 'DELETE', ...foreign })).status).to.equal(200);
      const other = { headers: { origin: 'https://app.example.evil.example' } };
      expect((await sink.ask('api/v1/messages', { method: 'DELETE', ...other })).status).to.equal(403);
      expect((await sink.ask('api/v1/messages', other)).headers.get('access-control-allow-origin')).to.equal(null);
    });

    it('is open to all', async () => {
      const sink = await start({ web: { apiCors: ['*'] } });
      expect((await sink.ask('api/v1/messages', foreign)).headers.get('access-control-allow-origin')).to.equal('*');
    });
  });

  it('answers to further names that are allowed', async () => {
    const sink = await start({ web: { allowedHosts: ['mail.example.test', '*.svc.example'] } });
    const status = (host: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(new URL(sink.url).port), '127.0.0.1');
        socket.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        socket.once('data', (data) => resolve(String(data).slice(9, 12)));
      });
    for (const host of ['mail.example.test:8025', 'a.b.svc.example', 'mail', 'mail:8025', 'host.docker.internal']) {
      expect(await status(host), host).to.equal('200');
    }
    for (const host of ['example.test', 'svc.example', 'xmail.example.test']) {
      expect(await status(host), host).to.equal('403');
    }
  });

  it('speaks TLS with a certificate of its own, and breaks off who does not', async () => {
    const sink = await start({ web: { uiTlsCert: 'sans:mail.example.test' } });
    expect(sink.url).to.match(/^https:/);
    const { status, names } = await new Promise<{ status: number; names: string }>((resolve, reject) => {
      httpsGet(new URL('livez', sink.url), { rejectUnauthorized: false }, (answer) => {
        const { subjectaltname } = (answer.socket as Json).getPeerCertificate();
        answer.resume();
        resolve({ status: answer.statusCode!, names: subjectaltname });
      }).on('error', reject);
    });
    expect([status, names.includes('DNS:mail.example.test')]).to.deep.equal([200, true]);
    const plain = connect(Number(new URL(sink.url).port), '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) =>
      plain
        .on('error', () => {})
        .resume()
        .once('close', resolve),
    );
  });

  it('says what is wrong with a certificate', async () => {
    const problem = await start({ web: { uiTlsCert: join(folder, 'none.pem') } }).catch(
      (error: ChatError) => error.code,
    );
    expect(problem).to.equal('BAD_OPTION');
    expect(() => resolveSinkWeb({ flags: new Map([['ui-tls-key', ['k.pem']]]) })).to.throw(
      /ui-tls-key: there is no --ui-tls-cert/,
    );
  });

  it('answers clients that offer HTTP/2 with each request, bodies included', async () => {
    const sink = await start({});
    const id = await sink.put();
    const exchange = (request: string) =>
      new Promise<string>((resolve) => {
        let text = '';
        const socket = connect(Number(new URL(sink.url).port), '127.0.0.1');
        socket.write(request);
        socket.on('data', (data) => {
          text += data;
        });
        socket.once('close', () => resolve(text));
      });
    const offer =
      'Host: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n';
    const body = JSON.stringify({ IDs: [id], Read: true });
    const put = `PUT /api/v1/messages HTTP/1.1\r\n${offer}Content-Length: ${body.length}\r\n\r\n${body}`;
    expect(await exchange(put)).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
    expect((await sink.json('api/v1/messages')).unread).to.equal(0);
  });

  it('is off for a relay unless it is asked for', () => {
    expect(resolveRelayWeb({})).to.equal(undefined);
    const options = resolveRelayWeb({ flags: new Map([['listen', ['8025']]]) })!;
    expect([options.allowWeakPasswords, options.webroot]).to.deep.equal([false, '/']);
  });
});
