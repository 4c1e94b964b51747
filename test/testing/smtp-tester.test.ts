// The facade of smtp-tester, as its suites use it.
import { expect } from 'chai';
import { type EmailInfo, init, type MailServer } from '../../testing/smtp-tester.ts';
import { deferred, until, within } from '../support/within.ts';
import { send } from './support/send.ts';

describe('lonedot/testing/smtp-tester', () => {
  let server: MailServer;
  let smtp: { host: string; port: number; secure: false };

  before(async () => {
    server = init(0);
    smtp = { host: '127.0.0.1', port: await server.ready, secure: false };
  });
  afterEach(() => server.removeAll());
  after(() => within(5000, new Promise<void>((resolve) => void server.stop(resolve)), 'the stop'));

  it('captures one, whether it came before or comes yet', async () => {
    const early = server.captureOne('bob@example.com', { wait: 3000 });
    await send({ smtp }, { subject: 'first' });
    const { address, id, email } = await early;
    expect([address, email.headers['subject'], typeof id]).to.deep.equal(['bob@example.com', 'first', 'number']);
    await send({ smtp }, { subject: 'second' });
    await send({ smtp }, { subject: 'third' });
    expect((await server.captureOne('bob@example.com', { wait: 3000 })).email.headers['subject']).to.equal('second');
    const third = await server.captureOne('bob@example.com', { wait: 3000, deleteAfterCapture: false });
    const again = await server.captureOne('bob@example.com', { wait: 3000 });
    expect([third.email.headers['subject'], again.id]).to.deep.equal(['third', third.id]);
  });

  it('rejects when nothing comes in time', async () => {
    await send({ smtp }, { to: 'other@example.com' });
    const error = await server.captureOne('bob@example.com', { wait: 30 }).catch((one: Error) => one);
    expect(error).to.be.instanceOf(Error).with.property('message', 'No message delivered to bob@example.com');
  });

  it('gives the shape that handlers know', async () => {
    const captured = server.captureOne('bob@example.com', { wait: 3000 });
    await send(
      { smtp },
      {
        to: 'bob@example.com, carol@example.com',
        subject: 'Wëlcome',
        text: 'This is a test mail',
        html: '<b>This</b> is <img src="cid:pic">',
        headers: { 'X-Many': ['a', 'b'] },
        attachments: [
          { filename: 'a.txt', content: 'attached' },
          { filename: 'p.png', content: 'png', cid: 'pic' },
        ],
      },
    );
    const { email } = await captured;
    expect(email).to.include({
      sender: 'app@example.com',
      body: 'This is a test mail',
      html: '<b>This</b> is <img src="cid:pic">',
    });
    expect(email.receivers).to.deep.equal({ 'bob@example.com': true, 'carol@example.com': true });
    expect(email.data).to.match(/^Received: [\s\S]*\r\nSubject: =\?UTF-8\?[\s\S]*--$/);
    expect(email.headers).to.include({ subject: 'Wëlcome', to: 'bob@example.com, carol@example.com' });
    expect(email.headers['x-many']).to.deep.equal(['a', 'b']);
    expect(email.headers['date']).to.be.instanceOf(Date);
    expect(email.headers['content-type']).to.have.property('value', 'multipart/mixed');
    const [file, picture] = email.attachments;
    expect(file).to.include({ filename: 'a.txt', contentType: 'text/plain', size: 8, related: false });
    expect(file!.content.toString()).to.equal('attached');
    expect(picture).to.include({ cid: 'pic', contentId: '<pic>', related: true });
  });

  it('has no html and no text where the mail has none', async () => {
    const captured = server.captureOne('bob@example.com', { wait: 3000 });
    await send({ smtp }, { text: '' });
    const { html, body, attachments } = (await captured).email;
    expect({ html, body, attachments }).to.deep.equal({ html: false, body: undefined, attachments: [] });
  });

  it('calls handlers for what came and for what comes, those of all mail first, until they are unbound', async () => {
    const calls: string[] = [];
    const all = (address: null, _: number, email: EmailInfo) => calls.push(`${address} ${email.headers['subject']}`);
    const bob = (address: string, _: number, email: EmailInfo) => calls.push(`${address} ${email.headers['subject']}`);
    await send({ smtp }, { subject: '1' });
    const seen = deferred();
    const first = () => seen.resolve();
    server.bind(first);
    await within(3000, seen.promise);
    server.unbind(first);
    server.bind('bob@example.com', bob);
    server.bind(all);
    expect(calls.splice(0)).to.deep.equal(['bob@example.com 1', 'null 1']);
    await send({ smtp }, { subject: '2' });
    await until(3000, () => calls.length === 2);
    expect(calls.splice(0)).to.deep.equal(['null 2', 'bob@example.com 2']);
    await send({ smtp }, { subject: '3', to: 'carol@example.com' });
    await until(3000, () => calls.length === 1);
    expect(calls.splice(0)).to.deep.equal(['null 3']);
    server.unbind('bob@example.com', bob);
    await send({ smtp }, { subject: '4' });
    await until(3000, () => calls.length === 1);
    expect(calls.splice(0)).to.deep.equal(['null 4']);
    server.unbind(all);
  });

  it('removes one, or all', async () => {
    for (const subject of ['1', '2', '3']) await send({ smtp }, { subject });
    const ids: number[] = [];
    const note = (_: null, id: number) => ids.push(id);
    server.bind(note);
    await until(3000, () => ids.length === 3);
    server.unbind(note);
    server.remove(ids[0]!);
    server.remove(4711);
    server.bind(note);
    server.unbind(note);
    expect(ids.slice(3)).to.deep.equal(ids.slice(1, 3));
    server.removeAll();
    const error = await server.captureOne('bob@example.com', { wait: 20 }).catch((one: Error) => one);
    expect(error).to.be.instanceOf(Error);
  });

  it('knows the module logAll', () => {
    expect([server.module('logAll'), server.module('other')]).to.deep.equal([true, false]);
    server.unmodule('logAll');
    server.unmodule('other');
  });

  it('listens on a port that it is given, for both kinds of localhost', async () => {
    const port = await freePort();
    const other = init(port);
    expect(await other.ready).to.equal(port);
    const captured = other.captureOne('bob@example.com', { wait: 3000 });
    await send({ smtp: { host: 'localhost', port, secure: false } }, {});
    await captured;
    await other.stop();
  });
});

async function freePort(): Promise<number> {
  const probe = init(0);
  const port = await probe.ready;
  await probe.stop();
  return port;
}
