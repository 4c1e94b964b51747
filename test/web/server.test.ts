import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DiskSpace } from '../../relay/disk-space.ts';
import { MailStats } from '../../relay/mail-stats.ts';
import type { Store } from '../../relay/store/store.ts';
import { parseAddress } from '../../src/address.ts';
import { realClock } from '../../src/clock.ts';
import type { ChatError } from '../../src/errors.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { startWeb, type WebService } from '../../web/server/server.ts';
import { put, recordingLog, storeWith, temporaryStore } from './support.ts';

const ID = '0'.repeat(22);

describe('The web server on its socket', () => {
  const cleanUp: (() => unknown)[] = [];

  afterEach(async () => {
    for (const step of cleanUp.splice(0).reverse()) await step();
  });

  async function start(store: Store, listen = '127.0.0.1:0', log: Log = silentLog): Promise<WebService> {
    const web = await startWeb(
      { listen: parseAddress(listen) },
      {
        store,
        stats: new MailStats(),
        space: new DiskSpace('.', 0, realClock),
        lanes: () => [],
        smtp: ['127.0.0.1:1025'],
        ui: null,
        log,
      },
    );
    cleanUp.push(() => web.stop());
    return web;
  }

  function dial(url: string): Socket {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' });
    socket.on('error', () => {});
    cleanUp.push(() => socket.destroy());
    return socket;
  }

  /** Sends bytes as they are, and gives everything that comes until the server closes. */
  async function exchange(url: string, sent: string): Promise<string> {
    const socket = dial(url);
    socket.write(sent);
    let received = '';
    for await (const chunk of socket) received += (chunk as Buffer).toString('latin1');
    return received;
  }

  function ask(options: RequestOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      httpRequest(options, resolve).on('error', reject).end();
    });
  }

  async function refusal(promise: Promise<unknown>): Promise<ChatError> {
    return promise.then(
      () => {
        throw new Error('it did not reject');
      },
      (error: ChatError) => error,
    );
  }

  describe('over a real store', () => {
    const store = temporaryStore();

    it('tells its URL and serves pages and sources there', async () => {
      const { url } = await start(store.current);
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:[1-9]\d*\/$/);
      const content = `${'x'.repeat(998)}\r\n`.repeat(3_000);
      const id = await put(store.current, { content });
      const page = await fetch(url);
      expect(page.headers.get('content-type')).to.equal('text/html; charset=UTF-8');
      expect(page.headers.get('content-length')).to.equal(String(Buffer.byteLength(await page.text())));
      const raw = await fetch(`${url}api/v1/message/${id}/raw`);
      expect(raw.headers.get('content-length')).to.equal('3000000');
      expect((await raw.text()) === content).to.equal(true);
      const deleted = await fetch(`${url}api/lonedot/v1/messages/${id}`, { method: 'DELETE' });
      expect(deleted.status).to.equal(204);
    });
  });

  const idle = storeWith({
    list: async () => [],
    counts: async () => ({ messages: 0, recipients: {}, oldestWaiting: null }),
  });

  it('leaves the Request and Response of this process alone', async () => {
    const before = [globalThis.Request, globalThis.Response];
    await start(idle);
    expect([globalThis.Request, globalThis.Response]).to.deep.equal(before);
  });

  describe('listening', () => {
    it('says in one line when the address is in use', async () => {
      const { url } = await start(idle);
      const { host } = new URL(url);
      const error = await refusal(start(idle, host));
      expect(error.code).to.equal('LISTEN_FAILED');
      expect(error.message).to.match(new RegExp(`^cannot listen on ${host}: the address is in use; [^\\n]+$`));
    });

    it('does so on a path, and takes it away at the end', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'lonedot-web-'));
      cleanUp.push(() => rmSync(directory, { recursive: true }));
      const socketPath = join(directory, 'web.sock');
      const web = await start(idle, `unix:${socketPath}`);
      expect(web.url).to.equal(`unix:${socketPath}`);
      const answer = await ask({ socketPath, path: '/livez', headers: { host: 'localhost' } });
      expect(answer.statusCode).to.equal(200);
      answer.resume();
      expect(await refusal(start(idle, `unix:${socketPath}`))).to.have.property('code', 'LISTEN_FAILED');
      await web.stop();
      expect(existsSync(socketPath)).to.equal(false);
    });

    it('does so on an inherited descriptor', async () => {
      const isSource = import.meta.url.endsWith('.ts');
      const module = new URL(`../../web/server/server.${isSource ? 'ts' : 'js'}`, import.meta.url).href;
      const script = `
        import { startWeb } from ${JSON.stringify(module)};
        const listen = { kind: 'fd', fd: 3 };
        const web = await startWeb({ listen }, { store: {}, smtp: [], log: {} });
        console.log(web.url);`;
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as { port: number };
      const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
      const node = [process.execPath, ...(isSource ? ['--import', 'tsx'] : []), '--input-type=module', '-e', script];
      // As systemd does it: LISTEN_PID is known only after the fork.
      const child = spawn('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh', ...node], {
        stdio: ['ignore', 'pipe', 'inherit', fd],
      });
      cleanUp.push(() => child.kill('SIGKILL'));
      holder.close();
      const [line] = (await once(child.stdout!, 'data')) as [Buffer];
      expect(line.toString().trim()).to.equal(`http://127.0.0.1:${port}/`);
      expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).to.equal(200);
    });
  });

  describe('asked by strangers', () => {
    it('does not answer to a name that the DNS bends to it', async () => {
      const { url } = await start(idle);
      const { port } = new URL(url);
      for (const host of ['evil.example', `evil.example:${port}`]) {
        const answer = await ask({ port, path: '/', headers: { host } });
        expect(answer.statusCode).to.equal(403);
        answer.resume();
      }
    });

    it('refuses requests whose host or address is none, with its usual headers', async () => {
      const { url } = await start(idle);
      const nameless = await exchange(url, 'GET /livez HTTP/1.0\r\n\r\n');
      expect(nameless)
        .to.match(/^HTTP\/1.1 400 /)
        .and.to.match(/nosniff/);
      expect(nameless).to.match(/\r\n\r\nthe request has no valid Host header or address\n$/);
      const twisted = await exchange(url, 'GET /livez HTTP/1.1\r\nHost: a b/c@d\r\nConnection: close\r\n\r\n');
      expect(twisted).to.match(/^HTTP\/1.1 400 /);
      const elsewhere = 'GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
      expect(await exchange(url, elsewhere)).to.match(/^HTTP\/1.1 403 /);
    });

    it('reads no more than 16 KB of headers', async () => {
      const { url } = await start(idle);
      const answer = await exchange(url, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(16 * 1024)}\r\n\r\n`);
      expect(answer).to.match(/^HTTP\/1.1 431 /);
    });

    it('does not take a body, however big it is', async () => {
      const { url } = await start(idle);
      const answer = await fetch(`${url}livez`, { method: 'POST', body: 'x'.repeat(1_000_000) });
      expect(answer.status).to.equal(405);
    });
  });

  describe('when a source breaks off', () => {
    const broken = (good: number): Store =>
      storeWith({
        get: async () => ({ id: ID, size: 1e6, recipients: [] }) as never,
        content: async () =>
          (async function* () {
            for (let i = 0; i < good; i++) {
              yield Buffer.from('part of it');
              // Long enough for the headers to be out.
              await new Promise((resolve) => setTimeout(resolve, 20));
            }
            throw new Error('disk I/O error');
          })(),
      });

    it('answers 500 while nothing was sent', async () => {
      const { log, entries } = recordingLog();
      const { url } = await start(broken(0), undefined, log);
      const answer = await fetch(`${url}api/v1/message/${ID}/raw`);
      const line = 'the server failed to answer this; its log tells why';
      expect([answer.status, await answer.text()]).to.deep.equal([500, line]);
      expect(entries.map(([event]) => event)).to.deep.equal(['web.failed']);
    });

    it('breaks the connection afterwards, so that nobody takes a part for the whole', async () => {
      const { log, entries } = recordingLog();
      const { url } = await start(broken(2), undefined, log);
      const received = await exchange(url, `GET /api/v1/message/${ID}/raw HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      expect(received)
        .to.match(/\r\ncontent-length: 1000000\r\n/)
        .and.to.match(/\r\n\r\n(part of it){2}$/);
      expect(entries.map(([event]) => event)).to.deep.equal(['web.failed']);
      expect((await fetch(`${url}livez`)).status).to.equal(200);
    });
  });

  it('stops reading a source when the client goes away, and makes nothing of it', async () => {
    const { log, entries } = recordingLog();
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let arrive = (): void => {};
    async function* pieces(): AsyncGenerator<Buffer> {
      try {
        yield Buffer.from('part of it');
        // The next one comes when the client has left.
        await new Promise<void>((resolve) => {
          arrive = resolve;
        });
        yield Buffer.from('too late');
      } finally {
        end();
      }
    }
    const store = storeWith({
      get: async () => ({ id: ID, size: 1e6, recipients: [] }) as never,
      content: async () => pieces(),
    });
    const { url } = await start(store, undefined, log);
    const leaving = new AbortController();
    const answer = await fetch(`${url}api/v1/message/${ID}/raw`, { signal: leaving.signal });
    await answer.body!.getReader().read();
    leaving.abort();
    // The server has seen it when it answers on another connection after that.
    await exchange(url, 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    arrive();
    await ended;
    expect(entries).to.deep.equal([]);
  });

  describe('stopping', () => {
    it('ends idle connections at once', async () => {
      const web = await start(idle);
      const [silent, waiting] = [dial(web.url), dial(web.url)];
      waiting.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await Promise.all([once(silent, 'connect'), once(waiting, 'data')]);
      const ended = Promise.all([silent, waiting].map((socket) => once(socket.resume(), 'close')));
      const started = Date.now();
      await Promise.all([web.stop(), web.stop()]);
      expect(Date.now() - started).to.be.lessThan(1_000);
      await ended;
      expect(await refusal(fetch(web.url))).to.be.an('error');
    });

    it('lets a running answer finish, and keeps its connection no longer', async () => {
      let asked = (): void => {};
      const isAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      let release = (): void => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const web = await start(
        storeWith({
          list: async () => {
            asked();
            await gate;
            return [];
          },
        }),
      );
      const answer = exchange(web.url, 'GET /api/lonedot/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await isAsked;
      const stopped = web.stop();
      release();
      expect(await answer)
        .to.match(/^HTTP\/1.1 200 OK\r\n/)
        .and.to.match(/\{"messages":\[\],"older":null\}$/);
      await stopped;
    });
  });
});
