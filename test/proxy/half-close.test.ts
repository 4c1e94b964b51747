// One side has said everything, the other has not: the rows of the corpus about the end of a direction.
import { expect } from 'chai';
import { FIN_TIMEOUT_MS } from '../../proxy/pair.ts';
import { Rig } from './rig.ts';

describe('proxy: half-close', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    rig.expectExact();
    await rig.cleanUp();
  });

  for (const [row, pause] of [
    ['row 1: delivers a reply that comes 300 ms after the end of the request', 300],
    ['row 2: delivers a reply that comes 1.5 s after the end of the request', 1500],
  ] as const) {
    it(row, async () => {
      const upstream = await rig.upstream();
      const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
      client.send('req').finish();
      await server.gets('req');
      await server.getsEnd();
      rig.clock.advance(pause);
      server.send('reply').finish();
      await client.gets('reply');
      await client.closes();
      expect(await rig.pairEnded()).to.deep.equal({ id: 1, bytesUp: 3, bytesDown: 5 });
      server.expectAllOf(client);
      client.expectAllOf(server);
      expect(rig.clock.pending).to.equal(0);
    });
  }

  it('row 3: delivers what the client says after the upstream has ended', async () => {
    const upstream = await rig.upstream();
    const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
    server.send('bye').finish();
    await client.gets('bye');
    await client.getsEnd();
    client.send('late').finish();
    await server.gets('late');
    await server.getsEnd();
    expect(await rig.pairEnded()).to.deep.equal({ id: 1, bytesUp: 4, bytesDown: 3 });
  });

  for (const [who, other] of [
    ['client', 'upstream'],
    ['upstream', 'client'],
  ] as const) {
    it(`row 17: closes both when the ${who} has ended and the ${other} says nothing for ever`, async () => {
      const upstream = await rig.upstream();
      const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
      const [done, silent] = who === 'client' ? [client, server] : [server, client];
      done.finish();
      await silent.getsEnd();
      rig.clock.advance(FIN_TIMEOUT_MS - 1);
      silent.send('x');
      await done.gets('x');
      rig.clock.advance(FIN_TIMEOUT_MS - 1);
      expect(rig.ended).to.deep.equal([]);
      rig.clock.advance(1);
      expect((await rig.pairEnded()).error).to.equal('half closed and idle for too long');
      await done.closes();
      await silent.getsEnd();
      expect(rig.clock.pending).to.equal(0);
    });
  }

  it('row 17: the time is an option', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { 'fin-timeout': '5s' });
    const [client, server] = await rig.join(proxy, upstream);
    client.finish();
    await server.getsEnd();
    rig.clock.advance(5000);
    expect((await rig.pairEnded()).error).to.equal('half closed and idle for too long');
  });

  it('row 17: lets both be silent while neither has ended', async () => {
    const upstream = await rig.upstream();
    const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
    client.send('x');
    await server.gets('x');
    rig.clock.advance(10 * FIN_TIMEOUT_MS);
    server.send('y');
    await client.gets('y');
    expect(rig.ended).to.deep.equal([]);
  });

  it('row 21: survives what is written to a client that has left', async () => {
    const upstream = await rig.upstream();
    const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
    client.send('req');
    await server.gets('req');
    client.socket.destroy();
    await server.getsEnd();
    // The first write meets a reset, the others a connection that is gone.
    const talk = setInterval(() => server.socket.write('reply'), 5);
    rig.onCleanUp(() => clearInterval(talk));
    expect((await rig.pairEnded()).error).to.match(/EPIPE|ECONNRESET/);
    await server.closes();
    expect(rig.ended).to.have.length(1);
  });

  it('row 21: survives what is written to an upstream that has left', async () => {
    const upstream = await rig.upstream();
    const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
    server.socket.destroy();
    await client.getsEnd();
    const talk = setInterval(() => client.socket.write('more'), 5);
    rig.onCleanUp(() => clearInterval(talk));
    expect((await rig.pairEnded()).error).to.match(/EPIPE|ECONNRESET/);
    await client.closes();
    expect(rig.ended).to.have.length(1);
  });
});
