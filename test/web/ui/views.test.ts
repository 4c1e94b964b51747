// The views of an open mail, as far as they are the page's own doing.
import { expect } from 'chai';
import { inChromium, settled } from './support/chromium.ts';
import { sample } from './support/sample.ts';

/** As much of an element of the page as is read there. */
interface Image {
  readonly naturalWidth: number;
  decode(): Promise<void>;
}

const expected = /Content Security Policy/;

inChromium('the views of a mail', ({ open }) => {
  it('shows HTML as wide as a phone, a tablet and a desktop, made smaller where there is less room', async () => {
    const { page } = await open({ prepare: sample, expected });
    await page.locator('.row').first().click();
    const frame = page.locator('iframe');
    const inside = (): Promise<number> =>
      frame.evaluate((element: { readonly clientWidth: number }) => element.clientWidth);
    const room = (await page.locator('.frame-room').boundingBox())!;
    expect(await inside()).to.equal(Math.round(room.width));
    for (const [name, px] of [
      ['Phone', 390],
      ['Tablet', 768],
      ['Desktop', 1200],
    ] as const) {
      await page.getByRole('group', { name: 'Width' }).getByRole('button', { name }).click();
      expect(await inside(), name).to.equal(px);
      const shown = (await frame.boundingBox())!;
      expect(shown.width, name).to.be.closeTo(Math.min(px, room.width), 1);
      expect(shown.height, name).to.be.closeTo(room.height, 1);
    }
  });

  it('finds in the source, forwards, backwards and around', async () => {
    const { page } = await open({ prepare: (server) => server.put({ text: 'one two\none (two)\nONE\n' }) });
    await page.locator('.row').click();
    await page.getByRole('tab', { name: 'Source' }).click();
    const field = page.getByRole('textbox', { name: 'Find in the source' });
    await field.fill('one');
    await page.getByText('1 of 3').waitFor();
    await field.press('Enter');
    await page.getByText('2 of 3').waitFor();
    await field.press('Shift+Enter');
    await field.press('Shift+Enter');
    await page.getByText('3 of 3').waitFor();
    await field.fill('(two)');
    await page.getByText('1 of 1').waitFor();
    await field.fill('three');
    await page.getByText('none').waitFor();
    expect(await page.evaluate('CSS.highlights.get("found").size')).to.equal(0);
  });

  it('shows only the beginning of a long source', async () => {
    const { page } = await open({ prepare: (server) => server.put({ text: 'x'.repeat(3_000_000) }) });
    await page.locator('.row').click();
    await page.getByRole('tab', { name: 'Source' }).click();
    await page.getByText(/The first 1\.0 MB of 3\.0 MB/).waitFor();
    expect(await page.evaluate("document.querySelector('pre.source').textContent.length")).to.equal(1_000_000);
  });

  it('looks into images and text that are attached, and offers the rest', async () => {
    const { page } = await open({ prepare: sample, expected });
    await page.locator('.row').first().click();
    await page.getByRole('button', { name: /order-4711\.png/ }).click();
    expect(
      await page.locator('.preview-image').evaluate((image: Image) => image.decode().then(() => image.naturalWidth)),
    ).to.equal(24);
    await page.getByRole('button', { name: /order-4711\.csv/ }).click();
    await page.getByText('cup;14.00').waitFor();
    const link = page.getByRole('link', { name: 'Download', exact: true });
    expect(await link.getAttribute('href')).to.match(/\/part\/3$/);
  });

  it('tells the dialogue with its pauses', async () => {
    const { page } = await open({ prepare: sample, expected });
    await page.locator('.row').first().click();
    await page.getByRole('tab', { name: 'SMTP' }).click();
    await settled(page);
    expect(await page.locator('.dialogue .pause.long').allTextContents()).to.deep.equal(['+300 ms']);
    expect(await page.locator('.dialogue').innerText()).to.include('AUTH PLAIN ****');
  });

  it('shows text with its links, and markup in it as text', async () => {
    const text = 'See https://example.com/a?b=c. <b onclick="x">bold</b> javascript:alert(1)\n';
    const { page } = await open({ prepare: (server) => server.put({ text }) });
    await page.locator('.row').click();
    const shown = page.getByRole('region', { name: 'The text of the mail' });
    expect(await shown.textContent()).to.equal(text);
    const hrefs = await shown
      .locator('a')
      .evaluateAll((links: readonly { readonly href: string }[]) => links.map(({ href }) => href));
    expect(hrefs).to.deep.equal(['https://example.com/a?b=c']);
  });

  it('checks links only when asked', async () => {
    const { page, server } = await open({ prepare: sample, expected });
    await page.locator('.row').first().click();
    await page.getByRole('tab', { name: 'Checks' }).click();
    await page.getByText('91 % supported').waitFor();
    const asked = (): boolean => server.requests.some((request) => request.includes('link-check'));
    expect(asked()).to.equal(false);
    await page.getByRole('button', { name: 'Check the links' }).click();
    await page.getByText('1 of 2 links failed.').waitFor();
    expect(asked()).to.equal(true);
  });

  it('compares with another mail that is chosen, and swaps', async () => {
    const { page } = await open({
      prepare: (server) => {
        server.put({ subject: 'Report', text: 'old' });
        server.put({ subject: 'Report', text: 'new' });
      },
    });
    await page.keyboard.type('jc');
    await page
      .getByRole('dialog', { name: 'Compare with' })
      .getByRole('button', { name: /Report/ })
      .click();
    await page.locator('.diff .removed', { hasText: 'old' }).waitFor();
    await page.getByRole('button', { name: 'Swap' }).click();
    await page.locator('.diff .removed', { hasText: 'new' }).waitFor();
  });

  it('says that a mail is gone', async () => {
    const { page } = await open({ hash: '#/mail/0000000000000000000000', expected: /Failed to load resource/ });
    await page.getByText('It may have been deleted').waitFor();
  });

  it('shows no HTML view for a mail without HTML, and keeps the view from mail to mail', async () => {
    const { page } = await open({ prepare: (server) => server.fill(2) });
    await page.locator('.row').first().click();
    await page.getByRole('tab', { name: 'Text', selected: true }).waitFor();
    expect(await page.getByRole('tab', { name: 'HTML' }).count()).to.equal(0);
    await page.keyboard.press('2');
    await page.getByRole('tab', { name: 'Headers', selected: true }).waitFor();
    await page.keyboard.press('j');
    await page.getByRole('heading', { name: 'Mail 1' }).waitFor();
    await page.getByRole('tab', { name: 'Headers', selected: true }).waitFor();
  });
});
