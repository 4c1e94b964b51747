// Toxics on real connections: what both ends see of them. The clock stands still unless a row is about speed.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { LINGER_MS } from '../../../proxy/toxics/toxic-transport.ts';
import { realClock } from '../../../src/clock.ts';
import { turn, until } from '../../support/within.ts';
import type { End } from '../rig.ts';
import { toxic } from './bench.ts';
import { ToxicRig } from './toxic-rig.ts';

const CHUNK = randomBytes(256 * 1024);
const up = (type: string, attributes = {}) =>
  toxic(type, attributes, { name: `${type}_upstream`, stream: 'upstream', direction: 'upstream' });

describe('proxy: toxics on connections', () => {
  let rig: ToxicRig;
  beforeEach(() => {
    rig = new ToxicRig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    await rig.cleanUp();
    expect(rig.clock.pending, 'timers left behind').to.equal(0);
  });

  it('passes every byte in both directions, and half-closes, without a toxic', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address);
    const [client, server] = await rig.through(proxy, upstream);
    client.pour(5_000_000, CHUNK);
    await server.getsEnd();
    server.pour(3_000_000, CHUNK);
    await client.closes();
    await server.closes();
    server.expectAllOf(client);
    client.expectAllOf(server);
    await until(5000, () => rig.over === 1);
  });

  it('delays each direction by its own latency', async () => {
    const upstream = await rig.upstream((server) => server.send('hi'));
    const proxy = await rig.toxicProxy(upstream.address);
    proxy.toxics.add(up('latency', { latency: 50 }));
    proxy.toxics.add(toxic('latency', { latency: 100 }));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('req');
    await rig.settled(() => rig.clock.pending);
    rig.clock.advance(50);
    await server.gets('req');
    expect(client.received).to.equal(0);
    rig.clock.advance(50);
    await client.gets('hi');
  });

  it('keeps half-close through a latency: the end comes behind the bytes', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address);
    proxy.toxics.add(up('latency', { latency: 100 }));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('req').finish();
    await rig.settled(() => rig.clock.pending);
    rig.clock.advance(100);
    await server.gets('req');
    await server.getsEnd();
    server.send('reply').finish();
    await client.gets('reply');
    await client.closes();
  });

  it('delivers what a client left in a toxic, and closed', async () => {
    const upstream = await rig.upstream((server) => server.finish());
    const proxy = await rig.toxicProxy(upstream.address);
    proxy.toxics.add(up('latency', { latency: 100 }));
    const [client, server] = await rig.through(proxy, upstream);
    await client.getsEnd();
    client.send('last words').finish();
    await client.closes();
    rig.clock.advance(100);
    await server.gets('last words');
    await server.closes();
    await until(5000, () => rig.over === 1);
  });

  for (const [who, direction] of [
    ['the client', 'upstream'],
    ['the upstream', 'downstream'],
  ] as const) {
    it(`limit_data: exactly so many bytes of ${who}, then both are ended`, async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.toxicProxy(upstream.address);
      const limit = { bytes: 100_000 };
      proxy.toxics.add(direction === 'upstream' ? up('limit_data', limit) : toxic('limit_data', limit));
      const [client, server] = await rig.through(proxy, upstream);
      const [from, to] = direction === 'upstream' ? [client, server] : [server, client];
      from.send(CHUNK);
      await to.getsEnd();
      await from.getsEnd();
      expect(to.received).to.equal(100_000);
      expect([client.error, server.error]).to.deep.equal(['', '']);
      from.finish();
      to.finish();
      await until(5000, () => rig.over === 1);
    });
  }

  it('ends a pair whose sides do not care that a toxic has closed it', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address);
    proxy.toxics.add(toxic('timeout', { timeout: 100 }));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('x');
    await server.gets('x');
    rig.clock.advance(100);
    await client.getsEnd();
    await server.getsEnd();
    rig.clock.advance(LINGER_MS);
    await until(5000, () => rig.over === 1);
  });

  it('a black hole lets nothing through, and ends when it is taken away', async () => {
    const upstream = await rig.upstream((server) => server.send('lost'));
    const proxy = await rig.toxicProxy(upstream.address);
    const hole = toxic('timeout');
    proxy.toxics.add(hole);
    const [client, server] = await rig.through(proxy, upstream);
    client.send('x');
    await server.gets('x');
    proxy.toxics.remove(hole);
    await client.getsEnd();
    expect(client.received).to.equal(0);
    await server.getsEnd();
    client.finish();
    server.finish();
    await until(5000, () => rig.over === 1);
  });

  for (const age of ['new', 'open'] as const) {
    it(`reset_peer resets both sides of ${age === 'new' ? 'a new' : 'an open'} connection`, async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.toxicProxy(upstream.address);
      if (age === 'new') proxy.toxics.add(toxic('reset_peer', { timeout: 100 }));
      const [client, server] = await rig.through(proxy, upstream);
      client.send('x');
      await server.gets('x');
      if (age === 'open') proxy.toxics.add(toxic('reset_peer', { timeout: 100 }));
      server.send('y');
      await rig.settled(() => rig.clock.pending);
      rig.clock.advance(100);
      await client.closes();
      await server.closes();
      expect([client.error, server.error]).to.deep.equal(['ECONNRESET', 'ECONNRESET']);
      expect(client.received).to.equal(0);
      await until(5000, () => rig.over === 1);
    });
  }

  it('reset_peer on an open connection is an end, when strict', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address, { strict: true });
    const [client, server] = await rig.through(proxy, upstream);
    client.send('x');
    await server.gets('x');
    proxy.toxics.add(toxic('reset_peer'));
    server.send('y');
    await client.getsEnd();
    await server.getsEnd();
    expect([client.error, server.error]).to.deep.equal(['', '']);
    client.finish();
    server.finish();
    await until(5000, () => rig.over === 1);
  });

  it('a reset_peer with toxicity 0 makes later ends resets, when strict', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address, { strict: true });
    proxy.toxics.add(toxic('reset_peer', {}, { toxicity: 0 }));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('x');
    await server.gets('x');
    server.finish();
    await client.closes();
    expect(client.error).to.equal('ECONNRESET');
  });

  it('the end of one direction ends both, when strict: a reply behind it is lost', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address, { strict: true });
    const [client, server] = await rig.through(proxy, upstream);
    client.send('req').finish();
    await server.getsEnd();
    await client.getsEnd();
    server.send('reply').finish();
    await client.closes();
    expect(client.received).to.equal(0);
    rig.clock.advance(LINGER_MS);
    await until(5000, () => rig.over === 1);
  });

  it('a reset by the client is an end for the upstream, behind all that the client has said, when strict', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address, { strict: true });
    proxy.toxics.add(up('latency', { latency: 100 }));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('req');
    await rig.settled(() => rig.clock.pending);
    client.reset();
    await client.closes();
    await rig.settled(() => rig.clock.pending);
    rig.clock.advance(100);
    await server.gets('req');
    await server.getsEnd();
    expect(server.error).to.equal('');
    server.finish();
    await until(5000, () => rig.over === 1);
  });

  it('closes every connection and refuses new ones when it is stopped, whatever toxics hold', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address);
    proxy.toxics.add(up('bandwidth', { rate: 0 }));
    proxy.toxics.add(toxic('timeout'));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('held');
    await until(5000, () => client.taken === 4);
    await proxy.stop();
    await client.isLeft();
    await server.isLeft();
    await until(5000, () => rig.over === 1);
    const late = rig.client(proxy.listen);
    await late.closes();
    expect(late.error).to.equal('ECONNREFUSED');
  });

  it('slices of one write arrive one by one', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address);
    proxy.toxics.add(up('slicer', { average_size: 1, delay: 10_000 }));
    const [client, server] = await rig.through(proxy, upstream);
    client.send('abc');
    await server.gets('a');
    rig.clock.advance(10);
    await server.gets('ab');
    rig.clock.advance(10);
    await server.gets('abc');
  });

  it('row 9: a fast sender behind a latency of a second is held by bytes, not by chunks', async () => {
    const upstream = await rig.upstream((server) => server.pour(64 * 1024 * 1024, CHUNK));
    const proxy = await rig.toxicProxy(upstream.address, { maxHeld: 4 * 1024 * 1024 });
    proxy.toxics.add(toxic('latency', { latency: 1000 }));
    const before = process.memoryUsage().rss;
    const [client, server] = await rig.through(proxy, upstream);
    const taken = await rig.settled(() => server.taken);
    // What the toxic holds, and what the system's buffers do.
    expect(taken).to.be.within(4 * 1024 * 1024, 20 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).to.be.below(64 * 1024 * 1024);
    const advancing = setInterval(() => rig.clock.advance(1000), 1);
    try {
      await until(15_000, () => client.ended, 'the end');
    } finally {
      clearInterval(advancing);
    }
    expect(client.received).to.equal(64 * 1024 * 1024);
    client.expectAllOf(server);
    client.finish();
    await until(5000, () => rig.over === 1);
  });

  it('row 32: toxics come and go under load in both directions, and no byte is lost', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.toxicProxy(upstream.address, { clock: realClock });
    const [client, server] = await rig.through(proxy, upstream);
    const pour = (end: End): void => void end.pour(40 * 1024 * 1024, CHUNK);
    pour(client);
    pour(server);
    const kinds = [
      ['latency', { latency: 20, jitter: 10 }],
      ['bandwidth', { rate: 50_000 }],
      ['slicer', { average_size: 10_000, size_variation: 3000, delay: 10 }],
      ['slow_close', { delay: 20 }],
    ] as const;
    for (let round = 0; !client.ended || !server.ended; round++) {
      const [type, attributes] = kinds[round % kinds.length]!;
      const both = [up(type, attributes), toxic(type, attributes)];
      for (const each of both) proxy.toxics.add(each);
      await new Promise((resolve) => setTimeout(resolve, 15));
      for (const each of both) proxy.toxics.remove(each);
      await turn();
    }
    expect([client.received, server.received]).to.deep.equal([40 * 1024 * 1024, 40 * 1024 * 1024]);
    client.expectAllOf(server);
    server.expectAllOf(client);
    await until(5000, () => rig.over === 1);
  });

  it('row 32: a toxic with a full buffer and a dead peer is taken away at once', async () => {
    const upstream = await rig.upstream((server) => server.pour(64 * 1024 * 1024, CHUNK));
    const proxy = await rig.toxicProxy(upstream.address);
    const latency = toxic('latency', { latency: 10 });
    proxy.toxics.add(latency);
    const client = rig.client(proxy.listen, 'not reading');
    const server = await upstream.end();
    await rig.settled(() => server.taken);
    const began = performance.now();
    proxy.toxics.remove(latency);
    expect(performance.now() - began).to.be.below(1000);
    client.read();
    await client.getsEnd();
    expect(client.received).to.equal(64 * 1024 * 1024);
    client.expectAllOf(server);
  });
});
