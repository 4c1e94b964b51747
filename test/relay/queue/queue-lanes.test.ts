// Upstreams that are away: mail goes around them without waiting, nobody knocks in vain, and everything flows again as
// soon as one mail has come through.
import { expect } from 'chai';
import { until, within } from '../../support/within.ts';
import { HOUR, MINUTE, Post, type PostOptions, withMethods } from '../support/queues.ts';
import { type Step, Upstream } from '../support/upstream.ts';

const MESSAGE = 'Message-ID: <1@x.example>\r\nSubject: t\r\n\r\nHello\r\n';
const SECOND = 1000;

describe('Queue and its upstreams', () => {
  let main: Upstream;
  let spare: Upstream;
  let post: Post;

  async function open(count: 1 | 2, options: Partial<PostOptions> = {}, query = ''): Promise<void> {
    const urls = [`${main.url}?tls=none&name=main${query}`, `${spare.url}?tls=none&name=spare`];
    post = await Post.open({ upstreams: urls.slice(0, count), ...options });
  }

  beforeEach(async () => {
    main = await Upstream.start();
    spare = await Upstream.start();
  });

  afterEach(async () => {
    await post.close();
    await main.stop();
    await spare.stop();
  });

  const away = ({ phase }: Step): 'reset' | undefined => (phase === 'connect' ? 'reset' : undefined);
  const states = (): string[] => post.queue.lanes().map(({ state }) => state);

  it('lets mail wait untried while its only upstream is away, and sends all of it when that is back', async () => {
    main.answer = away;
    await open(1, { concurrency: 2 });
    const first = await post.submit(MESSAGE);
    await post.logged('message.deferred');
    const ids = await Promise.all(Array.from({ length: 20 }, () => post.leave(MESSAGE)));
    // For an hour: some knock, one at a time and ever more seldom, and nobody else.
    await post.pass(HOUR, 5 * SECOND);
    const knocks = main.connections;
    expect(knocks).to.be.within(10, 30);
    expect(states()).to.deep.equal(['paused']);
    const stored = await Promise.all(ids.map(async (id) => (await post.store.get(id))!.recipients[0]!));
    const attempts = stored.reduce((sum, one) => sum + one.attempts.length, 0);
    expect(attempts + (await post.store.get(first))!.recipients[0]!.attempts.length).to.equal(knocks);
    expect(new Set(post.log.levels('upstream.unreachable'))).to.deep.equal(new Set(['warn']));
    main.answer = () => undefined;
    // No pause is longer than five minutes; who was tried himself waits for his own turn.
    const back = post.clock.now();
    await post.passUntil(() => main.accepted.length > 20 - knocks / 2, SECOND);
    expect(post.clock.now() - back).to.be.lessThan(20 * MINUTE);
    expect(post.log.of('upstream.resumed').length).to.equal(1);
    await post.passUntil(() => post.log.of('message.delivered').length === 21, MINUTE);
    expect(main.mails.length).to.equal(21);
    expect(states()).to.deep.equal(['open']);
  }).timeout(30_000);

  it('goes around an upstream that says nothing, without waiting for it once more', async () => {
    main.answer = ({ phase }) => (phase === 'connect' ? 'silence' : undefined);
    await open(2, { concurrency: 2 });
    await post.submit(MESSAGE);
    await until(4000, () => main.connections === 1);
    // As if the wait for the greeting were over.
    for (const socket of main.sockets) socket.destroy();
    await post.logged('message.delivered');
    const began = performance.now();
    for (let i = 0; i < 10; i++) await post.submit(MESSAGE);
    await post.logged('message.delivered', 11);
    expect(performance.now() - began).to.be.lessThan(2000);
    expect(main.connections).to.equal(1);
    expect(spare.accepted.length).to.equal(11);
    expect(states()).to.deep.equal(['paused', 'open']);
    // The pause is over: one goes to see, and the others do not wait for it.
    await post.pass(2 * SECOND, SECOND);
    for (let i = 0; i < 5; i++) await post.submit(MESSAGE);
    await post.logged('message.delivered', 15);
    expect(main.connections).to.equal(2);
    for (const socket of main.sockets) socket.destroy();
    await post.logged('message.delivered', 16);
    expect(spare.accepted.length).to.equal(16);
  });

  it('R6 takes the next upstream for a mail that the first sends away, wherever it says so', async () => {
    const SENT_AWAY: readonly Step['phase'][] = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot'];
    await open(2);
    for (const [i, phase] of SENT_AWAY.entries()) {
      main.answer = (step) => (step.phase === phase ? { last: '421 4.3.2 shutting down' } : undefined);
      await post.submit(MESSAGE);
      await post.logged('message.delivered', i + 1);
      expect(spare.accepted.length, phase).to.equal(i + 1);
      await post.pass(6 * MINUTE, MINUTE);
    }
    expect(main.accepted.length).to.equal(0);
  });

  it('R10 a wrong password pauses the upstream and raises an alarm that can be seen, until it is right', async () => {
    await main.stop();
    let isRight = false;
    main = await Upstream.start({
      keywords: ['AUTH PLAIN'],
      answer: ({ phase }) => (phase === 'auth' && !isRight ? '535 5.7.8 wrong' : undefined),
    });
    const url = `${main.url.replace('//', '//me:secret@')}?tls=none&name=main`;
    post = await Post.open({ upstreams: [url] });
    const ids = [await post.submit(MESSAGE)];
    await post.logged('message.deferred');
    for (let i = 0; i < 5; i++) ids.push(await post.submit(MESSAGE));
    await post.pass(10 * MINUTE, 10 * SECOND);
    const [lane] = post.queue.lanes();
    expect(lane).to.deep.include({ name: 'main', state: 'paused', alarm: true, running: 0 });
    expect(lane!.why).to.include('535 5.7.8 wrong');
    expect(lane!.until).to.be.greaterThan(post.clock.now() - 5 * MINUTE);
    expect(new Set(post.log.levels('upstream.unreachable'))).to.deep.equal(new Set(['error']));
    for (const id of ids) expect((await post.states(id))[0]).to.be.oneOf(['queued', 'deferred']);
    expect(post.log.of('message.bounced')).to.deep.equal([]);
    expect(JSON.stringify(post.log.records)).to.not.include('secret');
    isRight = true;
    await post.passUntil(() => post.log.of('message.delivered').length === 6, 30 * SECOND);
    expect(post.queue.lanes()[0]).to.deep.include({ state: 'open', alarm: false, why: '' });
  });

  it('gives up what is too old also while nobody can be reached, and not before', async () => {
    main.answer = away;
    await open(1, { retry: { expire: 2 * HOUR } });
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await post.leave(MESSAGE));
    post.queue.wake();
    await post.pass(2 * HOUR - MINUTE, 30 * SECOND);
    expect(post.log.of('message.expired')).to.deep.equal([]);
    await post.passUntil(() => post.log.of('message.expired').length === 5, 30 * SECOND);
    for (const id of ids) expect(await post.states(id)).to.deep.equal(['expired']);
  });

  it('does not lose its way with hundreds of mails that wait for an upstream that is away', async () => {
    main.answer = away;
    await open(1, { concurrency: 5 });
    await post.submit(MESSAGE);
    await post.logged('message.deferred');
    await Promise.all(Array.from({ length: 200 }, () => post.leave(MESSAGE)));
    let claims = 0;
    const queue = post.another((store) =>
      withMethods(store, {
        claim: (...args) => {
          claims++;
          return store.claim(...args);
        },
      }),
    );
    await within(2000, post.queue.stop(0));
    queue.wake();
    await post.pass(5 * MINUTE, 5 * SECOND);
    expect(main.connections).to.be.lessThan(20);
    expect(claims).to.be.lessThan(150);
    main.answer = () => undefined;
    // No pause is longer than five minutes.
    const back = post.clock.now();
    await post.passUntil(() => main.accepted.length >= 180, 10 * SECOND);
    expect(post.clock.now() - back).to.be.lessThan(HOUR);
    await post.passUntil(() => post.log.of('message.delivered').length === 201, 2 * MINUTE);
    expect(main.accepted.length).to.equal(201);
  });

  it('sends mail of one route while the upstream of another is away', async () => {
    main.answer = away;
    await open(2, { routes: ['@main.example=relay:main', '*=relay:spare'] });
    for (let i = 0; i < 50; i++) await post.leave(MESSAGE, 'b@main.example');
    const id = await post.leave(MESSAGE, 'b@spare.example', 'c@main.example');
    post.queue.wake();
    await post.pass(5 * SECOND, SECOND);
    await post.logged('message.delivered');
    expect(await post.states(id)).to.deep.equal(['delivered', 'queued']);
    expect(spare.accepted.map(({ to }) => to)).to.deep.equal([['RCPT TO:<b@spare.example>']]);
    main.answer = () => undefined;
    await post.passUntil(() => post.log.of('message.delivered').length === 52, 30 * SECOND);
    expect(main.accepted.length).to.equal(51);
  });

  it('keeps to the rate of an upstream, and to its number of connections', async () => {
    await open(1, {}, '&rate=5/m&concurrency=2');
    let most = 0;
    main.answer = () => {
      most = Math.max(most, main.sockets.size);
      return undefined;
    };
    for (let i = 0; i < 12; i++) await post.leave(MESSAGE);
    post.queue.wake();
    for (const [seconds, count] of [
      [0, 5],
      [59, 5],
      [1, 10],
      [59, 10],
      [1, 12],
    ] as const) {
      await post.pass(seconds * SECOND);
      await until(4000, () => main.accepted.length >= count);
      await post.quiet();
      expect(main.accepted.length).to.equal(count);
    }
    expect(most).to.be.at.most(2);
    await post.logged('message.delivered', 12);
  });

  it('takes an outage of the network in its stride: half a day of it, and everything arrives once', async () => {
    for (const upstream of [main, spare]) upstream.answer = away;
    await open(2);
    const ids: string[] = [];
    for (let hour = 0; hour < 12; hour++) {
      ids.push(await post.submit(MESSAGE));
      await post.pass(HOUR, 4 * MINUTE);
    }
    for (const upstream of [main, spare]) upstream.answer = () => undefined;
    await post.passUntil(() => post.log.of('message.delivered').length === 12, 2 * MINUTE);
    expect(main.accepted.length + spare.accepted.length).to.equal(12);
    for (const id of ids) expect(await post.isDone(id)).to.equal(true);
  }).timeout(30_000);

  it('stops at once while an upstream is paused, and the next process begins without its pauses', async () => {
    main.answer = away;
    await open(1);
    await post.submit(MESSAGE);
    await post.logged('message.deferred');
    const id = await post.submit(MESSAGE);
    await post.quiet();
    await within(1000, post.queue.stop(60 * SECOND), 'the stop');
    expect(await post.states(id)).to.deep.equal(['queued']);
    main.answer = () => undefined;
    post.another().wake();
    await post.passUntil(() => post.log.of('message.delivered').length === 2, SECOND);
  });
});
