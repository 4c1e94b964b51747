// What each toxic does to bytes and to the end of the stream, to the millisecond.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Random } from '../../../proxy/toxics/random.ts';
import { cut } from '../../../proxy/toxics/slicer.ts';
import type { Toxic } from '../../../proxy/toxics/toxic.ts';
import { Bench, toxic } from './bench.ts';

const kB = (count: number): Buffer => Buffer.alloc(count * 1000, 'x');

type Row = [title: string, toxics: Toxic[], script: (number | string | Buffer)[], events: string[]];

const ROWS: Row[] = [
  ['no toxic: everything at once', [], ['a', 'b', 'end'], ['0 a', '0 b', '0 [end]']],
  ['noop: everything at once', [toxic('noop')], ['a', 5, 'b', 'end'], ['0 a', '5 b', '5 [end]']],

  [
    'latency: each chunk as late as the others',
    [toxic('latency', { latency: 100 })],
    ['a', 30, 'b', 100],
    ['100 a', '130 b'],
  ],
  ['latency: the end has no delay of its own', [toxic('latency', { latency: 100 })], ['end', 1000], ['0 [end]']],
  [
    'latency: the end waits for what is before it',
    [toxic('latency', { latency: 100 })],
    ['a', 50, 'end', 1000],
    ['100 a', '100 [end]'],
  ],
  [
    'latency: two of them add up',
    [toxic('latency', { latency: 100 }), toxic('latency', { latency: 50 }, { name: 'second' })],
    ['a', 10, 'b', 500],
    ['150 a', '160 b'],
  ],
  ['latency: a negative one is none', [toxic('latency', { latency: -5 })], ['a'], ['0 a']],

  [
    'bandwidth: as long as the bytes take',
    [toxic('bandwidth', { rate: 10 })],
    [kB(0.5), kB(0.3), 1000],
    ['50 500', '80 300'],
  ],
  [
    'bandwidth: in pieces of 100 ms',
    [toxic('bandwidth', { rate: 10 })],
    [kB(2.5), 'end', 1000],
    ['100 1000', '200 1000', '250 500', '250 [end]'],
  ],
  [
    'bandwidth: counts kilobytes of 1000',
    [toxic('bandwidth', { rate: 1 })],
    [Buffer.alloc(100, 'x'), 99, 1],
    ['100 100'],
  ],
  ['bandwidth: whoever was idle has no credit', [toxic('bandwidth', { rate: 10 })], [5000, kB(1), 1000], ['5100 1000']],
  ['bandwidth: rate 0 lets nothing through', [toxic('bandwidth')], ['a', 'end', 100_000], []],

  ['slow_close: only the end waits', [toxic('slow_close', { delay: 70 })], ['a', 5, 'end', 69, 1], ['0 a', '75 [end]']],

  ['timeout: closes without a byte', [toxic('timeout', { timeout: 100 })], [99, 1], ['100 [closed]']],
  ['timeout: drops, and closes', [toxic('timeout', { timeout: 100 })], ['a', 100], ['100 [closed]']],
  [
    'timeout: counts from the last chunk, as Toxiproxy does',
    [toxic('timeout', { timeout: 100 })],
    ['a', 99, 'b', 99, 'c', 99, 1],
    ['298 [closed]'],
  ],
  [
    'timeout: absolute counts from the start',
    [toxic('timeout', { timeout: 100, absolute: true })],
    ['a', 60, 'b', 60, 'c', 60],
    ['100 [closed]'],
  ],
  ['timeout: drops the end too', [toxic('timeout', { timeout: 100 })], ['end', 99, 1], ['100 [closed]']],
  ['timeout: 0 is a black hole for ever', [toxic('timeout')], ['a', 'end', 1e9], []],

  ['reset_peer: at the first chunk', [toxic('reset_peer')], [500, 'a'], ['500 [reset]']],
  ['reset_peer: at the end', [toxic('reset_peer')], ['end'], ['0 [reset]']],
  [
    'reset_peer: so long after the first chunk',
    [toxic('reset_peer', { timeout: 80 })],
    [500, 'a', 30, 'b', 100],
    ['580 [reset]'],
  ],
  ['reset_peer: not while nothing is said', [toxic('reset_peer', { timeout: 80 })], [100_000], []],

  [
    'limit_data: exactly so many bytes',
    [toxic('limit_data', { bytes: 5 })],
    ['abc', 'def', 'ghi'],
    ['0 abc', '0 de', '0 [closed]'],
  ],
  ['limit_data: closes with the last byte', [toxic('limit_data', { bytes: 3 })], ['abc'], ['0 abc', '0 [closed]']],
  [
    'limit_data: the end before the limit is an end',
    [toxic('limit_data', { bytes: 5 })],
    ['abc', 'end'],
    ['0 abc', '0 [end]'],
  ],
  ['limit_data: 0 closes at the first byte', [toxic('limit_data')], [500, 'a'], ['500 [closed]']],

  [
    'slicer: pieces with a delay behind each',
    [toxic('slicer', { average_size: 2, delay: 10_000 })],
    ['abcdef', 'g', 'end', 100],
    ['0 a', '10 bc', '20 d', '30 ef', '40 g', '50 [end]'],
  ],
  [
    'slicer: delays far below a millisecond add up to what they are',
    [toxic('slicer', { average_size: 1, delay: 250 })],
    ['abcdefgh', 100],
    // Four a millisecond: the first leaves at 0, and the timer of each millisecond lets go what was due.
    ['0 a', '1 b', '1 c', '1 d', '1 e', '2 f', '2 g', '2 h'],
  ],
  [
    'slicer: without a delay all at once',
    [toxic('slicer', { average_size: 1 })],
    ['abc', 'end'],
    ['0 a', '0 b', '0 c', '0 [end]'],
  ],

  [
    'a slow close behind a limit delays what the limit has closed',
    [toxic('limit_data', { bytes: 2 }), toxic('slow_close', { delay: 50 })],
    ['abc', 100],
    ['0 ab', '50 [closed]'],
  ],
  [
    'a latency in front of a bandwidth',
    [toxic('latency', { latency: 100 }), toxic('bandwidth', { rate: 10 })],
    [kB(0.2), kB(0.3), 1000],
    ['120 200', '150 300'],
  ],
  [
    'toxicity 0: nothing happens',
    [toxic('timeout', { timeout: 1 }, { toxicity: 0 })],
    ['a', 10, 'end'],
    ['0 a', '10 [end]'],
  ],
  ['toxicity over 1: always', [toxic('latency', { latency: 1 }, { toxicity: 5 })], ['a', 1], ['1 a']],
];

