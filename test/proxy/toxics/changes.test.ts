// Toxics that come, change and go while bytes are under way: nothing is lost, nothing is waited for.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Random } from '../../../proxy/toxics/random.ts';
import type { Toxic } from '../../../proxy/toxics/toxic.ts';
import { Bench, toxic } from './bench.ts';

describe('proxy: changing toxics', () => {
  it('lets what waited go at once when a latency is taken away', () => {
    const latency = toxic('latency', { latency: 1000 });
    const bench = new Bench([latency]);
    bench.play(['a', 10, 'b', 10, 'c']);
    bench.chain.remove(latency);
    bench.play(['d', 'end']);
    expect(bench.events).to.deep.equal(['20 a', '20 b', '20 c', '20 d', '20 [end]']);
    expect(bench.clock.pending).to.equal(0);
  });

  it('lets it go on through the toxics behind', () => {
    const latency = toxic('latency', { latency: 1000 });
    const bench = new Bench([latency, toxic('bandwidth', { rate: 1 })]);
    bench.play(['0123456789', '0123456789', 5]);
    bench.chain.remove(latency);
    bench.play([100]);
    expect(bench.events).to.deep.equal(['15 0123456789', '25 0123456789']);
  });

  it('lets the rest go when a bandwidth of 0 is taken away', () => {
    const bandwidth = toxic('bandwidth');
    const bench = new Bench([bandwidth]);
    bench.play(['a', 'b', 'end', 1000]);
    bench.chain.remove(bandwidth);
    expect(bench.events).to.deep.equal(['1000 a', '1000 b', '1000 [end]']);
  });

  it('ends at once when a slow close is taken away that holds the end', () => {
    const slow = toxic('slow_close', { delay: 1000 });
    const bench = new Bench([slow]);
    bench.play(['end', 10]);
    bench.chain.remove(slow);
    expect(bench.events).to.deep.equal(['10 [end]']);
  });

  it('closes the connection when a timeout is taken away: what it dropped is missing', () => {
    const timeout = toxic('timeout');
    const bench = new Bench([timeout]);
    bench.play(['a', 10]);
    bench.chain.remove(timeout);
    bench.play(['b']);
    expect(bench.events).to.deep.equal(['10 [closed]']);
  });

  for (const strict of [false, true]) {
    it(`${strict ? 'closes' : 'leaves alone'} a connection that the toxicity spared${strict ? ', when strict' : ''}`, () => {
      const timeout = toxic('timeout', {}, { toxicity: 0 });
      const bench = new Bench([timeout], { strict });
      bench.play(['a']);
      bench.chain.remove(timeout);
      expect(bench.events).to.deep.equal(strict ? ['0 a', '0 [closed]'] : ['0 a']);
    });
  }

  it('loses nothing when a reset that waits for its time is taken away', () => {
    const reset = toxic('reset_peer', { timeout: 100 });
    const bench = new Bench([reset]);
    bench.play(['a', 50]);
    bench.chain.remove(reset);
    bench.play([100, 'b']);
    expect(bench.events).to.deep.equal(['50 a', '150 b']);
  });

  for (const strict of [false, true]) {
    it(`a reset on a connection that is older ${strict ? 'is an end, when strict' : 'is a reset'}`, () => {
      const bench = new Bench([], { strict });
      bench.chain.add(toxic('reset_peer'));
      bench.play(['a']);
      expect(bench.events).to.deep.equal([strict ? '0 [closed]' : '0 [reset]']);
    });
  }

  it('acts on what comes behind it when it is added', () => {
    const bench = new Bench([]);
    bench.play(['a', 5]);
    bench.chain.add(toxic('latency', { latency: 100 }));
    bench.play(['b', 100]);
    expect(bench.events).to.deep.equal(['0 a', '105 b']);
  });

  it('comes at the end of the chain', () => {
    const bench = new Bench([toxic('latency', { latency: 100 })]);
    bench.play(['abcd']);
    bench.chain.add(toxic('limit_data', { bytes: 2 }));
    bench.play([100]);
    expect(bench.events).to.deep.equal(['100 ab', '100 [closed]']);
  });

  it('has another latency for what waits already when it is changed', () => {
    const latency = toxic('latency', { latency: 1000 });
    const bench = new Bench([latency]);
    bench.play(['a', 10, 'b', 10]);
    latency.attributes = { latency: 50, jitter: 0 };
    bench.chain.update(latency);
    bench.play([100]);
    expect(bench.events).to.deep.equal(['50 a', '60 b']);
  });

  it('goes on with the rest at another bandwidth', () => {
    const bandwidth = toxic('bandwidth', { rate: 1 });
    const bench = new Bench([bandwidth]);
    bench.play([Buffer.alloc(1000, 'x'), 250]);
    bandwidth.attributes = { rate: 100 };
    bench.chain.update(bandwidth);
    bench.play([100]);
    expect(bench.events).to.deep.equal(['100 100', '200 100', '258 800']);
  });

  it('counts on when a limit is changed', () => {
    const limit = toxic('limit_data', { bytes: 10 });
    const bench = new Bench([limit]);
    bench.play(['abcd']);
    limit.attributes = { bytes: 6 };
    bench.chain.update(limit);
    bench.play(['efgh']);
    expect(bench.events).to.deep.equal(['0 abcd', '0 ef', '0 [closed]']);
  });

  it('closes with the next chunk when a limit is lowered below what has passed', () => {
    const limit = toxic('limit_data', { bytes: 10 });
    const bench = new Bench([limit]);
    bench.play(['abcd']);
    limit.attributes = { bytes: 2 };
    bench.chain.update(limit);
    bench.play([10, 'e']);
    expect(bench.events).to.deep.equal(['0 abcd', '10 [closed]']);
  });

  it('draws the toxicity again when it is changed', () => {
    const timeout = toxic('timeout', {}, { toxicity: 0 });
    const bench = new Bench([timeout]);
    bench.play(['a']);
    timeout.toxicity = 1;
    bench.chain.update(timeout);
    bench.play(['b']);
    expect(bench.events).to.deep.equal(['0 a']);
  });

  it('adds nothing to what is over', () => {
    const bench = new Bench([]);
    bench.play(['end']);
    bench.chain.add(toxic('timeout', { timeout: 1 }));
    bench.play([10]);
    expect(bench.events).to.deep.equal(['0 [end]']);
    expect(bench.clock.pending).to.equal(0);
  });

  it('holds back the sender while a toxic is full, by bytes and not by chunks', () => {
    const bench = new Bench([toxic('latency', { latency: 1000 })], { maxHeld: 1024 * 1024 });
    let pushed = 0;
    while (!bench.isFull) {
      bench.chain.push(Buffer.alloc(64 * 1024));
      pushed += 64 * 1024;
    }
    expect(pushed).to.be.within(1024 * 1024, 1024 * 1024 + 192 * 1024);
    bench.clock.advance(1000);
    expect(bench.isFull).to.equal(false);
    expect(bench.received.length).to.equal(pushed);
  });

  it('counts what tiny chunks cost besides their byte', () => {
    const bench = new Bench([toxic('latency', { latency: 1000 })], { maxHeld: 1024 * 1024 });
    let pushed = 0;
    for (; !bench.isFull; pushed++) bench.chain.push(Buffer.from('x'));
    expect(pushed).to.be.below(10_000);
  });

  it('holds one chunk in a toxic without a queue', () => {
    const bench = new Bench([toxic('bandwidth', { rate: 1 })]);
    bench.play(['a']);
    expect(bench.isFull).to.equal(false);
    bench.play(['b']);
    expect(bench.isFull).to.equal(true);
  });

  it('goes on swallowing while nobody takes anything', () => {
    const bench = new Bench([toxic('timeout')]);
    bench.takes = false;
    for (let i = 0; i < 100; i++) bench.play(['x'.repeat(30_000)]);
    expect(bench.isFull).to.equal(false);
  });

  it('answers every change at once while the other end is dead and all is full', () => {
    const latency = toxic('latency', { latency: 10 });
    const slicer = toxic('slicer', { average_size: 100, delay: 10 });
    const bench = new Bench([latency, slicer], { maxHeld: 4 * 1024 * 1024 });
    bench.takes = false;
    const sent: Buffer[] = [];
    while (!bench.isFull) {
      sent.push(randomBytes(64 * 1024));
      bench.chain.push(sent.at(-1)!);
    }
    bench.clock.advance(1000);
    bench.chain.remove(latency);
    bench.chain.remove(slicer);
    expect(bench.pieces).to.deep.equal([]);
    bench.takes = true;
    bench.chain.roomed();
    expect(bench.received.equals(Buffer.concat(sent))).to.equal(true);
    expect(bench.isFull).to.equal(false);
  });

  it('loses no byte whatever comes, changes and goes', () => {
    for (let seed = 1; seed <= 40; seed++) loseNothing(seed);
  });
});

