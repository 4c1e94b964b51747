// HTML mail that tries everything: nothing of it runs, nothing is fetched, nothing leaves the frame. The fake server
// cleans next to nothing; what is tested is the frame's sandbox and the policy. Every request of the browser is watched, and a
// canary server must not hear of any of them.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { until } from '../../support/within.ts';
import { inChromium } from './support/chromium.ts';
import type { FakeServer } from './support/fake-server.ts';
import { HOSTILE } from './support/hostile.ts';

/** What a browser logs of what it refuses. */
const REFUSED =
  /Content Security Policy|sandbox|Blocked|blocked|Refused|Not allowed|violat|Unsafe attempt|Failed to load|deprecat|preload|net::ERR/i;

inChromium('hostile HTML', ({ open }) => {
  let canary: Server;
  let heard: string[];
  let address: string;
  let current: FakeServer;

  before(async () => {
    canary = createServer((request, response) => {
      heard.push(`${request.method} ${request.url}`);
      response.end();
    });
    // Connections count, too: what is looked up or connected to ahead tells that the mail was read.
    canary.on('connection', () => heard.push('a connection'));
    await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(canary.address() as AddressInfo).port}`;
  });

  beforeEach(() => {
    heard = [];
  });

  after(() => {
    canary.close();
  });

  /** Opens the page on these mails, with everything watched that could leave it. */
  async function openOn(mails: Readonly<Record<string, string>>) {
    const left: string[] = [];
    const { page, server } = await open({
      prepare: (one) => {
        for (const [subject, html] of Object.entries(mails))
          one.put({ subject, html: html.replaceAll('CANARY', address) });
      },
      expected: REFUSED,
    });
    const own = `${new URL(server.url).origin}/`;
    current = server;
    const take = (url: string, why = ''): void => {
      if (!url.startsWith(own) && !url.startsWith('data:')) left.push(`${url} ${why}`);
    };
    const context = page.context();
    context.on('page', () => left.push('a window'));
    context.on('requestfinished', (request) => take(request.url()));
    // Those that the policy stops are told as requests, too: they failed before anything left the browser.
    context.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      if (!/^(csp|origin)$|ERR_BLOCKED_BY_/.test(why)) take(request.url(), why);
    });
    page.on('dialog', (dialog) => {
      left.push('a dialog');
      void dialog.dismiss();
    });
    await page.evaluate('window.isTouched = false');
    return { page, left };
  }

  async function show(page: Page, subject: string): Promise<void> {
    const mail = current.mails.find((one) => one.subject === subject)!;
    await page.evaluate(`location.hash = '#/mail/${mail.id}/html'`);
    await page.getByRole('heading', { name: subject, exact: true }).waitFor();
    await page.frameLocator('iframe').locator('body, frameset').first().waitFor({ state: 'attached' });
    // That nothing happens can only be seen by waiting for it: handlers, animations and refreshes have had their turn.
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 250))');
  }

  async function showAlone(html: string): Promise<Page> {
    const { page } = await openOn({ Hostile: html });
    await show(page, 'Hostile');
    return page;
  }

  it('is harmless, whatever it tries', async function () {
    this.timeout(60_000);
    const mails = { ...HOSTILE, 'all of it in one mail': Object.values(HOSTILE).join('\n') };
    const { page, left } = await openOn(mails);
    for (const subject of Object.keys(mails)) {
      await show(page, subject);
      expect(left, `${subject}: requests and windows`).to.deep.equal([]);
      expect(heard, `${subject}: the canary`).to.deep.equal([]);
      expect(await page.evaluate('window.isTouched'), `${subject}: the page`).to.equal(false);
      expect(await page.title(), `${subject}: the title`).to.match(/Inbox · lonedot$/);
    }
  });

  it('shows a link, which opens alone and without a way back', async () => {
    const page = await showAlone(`<a id="go" target="_blank" href="http://${address}/page">go</a>`);
    const [popup] = await Promise.all([
      page.context().waitForEvent('page'),
      page.frameLocator('iframe').locator('#go').click(),
    ]);
    await popup.waitForLoadState();
    expect(heard).to.include('GET /page');
    expect(await popup.evaluate('window.opener === null')).to.equal(true);
  });

  it('runs nothing when a javascript: link is clicked', async () => {
    const page = await showAlone(
      `<a id="self" href="javascript:parent.isTouched=true;document.title='x'">a</a>
       <a id="top" target="_top" href="javascript:window.isTouched=true">b</a>
       <a id="parent" target="_parent" href="http://${address}/parent">c</a>`,
    );
    const frame = page.frameLocator('iframe');
    for (const id of ['#self', '#top', '#parent']) await frame.locator(id).click({ force: true });
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 150))');
    expect(await page.evaluate('window.isTouched')).to.equal(false);
    expect(heard).to.deep.equal([]);
    await page.getByRole('heading', { name: 'Hostile' }).waitFor();
  });

  it('loads remote images when asked, and only then', async () => {
    const page = await showAlone(
      `<img src="http://${address}/pixel.gif"><script src="http://${address}/x.js"></script>`,
    );
    expect(heard).to.deep.equal([]);
    await page.getByText('Remote content is blocked').waitFor();
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await page.getByText('Remote content is loaded').waitFor();
    await until(3000, () => heard.length > 0, 'the image is fetched');
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 250))');
    expect(heard.filter((line) => line.startsWith('GET'))).to.deep.equal(['GET /pixel.gif']);
  });
});
