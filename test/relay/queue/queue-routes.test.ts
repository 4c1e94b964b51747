// Where queued mail goes: by the routes as they are at each attempt, and as operators order it.
import { expect } from 'chai';
import type { NewRecipient, RecipientState } from '../../../relay/store/store.ts';
import { within } from '../../support/within.ts';
import { put } from '../store/support.ts';
import { HOUR, MINUTE, Post } from '../support/queues.ts';
import { type Step, Upstream } from '../support/upstream.ts';

const MESSAGE = 'Message-ID: <1@x.example>\r\nSubject: t\r\n\r\nHello\r\n';

describe('Queue and its routes', () => {
  let main: Upstream;
  let other: Upstream;
  let post: Post;

  const urls = (): string[] => [`${main.url}?tls=none&name=main`, `${other.url}?tls=none&name=other`];

  async function open(...routes: string[]): Promise<void> {
    post = await Post.open({ upstreams: urls(), routes });
  }

  beforeEach(async () => {
    main = await Upstream.start();
    other = await Upstream.start();
  });

  afterEach(async () => {
    await post.close();
    await main.stop();
    await other.stop();
  });

  const rcpts = (upstream: Upstream): string[] => upstream.mails.flatMap(({ to }) => to.map((line) => line.slice(8)));

  it('sends each recipient where its route says, and one mail in as many transactions as that takes', async () => {
    await open('@main.example=relay:main', '@other.example=relay:other');
    const id = await post.submit(MESSAGE, 'a@main.example', 'b@other.example', 'c@main.example', 'd@else.example');
    await post.logged('message.delivered', 4);
    // What no rule names goes to the first upstream, but it is another route.
    expect(rcpts(main).sort()).to.deep.equal(['<a@main.example>', '<c@main.example>', '<d@else.example>']);
    expect(rcpts(other)).to.deep.equal(['<b@other.example>']);
    expect(await post.isDone(id)).to.equal(true);
  });

  it('goes by the sender too', async () => {
    await open('@x.example>*=relay:other');
    await post.submit(MESSAGE);
    await post.logged('message.delivered');
    expect(rcpts(other)).to.deep.equal(['<b@x.example>']);
    expect(main.connections).to.equal(0);
  });

  it('never takes an upstream that the route does not name, however unreachable the named one is', async () => {
    await open('*=relay:main');
    main.answer = ({ phase }) => (phase === 'connect' ? 'reset' : undefined);
    const id = await post.submit(MESSAGE);
    await post.logged('message.deferred');
    expect(await post.states(id)).to.deep.equal(['deferred']);
    expect(other.connections).to.equal(0);
  });

  describe('when they change', () => {
    const waiting = async (): Promise<string> => {
      main.answer = ({ phase }) => (phase === 'rcpt' ? '450 4.2.0 full' : undefined);
      await open('<>>*=discard');
      const id = await post.submit(MESSAGE);
      await post.logged('message.deferred');
      await within(2000, post.queue.stop(0));
      return id;
    };

    const CHANGES: readonly [rule: string, event: string, state: RecipientState | null][] = [
      ['*=relay:other', 'message.delivered', null],
      ['*=capture', 'message.captured', 'captured'],
      ['*=discard', 'message.discarded', null],
      ['*=reject:551 5.1.6 moved', 'message.bounced', 'bounced'],
      ['*=reject:451 4.7.1 not now', 'message.deferred', 'deferred'],
    ];
    for (const [rule, event, state] of CHANGES) {
      it(`take queued mail along: ${rule}`, async () => {
        const id = await waiting();
        const before = post.log.of(event).length;
        const tried = main.commands.length;
        const queue = post.another(undefined, { routes: [rule] });
        post.clock.advance((await post.wait(id))!);
        queue.wake();
        await post.logged(event, before + 1);
        expect(await post.states(id)).to.deep.equal(state === null ? [] : [state]);
        expect(main.commands.slice(tried)).to.deep.equal([]);
        expect(rcpts(other)).to.deep.equal(rule.includes('other') ? ['<b@x.example>'] : []);
        if (!rule.includes('reject')) return;
        const { attempts } = (await post.store.get(id))!.recipients[0]!;
        expect(attempts.at(-1)).to.include({ upstream: '', reply: rule.split(':')[1]! });
      });
    }
  });

  describe('and orders', () => {
    it('bounce without an attempt what an operator wants bounced, and deliver the rest', async () => {
      let isFull = true;
      main.answer = ({ phase }) => (phase === 'rcpt' && isFull ? '450 4.2.0 full' : undefined);
      await open('<>>*=discard');
      const id = await post.submit(MESSAGE, 'b@x.example', 'c@x.example');
      await post.logged('message.deferred', 2);
      isFull = false;
      const tried = main.commands.length;
      await post.store.change({ ids: [id], recipient: 'b@x.example' }, 'bounce', post.clock.now());
      post.queue.lookForMore();
      await post.logged('message.bounced');
      expect(main.commands.slice(tried)).to.deep.equal([]);
      expect(await post.states(id)).to.deep.equal(['bounced', 'deferred']);
      await post.pass(2 * MINUTE);
      await post.logged('message.delivered');
      expect(rcpts(main)).to.deep.equal(['<c@x.example>']);
    });

    it('are carried out while no upstream can be reached', async () => {
      for (const upstream of [main, other])
        upstream.answer = ({ phase }) => (phase === 'connect' ? 'reset' : undefined);
      await open('<>>*=discard');
      const id = await post.submit(MESSAGE);
      await post.logged('message.deferred');
      await post.store.change({ ids: [id] }, 'bounce', post.clock.now());
      post.queue.lookForMore();
      await post.logged('message.bounced');
      expect(post.queue.lanes().map(({ state }) => state)).to.deep.equal(['paused', 'paused']);
    });

    it('leave held mail alone until it is released, and requeued mail begins anew', async () => {
      main.answer = ({ phase }) => (phase === 'rcpt' ? '450 4.2.0 full' : undefined);
      await open('<>>*=discard');
      const id = await post.submit(MESSAGE);
      await post.logged('message.deferred');
      await post.store.change({ ids: [id] }, 'hold', post.clock.now());
      await post.pass(3 * HOUR, 10 * MINUTE);
      expect(post.log.of('message.deferred').length).to.equal(1);
      await post.store.change({ ids: [id] }, 'release', post.clock.now());
      post.queue.lookForMore();
      await post.logged('message.deferred', 2);
      expect(await post.wait(id)).to.be.within(2 * MINUTE, 3 * MINUTE);
      await post.store.change({ ids: [id] }, 'requeue', post.clock.now());
      post.queue.lookForMore();
      await post.logged('message.deferred', 3);
      expect(await post.wait(id)).to.be.within(MINUTE, 1.5 * MINUTE);
    });
  });

  it('counts the expiry of requeued mail from then on', async () => {
    main.answer = ({ phase }: Step) => (phase === 'rcpt' ? '450 4.2.0 full' : undefined);
    post = await Post.open({ upstreams: [urls()[0]!], retry: { expire: 2 * HOUR } });
    const id = await post.submit(MESSAGE);
    await post.logged('message.deferred');
    await post.pass(3 * HOUR, 10 * MINUTE);
    expect(await post.states(id)).to.deep.equal(['expired']);
    await post.store.change({ ids: [id] }, 'requeue', post.clock.now());
    post.queue.lookForMore();
    await post.pass(MINUTE);
    expect(await post.states(id)).to.deep.equal(['deferred']);
    main.answer = () => undefined;
    await post.pass(5 * MINUTE, MINUTE);
    await post.logged('message.delivered');
  });

  it('holds what may have been delivered, where the operator wants to decide', async () => {
    main.answer = ({ phase }) => (phase === 'dot' ? 'drop' : undefined);
    post = await Post.open({ upstreams: [urls()[0]!], retry: { unknown: 'hold' } });
    const id = await post.submit(MESSAGE);
    await post.logged('message.held');
    expect(post.log.levels('message.held')).to.deep.equal(['error']);
    await post.pass(6 * HOUR, 10 * MINUTE);
    expect(await post.states(id)).to.deep.equal(['held']);
    expect(main.mails.length).to.equal(1);
  });

  it('passes on what the envelope holds besides addresses', async () => {
    await main.stop();
    main = await Upstream.start({ keywords: ['PIPELINING', '8BITMIME', 'DSN', 'ENHANCEDSTATUSCODES'] });
    await open();
    const recipients: NewRecipient[] = [
      { address: 'b@x.example', parameters: [['NOTIFY', 'FAILURE']], route: 'relay' },
      { address: 'c@x.example', parameters: [['ORCPT', 'rfc822;old@x.example']], route: 'relay' },
    ];
    await put(post.store, MESSAGE, {
      receivedAt: post.clock.now(),
      sender: 'a@x.example',
      parameters: [
        ['RET', 'HDRS'],
        ['ENVID', 'QQ314'],
        ['BODY', '8BITMIME'],
      ],
      recipients,
    });
    post.queue.wake();
    await post.logged('message.delivered', 2);
    const [mail, first, second] = main.commands.filter((line) => /^(MAIL|RCPT)/.test(line));
    expect(mail).to.include('RET=HDRS').and.include('ENVID=QQ314').and.include('BODY=8BITMIME');
    expect(first).to.equal('RCPT TO:<b@x.example> NOTIFY=FAILURE');
    expect(second).to.equal('RCPT TO:<c@x.example> ORCPT=rfc822;old@x.example');
  });
});
