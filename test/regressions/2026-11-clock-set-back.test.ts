// The clock was set back by a day. The rest of a tenth of a second that the queue takes while all upstreams are paused
// lasted a day then, so did pauses and deadlines of connections, and mail that was put off for an hour waited for a day
// and an hour. What only asks how long ago now goes by a clock that nobody sets, and due times too far off are set anew.
// And a timer that fired a moment early asked for a look at the very time that it had been set for: none came.
import { expect } from 'chai';
import { DiskSpace } from '../../relay/disk-space.ts';
import { NextLook } from '../../relay/queue/next-look.ts';
import { FakeClock } from '../../src/clock.ts';
import { Deadline } from '../../src/deadlines.ts';
import { DAY, HOUR, Post } from '../relay/support/queues.ts';
import { Upstream } from '../relay/support/upstream.ts';
import { until } from '../support/within.ts';

describe('2026-11: a clock that is set back', () => {
  let upstream: Upstream;
  let post: Post;
  let isDown: boolean;

  beforeEach(async () => {
    isDown = false;
    upstream = await Upstream.start({
      answer: ({ phase }) => (isDown && phase === 'connect' ? { last: '421 4.3.2 down' } : undefined),
    });
    post = await Post.open({ upstreams: [`${upstream.url}?concurrency=2`] });
  });

  afterEach(async () => {
    await post.close();
    await upstream.stop();
  });

  it('keeps no mail waiting that is put off', async () => {
    upstream.answer = ({ phase }) => (phase === 'rcpt' ? '451 4.3.0 later' : undefined);
    const id = await post.submit('x\r\n');
    await post.logged('message.deferred');
    upstream.answer = () => undefined;
    post.clock.jump(-DAY);
    await post.passUntil(() => upstream.accepted.length === 1, 5_000);
    await post.quiet();
    expect(await post.isDone(id)).to.equal(true);
    expect(post.log.of('clock.set').length).to.equal(1);
    expect(post.log.of('queue.hastened').length).to.equal(1);
  });

  it('makes no pause of an upstream longer, nor the rest of the queue', async () => {
    isDown = true;
    for (let n = 0; n < 100; n++) await post.leave(`${n}\r\n`);
    post.queue.wake();
    await post.logged('upstream.unreachable');
    await post.pass(1_000, 100);
    post.clock.jump(-DAY);
    isDown = false;
    const since = post.clock.steady();
    await post.passUntil(() => post.clock.steady() - since > HOUR || upstream.accepted.length === 100, 1_000);
    expect(upstream.accepted.length).to.equal(100);
    expect(post.clock.steady() - since).to.be.at.most(10 * 60_000);
  });

  it('does not lose a lease for ever when its owner dies', async () => {
    await post.leave('x\r\n');
    expect((await post.store.claim('who dies', post.clock.now(), 15_000, 10)).length).to.equal(1);
    post.clock.jump(-DAY);
    // Another process, which begins when the clock is wrong already.
    post.another().wake();
    const since = post.clock.steady();
    await post.passUntil(() => upstream.accepted.length === 1, 5_000);
    expect(post.clock.steady() - since).to.be.at.most(HOUR);
  });

  it('lets a deadline, and a look at the disk, come at their time', async () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 1000, () => passed++);
    deadline.touch();
    const space = new DiskSpace('.', 1, clock);
    await space.look();
    clock.jump(-DAY);
    clock.advance(1000);
    expect(passed).to.equal(1);
    space.minFree = Number.MAX_SAFE_INTEGER;
    let looked = 0;
    space.look = async () => ++looked;
    expect(space.isLow).to.equal(true);
    expect(looked).to.equal(1);
  });

  it('lets no deadline pass before its time when it is set ahead', () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 1000, () => passed++);
    deadline.touch();
    clock.advance(900);
    deadline.touch();
    clock.jump(DAY);
    clock.advance(999);
    expect(passed).to.equal(0);
    clock.advance(1);
    expect(passed).to.equal(1);
  });
});

describe('2026-11: a clock that is set ahead', () => {
  it("takes nobody's mail: who is alive gets the time to say so", async () => {
    const upstream = await Upstream.start({ answer: ({ phase }) => (phase === 'dot' ? 'silence' : undefined) });
    const post = await Post.open({ upstreams: [upstream.url] });
    try {
      await post.submit('x\r\n');
      await until(4000, () => upstream.mails.length === 1);
      const other = post.another();
      other.wake();
      await post.quiet();
      post.clock.jump(DAY);
      other.lookForMore();
      post.queue.lookForMore();
      await post.pass(60_000, 1_000);
      expect(upstream.mails.length, 'sent once').to.equal(1);
      for (const socket of upstream.sockets) socket.write('250 2.0.0 Ok\r\n');
      await post.logged('message.delivered');
      expect(post.log.of('queue.lease_lost')).to.deep.equal([]);
    } finally {
      await post.close();
      await upstream.stop();
    }
  });
});

describe('2026-11: a timer that fires early', () => {
  it('can be set again for the same time', () => {
    const clock = new FakeClock(0);
    let isEarly = true;
    // Node's timers count in whole milliseconds.
    const setTimeout = clock.setTimeout.bind(clock);
    clock.setTimeout = (run, ms) => {
      const wait = isEarly ? ms - 0.5 : ms;
      isEarly = false;
      return setTimeout(run, wait);
    };
    const looks: number[] = [];
    const next = new NextLook(clock, () => {
      looks.push(clock.steady());
      if (clock.steady() < 100) next.in(100 - clock.steady());
    });
    next.in(100);
    clock.advance(200);
    expect(looks).to.deep.equal([99.5, 100]);
  });
});
