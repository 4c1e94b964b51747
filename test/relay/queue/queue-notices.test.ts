// What senders hear, end to end: a bounce is made by the commit that records the failure, goes through the same queue,
// and arrives once; bounces of bounces there are none.
import { expect } from 'chai';
import type { NewRecipient } from '../../../relay/store/store.ts';
import { put } from '../store/support.ts';
import { readMail, statusOf } from '../support/notices.ts';
import { HOUR, MINUTE, Post, type PostOptions, withMethods } from '../support/queues.ts';
import { type Act, type ReceivedMail, type Step, Upstream } from '../support/upstream.ts';

const MESSAGE = 'Message-ID: <1@x.example>\r\nSubject: t\r\n\r\nHello\r\n';

describe('Queue and its notices', () => {
  let upstream: Upstream;
  let post: Post;

  async function open(
    answer: (step: Step) => Act = () => undefined,
    options: Partial<PostOptions> = {},
    keywords = ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'],
  ): Promise<void> {
    upstream = await Upstream.start({ keywords, answer });
    post = await Post.open({ upstreams: [`${upstream.url}?tls=none&name=main`], routes: [], ...options });
  }

  afterEach(async () => {
    await post.close();
    await upstream.stop();
  });

  const refuse =
    (table: Readonly<Record<string, string>>) =>
    ({ phase, line }: Step): Act =>
      phase === 'rcpt' ? table[/<([^@]*)/.exec(line)![1]!] : undefined;

  const notices = (): ReceivedMail[] => upstream.mails.filter(({ from }) => from.startsWith('MAIL FROM:<>'));

  it('R4 one delivered, one bounced, one put off: each told and tried by itself, with these commands and no others', async () => {
    await open(refuse({ no: '550 5.1.1 nobody', full: '450 4.2.0 full' }));
    const id = await post.submit(MESSAGE, 'yes@x.example', 'no@x.example', 'full@x.example');
    await post.logged('message.deferred');
    await upstream.got(2);
    await post.logged('message.delivered', 2);
    expect(await post.states(id)).to.deep.equal(['delivered', 'bounced', 'deferred']);
    upstream.answer = () => undefined;
    await post.pass(2 * MINUTE);
    await post.logged('message.delivered', 3);
    await post.pass(24 * HOUR, HOUR);
    expect(await post.states(id)).to.deep.equal(['delivered', 'bounced', 'delivered']);
    expect(upstream.commands.filter((line) => !/^(EHLO|QUIT|RSET)/.test(line))).to.deep.equal(
      [
        'MAIL FROM:<a@x.example>',
        'RCPT TO:<yes@x.example>',
        'RCPT TO:<no@x.example>',
        'RCPT TO:<full@x.example>',
        'DATA',
        'MAIL FROM:<>',
        'RCPT TO:<a@x.example>',
        'DATA',
        'MAIL FROM:<a@x.example>',
        'RCPT TO:<full@x.example>',
        'DATA',
      ].map((line) => expectSize(line)),
    );
    const mail = readMail(notices()[0]!.content);
    expect(statusOf(mail).map((fields) => fields['Final-Recipient'])).to.deep.equal([
      undefined,
      'rfc822; no@x.example',
    ]);
    // Nothing is left of the notice.
    expect((await post.store.counts()).messages).to.equal(1);

    function expectSize(line: string): string {
      const sent = upstream.commands.find((one) => one.startsWith(line));
      return sent ?? line;
    }
  });

  it('makes one bounce for all recipients that failed together, and more of the same attempt come later', async () => {
    await open(refuse({ one: '550 5.1.1 nobody', two: '553 5.1.3 bad', later: '450 4.2.0 full' }));
    await post.submit(MESSAGE, 'one@x.example', 'two@y.example', 'later@z.example');
    await upstream.got(1);
    expect(statusOf(readMail(notices()[0]!.content)).map((fields) => fields['Status'])).to.deep.equal([
      undefined,
      '5.1.1',
      '5.1.3',
    ]);
    upstream.answer = refuse({ later: '550 5.2.1 gone' });
    await post.pass(2 * MINUTE);
    await upstream.got(2);
    expect(statusOf(readMail(notices()[1]!.content))[1]).to.include({ Status: '5.2.1' });
  });

  it('makes one bounce also where recipients went different ways', async () => {
    await open(refuse({ no: '550 5.1.1 nobody', yes: '250 2.1.5 Ok' }), {
      routes: ['@rejected.example=reject:550 5.7.1 not here', '@other.example=relay:main'],
    });
    const id = await post.leave(MESSAGE, 'no@x.example', 'no@other.example', 'b@rejected.example', 'yes@x.example');
    post.queue.wake();
    await upstream.got(2);
    const told = statusOf(readMail(notices()[0]!.content)).slice(1);
    expect(told.map((fields) => fields['Final-Recipient']).sort()).to.deep.equal([
      'rfc822; b@rejected.example',
      'rfc822; no@other.example',
      'rfc822; no@x.example',
    ]);
    await post.pass(HOUR, MINUTE);
    expect(notices().length).to.equal(1);
    expect(await post.states(id)).to.deep.equal(['bounced', 'bounced', 'bounced', 'delivered']);
  });

  it('R3 a bounce that is refused is dropped with a line in the log, and that is the end', async () => {
    await open(({ phase }) => (phase === 'rcpt' ? '550 5.1.1 nobody' : undefined));
    await post.submit(MESSAGE);
    await post.logged('message.bounced', 2);
    expect(post.log.of('notice.dropped').length).to.equal(1);
    const tried = upstream.commands.length;
    await post.pass(24 * HOUR, HOUR);
    expect(upstream.commands.slice(tried)).to.deep.equal([]);
    expect(post.log.of('notice.dropped')[0]!.fields).to.include({ sender: '', why: 'it has no sender' });
  });

  it('does not let a forged sender be buried', async () => {
    await open(refuse({ no: '550 5.1.1 nobody' }), { notices: { perHour: 5 } });
    for (let i = 0; i < 20; i++) await post.submit(MESSAGE, 'no@x.example');
    await post.logged('message.bounced', 20);
    await upstream.got(5);
    await post.pass(HOUR, 10 * MINUTE);
    expect(notices().length).to.equal(5);
    expect(post.log.of('notice.dropped').length).to.equal(15);
  });

  it('tells once that a mail is late, and at last that it is given up', async () => {
    await open(refuse({ full: '450 4.2.0 full' }), { retry: { expire: 12 * HOUR } });
    await post.submit(MESSAGE, 'full@x.example');
    await post.pass(3 * HOUR, MINUTE);
    expect(notices()).to.deep.equal([]);
    await post.pass(3 * HOUR, MINUTE);
    await upstream.got(1);
    expect(statusOf(readMail(notices()[0]!.content))[1]).to.include({ Action: 'delayed', Status: '4.2.0' });
    // Another process looks after it from here on, and knows that this was said.
    post.another().wake();
    await post.pass(7 * HOUR, MINUTE);
    await post.logged('message.expired');
    await upstream.got(2);
    const [, last, ...more] = notices();
    expect(more).to.deep.equal([]);
    expect(statusOf(readMail(last!.content))[1]).to.include({ Action: 'failed', Status: '4.4.7' });
  });

  it('tells that a mail is late also when it waits untried, since its upstream is away', async () => {
    await open(({ phase }) => (phase === 'connect' ? 'reset' : undefined), { routes: ['<>>*=capture'] });
    const ids = [await post.submit(MESSAGE), await post.submit(MESSAGE), await post.submit(MESSAGE)];
    // Who was tried himself waits for up to an hour until the next time.
    await post.pass(4 * HOUR - 1, 2 * MINUTE);
    expect(post.log.of('notice.queued')).to.deep.equal([]);
    await post.passUntil(() => post.log.of('notice.queued').length === 3, MINUTE);
    const stored = await post.store.list(10);
    const told = stored.filter(({ sender }) => sender === '');
    expect(told.length).to.equal(3);
    for (const { recipients } of told) expect(recipients).to.deep.equal(['a@x.example']);
    await post.pass(2 * HOUR, 2 * MINUTE);
    expect((await post.store.list(10)).length).to.equal(6);
    for (const id of ids) expect((await post.states(id))[0]).to.be.oneOf(['queued', 'deferred']);
  });

  it('reports success where the next hop does not, and leaves it to a next hop that does', async () => {
    for (const keywords of [['PIPELINING'], ['PIPELINING', 'DSN']]) {
      await open(undefined, {}, keywords);
      const recipients: NewRecipient[] = [
        { address: 'b@x.example', parameters: [['NOTIFY', 'SUCCESS']], route: 'relay' },
      ];
      await put(post.store, MESSAGE, { receivedAt: post.clock.now(), sender: 'a@x.example', recipients });
      post.queue.wake();
      await post.logged('message.delivered');
      await post.pass(MINUTE);
      const isTaken = keywords.includes('DSN');
      expect(notices().length).to.equal(isTaken ? 0 : 1);
      if (!isTaken) {
        expect(statusOf(readMail(notices()[0]!.content))[1]).to.include({ Action: 'relayed' });
        await post.close();
        await upstream.stop();
      }
    }
  });

  it('is not sent for a failure that another process has on record', async () => {
    const gate: (() => void)[] = [];
    await open(({ phase }) => (phase === 'dot' ? '554 5.6.0 spam' : undefined), {
      between: (store) =>
        withMethods(store, {
          renew: async () => new Set(),
          settle: async (...args) => {
            await new Promise<void>((resolve) => gate.push(resolve));
            return store.settle(...args);
          },
        }),
    });
    const id = await post.submit(MESSAGE);
    for (let i = 0; i < 1000 && gate.length === 0; i++) await post.quiet();
    post.clock.advance(16_000);
    const [claim] = await post.store.claim('other', post.clock.now(), 15_000, 10);
    const { recipientId, fence } = claim!.recipients[0]!;
    await post.store.settle([{ recipientId, fence, state: 'bounced', nextAttempt: null, attempt: null }]);
    gate[0]!();
    await post.logged('queue.lease_lost');
    expect((await post.store.list(10)).map((one) => one.id)).to.deep.equal([id]);
  });

  it('does not send a mail once more because a notice could not be made', async () => {
    await open(refuse({ no: '550 5.1.1 nobody' }), {
      between: (store) =>
        withMethods(store, {
          nextId: () => {
            throw new Error('no more ids');
          },
        }),
    });
    const id = await post.submit(MESSAGE, 'yes@x.example', 'no@x.example');
    await post.logged('notice.failed');
    await post.logged('message.delivered');
    await post.pass(HOUR, MINUTE);
    expect(await post.states(id)).to.deep.equal(['delivered', 'bounced']);
    expect(upstream.mails.length).to.equal(1);
  });
});
