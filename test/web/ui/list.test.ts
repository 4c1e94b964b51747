// The list in a browser: the first visit, mail that comes in, keys, many mails, and a server that goes away.
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { until } from '../../support/within.ts';
import { inChromium } from './support/chromium.ts';

const subjects = (page: Page): Promise<string[]> => page.locator('.row .subject').allTextContents();
const count = (page: Page): Promise<string> => page.locator('.toolbar .count').innerText();

inChromium('the list', ({ open }) => {
  it('tells on the first visit how to send a mail, with the port that the server listens on', async () => {
    const { page } = await open({ prepare: (server) => (server.smtp = ['[::]:2525']) });
    await page.getByRole('heading', { name: 'Send the first mail' }).waitFor();
    const lines = page.getByRole('region', { name: 'A mail with swaks' });
    expect(await lines.innerText()).to.include('--server 127.0.0.1 --port 2525');
    for (const name of ['curl', 'nodemailer', 'Python', 'PHP', 'Django', 'Rails', 'Spring']) {
      await page.getByRole('button', { name, exact: true }).click();
      expect(await page.getByRole('region', { name: `A mail with ${name}` }).innerText(), name).to.include('2525');
    }
  });

  it('copies the lines', async () => {
    const { page } = await open({ context: { permissions: ['clipboard-read', 'clipboard-write'] } });
    await page.getByRole('button', { name: 'Copy the lines for swaks' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).to.include('swaks --server 127.0.0.1 --port 1025');
  });

  it('shows a mail as it comes', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(3) });
    await until(2000, () => server.listeners === 1, 'the page listens');
    server.receive({ subject: 'Fresh' });
    await page.getByText('Fresh').waitFor();
    expect(await subjects(page)).to.deep.equal(['Fresh', 'Mail 3', 'Mail 2', 'Mail 1']);
    expect(await count(page)).to.equal('4 mails, 4 unread');
  });

  it('keeps up with a burst, in order', async () => {
    const { page, server } = await open();
    await until(2000, () => server.listeners === 1, 'the page listens');
    for (let i = 1; i <= 300; i++) server.receive({ subject: `Burst ${i}` });
    await page.locator('.toolbar .count', { hasText: '300 mails' }).waitFor();
    expect((await subjects(page)).slice(0, 3)).to.deep.equal(['Burst 300', 'Burst 299', 'Burst 298']);
  });

  it('stays where the reader is when mail comes in below the top', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(1000) });
    await page.keyboard.press('G');
    await page.getByText('Mail 1', { exact: true }).waitFor();
    await page.evaluate("document.querySelector('.list').scrollTop -= 58 * 20 + 7");
    const place = async (): Promise<number> =>
      Math.round((await page.getByText('Mail 25', { exact: true }).boundingBox())!.y);
    const before = await place();
    server.receive({ subject: 'Fresh' });
    await page.locator('.toolbar .count', { hasText: '1,001' }).waitFor();
    expect(await place()).to.equal(before);
    await page.keyboard.press('k');
    expect(await page.locator('.row.active .subject').innerText(), 'the cursor is where it was').to.equal('Mail 2');
  });

  it('follows what others delete, read and tag', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(3) });
    const [third, second, first] = server.mails;
    server.mails = [second!, first!];
    server.tell('delete', { ID: third!.id });
    server.tell('update', { ID: second!.id, Read: true });
    server.tell('update', { ID: first!.id, Tags: ['seen'] });
    await page.locator('.row .tag', { hasText: 'seen' }).waitFor();
    expect(await subjects(page)).to.deep.equal(['Mail 2', 'Mail 1']);
    expect(await page.locator('.row.unread .subject').allTextContents()).to.deep.equal(['Mail 1']);
  });

  it('looks again when so much was pruned that it was not told one by one', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(50) });
    server.mails = server.mails.slice(0, 10);
    server.tell('prune', null);
    await page.locator('.toolbar .count', { hasText: '10 mails' }).waitFor();
  });

  it('comes back to a server that was away, and catches up', async () => {
    const { page, server } = await open({
      prepare: (one) => one.fill(2),
      expected: /WebSocket connection|ERR_CONNECTION_REFUSED|Failed to load resource/,
    });
    await until(2000, () => server.listeners === 1, 'the page listens');
    const port = Number(new URL(server.url).port);
    await server.close();
    await page.getByText('The connection is lost.').waitFor();
    server.put({ subject: 'Meanwhile' });
    await server.listen(port);
    await page.getByText('Meanwhile').first().waitFor();
    await page.getByText('The connection is lost.').waitFor({ state: 'detached' });
  });

  it('works by keys alone', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(30) });
    const active = (): Promise<string> => page.locator('.row.active .subject').innerText();
    await page.keyboard.press('j');
    expect(await active()).to.equal('Mail 30');
    await page.keyboard.type('jjj');
    expect(await active()).to.equal('Mail 27');
    await page.keyboard.press('k');
    expect(await active()).to.equal('Mail 28');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Mail 28' }).waitFor();
    expect(page.url()).to.include(`#/mail/${server.mails[2]!.id}`);
    await page.keyboard.press('j');
    await page.getByRole('heading', { name: 'Mail 27' }).waitFor();
    await page.keyboard.press('u');
    await page.getByRole('heading', { name: 'Mail 27' }).waitFor({ state: 'detached' });
    await page.keyboard.press('G');
    expect(await active()).to.equal('Mail 1');
    await page.keyboard.type('gg');
    expect(await active()).to.equal('Mail 30');
    await page.keyboard.press('r');
    await until(2000, () => server.mails[0]!.read, 'marked read');
    await page.keyboard.press('r');
    await until(2000, () => !server.mails[0]!.read, 'marked unread');
    await page.keyboard.type('xjjx');
    await page.getByText('2 chosen').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('2 chosen').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await active(), 'keys under a dialog do nothing').to.equal('Mail 28');
    await page.keyboard.press('/');
    await page.keyboard.type('jk');
    expect(await page.getByRole('combobox', { name: 'Search mail' }).inputValue()).to.equal('jk');
  });

  it('has a palette of all commands', async () => {
    const { page } = await open({ prepare: (one) => one.fill(2) });
    await page.keyboard.press('Control+k');
    await page.keyboard.type('faults');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Faults' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('Mail 1');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.locator('.toolbar .count', { hasText: '1 found' }).waitFor();
  });

  it('scrolls through a hundred thousand mails, and loads only what is looked at', async () => {
    const { page, server } = await open({ prepare: (one) => one.fill(100_000) });
    expect(await count(page)).to.equal('100,000 mails, 100,000 unread');
    await page.keyboard.press('End');
    await page.getByText('Mail 1', { exact: true }).waitFor();
    expect(await page.locator('.row').count()).to.be.below(60);
    await page.evaluate("document.querySelector('.list').scrollTop = 50000 * 58");
    await page.getByText('Mail 50000', { exact: true }).waitFor();
    await page.evaluate("document.querySelector('.list').scrollTop = 0");
    await page.getByText('Mail 100000', { exact: true }).waitFor();
    const asked = server.requests.filter((request) => request.startsWith('GET /api/v1/messages?'));
    expect(asked.length).to.be.below(10);
    for (const request of asked)
      expect(Number(new URL(request.slice(4), server.url).searchParams.get('limit'))).to.be.below(200);
  });

  it('works under any base path', async () => {
    const { page, server } = await open({ base: '/some/where/', prepare: (one) => one.fill(2) });
    await until(2000, () => server.listeners === 1, 'the page listens');
    await page.locator('.row').first().click();
    await page.getByRole('heading', { name: 'Mail 2' }).waitFor();
    const elsewhere = server.requests.filter(
      (request) => !request.includes(' /some/where/') && !request.endsWith('/favicon.ico'),
    );
    expect(elsewhere).to.deep.equal([]);
  });

  it('tells why there is no list, and tries again when asked', async () => {
    const { page, server } = await open({
      expected: /Failed to load resource/,
      prepare: (one) => {
        one.fill(1);
        one.instead = (request) =>
          request.startsWith('GET /api/v1/messages') ? { status: 500, content: 'the store is closed\n' } : undefined;
      },
    });
    await page.getByText('the store is closed').waitFor();
    server.instead = null;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Mail 1', { exact: true }).waitFor();
  });
});
