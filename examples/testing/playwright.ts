// Playwright: from the form to the mail to the page behind its link, in a real browser. With @playwright/test the sink is
// a fixture of the worker, and the namespace one of the test; the steps are the same.
//
//   CHROMIUM=/usr/bin/chromium node --import tsx --test examples/testing/playwright.ts
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Browser, chromium } from 'playwright-core';
// In your own suite: from 'lonedot/testing'.
import { type Sink, startSink } from '../../testing/index.ts';
import { App } from './app.ts';

const { CHROMIUM = '/usr/bin/chromium' } = process.env;

describe('signing up in a browser', { concurrency: true }, () => {
  let sink: Sink;
  let browser: Browser;
  before(async () => {
    [sink, browser] = await Promise.all([
      startSink(),
      chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] }),
    ]);
  });
  after(async () => {
    await browser?.close();
    await sink?.close();
  });

  for (const worker of [1, 2]) {
    it(`leads from the form to the welcome, worker ${worker}`, async () => {
      await using inbox = await sink.namespace(`worker-${worker}`);
      const app = new App(inbox.url);
      await app.listen();
      const page = await browser.newPage();
      await page.goto(app.url);
      await page.getByLabel('Address').fill('bob@example.com');
      await page.getByRole('button', { name: 'Sign up' }).click();
      await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();

      const mail = await inbox.expectMail({ to: 'bob@example.com' });
      await page.goto(mail.link('/confirm'));
      assert.equal(await page.getByRole('heading').textContent(), 'Welcome!');
      await page.close();
      app.close();
    });
  }
});
