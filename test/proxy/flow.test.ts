// Much data, slow readers, small writes: the rows of the corpus about what flows, and that all of it arrives.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Link } from '../../proxy/link.ts';
import type { Transport, TransportEvent } from '../../src/transport.ts';
import { turn, until } from '../support/within.ts';
import { type End, LEFT_BEHIND, Rig } from './rig.ts';

const CHUNK = randomBytes(256 * 1024);

describe('proxy: flow', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    rig.expectExact();
    await rig.cleanUp();
  });

  it('passes every byte in both directions at the same time', async () => {
    const upstream = await rig.upstream((server) => server.pour(12_345_678, CHUNK));
    const client = rig.client((await rig.proxy(upstream.address)).listen).pour(23_456_789, CHUNK);
    const { error, ...sums } = await rig.pairEnded();
    expect({ error, ...sums }).to.deep.equal({ error: undefined, id: 1, bytesUp: 23_456_789, bytesDown: 12_345_678 });
    const server = await upstream.end();
    await client.closes();
    await server.closes();
    server.expectAllOf(client);
    client.expectAllOf(server);
  });

  it('row 7: delivers 8 MB of an upstream that closes to a client that starts reading late', async () => {
    const upstream = await rig.upstream((server) => server.pour(8_000_000, CHUNK));
    const client = rig.client((await rig.proxy(upstream.address)).listen, 'not reading');
    const server = await upstream.end();
    await rig.settled(() => server.taken);
    client.read();
    await client.getsEnd();
    expect(client.received).to.equal(8_000_000);
    client.finish();
    expect((await rig.pairEnded()).error).to.equal(undefined);
    client.expectAllOf(server);
  });

  it('row 7: the same when the client had ended its own stream, so that the upstream is gone before', async () => {
    const upstream = await rig.upstream((server) => server.pour(8_000_000, CHUNK));
    const client = rig.client((await rig.proxy(upstream.address)).listen, 'not reading').finish();
    const server = await upstream.end();
    await rig.settled(() => server.taken);
    client.read();
    await client.getsEnd();
    expect(client.received).to.equal(8_000_000);
    expect((await rig.pairEnded()).error).to.equal(undefined);
    client.expectAllOf(server);
  });

  for (const [writer, reader] of [
    ['client', 'upstream'],
    ['upstream', 'client'],
  ] as const) {
    it(`row 7: delivers what the proxy holds when the ${writer} is gone already and the ${reader} is slow`, async () => {
      const sizes = LEFT_BEHIND;
      const sent = (end: End): End => end.pour(sizes[upstream.ends.indexOf(end)]!, CHUNK);
      const upstream = await rig.upstream((server) => (writer === 'upstream' ? sent(server) : server.finish()), {
        at: rig.path('upstream'),
        reading: reader === 'upstream' ? 'not reading' : 'reading',
      });
      const proxy = await rig.proxy(upstream.address, { listen: rig.path('proxy') });
      const clients: End[] = [];
      for (const [index, size] of sizes.entries()) {
        const client = rig.client(proxy.listen, reader === 'client' ? 'not reading' : 'reading');
        clients.push(writer === 'client' ? client.pour(size, CHUNK) : client.finish());
        await upstream.end(index + 1);
      }
      const [writers, readers] = writer === 'client' ? [clients, upstream.ends] : [upstream.ends, clients];
      await rig.settled(() => writers.reduce((sum, { taken }) => sum + taken, 0));
      for (const end of readers) end.read();
      for (const end of readers) await end.getsEnd();
      expect(readers.map(({ received }) => received)).to.deep.equal(sizes);
      await rig.pairEnded(sizes.length);
      expect(rig.ended.filter(({ error }) => error !== undefined)).to.deep.equal([]);
      for (const [index, end] of readers.entries()) end.expectAllOf(writers[index]!);
    });
  }

  const FLOOD = 400 * 1024 * 1024;
  const HELD = 32 * 1024 * 1024;
  for (const [reader, writer] of [
    ['client', 'upstream'],
    ['upstream', 'client'],
  ] as const) {
    it(`row 8: holds back the ${writer} while the ${reader} never reads, and memory stays flat`, async () => {
      const upstream = await rig.upstream(undefined, { reading: 'not reading' });
      const client = rig.client((await rig.proxy(upstream.address)).listen, 'not reading');
      const server = await upstream.end();
      const [from, to] = writer === 'client' ? [client, server] : [server, client];
      const before = process.memoryUsage().rss;
      from.pour(FLOOD, CHUNK);
      const taken = await rig.settled(() => from.taken);
      expect(taken).to.be.within(1, HELD);
      expect(process.memoryUsage().rss - before).to.be.below(64 * 1024 * 1024);
      // And the other direction is as free as before.
      to.send('hello');
      from.read();
      await from.gets('hello');
    });
  }

  it('row 8: loses nothing when the reader wakes up, many times', async () => {
    const upstream = await rig.upstream((server) => server.pour(48 * 1024 * 1024, CHUNK));
    const client = rig.client((await rig.proxy(upstream.address)).listen);
    // Three full stops at least: more than all buffers on the way hold.
    for (const stop of [1, 16, 32]) {
      await until(8000, () => client.received >= stop * 1024 * 1024);
      client.socket.pause();
      await rig.settled(() => upstream.ends[0]?.taken ?? 0);
      client.socket.resume();
    }
    await client.getsEnd();
    expect(client.received).to.equal(48 * 1024 * 1024);
    client.expectAllOf(await upstream.end());
  });

  it('row 20: passes two writes of one byte without waiting for the first to be acknowledged', async () => {
    const upstream = await rig.upstream((server) => echoPairs(server));
    const client = rig.client((await rig.proxy(upstream.address)).listen);
    const times: number[] = [];
    for (let round = 1; round <= 200; round++) {
      const began = performance.now();
      client.send('a');
      await turn().then(turn);
      client.send('b');
      await until(5000, () => client.received === 2 * round);
      times.push(performance.now() - began);
    }
    // A delayed acknowledgement is 40 ms; and one turn may always be unlucky.
    expect(times.sort((a, b) => a - b)[150]).to.be.below(20);
  });

  it('row 24: 10 000 times full and empty again leave no listener behind', () => {
    const from = new FakeTransport();
    const to = new FakeTransport();
    const link = new Link('client', from, to, { moved: () => {}, ended: () => {} }, undefined);
    const listeners = to.listeners.length;
    for (let cycle = 1; cycle <= 10_000; cycle++) {
      to.takes = false;
      while (from.flowing) from.emit('data', CHUNK);
      to.takes = true;
      to.emit('drain');
      expect(from.pauses).to.equal(cycle);
      expect(from.flowing).to.equal(true);
    }
    expect(to.listeners.length).to.equal(listeners);
    expect(to.bytes).to.equal(link.bytes);
  });
});

/** Answers every two bytes, with two writes of one. */
function echoPairs(end: End): void {
  let due = 0;
  end.socket.on('data', (chunk: Buffer) => {
    for (due += chunk.length; due >= 2; due -= 2) {
      end.send('a');
      // Two turns: in one, whoever reads the first would find the second with it.
      void turn()
        .then(turn)
        .then(() => end.send('b'));
    }
  });
}

/** Takes bytes or asks to wait, as the test says. */
class FakeTransport implements Transport {
  readonly remote = 'fake';
  readonly listeners: [TransportEvent, (payload?: unknown) => void][] = [];
  takes = true;
  flowing = true;
  pauses = 0;
  bytes = 0;

  write(bytes: Uint8Array): boolean {
    this.bytes += bytes.length;
    return this.takes;
  }

  end(): void {}

  destroy(): void {}

  pause(): void {
    this.pauses++;
    this.flowing = false;
  }

  resume(): void {
    this.flowing = true;
  }

  on(event: TransportEvent, listener: (payload?: unknown) => void): void {
    this.listeners.push([event, listener]);
  }

  emit(event: TransportEvent, payload?: unknown): void {
    for (const [name, listener] of this.listeners) if (name === event) listener(payload);
  }
}
