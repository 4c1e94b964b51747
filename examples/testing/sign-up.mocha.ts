// Mocha and chai: what a new user gets. Runs in a worker of its own, see mocha-setup.ts.
import * as chai from 'chai';
// In your own suite: from 'lonedot/testing' and 'lonedot/testing/chai'.
import { mailAssertions } from '../../testing/chai.ts';
import { connectSink, type Namespace } from '../../testing/index.ts';
import { App } from './app.ts';

const { expect } = chai.use(mailAssertions);

describe('signing up', () => {
  let inbox: Namespace;
  let app: App;

  before(async () => {
    const sink = await connectSink(process.env['MAIL_SINK']!);
    inbox = await sink.namespace();
    app = new App(inbox.url);
    await app.listen();
  });
  beforeEach(() => inbox.clear());
  after(async () => {
    app.close();
    await inbox.delete();
  });

  it('sends one mail, with a code and a link', async () => {
    await app.signUp('bob@example.com');
    const mail = await expect(inbox).to.have.received({ to: 'bob@example.com', subject: 'confirm' });
    expect(mail)
      .to.have.sender('app@example.com')
      .and.have.code(/^\d{6}$/)
      .and.have.link('/confirm');
    const page = await fetch(mail.link('/confirm'));
    expect(await page.text()).to.contain('Welcome!');
  });

  it('sends nothing to anybody else', async () => {
    await app.signUp('bob@example.com');
    await expect(inbox).not.to.have.received({ to: 'carol@example.com' });
  });
});
