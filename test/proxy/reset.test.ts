// A reset of one side reaches the other one: as a reset, or behind all that was said before it.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { FIN_TIMEOUT_MS, FLUSH_GRACE_MS } from '../../proxy/pair.ts';
import { until } from '../support/within.ts';
import { type End, Rig } from './rig.ts';

describe('proxy: resets', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    rig.expectExact();
    await rig.cleanUp();
  });

  const SIDES = [
    ['row 4', 'upstream', 'client'],
    ['row 5', 'client', 'upstream'],
  ] as const;

  /** Both ends of a connection on which both have spoken. */
  async function talking(flags = {}): Promise<{ client: End; upstream: End }> {
    const listening = await rig.upstream();
    const [client, upstream] = await rig.join(await rig.proxy(listening.address, flags), listening);
    client.send('ping');
    await upstream.gets('ping');
    upstream.send('pong');
    await client.gets('pong');
    return { client, upstream };
  }

  for (const [row, resetting, other] of SIDES) {
    it(`${row}: the ${other} sees a reset when the ${resetting} has reset`, async () => {
      const ends = await talking();
      ends[resetting].reset();
      await ends[other].closes();
      expect(ends[other].error).to.equal('ECONNRESET');
      expect(ends[other].ended).to.equal(false);
      const { error } = await rig.pairEnded();
      expect(error).to.equal(`the ${resetting} has reset its connection (read ECONNRESET)`);
      expect(rig.clock.pending).to.equal(0);
    });

    it(`${row}: also when the ${other} has ended its stream before`, async () => {
      const ends = await talking();
      ends[other].finish();
      await ends[resetting].getsEnd();
      ends[resetting].reset();
      await rig.pairEnded();
      await ends[other].closes();
      expect(ends[other].error).to.equal('ECONNRESET');
    });

    it(`${row}: with --reset flush the ${other} gets an end, and the reset is recorded`, async () => {
      const ends = await talking({ reset: 'flush' });
      ends[resetting].reset();
      await ends[other].getsEnd();
      expect(ends[other].error).to.equal('');
      ends[other].finish();
      const { error } = await rig.pairEnded();
      expect(error).to.equal(`the ${resetting} has reset its connection (read ECONNRESET)`);
      expect(rig.clock.pending).to.equal(0);
    });

    it(`${row}: with --reset flush the ${other} is reset when it still speaks long after`, async () => {
      const ends = await talking({ reset: 'flush' });
      ends[resetting].reset();
      await ends[other].getsEnd();
      ends[other].send('anybody there?');
      await rig.settled(() => ends[other].taken);
      rig.clock.advance(FLUSH_GRACE_MS - 1);
      expect(rig.ended).to.deep.equal([]);
      rig.clock.advance(1);
      await rig.pairEnded();
      // Behind an end the system tells of a reset when somebody writes.
      ends[other].send('anybody?');
      await ends[other].closes();
      expect(ends[other].error).to.match(/ECONNRESET|EPIPE/);
    });

    it(`${row}: with --reset flush the ${other} is left in the end when it stays silent`, async () => {
      const ends = await talking({ reset: 'flush' });
      ends[resetting].reset();
      await ends[other].getsEnd();
      rig.clock.advance(FIN_TIMEOUT_MS);
      await ends[other].isLeft();
      expect((await rig.pairEnded()).error).to.contain('has reset its connection');
    });
  }

  const SAID = randomBytes(300_000);

  it('row 6: faithful, a client that reads late meets the reset, as without a proxy', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address);
    const client = rig.client(proxy.listen, 'not reading');
    const server = await upstream.end();
    server.send(SAID);
    await rig.settled(() => server.taken);
    server.reset();
    expect(await rig.pairEnded()).to.include({ bytesDown: 300_000 });
    client.read();
    await client.isLeft();
    expect(client.received).to.be.at.most(300_000);
    // Node takes a reset behind data for an end. Whoever writes hears of it.
    client.send('still there?');
    await client.closes();
    expect(client.error).to.match(/ECONNRESET|EPIPE/);
  });

  it('row 6: flush, a client that reads late gets all 300 kB, and then an end', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { reset: 'flush' });
    const client = rig.client(proxy.listen, 'not reading');
    const server = await upstream.end();
    server.send(SAID);
    await rig.settled(() => server.taken);
    server.reset();
    await until(5000, () => rig.clock.pending > 0, 'the end');
    client.read();
    await client.getsEnd();
    expect(client.received).to.equal(300_000);
    client.expectAllOf(server);
    client.finish();
    expect((await rig.pairEnded()).error).to.contain('the upstream has reset');
  });

  it('row 6: flush, nothing is lost of what the proxy itself still holds', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { reset: 'flush' });
    const client = rig.client(proxy.listen, 'not reading');
    const server = await upstream.end();
    // As much as goes in: then the proxy has stopped reading, and the client makes it read on.
    server.pour(64 * 1024 * 1024, SAID);
    const taken = await rig.settled(() => server.taken);
    server.socket.resetAndDestroy();
    server.socket.destroy();
    client.read();
    await client.getsEnd();
    // What was in the system's own buffers of the upstream is gone with it; what the proxy has read is not.
    client.finish();
    const { bytesDown } = await rig.pairEnded();
    expect(client.received).to.equal(bytesDown);
    expect(bytesDown).to.be.at.most(taken);
  });

  it('row 16: a client is told of a reset behind a backlog when it reads that, or by the fin timeout', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { 'idle-timeout': '60s' });
    const client = rig.client(proxy.listen, 'not reading');
    const server = await upstream.end();
    server.pour(32 * 1024 * 1024, randomBytes(256 * 1024));
    await rig.settled(() => server.taken);
    server.socket.resetAndDestroy();
    server.socket.destroy();
    await rig.settled(() => rig.ended.length);
    // A connection that is not read does not tell: only time does.
    expect(rig.ended).to.deep.equal([]);
    rig.clock.advance(60_000);
    expect((await rig.pairEnded()).error).to.equal('idle for too long');
    client.read();
    await client.isLeft();
  });
});
