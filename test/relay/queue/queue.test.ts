// The queue on a real store with a clock of its own: what is tried when, what is never sent twice, and how it stops.
import { expect } from 'chai';
import type { Store } from '../../../relay/store/store.ts';
import { deferred, turn, until, within } from '../../support/within.ts';
import { newMessage } from '../store/support.ts';
import { DAY, HOUR, MINUTE, Post, type PostOptions, withMethods } from '../support/queues.ts';
import { type Act, type Step, Upstream } from '../support/upstream.ts';

const MESSAGE = 'Message-ID: <1@x.example>\r\nSubject: t\r\n\r\n.Hello\r\n';

describe('Queue', () => {
  let upstream: Upstream;
  let post: Post;

  async function start(
    answer: (step: Step) => Act = () => undefined,
    options: Partial<PostOptions> = {},
  ): Promise<void> {
    upstream = await Upstream.start({ answer });
    post = await Post.open({ upstreams: [`${upstream.url}?tls=none`], ...options });
  }

  afterEach(async () => {
    await post.close();
    await upstream.stop();
  });

  const dot = (act: Act) => (step: Step) => (step.phase === 'dot' ? act : undefined);

  it('delivers what it is woken for, byte for byte, and records the attempt', async () => {
    await start();
    upstream.answer = ({ phase, line }) => (phase === 'rcpt' && line.includes('no@') ? '550 5.1.1 nobody' : undefined);
    const id = await post.submit(MESSAGE, 'b@x.example', 'no@x.example');
    await post.logged('message.delivered');
    await post.logged('message.bounced');
    expect(upstream.mails.map(({ content }) => content.toString('latin1'))).to.deep.equal([MESSAGE]);
    const { recipients } = (await post.store.get(id))!;
    const common = { at: post.clock.now(), upstream: `smtp://127.0.0.1:${upstream.port}`, tls: '' };
    expect(recipients.map(({ state, nextAttempt, attempts }) => ({ state, nextAttempt, attempts }))).to.deep.equal([
      {
        state: 'delivered',
        nextAttempt: null,
        attempts: [{ ...common, reply: '250 2.0.0 Ok: queued as UP1', outcome: 'delivered' }],
      },
      { state: 'bounced', nextAttempt: null, attempts: [{ ...common, reply: '550 5.1.1 nobody', outcome: 'failed' }] },
    ]);
  });

  it('delivers at its start what another process left, and what comes without a word within half a minute', async () => {
    await start();
    await post.leave(MESSAGE);
    post.queue.wake();
    await post.logged('message.delivered');
    await post.leave(MESSAGE);
    await post.pass(30_000);
    await post.logged('message.delivered', 2);
  });

  it('tries again after a 4xx: not before the shortest wait, doubling, up to the longest', async () => {
    await start(dot('451 4.3.0 later'));
    const id = await post.submit(MESSAGE);
    const waits: number[] = [];
    for (let n = 1; n <= 9; n++) {
      await post.logged('message.deferred', n);
      const wait = (await post.wait(id))!;
      waits.push(wait);
      post.clock.advance(wait - 1);
      await post.quiet();
      expect(upstream.mails.length).to.equal(n);
      post.clock.advance(1);
    }
    for (const [i, wait] of waits.entries()) {
      const doubled = Math.min(MINUTE * 2 ** i, HOUR);
      expect(wait).to.be.within(Math.min(doubled, 0.75 * HOUR), Math.min(1.5 * doubled, HOUR));
    }
    expect(new Set(waits.slice(6)).size).to.equal(3);
    await post.logged('message.deferred', 10);
    expect((await post.store.get(id))!.recipients[0]!.attempts.length).to.equal(10);
    upstream.answer = () => undefined;
    post.clock.advance(HOUR);
    await post.logged('message.delivered');
    expect(await post.isDone(id)).to.equal(true);
  });

  it('bounces after a 5xx and never sends it again', async () => {
    await start(dot('554 5.6.0 spam'));
    const id = await post.submit(MESSAGE);
    await post.logged('message.bounced');
    await post.pass(6 * DAY, HOUR);
    expect(upstream.mails.length).to.equal(1);
    expect(await post.states(id)).to.deep.equal(['bounced']);
    expect((await post.store.get(id))!.recipients[0]!.attempts[0]!.reply).to.equal('554 5.6.0 spam');
  });

  it('R4 treats each recipient by itself, and sends to none of them twice', async () => {
    await start(({ phase, line }) =>
      phase !== 'rcpt'
        ? undefined
        : line.includes('no@')
          ? '550 5.1.1 nobody'
          : line.includes('full@')
            ? '450 4.2.0 full'
            : undefined,
    );
    const id = await post.submit(MESSAGE, 'yes@x.example', 'no@x.example', 'full@x.example');
    await post.logged('message.deferred');
    expect(await post.states(id)).to.deep.equal(['delivered', 'bounced', 'deferred']);
    upstream.answer = () => undefined;
    await post.pass(2 * MINUTE);
    await post.logged('message.delivered', 2);
    expect(await post.states(id)).to.deep.equal(['delivered', 'bounced', 'delivered']);
    expect(upstream.mails.map(({ to }) => to)).to.deep.equal([
      ['RCPT TO:<yes@x.example>'],
      ['RCPT TO:<full@x.example>'],
    ]);
  });

  it('defers what was lost before the dot, and sends it soon', async () => {
    const content = Buffer.from('x\r\n'.repeat(2_500_000));
    await start(({ phase, bytes }) => (phase === 'content' && bytes > 100_000 ? 'reset' : undefined));
    const id = await post.submit(content);
    await post.logged('message.deferred');
    expect(await post.wait(id)).to.be.within(MINUTE, 1.5 * MINUTE);
    upstream.answer = () => undefined;
    await post.pass(1.5 * MINUTE);
    await post.logged('message.delivered');
    expect(upstream.mails.length).to.equal(1);
    expect(upstream.mails[0]!.content.equals(content)).to.equal(true);
  });

  it('R5 what was lost behind the dot is unknown: sent once more, late, and the very same bytes', async () => {
    await start(dot('drop'));
    const id = await post.submit(MESSAGE);
    await post.logged('message.unknown');
    expect(post.log.levels('message.unknown')).to.deep.equal(['warn']);
    expect(await post.states(id)).to.deep.equal(['unknown']);
    expect(await post.wait(id)).to.equal(HOUR);
    upstream.answer = () => undefined;
    await post.pass(HOUR - 5_000, MINUTE);
    expect(upstream.mails.length).to.equal(1);
    await post.pass(5_000);
    await post.logged('message.delivered');
    expect(upstream.mails.length).to.equal(2);
    expect(upstream.mails[1]!.wire.equals(upstream.mails[0]!.wire)).to.equal(true);
    expect(upstream.mails[1]!.content.toString('latin1')).to.equal(MESSAGE);
  });

  describe('with two upstreams', () => {
    let second: Upstream;

    async function startBoth(answer: (step: Step) => Act): Promise<void> {
      second = await Upstream.start();
      upstream = await Upstream.start({ answer });
      post = await Post.open({ upstreams: [`${upstream.url}?tls=none`, `${second.url}?tls=none`] });
    }

    afterEach(() => second.stop());

    const FIRST_FAILS: readonly [title: string, answer: (step: Step) => Act][] = [
      ['hangs up', ({ phase }) => (phase === 'connect' ? 'reset' : undefined)],
      ['is busy', ({ phase }) => (phase === 'connect' ? { last: '421 4.3.2 busy' } : undefined)],
      ['R6 is busy at MAIL', ({ phase }) => (phase === 'mail' ? { last: '421 4.3.2 busy' } : undefined)],
      ['hangs up at DATA', ({ phase }) => (phase === 'data' ? 'drop' : undefined)],
    ];
    for (const [title, answer] of FIRST_FAILS) {
      it(`takes the second at once when the first ${title}, and the first again when its pause is over`, async () => {
        await startBoth(answer);
        const id = await post.submit(MESSAGE);
        await post.logged('message.delivered');
        expect(second.mails.length).to.equal(1);
        expect(second.mails[0]!.content.toString('latin1')).to.equal(MESSAGE);
        expect(await post.isDone(id)).to.equal(true);
        expect(post.log.of('message.delivered')[0]!.fields).to.include({ upstream: `smtp://127.0.0.1:${second.port}` });
        expect(post.log.levels('upstream.unreachable')).to.deep.equal(['warn']);
        upstream.answer = () => undefined;
        await post.submit(MESSAGE);
        await post.logged('message.delivered', 2);
        expect(upstream.mails.length).to.equal(0);
        await post.pass(2_000);
        await post.submit(MESSAGE);
        await post.logged('message.delivered', 3);
        expect(upstream.mails.length).to.equal(1);
        expect(second.mails.length).to.equal(2);
      });
    }

    it('takes the second when nobody listens at the first', async () => {
      await startBoth(() => undefined);
      await upstream.stop();
      await post.submit(MESSAGE);
      await post.logged('message.delivered');
      expect(second.mails.length).to.equal(1);
      upstream = await Upstream.start();
    });

    for (const [title, act] of [
      ['behind the dot', 'drop'],
      ['with a refusal', '554 5.6.0 spam'],
    ] as const) {
      it(`never takes the second for a mail that the first ended ${title}`, async () => {
        await startBoth(dot(act));
        await post.submit(MESSAGE);
        await post.logged(act === 'drop' ? 'message.unknown' : 'message.bounced');
        await post.quiet();
        expect(second.connections).to.equal(0);
      });
    }
  });

  it("R10 a wrong password is an alarm, and no reason to bounce anybody's mail", async () => {
    upstream = await Upstream.start({
      keywords: ['AUTH PLAIN'],
      answer: ({ phase }) => (phase === 'auth' ? '535 5.7.8 wrong' : undefined),
    });
    post = await Post.open({ upstreams: [`${upstream.url.replace('//', '//me:secret@')}?tls=none`] });
    const id = await post.submit(MESSAGE);
    for (let n = 1; n <= 4; n++) {
      await post.logged('message.deferred', n);
      expect(await post.states(id)).to.deep.equal(['deferred']);
      await post.passUntilDue(id);
    }
    expect(new Set(post.log.levels('upstream.unreachable'))).to.deep.equal(new Set(['error']));
    expect(JSON.stringify(post.log.records)).to.not.include('secret');
    upstream.answer = () => undefined;
    await post.pass(2 * HOUR, MINUTE);
    await post.logged('message.delivered');
  });

  for (const [title, act, state] of [
    ['deferred', '451 4.3.0 later', 'expired'],
    ['unknown', 'drop', 'expired'],
  ] as const) {
    it(`gives up what was ${title} for too long, and tells the operator`, async () => {
      await start(dot(act), { retry: { expire: 3 * HOUR } });
      const id = await post.submit(MESSAGE);
      for (let n = 1; post.log.of('message.expired').length === 0; n++) {
        expect(n).to.be.lessThan(20);
        await until(4000, () => post.log.of(`message.${title}`).length + post.log.of('message.expired').length === n);
        await post.passUntilDue(id);
      }
      expect(await post.states(id)).to.deep.equal([state]);
      expect(post.log.levels('message.expired')).to.deep.equal(['error']);
      const age = post.clock.now() - (await post.store.get(id))!.receivedAt;
      expect(age).to.be.within(3 * HOUR, 4 * HOUR);
      const tried = upstream.mails.length;
      await post.pass(DAY, HOUR);
      expect(upstream.mails.length).to.equal(tried);
    });
  }

  it('keeps to its number of mails at a time, and delivers each of many once', async () => {
    const gate = deferred();
    let most = 0;
    await start(
      ({ phase }) => {
        most = Math.max(most, upstream.sockets.size);
        return phase === 'dot' && !open ? 'silence' : undefined;
      },
      { concurrency: 3 },
    );
    let open = false;
    const ids = await Promise.all(Array.from({ length: 60 }, (_, i) => post.leave(`Subject: ${i}\r\n\r\n`)));
    for (let i = 0; i < 10; i++) post.queue.wake();
    await until(4000, () => upstream.mails.length === 3);
    await post.quiet();
    expect(upstream.sockets.size).to.equal(3);
    expect(upstream.mails.length).to.equal(3);
    open = true;
    gate.resolve();
    for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
    await post.logged('message.delivered', 60);
    expect(most).to.equal(3);
    const subjects = upstream.mails.map(({ content }) => Number(/\d+/.exec(content.toString('latin1'))![0]));
    expect(subjects.sort((a, b) => a - b)).to.deep.equal(ids.map((_, i) => i));
  });

  describe('and its leases', () => {
    it('takes over what a process that died had claimed, when the lease has run out and not before', async () => {
      await start();
      const id = await post.leave(MESSAGE);
      expect((await post.store.claim('died', post.clock.now(), 15_000, 10)).length).to.equal(1);
      post.queue.wake();
      await post.pass(14_000, 2_000);
      expect(upstream.connections).to.equal(0);
      await post.pass(2_000);
      await post.logged('message.delivered');
      expect(await post.isDone(id)).to.equal(true);
    });

    it('keeps a long delivery to itself, however long it takes', async () => {
      await start(dot('silence'));
      await post.submit(MESSAGE);
      await until(4000, () => upstream.mails.length === 1);
      const other = post.another();
      for (let i = 0; i < 12; i++) {
        await post.pass(5_000);
        other.wake();
        await post.quiet();
      }
      expect(upstream.connections).to.equal(1);
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await post.logged('message.delivered');
      expect(post.log.of('queue.lease_lost')).to.deep.equal([]);
    });

    it('does not send once more what it is sending, when it slept over its own lease', async () => {
      await start(dot('silence'), {
        between: (store) => withMethods(store, { renew: () => Promise.reject(new Error('busy')) }),
      });
      const id = await post.submit(MESSAGE);
      await until(4000, () => upstream.mails.length === 1);
      await post.pass(40_000);
      expect(upstream.connections).to.equal(1);
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await post.logged('message.delivered');
      expect(await post.isDone(id)).to.equal(true);
      expect(upstream.mails.length).to.equal(1);
    });

    it('does not begin what it had claimed before it slept, and another has taken since', async () => {
      await start(dot('silence'), {
        concurrency: 1,
        between: (store) => withMethods(store, { renew: () => Promise.reject(new Error('busy')) }),
      });
      const ids = [await post.leave(MESSAGE), await post.leave(MESSAGE)];
      post.queue.wake();
      await until(4000, () => upstream.mails.length === 1);
      post.clock.advance(16_000);
      const claims = await post.store.claim('other', post.clock.now(), 15_000, 10);
      expect(claims.map(({ id }) => id).sort()).to.include(ids[1]);
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await post.logged('queue.lease_lost');
      await post.quiet();
      expect(upstream.mails.length).to.equal(1);
    });

    it('keeps the lease of a mail that it claimed itself while a session took long to commit it', async () => {
      await start(dot('silence'));
      post.queue.wake();
      await post.quiet();
      const lease = post.queue.reserve()!;
      const writer = post.store.begin();
      await writer.write(Buffer.from(MESSAGE));
      const recipients = [{ address: 'b@x.example', parameters: [], route: 'relay' as const }];
      const claim = await writer.commit(newMessage({ receivedAt: post.clock.now(), recipients }), lease);
      // Committed, but the session does not know yet.
      await post.pass(16_000);
      await post.pass(30_000);
      await until(4000, () => upstream.mails.length === 1);
      post.queue.use(lease, claim);
      await post.quiet();
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await post.logged('message.delivered');
      expect(post.log.of('queue.lease_lost')).to.deep.equal([]);
      await post.pass(60_000);
      expect(upstream.mails.length).to.equal(1);
    });

    it('sends a mail that a session commits under its lease, without a look into the store', async () => {
      await start(undefined, {
        between: (store) => withMethods(store, { claim: () => Promise.reject(new Error('not asked')) }),
      });
      const lease = post.queue.reserve()!;
      const writer = post.store.begin();
      await writer.write(Buffer.from(MESSAGE));
      const recipients = ['b@x.example', 'c@x.example'].map((address) => ({
        address,
        parameters: [],
        route: 'relay' as const,
      }));
      const claim = await writer.commit(newMessage({ receivedAt: post.clock.now(), recipients }), lease);
      post.queue.use(lease, claim);
      await post.logged('message.delivered', 2);
      expect(upstream.mails.map(({ content }) => content.toString('latin1'))).to.deep.equal([MESSAGE]);
      expect((await post.store.counts()).messages).to.equal(0);
    });

    it('gives no lease when enough is under way, and none when it stops', async () => {
      await start(undefined, { concurrency: 2 });
      const leases = Array.from({ length: 10 }, () => post.queue.reserve());
      expect(leases.filter((lease) => lease !== null).length).to.equal(8);
      for (const lease of leases) if (lease) post.queue.use(lease, null);
      expect(post.queue.reserve()).to.not.equal(null);
      const stopped = post.queue.stop(0);
      expect(post.queue.reserve()).to.equal(null);
      await post.pass(2_000, 500);
      await within(2000, stopped, 'the stop');
    });

    it('believes another process that took over: its own result changes nothing', async () => {
      await start(dot('silence'), { between: (store) => withMethods(store, { renew: async () => new Set() }) });
      const id = await post.submit(MESSAGE);
      await until(4000, () => upstream.mails.length === 1);
      post.clock.advance(16_000);
      const [claim] = await post.store.claim('other', post.clock.now(), 15_000, 10);
      const [{ recipientId, fence }] = claim!.recipients as [(typeof claim & object)['recipients'][0]];
      await post.store.settle([{ recipientId, fence, state: 'bounced', nextAttempt: null, attempt: null }]);
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await post.logged('queue.lease_lost');
      expect(await post.states(id)).to.deep.equal(['bounced']);
    });
  });

  describe('with a store in trouble', () => {
    /** Fails so often, then works. */
    function failing(method: keyof Store, times: number): (store: Store) => Store {
      let left = times;
      return (store) =>
        withMethods(store, {
          [method]: (...args: never[]) =>
            left-- > 0
              ? Promise.reject(new Error('disk full'))
              : (store[method] as (...args: never[]) => Promise<never>)(...args),
        });
    }

    it('goes on when it can claim again', async () => {
      await start(undefined, { between: failing('claim', 3) });
      await post.submit(MESSAGE);
      await post.logged('queue.store_failed');
      await post.pass(5_000, 1_000);
      await post.logged('message.delivered');
      expect(post.log.levels('queue.store_failed')).to.deep.equal(['error', 'error', 'error']);
    });

    it('does not forget what became of a mail, and does not send it again', async () => {
      await start(undefined, { between: failing('settle', 30) });
      const id = await post.submit(MESSAGE);
      await post.logged('queue.settle_failed');
      await post.pass(29_000, 1_000);
      expect(await post.states(id)).to.deep.equal(['queued']);
      await post.pass(10_000, 1_000);
      await post.logged('message.delivered');
      expect(await post.isDone(id)).to.equal(true);
      expect(upstream.mails.length).to.equal(1);
    });

    it('says so when the content cannot be read, and goes on with the next mail', async () => {
      await start(undefined, { between: failing('content', 1) });
      // Short content comes with the claim.
      const id = await post.submit(Buffer.alloc(300_000, 'x\r\n'));
      await post.logged('queue.delivery_broken');
      await post.submit(MESSAGE);
      await post.logged('message.delivered');
      expect(await post.states(id)).to.deep.equal(['queued']);
      await post.pass(20_000);
      await post.logged('message.delivered', 2);
      expect(await post.isDone(id)).to.equal(true);
    });

    it('can still be stopped', async () => {
      await start(undefined, { between: failing('settle', Number.POSITIVE_INFINITY) });
      await post.submit(MESSAGE);
      await post.logged('queue.settle_failed');
      const stopped = post.queue.stop(10_000);
      await post.pass(2_000, 500);
      await within(2000, stopped, 'the stop');
    });
  });

  it('a message that is deleted while it waits troubles nobody', async () => {
    await start(dot('451 4.3.0 later'));
    const id = await post.submit(MESSAGE);
    await post.logged('message.deferred');
    await post.store.delete([id]);
    await post.pass(HOUR, MINUTE);
    expect(upstream.mails.length).to.equal(1);
    expect(post.log.records.filter(({ level }) => level === 'error')).to.deep.equal([]);
  });

  describe('stops', () => {
    it('at once when nothing is under way, and wakes no more', async () => {
      await start();
      post.queue.wake();
      await post.quiet();
      await within(1000, post.queue.stop(60_000), 'the stop');
      await post.submit(MESSAGE);
      await post.pass(HOUR, MINUTE);
      expect(upstream.connections).to.equal(0);
    });

    it('at once when it is asked while it claims, and mail comes in', async () => {
      const claiming = deferred();
      await start(undefined, {
        between: (store) =>
          withMethods(store, { claim: (...args) => claiming.promise.then(() => store.claim(...args)) }),
      });
      post.queue.wake();
      post.queue.wake();
      const stopped = post.queue.stop(60_000);
      claiming.resolve();
      await within(1000, stopped, 'the stop');
    });

    it('when the delivery under way has its answer', async () => {
      await start(dot('silence'));
      const id = await post.submit(MESSAGE);
      await until(4000, () => upstream.mails.length === 1);
      const stopped = post.queue.stop(10_000);
      await turn();
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await within(2000, stopped, 'the stop');
      expect(await post.isDone(id)).to.equal(true);
      await until(2000, () => upstream.sockets.size === 0);
    });

    it('at the limit, and what it broke off behind the dot is unknown, not forgotten', async () => {
      await start(dot('silence'));
      const id = await post.submit(MESSAGE);
      await until(4000, () => upstream.mails.length === 1);
      const stopped = post.queue.stop(10_000);
      await post.pass(9_000);
      expect(await post.states(id)).to.deep.equal(['queued']);
      await post.pass(1_000);
      await within(2000, stopped, 'the stop');
      expect(await post.states(id)).to.deep.equal(['unknown']);
      expect(await post.wait(id)).to.equal(HOUR);
    });

    it('at the limit, also while it connects', async () => {
      await start(({ phase }) => (phase === 'connect' ? 'silence' : undefined));
      const id = await post.submit(MESSAGE);
      await until(4000, () => upstream.connections === 1);
      const stopped = post.queue.stop(10_000);
      await post.pass(10_000);
      await within(2000, stopped, 'the stop');
      expect(await post.states(id)).to.deep.equal(['deferred']);
      await until(2000, () => upstream.sockets.size === 0);
    });

    it('and gives back what it had claimed and not begun', async () => {
      await start(dot('silence'), { concurrency: 1 });
      const ids = [await post.leave(MESSAGE), await post.leave(MESSAGE), await post.leave(MESSAGE)];
      post.queue.wake();
      await until(4000, () => upstream.mails.length === 1);
      const stopped = post.queue.stop(0);
      await post.pass(1_000);
      await within(2000, stopped, 'the stop');
      expect((await Promise.all(ids.map((id) => post.states(id)))).flat()).to.deep.equal([
        'unknown',
        'queued',
        'queued',
      ]);
      // The next process has them at once.
      upstream.answer = () => undefined;
      post.another().wake();
      await post.logged('message.delivered', 2);
    });
  });
});