/** Random traffic under random changes by toxics that drop nothing. */
function loseNothing(seed: number): void {
  const random = new Random(seed);
  const bench = new Bench([], { seed, maxHeld: 100_000 });
  const there: Toxic[] = [];
  const sent: Buffer[] = [];
  const kinds: (() => Toxic)[] = [
    () => toxic('latency', { latency: random.below(200), jitter: random.below(100) }),
    () => toxic('bandwidth', { rate: random.below(1000) }),
    () =>
      toxic('slicer', {
        average_size: 1 + random.below(5000),
        size_variation: random.below(3000),
        delay: random.below(5000),
      }),
    () => toxic('slow_close', { delay: random.below(500) }),
    () => toxic('noop'),
    () => toxic('reset_peer', { timeout: 1e9 }),
  ];
  const change = (): void => {
    const index = random.below(there.length);
    const what = random.below(3);
    if (what === 0 || there.length === 0) {
      const made = kinds[random.below(kinds.length)]!();
      made.toxicity = random.unit() * 2;
      there.push(made);
      bench.chain.add(made);
    } else if (what === 1) bench.chain.remove(there.splice(index, 1)[0]!);
    else {
      there[index]!.toxicity = random.unit() * 2;
      bench.chain.update(there[index]!);
    }
  };
  for (let step = 0; step < 300; step++) {
    if (!bench.isFull) {
      sent.push(randomBytes(1 + random.below(random.unit() < 0.1 ? 100_000 : 2000)));
      bench.chain.push(sent.at(-1)!);
    }
    bench.takes = random.unit() < 0.8;
    if (bench.takes) bench.chain.roomed();
    if (random.unit() < 0.2) change();
    bench.clock.advance(random.below(20));
  }
  bench.takes = true;
  bench.chain.roomed();
  bench.chain.end('end');
  for (const each of there.splice(0)) bench.chain.remove(each);
  expect(bench.received.equals(Buffer.concat(sent)), `seed ${seed}`).to.equal(true);
  expect(bench.events.at(-1)).to.equal(`${bench.clock.now()} [end]`);
  expect(bench.clock.pending).to.equal(0);
}
