// The page on a real sink: SMTP in, store, index, HTTP and live events as they are. What the page does by itself is
// tested on the fake server; here, that both sides mean the same.
import { rmSync } from 'node:fs';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { patient } from '../../support/within.ts';
import { type Sink, startSink } from '../sink.ts';
import { sendBySmtp } from '../smtp.ts';
import { builtPage, inChromium, settled } from './support/chromium.ts';
import { HOSTILE } from './support/hostile.ts';

/** As much of an element of the frame as is read there. */
interface Shown {
  readonly naturalWidth: number;
  readonly ownerDocument: { readonly defaultView: { getComputedStyle(of: unknown): { readonly color: string } } };
}

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAAAJ0lEQVR42mNQTbpNFcQwatCoQaMGjRo0atCoQaMGjRo0atCoQUPFIADcQ2kCzQ1LrgAAAABJRU5ErkJggg==';

const RICH = [
  'From: Shop <orders@shop.example.com>',
  'To: Jo Miller <jo@example.net>',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Message-ID: <rich@shop.example.com>',
  'Date: Sun, 22 Nov 2026 08:46:32 +0000',
  'X-Tags: shop',
  'List-Unsubscribe: <https://shop.example.com/leave>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="m"',
  '',
  '--m',
  'Content-Type: multipart/related; boundary="r"',
  '',
  '--r',
  'Content-Type: multipart/alternative; boundary="a"',
  '',
  '--a',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'Your code is 492817. https://shop.example.com/orders',
  '--a',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<!doctype html><p id="said" style="color:rgb(1,2,3)">Your code is <b>492817</b></p><img id="inline" src="cid:pixel@shop"><img src="https://shop.example.com/track.gif">',
  '--a--',
  '--r',
  'Content-Type: image/png; name="pixel.png"',
  'Content-Transfer-Encoding: base64',
  'Content-ID: <pixel@shop>',
  'Content-Disposition: inline; filename="pixel.png"',
  '',
  PIXEL,
  '--r--',
  '--m',
  'Content-Type: text/csv; name="list.csv"',
  'Content-Disposition: attachment; filename="list.csv"',
  '',
  'a;b',
  '--m--',
];

function htmlMail(html: string): string[] {
  return [
    'From: a@example.com',
    'To: b@example.com',
    'Subject: Hostile',
    'Content-Type: text/html; charset=utf-8',
    '',
    ...html.split('\n'),
  ];
}

