// What is done with mail in the page: deleting and undoing, choosing, marking, tagging, searching, releasing; and the
// pages of namespaces and faults.
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { until } from '../../support/within.ts';
import { inChromium } from './support/chromium.ts';
import type { FakeServer } from './support/fake-server.ts';

const subjects = (page: Page): Promise<string[]> => page.locator('.row .subject').allTextContents();
const row = (page: Page, subject: string) => page.locator('.row', { has: page.getByText(subject, { exact: true }) });
const deletes = (server: FakeServer) => server.requests.filter((request) => request.startsWith('DELETE'));

inChromium('what is done with mail', ({ open }) => {
  it('deletes at once on the screen, and undoes', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(4) });
    await page.keyboard.type('jj#');
    await page.getByText('1 mail deleted').waitFor();
    expect(await subjects(page)).to.deep.equal(['Mail 4', 'Mail 2', 'Mail 1']);
    expect(await page.locator('.row.active .subject').innerText(), 'the next one has the cursor').to.equal('Mail 2');
    await page.getByRole('button', { name: 'Undo' }).click();
    await row(page, 'Mail 3').waitFor();
    expect(await subjects(page)).to.deep.equal(['Mail 4', 'Mail 3', 'Mail 2', 'Mail 1']);
    await page.keyboard.type('#');
    await row(page, 'Mail 2').waitFor({ state: 'detached' });
    await page.keyboard.press('z');
    await row(page, 'Mail 2').waitFor();
    expect(deletes(server)).to.deep.equal([]);
  });

  it('deletes for good some seconds later', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(3) });
    await page.clock.install();
    await page.keyboard.type('j#');
    await page.getByText('1 mail deleted').waitFor();
    await page.clock.fastForward(7000);
    await until(3000, () => server.mails.length === 2, 'the server deletes');
    expect(await subjects(page)).to.deep.equal(['Mail 2', 'Mail 1']);
    expect(server.bodies.at(-1)!.body).to.have.property('IDs').with.length(1);
  });

  it('deletes for good when the page is left', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(3) });
    await page.keyboard.type('j#');
    await page.getByText('1 mail deleted').waitFor();
    await page.goto('about:blank');
    await until(3000, () => server.mails.length === 2, 'the server deletes');
  });

  it('brings back what the server did not delete', async () => {
    const { page } = await open({
      expected: /Failed to load resource/,
      prepare: (one) => {
        one.fill(2);
        one.instead = (request) => (request.startsWith('DELETE') ? { status: 500, content: 'disk full\n' } : undefined);
      },
    });
    await page.keyboard.type('j#');
    await row(page, 'Mail 2').waitFor({ state: 'detached' });
    await page.keyboard.type('j#');
    await page.getByText('Not deleted: disk full').waitFor();
    await row(page, 'Mail 2').waitFor();
  });

  it('opens the next mail when the open one is deleted', async () => {
    const { page } = await open({ prepare: (one) => one.fill(3) });
    await row(page, 'Mail 3').click();
    await page.getByRole('heading', { name: 'Mail 3' }).waitFor();
    await page.getByRole('toolbar', { name: 'This mail' }).getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Mail 2' }).waitFor();
  });

  it('chooses a range with shift, over rows that are not loaded, and marks it', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(1000) });
    await row(page, 'Mail 1000').locator('.choose').click();
    await page.getByText('1 chosen').waitFor();
    await page.evaluate("document.querySelector('.list').scrollTop = 500 * 58");
    await row(page, 'Mail 500')
      .locator('.choose')
      .click({ modifiers: ['Shift'] });
    await page.getByText('501 chosen').waitFor();
    await page.getByRole('button', { name: 'Mark read', exact: true }).click();
    await until(3000, () => server.unread() === 499, 'the server marks them');
  });

  it('chooses all that match, loaded or not, and asks before it deletes them', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(300) });
    await page.keyboard.type('*#');
    const dialog = page.getByRole('dialog', { name: 'Delete 300 mails?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(server.mails).to.have.length(300);
    await page.keyboard.type('#');
    await dialog.getByRole('button', { name: 'Delete all 300' }).click();
    await page.getByRole('heading', { name: 'Send the first mail' }).waitFor();
    expect(server.mails).to.have.length(0);
  });

  it('deletes only what was found', async () => {
    const { page, server } = await open({
      prepare: (one) => {
        one.fill(3);
        one.put({ subject: 'Invoice' });
      },
      hash: '#/?q=invoice',
    });
    await page.getByRole('button', { name: 'Delete all found' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
    await until(3000, () => server.mails.length === 3, 'the server deletes');
    expect(deletes(server)[0]).to.include('/api/v1/search?query=invoice');
  });

  it('edits tags of one mail and of many', async () => {
    const { page, server } = await open({
      prepare: (one) => {
        one.put({ tags: ['a', 'b'] });
        one.put({ tags: ['a', 'c'] });
      },
    });
    await page.keyboard.type('jxjxt');
    const dialog = page.getByRole('dialog', { name: 'Tags of 2 mails' });
    await dialog.getByRole('button', { name: 'Take away a' }).click();
    await dialog.getByRole('combobox', { name: 'Add a tag' }).fill('new one');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await until(3000, () => server.mails.every(({ tags }) => tags.includes('new one')), 'tagged');
    expect(server.mails.map(({ tags }) => tags)).to.deep.equal([
      ['c', 'new one'],
      ['b', 'new one'],
    ]);
    await page.locator('.side-tags').getByText('new one').waitFor();
  });

  it('searches while somebody writes, keeps the search in the address, and finds it there again', async () => {
    const { page } = await open({ prepare: (one) => one.fill(20) });
    await page.keyboard.press('/');
    await page.keyboard.type('"mail 1', { delay: 5 });
    await page.keyboard.press('Control+a');
    await page.keyboard.type('subject:19');
    await page.locator('.toolbar .count', { hasText: '1 found' }).waitFor();
    expect(await subjects(page)).to.deep.equal(['Mail 19']);
    expect(page.url()).to.match(/#\/\?q=subject%3A19$/);
    await page.reload();
    await page.locator('.toolbar .count', { hasText: '1 found' }).waitFor();
    await page.getByRole('button', { name: 'Clear the search' }).click();
    await page.locator('.toolbar .count', { hasText: '20 mails' }).waitFor();
    await page.goBack();
    await page.locator('.toolbar .count', { hasText: '1 found' }).waitFor();
  });

  it('shows what comes in and matches a search', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(3), hash: '#/?q=invoice' });
    await page.getByText('No mail matches').waitFor();
    await until(2000, () => server.listeners === 1, 'the page listens');
    server.receive({ subject: 'Other' });
    server.receive({ subject: 'Invoice 7' });
    await page.getByText('Invoice 7').first().waitFor();
    expect(await subjects(page)).to.deep.equal(['Invoice 7']);
  });

  it("shows the server's sentence about a search that is wrong", async () => {
    const { page } = await open({ prepare: (one) => one.fill(2), expected: /Failed to load resource/ });
    await page.keyboard.type('/frm:ada');
    await page.getByRole('alert').filter({ hasText: 'did you mean "from:"?' }).first().waitFor();
    expect(await page.getByRole('combobox', { name: 'Search mail' }).getAttribute('aria-invalid')).to.equal('true');
  });

  it('suggests filters and tags', async () => {
    const { page } = await open({ prepare: (one) => one.put({ tags: ['staging'] }) });
    await page.keyboard.type('/ta');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const field = page.getByRole('combobox', { name: 'Search mail' });
    expect(await field.inputValue()).to.equal('tag:');
    await page.keyboard.type('st');
    await page.getByRole('option', { name: 'tag:staging' }).click();
    expect(await field.inputValue()).to.equal('tag:staging ');
    await page.locator('.toolbar .count', { hasText: '1 found' }).waitFor();
  });

  it('explains the search, with examples to try', async () => {
    const { page } = await open({ prepare: (one) => one.fill(2) });
    await page.getByRole('button', { name: 'Help on searching' }).click();
    await page.getByRole('dialog', { name: 'Searching' }).getByRole('button', { name: 'is:unread' }).click();
    await page.locator('.toolbar .count', { hasText: '2 found' }).waitFor();
  });

  it('releases a mail', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(1) });
    await page.keyboard.type('js');
    const dialog = page.getByRole('dialog', { name: 'Release' });
    await dialog.getByRole('textbox').fill('real@example.org');
    await dialog.getByRole('button', { name: 'Release' }).click();
    await page.getByText('Released to real@example.org').waitFor();
    expect(server.bodies.at(-1)!.body).to.deep.equal({ To: ['real@example.org'] });
  });

  it('says why nothing can be released', async () => {
    const { page } = await open({
      prepare: (one) => {
        one.fill(1);
        one.webUi = { MessageRelay: { Enabled: false } };
      },
    });
    await page.keyboard.type('js');
    await page.getByText('There is no upstream').waitFor();
  });

  it('makes, shows and deletes namespaces', async () => {
    const { page, server } = await open({ hash: '#/namespaces', prepare: (one) => one.fill(1) });
    await page.getByText('There are no namespaces.').waitFor();
    await page.getByRole('button', { name: 'New namespace' }).click();
    await page.getByLabel('Name', { exact: true }).fill('checkout');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('smtp://checkout:checkout@127.0.0.1:1025').waitFor();
    await page.getByRole('heading', { name: 'checkout' }).waitFor();
    await page.getByRole('button', { name: 'Delete checkout' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
    await page.getByText('There are no namespaces.').waitFor();
    expect(server.namespaces).to.deep.equal([]);
  });

  it('makes, changes and deletes faults, and says what is wrong with one', async () => {
    const { page, server } = await open({
      hash: '#/faults',
      prepare: (one) => one.fill(1),
      expected: /Failed to load resource/,
    });
    await page.getByText('the server behaves').waitFor();
    await page.getByRole('button', { name: 'New rule' }).click();
    await page.getByLabel('Reply').fill('later');
    await page.getByLabel('Only the nth match').fill('3');
    await page.getByRole('button', { name: 'Add the rule' }).click();
    await page.getByRole('alert').filter({ hasText: 'expected a code from 400 to 599' }).waitFor();
    await page.getByLabel('Reply').fill('450 4.2.0 Later');
    await page.getByRole('button', { name: 'Add the rule' }).click();
    await page.getByRole('heading', { name: 'At RCPT TO: answer 450 4.2.0 Later' }).waitFor();
    expect(server.faults[0]).to.include({ phase: 'rcpt', reply: '450 4.2.0 Later', nth: 3 });
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('combobox', { name: 'Do' }).selectOption('drop');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'At RCPT TO: close the connection' }).waitFor();
    expect(server.faults[0]).to.include({ id: 'f1', drop: 'before' }).and.not.have.property('reply');
    await page.getByRole('button', { name: 'Delete the rule f1' }).click();
    await page.getByText('the server behaves').waitFor();
  });
});
