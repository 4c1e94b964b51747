// Mocha and chai: what the app does when its mail server will not have the mail. The fault strikes in this worker's
// namespace only; the other worker's mail goes through meanwhile.
import { expect } from 'chai';
// In your own suite: from 'lonedot/testing'.
import { connectSink, type Namespace } from '../../testing/index.ts';
import { App } from './app.ts';

describe('a mail server that refuses', () => {
  let inbox: Namespace;
  let app: App;

  before(async () => {
    inbox = await (await connectSink(process.env['MAIL_SINK']!)).namespace();
    app = new App(inbox.url);
    await app.listen();
  });
  after(async () => {
    app.close();
    await inbox.delete();
  });

  it('is told to the user, who can try again', async () => {
    await inbox.fail({ phase: 'rcpt', reply: '451 4.7.1 Come back later', count: 1 });
    const post = async () => {
      const body = new URLSearchParams({ address: 'bob@example.com' });
      return (await fetch(app.url, { method: 'POST', body })).text();
    };
    expect(await post()).to.contain('could not be sent');
    expect(await post()).to.contain('Look into your mail');
    await inbox.expectMail({ to: 'bob@example.com' });
  });
});
