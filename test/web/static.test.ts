import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { appOver, put, storeWith, temporaryStore } from './support.ts';

describe('The files of the built page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lonedot-ui-'));
  const ui = join(folder, 'ui/');
  const app = () => appOver(storeWith({}), { ui });
  const answersTo = ({ status, headers }: Response) => [status, headers.get('location')];

  before(() => {
    mkdirSync(join(ui, 'assets'), { recursive: true });
    writeFileSync(join(ui, 'index.html'), '<!doctype html><title>page</title>');
    writeFileSync(join(ui, 'assets/app-0a1b2c3d.js'), 'plain');
    writeFileSync(join(ui, 'assets/app-0a1b2c3d.js.br'), 'brotli');
    writeFileSync(join(ui, 'assets/app-0a1b2c3d.js.gz'), 'gzip');
    writeFileSync(join(ui, '.hidden.js'), 'hidden');
    writeFileSync(join(ui, 'notes.exe'), 'of no known type');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('are served at the root, under a policy of our own things only', async () => {
    const page = await app().request('/');
    expect([page.status, page.headers.get('content-type')]).to.deep.equal([200, 'text/html; charset=utf-8']);
    expect(await page.text()).to.include('<title>page</title>');
    expect(page.headers.get('cache-control')).to.equal('no-cache');
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).to.match(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.to.match(/unsafe|\*|https?:/);
    expect(page.headers.get('x-content-type-options')).to.equal('nosniff');
  });

  it('are kept for good when their name holds their hash', async () => {
    const file = await app().request('/assets/app-0a1b2c3d.js');
    expect(file.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
    expect(file.headers.get('content-type')).to.equal('text/javascript; charset=utf-8');
  });

  it('are compressed for those who take it', async () => {
    for (const [accepted, encoding, text] of [
      ['gzip, deflate, br', 'br', 'brotli'],
      ['gzip', 'gzip', 'gzip'],
      ['gzip;q=0.5, br;q=0', 'gzip', 'gzip'],
      ['identity', null, 'plain'],
      ['br;q=0', null, 'plain'],
      ['', null, 'plain'],
    ] as const) {
      const answer = await app().request('/assets/app-0a1b2c3d.js', { headers: { 'accept-encoding': accepted } });
      expect([answer.headers.get('content-encoding'), await answer.text()], accepted).to.deep.equal([encoding, text]);
      expect(answer.headers.get('vary')).to.equal('Accept-Encoding');
    }
  });

  it('are not sent again to who has them', async () => {
    const etag = (await app().request('/')).headers.get('etag')!;
    for (const seen of [etag, `W/${etag}`, `"x", ${etag}`]) {
      const answer = await app().request('/', { headers: { 'if-none-match': seen } });
      expect([answer.status, await answer.text()], seen).to.deep.equal([304, '']);
    }
    expect((await app().request('/', { headers: { 'if-none-match': '"x"' } })).status).to.equal(200);
  });

  it('are those of the folder and no others', async () => {
    const paths = [
      '/..%2fsecret.txt',
      '/%2e%2e%2fsecret.txt',
      '/../secret.txt',
      '/.hidden.js',
      '/assets',
      '/assets/',
      '/notes.exe',
    ];
    for (const path of [
      ...paths,
      '/index.html/',
      '/assets/app-0a1b2c3d.js.br',
      '/nothing.js',
      '/%00.js',
      '/a%5c..%5cb.js',
    ]) {
      expect((await app().request(path)).status, path).to.equal(404);
    }
    expect((await app().request('/index.html', { method: 'DELETE' })).status).to.equal(404);
  });

  describe('beside mail', () => {
    const store = temporaryStore();

    it('take the place of the pages that the server renders', async () => {
      const id = await put(store.current);
      const answer = await appOver(store.current, { ui }).request(`/message/${id}`);
      expect(answersTo(answer)).to.deep.equal([302, `/#/mail/${id}`]);
      const rooted = appOver(store.current, { ui, options: { webroot: 'mail' } });
      expect(answersTo(await rooted.request(`/mail/message/${id}`))).to.deep.equal([302, `/mail/#/mail/${id}`]);
    });
  });
});
