// How the page looks and whom it serves: themes, a phone's width, and axe over its main views.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { inChromium, PHONE, settled } from './support/chromium.ts';
import { sample } from './support/sample.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** The sample's first mail has an image that is not loaded. */
const expected = /Content Security Policy/;

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds that is serious or critical, as lines. */
async function serious(page: Page): Promise<string[]> {
  await settled(page);
  // The sandboxed frame is a mail's own affair, and axe has no way into it.
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate(
    'axe.run({ exclude: [["iframe"]] }, { resultTypes: ["violations"] })',
  )) as { violations: Violation[] };
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`),
    );
}

const background = (page: Page): Promise<string> =>
  page.evaluate('getComputedStyle(document.body).backgroundColor') as Promise<string>;

inChromium('the looks', ({ open }) => {
  it('is dark where the system is, and light or dark where the reader says so, also next time', async () => {
    const { page } = await open({ context: { colorScheme: 'dark' } });
    const dark = await background(page);
    await page.getByRole('group', { name: 'Theme' }).getByRole('button', { name: 'Light', exact: true }).click();
    const light = await background(page);
    expect(light).to.not.equal(dark);
    await page.reload();
    await page.getByRole('heading', { name: 'Send the first mail' }).waitFor();
    expect(await background(page)).to.equal(light);
    await page.getByRole('button', { name: 'Light or dark as the system is' }).click();
    expect(await background(page)).to.equal(dark);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.locator('html[data-theme=light]').waitFor();
  });

  it('fits a phone: list, mail and menu take turns, and nothing is wider than the screen', async () => {
    const { page } = await open({
      prepare: sample,
      expected,
      context: { viewport: PHONE, hasTouch: true, isMobile: true },
    });
    const fits = async (what: string): Promise<void> => {
      expect(await page.evaluate('document.documentElement.scrollWidth'), what).to.be.at.most(PHONE.width);
    };
    await fits('the list');
    expect(await page.locator('.side').isVisible()).to.equal(false);
    await page.locator('.row').first().tap();
    await page.getByRole('heading', { name: 'Your order 4711' }).waitFor();
    expect(await page.locator('.column').isVisible()).to.equal(false);
    for (const name of ['Text', 'Headers', 'Structure', 'Source', 'SMTP', 'Checks']) {
      await page.getByRole('tab', { name }).tap();
      await page.getByRole('tab', { name, selected: true }).waitFor();
      await fits(name);
    }
    await page.getByRole('button', { name: 'Back to the list' }).tap();
    await page.locator('.row').first().waitFor();
    await page.getByRole('button', { name: 'Menu' }).tap();
    await page.getByRole('link', { name: 'Faults' }).tap();
    await page.getByRole('heading', { name: 'Faults' }).waitFor();
    await fits('faults');
    await page.getByRole('button', { name: 'Menu' }).tap();
    await page.getByRole('link', { name: 'Inbox' }).tap();
    await page.locator('.row').first().waitFor();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`gives axe nothing serious to find in the main views, ${colorScheme}`, async () => {
      const { page } = await open({ prepare: sample, expected, context: { colorScheme } });
      expect(await serious(page), 'list').to.deep.equal([]);
      await page.keyboard.type('jxjx');
      expect(await serious(page), 'chosen').to.deep.equal([]);
      await page.keyboard.press('Escape');
      await page.locator('.row').first().click();
      for (const name of ['HTML', 'Text', 'Headers', 'Structure', 'Source', 'SMTP', 'Checks']) {
        await page.getByRole('tab', { name, exact: true }).click();
        expect(await serious(page), name).to.deep.equal([]);
      }
      for (const [keys, name] of [
        ['?', 'Keys'],
        ['Control+k', 'Commands'],
        ['t', 'Tags'],
        ['s', 'Release'],
        ['c', 'Compare with'],
      ] as const) {
        await page.locator('.mail-head h1').click();
        await page.keyboard.press(keys);
        await page.getByRole('dialog', { name }).waitFor();
        expect(await serious(page), name).to.deep.equal([]);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog', { name }).waitFor({ state: 'detached' });
      }
      await page.locator('.mail-head h1').click();
      await page.keyboard.press('/');
      await page.getByRole('listbox', { name: 'Filters' }).waitFor();
      expect(await serious(page), 'suggestions').to.deep.equal([]);
      for (const name of ['Namespaces', 'Faults', 'Send mail here']) {
        await page.getByRole('link', { name }).click();
        const make = page.getByRole('button', { name: /^New (namespace|rule)$/ });
        if (name !== 'Send mail here') await make.click();
        expect(await serious(page), name).to.deep.equal([]);
      }
    });
  }

  it('gives axe nothing serious to find in an empty inbox', async () => {
    const { page } = await open();
    await page.getByRole('heading', { name: 'Send the first mail' }).waitFor();
    expect(await serious(page)).to.deep.equal([]);
  });
});