inChromium('the page on a real sink', ({ visit }) => {
  let sink: Sink;
  let folder: string;

  before(async function () {
    this.timeout(patient(30_000));
    folder = builtPage();
    sink = await startSink({ ui: folder });
  });

  beforeEach(() => sink.mail.inbox!.delete({}));

  after(async () => {
    await sink?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const smtp = (): string => sink.mail.smtp[0]!;
  const expected = /Content Security Policy|Failed to load resource/;

  async function openPage(): Promise<Page> {
    const page = await visit(sink.url, { expected });
    await page.locator('.toolbar .count').filter({ hasText: 'mail' }).waitFor();
    await page.locator('.connection.live').waitFor();
    return page;
  }

  it('tells where it listens, and shows mail as it comes', async () => {
    const page = await openPage();
    await page.getByRole('heading', { name: 'Send the first mail' }).waitFor();
    const port = smtp().split(':').at(-1)!;
    expect(await page.getByRole('region', { name: 'A mail with swaks' }).innerText()).to.include(`--port ${port}`);
    for (let i = 1; i <= 5; i++) {
      await sendBySmtp(smtp(), { lines: [`Subject: Live ${i}`, '', 'x'] });
      await page.getByText(`Live ${i}`).first().waitFor();
    }
  });

  it('shows all views of a mail', async () => {
    const page = await openPage();
    await sendBySmtp(smtp(), {
      from: 'bounce@shop.example.com',
      to: ['jo@example.net', 'hidden@example.net'],
      lines: RICH,
    });
    await page.locator('.row').first().click();
    await page.getByRole('heading', { name: 'Grüße' }).waitFor();
    await page.getByText('hidden@example.net').first().waitFor();
    await page.locator('.mail-head .tag', { hasText: 'shop' }).waitFor();
    const frame = page.frameLocator('iframe');
    await frame.getByText('492817').waitFor();
    // In the browser: nothing of its types is known here.
    const inFrame = (id: string, read: (element: Shown) => unknown): Promise<unknown> =>
      frame.locator(id).evaluate(read);
    expect(await inFrame('#said', (said) => said.ownerDocument.defaultView.getComputedStyle(said).color)).to.equal(
      'rgb(1, 2, 3)',
    );
    let width: unknown = 0;
    for (let look = 0; look < 200 && width !== 24; look++)
      width = await inFrame('#inline', (image) => image.naturalWidth);
    expect(width, 'the inline image').to.equal(24);
    await page.getByText('Remote content is blocked').waitFor();
    await page.getByRole('button', { name: /list\.csv/ }).click();
    await page.getByText('a;b').waitFor();
    const tab = (name: string) => page.getByRole('tab', { name, exact: true }).click();
    await tab('Text');
    await page.getByRole('link', { name: 'https://shop.example.com/orders' }).waitFor();
    await tab('Headers');
    await page.getByRole('row', { name: /Subject Grüße/ }).waitFor();
    await page.getByRole('button', { name: 'As written' }).click();
    await page.getByText('=?utf-8?q?Gr=C3=BC=C3=9Fe?=').waitFor();
    await tab('Structure');
    await page.getByText('multipart/related').waitFor();
    await page.locator('.node .name', { hasText: 'list.csv' }).waitFor();
    await tab('Source');
    await page.getByRole('textbox', { name: 'Find in the source' }).fill('content-type');
    await page.getByText('1 of 7').waitFor();
    await tab('SMTP');
    await page.getByRole('row', { name: /MAIL FROM bounce@shop.example.com/ }).waitFor();
    await page.getByRole('row', { name: /EHLO client.example.com/ }).waitFor();
    await page
      .locator('.dialogue .server', { hasText: /^.*354/ })
      .first()
      .waitFor();
    await tab('Checks');
    await page.getByText('1 way to unsubscribe.').waitFor();
    await page.getByRole('heading', { name: 'HTML in mail clients' }).waitFor();
    await settled(page);
    expect(await page.locator('.failure').allTextContents()).to.deep.equal([]);
  });

  it('searches, tags, deletes, and compares', async () => {
    const page = await openPage();
    for (const n of [1, 2, 3])
      await sendBySmtp(smtp(), { lines: [`Subject: Report ${n}`, 'To: b@example.com', '', `Row ${n}`] });
    await page.locator('.toolbar .count', { hasText: '3 mails' }).waitFor();
    await page.keyboard.type('/frm:x');
    await page.getByRole('alert').filter({ hasText: 'from' }).first().waitFor();
    await page.getByRole('combobox', { name: 'Search mail' }).fill('subject:report (body:"row 1" OR body:"row 2")');
    await page.locator('.toolbar .count', { hasText: '2 found' }).waitFor();
    await page.getByRole('button', { name: 'Clear the search' }).click();
    await page.locator('.toolbar .count', { hasText: '3 mails' }).waitFor();
    await page.locator('.row').nth(0).locator('.choose').click();
    await page.locator('.row').nth(1).locator('.choose').click();
    await page.getByRole('button', { name: 'Compare the two' }).click();
    await page.locator('.diff .removed', { hasText: 'Row' }).waitFor();
    await page.locator('.diff .added', { hasText: 'Row' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('2 chosen').waitFor({ state: 'detached' });
    await page.keyboard.type('gg#');
    await page.getByText('1 mail deleted').waitFor();
    await page.goto('about:blank');
    // What was deleted is told to the server by a page that is left.
    const limit = Date.now() + patient(5000);
    let left = 3;
    while (left !== 2 && Date.now() < limit) left = (await sink.mail.inbox!.counts()).messages;
    expect(left).to.equal(2);
  });

  it('makes namespaces and faults', async () => {
    const page = await openPage();
    await page.goto(`${sink.url}#/namespaces`);
    await page.getByRole('button', { name: 'New namespace' }).click();
    await page.getByLabel('Name', { exact: true }).fill('checkout');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText(/smtp:\/\/checkout:.*@127\.0\.0\.1:\d+/).waitFor();
    await sendBySmtp(smtp(), { to: ['jo+checkout@example.net'], lines: ['Subject: Mine', '', 'x'] });
    await page.getByRole('button', { name: 'Show its mail' }).click();
    await page.locator('.toolbar .count', { hasText: '1 found' }).waitFor();
    await page.goto(`${sink.url}#/namespaces`);
    await page.getByRole('button', { name: 'Delete checkout' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
    await page.getByText('There are no namespaces.').waitFor();
    await page.goto(`${sink.url}#/faults`);
    await page.getByRole('button', { name: 'New rule' }).click();
    await page.getByLabel('Reply').fill('450 4.2.0 Later');
    await page.getByRole('button', { name: 'Add the rule' }).click();
    await page.getByRole('heading', { name: 'At RCPT TO: answer 450 4.2.0 Later' }).waitFor();
    const refused = await sendBySmtp(smtp()).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(refused).to.include('450 4.2.0 Later');
    await page.getByText('struck once').waitFor();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByLabel('Reply').fill('451 4.3.0 Again');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'answer 451 4.3.0 Again' }).waitFor();
    await page.getByRole('button', { name: /^Delete the rule/ }).click();
    await page.getByText('the server behaves').waitFor();
    await sendBySmtp(smtp());
  });

  it('shows hostile HTML without harm', async () => {
    const page = await visit(sink.url, { expected: /./ });
    const origin = new URL(sink.url).origin;
    const left: string[] = [];
    page.context().on('requestfinished', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) left.push(url);
    });
    page.context().on('page', () => left.push('a window'));
    await page.evaluate('window.isTouched = false');
    for (const [name, html] of [...Object.entries(HOSTILE), ['all', Object.values(HOSTILE).join('\n')] as const]) {
      const lines = htmlMail(html.replaceAll('CANARY', '127.0.0.1:9'));
      const id = await sendBySmtp(smtp(), { lines });
      await page.evaluate(`location.hash = '#/mail/${id}/html'`);
      await page.locator(`iframe[src*="${id}"]`).waitFor();
      await page.frameLocator('iframe').locator('body, frameset').first().waitFor({ state: 'attached' });
      await page.evaluate('new Promise((resolve) => setTimeout(resolve, 100))');
      expect(left, name).to.deep.equal([]);
      expect(await page.evaluate('window.isTouched'), name).to.equal(false);
    }
  });
});