describe('proxy: toxics', () => {
  for (const [title, toxics, script, events] of ROWS) {
    it(title, () => {
      const bench = new Bench(toxics);
      expect(bench.play(script)).to.deep.equal(events);
    });
  }

  it('latency: jitter keeps within its bounds, and keeps the order', () => {
    const bench = new Bench([toxic('latency', { latency: 100, jitter: 40 })]);
    const sent: number[] = [];
    for (let i = 0; i < 200; i++) {
      sent.push(bench.clock.now());
      bench.play([String.fromCharCode(33 + (i % 90)), 200]);
    }
    const delays = bench.events.map((event, i) => Number(event.split(' ')[0]) - sent[i]!);
    expect(Math.min(...delays)).to.be.within(60, 75);
    expect(Math.max(...delays)).to.be.within(125, 140);
  });

  it('bandwidth: late timers do not lower the rate', () => {
    const bench = new Bench([toxic('bandwidth', { rate: 1000 })]);
    const { clock } = bench;
    let late = 0;
    // Every timer fires 7 ms after its time.
    const setTimeout = clock.setTimeout.bind(clock);
    clock.setTimeout = (run, ms) => setTimeout(run, ms + 7);
    for (let i = 0; i < 100; i++) bench.chain.push(Buffer.alloc(10_000));
    bench.chain.end('end');
    while (!bench.events.at(-1)?.endsWith(']') && late++ < 10_000) clock.advance(1);
    // One megabyte at one megabyte a second.
    expect(clock.now()).to.be.within(1000, 1010);
    expect(bench.received.length).to.equal(1_000_000);
  });

  it('slicer: cuts into pieces about as long as asked, all of it, in order', () => {
    const random = new Random(3);
    for (const [size, average, variation] of [
      [32_768, 100, 20],
      [32_768, 1, 0],
      [1000, 300, 5000],
      [1000, 1, 999],
      [1, 1, 0],
      [7, 100, 0],
    ] as const) {
      const lengths = cut(size, average, variation, random);
      expect(lengths.reduce((sum, length) => sum + length, 0)).to.equal(size);
      expect(Math.min(...lengths)).to.be.at.least(1);
      expect(Math.max(...lengths)).to.be.at.most(Math.max(average + variation, 1));
    }
  });

  it('cuts what came at once into chunks of 32 KiB, and loses none of it', () => {
    const bytes = randomBytes(100_000);
    const bench = new Bench([toxic('latency', { latency: 1 })]);
    bench.play([bytes, 1]);
    expect(bench.events).to.deep.equal(['1 32768', '1 32768', '1 32768', '1 1696']);
    expect(bench.received.equals(bytes)).to.equal(true);
  });

  it('makes the same choices with the same seed, and others with another', () => {
    const run = (seed: number): string => {
      const bench = new Bench([toxic('latency', { latency: 100, jitter: 90 })], { seed });
      return bench.play(['a', 500, 'b', 500, 'c', 500]).join();
    };
    expect(run(7)).to.equal(run(7));
    expect(run(7)).to.not.equal(run(8));
  });

  it('acts on that part of the connections which the toxicity says', () => {
    const acts = Array.from({ length: 2000 }, (_, seed) => {
      const bench = new Bench([toxic('timeout', {}, { toxicity: 0.3 })], { seed });
      return bench.play(['a']).length === 0;
    });
    expect(acts.filter(Boolean).length).to.be.within(500, 700);
  });
});
