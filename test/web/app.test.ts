import { expect } from 'chai';
import { FakeClock } from '../../src/clock.ts';
import { METHODS } from '../../web/server/frame/methods.ts';
import { SECURITY_HEADERS } from '../../web/server/headers.ts';
import { ROUTES } from '../../web/server/routes.ts';
import { appOver, recordingLog, storeWith } from './support.ts';

const ID = '0123456789ABCDEFGHIJKL';
const counts = () => Promise.resolve({ messages: 0, recipients: {}, oldestWaiting: null });
const browser = { headers: { accept: 'text/html,application/xhtml+xml' } };

describe('The web application', () => {
  it('gives every answer the same protection', async () => {
    const app = appOver(storeWith({ counts, list: async () => [], get: async () => undefined }));
    const answers = await Promise.all([
      app.request('/'),
      app.request('/?before=x'),
      app.request('/nowhere'),
      app.request(`/api/v1/message/${ID}/raw`),
      app.request('http://evil.example/'),
      app.request('/livez', { method: 'POST' }),
      app.request('/livez', { method: 'POST', headers: { origin: 'http://evil.example' } }),
    ]);
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 400, 404, 404, 403, 405, 403]);
    for (const answer of answers) {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(answer.headers.get(name)).to.equal(value);
    }
  });

  it('allows one style by its hash and no script at all', () => {
    const policy = SECURITY_HEADERS['Content-Security-Policy']!;
    expect(policy).to.match(/default-src 'none'; style-src 'sha256-[\w+/]{43}='/);
    expect(policy).not.to.include('script-src').and.not.to.include('unsafe');
  });

  it('names the allowed methods when the method is wrong', async () => {
    const app = appOver(storeWith({}));
    for (const route of ROUTES) {
      const { path } = route;
      const known = METHODS.filter((method) => route[method]);
      const allowed = [...known.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])), 'OPTIONS'].join(', ');
      const url = path.replaceAll(/:\w+/g, ID);
      const other = METHODS.find((method) => !route[method])!;
      const wrong = await app.request(url, { method: other });
      expect([wrong.status, wrong.headers.get('allow')], path).to.deep.equal([405, allowed]);
      expect(await wrong.text()).to.include(`${other} is not possible here; allowed are ${allowed}`);
      const options = await app.request(url, { method: 'OPTIONS' });
      const status = path.startsWith('/api/v1/') ? 200 : 204;
      expect([options.status, options.headers.get('allow')], path).to.deep.equal([status, allowed]);
    }
  });

  it('refuses bad query values with one line, before the store is asked', async () => {
    const app = appOver(storeWith({}));
    const problems: Readonly<Record<string, string>> = {
      '/?before=0': 'before must be the seq of a message',
      '/?before=99999999999999999': 'before must be the seq of a message',
      '/?refresh=': 'refresh must be on or off',
      '/api/lonedot/v1/messages?limit=501': 'limit must be a number from 1 to 500',
      '/api/lonedot/v1/messages?limit=-1': 'limit must be a number from 1 to 500',
      '/api/lonedot/v1/messages?limit=1e2': 'limit must be a number from 1 to 500',
      '/api/lonedot/v1/messages?limit=5&limit=6': 'limit is given more than once',
      '/api/lonedot/v1/wait?timeout=1y': 'timeout must be a duration such as 500ms, 30s or 2m, at most 300s',
      '/api/lonedot/v1/wait?timeout=301s': 'timeout must be a duration such as 500ms, 30s or 2m, at most 300s',
      '/api/lonedot/v1/wait?count=0': 'count must be a number from 1 to 500',
      '/api/lonedot/v1/wait?after=-1': 'after must be the seq of a message, or 0',
      '/api/lonedot/v1/export?format=zip': 'format must be mbox or eml',
    };
    for (const [url, line] of Object.entries(problems)) {
      const answer = await app.request(url);
      const told = url.startsWith('/api/') ? JSON.stringify({ error: line }) : `${line}\n`;
      expect([answer.status, await answer.text()], url).to.deep.equal([400, told]);
    }
  });

  it('says nothing of a failure but that it is in the log', async () => {
    const { log, entries } = recordingLog();
    const error = new Error('disk I/O error in /home/secret');
    const app = appOver(storeWith({ list: () => Promise.reject(error), counts }), { log });
    const answer = await app.request('/api/lonedot/v1/messages');
    expect(answer.status).to.equal(500);
    expect(await answer.json()).to.deep.equal({ error: 'the server failed to answer this; its log tells why' });
    expect(entries).to.deep.equal([['web.failed', { method: 'GET', path: '/api/lonedot/v1/messages', error }]]);
    const page = await app.request('/', browser);
    expect(await page.text()).not.to.match(/secret|disk|\.ts/);
  });

  it('tells browsers with a page what it tells programs with a line', async () => {
    const app = appOver(storeWith({}));
    const page = await app.request('/message/%3Cb%3E', browser);
    expect([page.status, page.headers.get('content-type')]).to.deep.equal([404, 'text/html; charset=UTF-8']);
    expect(await page.text()).to.include('<p>There is no such message; it may have been deleted.</p>');
    const api = await app.request(`/api/lonedot/v1/messages/short`, browser);
    expect([api.status, await api.json()]).to.deep.equal([
      404,
      { error: 'there is no such message; it may have been deleted' },
    ]);
  });

  it('answers HEAD like GET, without a body', async () => {
    const app = appOver(storeWith({ counts, list: async () => [] }));
    const answer = await app.request('/', { method: 'HEAD' });
    expect([answer.status, await answer.text()]).to.deep.equal([200, '']);
  });

  describe('asked for its health', () => {
    it('is alive without the store', async () => {
      const answer = await appOver(storeWith({})).request('/livez');
      expect([answer.status, await answer.text()]).to.deep.equal([200, 'ok\n']);
    });

    it('is ready when the store answers', async () => {
      const clock = new FakeClock();
      const answer = await appOver(storeWith({ check: async () => {} }), { clock }).request('/readyz');
      expect([answer.status, await answer.text(), clock.pending]).to.deep.equal([200, 'ok\n', 0]);
    });

    it('is not when the store fails, and logs why', async () => {
      const { log, entries } = recordingLog();
      const error = new Error('the database is gone');
      const app = appOver(storeWith({ check: () => Promise.reject(error) }), { log });
      const answer = await app.request('/readyz');
      const line = 'the store failed; see the log of the server\n';
      expect([answer.status, await answer.text()]).to.deep.equal([503, line]);
      expect(entries).to.deep.equal([['web.not_ready', { error }]]);
    });

    it('is not when the store takes too long', async () => {
      const clock = new FakeClock();
      const app = appOver(storeWith({ check: () => new Promise(() => {}) }), { clock });
      const asked = app.request('/readyz');
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(2_000);
      const answer = await asked;
      expect([answer.status, await answer.text()]).to.deep.equal([503, 'the store did not answer within 2 s\n']);
    });
  });
});
