// Before the upstream is there: the rows of the corpus about connecting, or not.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { deferred, until } from '../support/within.ts';
import { Rig } from './rig.ts';

describe('proxy: connecting', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    rig.expectExact();
    await rig.cleanUp();
  });

  /** An upstream at which nobody listens any more. */
  async function nobody(): Promise<string> {
    const other = new Rig();
    const { address } = await other.upstream();
    await other.cleanUp();
    return address;
  }

  it('row 10: passes a banner on while the client is silent', async () => {
    const upstream = await rig.upstream((server) => server.send('220 hi\r\n'));
    const client = rig.client((await rig.proxy(upstream.address)).listen);
    await client.gets('220 hi\r\n');
  });

  it('row 11: closes the client at once when the upstream refuses', async () => {
    const address = await nobody();
    const client = rig.client((await rig.proxy(address)).listen);
    await client.getsEnd();
    expect(client.received).to.equal(0);
    expect(await rig.pairEnded()).to.deep.equal({
      id: 1,
      bytesUp: 0,
      bytesDown: 0,
      error: `connect ECONNREFUSED ${address}`,
    });
    expect(rig.clock.pending).to.equal(0);
  });

  it('row 12: closes the client when connecting takes too long, and says so', async () => {
    const hole = await rig.blackHole();
    const client = await rig.accepted(await rig.proxy(hole, { 'connect-timeout': '3s' }), 'hello?');
    rig.clock.advance(2999);
    client.send(' anybody?');
    expect(rig.ended).to.deep.equal([]);
    rig.clock.advance(1);
    expect((await rig.pairEnded()).error).to.equal('connecting to the upstream took too long');
    await client.closes();
    expect(rig.clock.pending).to.equal(0);
  });

  it('row 13: delivers 200 kB of a client that had closed before the upstream was connected', async () => {
    const found = deferred<readonly string[]>();
    rig.lookUp(() => found.promise);
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address.replace('127.0.0.1', 'upstream.test'));
    const client = rig.client(proxy.listen).send(randomBytes(200_000)).finish();
    await until(5000, () => client.taken === 200_000 && rig.opened.length === 1);
    expect(rig.ended).to.deep.equal([]);
    found.resolve(['127.0.0.1']);
    const server = await upstream.end();
    await server.getsEnd();
    expect(server.received).to.equal(200_000);
    server.expectAllOf(client);
    server.finish();
    expect(await rig.pairEnded()).to.deep.equal({ id: 1, bytesUp: 200_000, bytesDown: 0 });
  });

  for (const said of ['', 'MAIL FROM:<a@b.test>\r\n']) {
    it(`row 14: gives up connecting for a client that resets ${said === '' ? 'silently' : 'in mid-speech'}`, async () => {
      const hole = await rig.blackHole();
      const proxy = await rig.proxy(hole);
      const before = sockets();
      const client = await rig.accepted(proxy, said);
      // A reset in the same moment as data is an end to the proxy: the system tells of both at once.
      await rig.settled(() => client.taken);
      client.reset();
      const { bytesUp, error } = await rig.pairEnded();
      expect(bytesUp).to.equal(0);
      expect(error).to.match(/ECONNRESET/);
      await until(5000, () => sockets() === before);
      expect(rig.clock.pending).to.equal(0);
      expect(rig.ended).to.have.length(1);
    });
  }

  it('row 15: falls back to the second address of a name', async () => {
    rig.lookUp(async () => ['::1', '127.0.0.1']);
    const upstream = await rig.upstream((server) => server.send('220 hi\r\n'));
    const proxy = await rig.proxy(upstream.address.replace('127.0.0.1', 'localhost'));
    await rig.client(proxy.listen).gets('220 hi\r\n');
  });

  it('row 15: tells of every address when none of them answers', async () => {
    rig.lookUp(async () => ['127.0.0.2', '127.0.0.1']);
    const port = (await nobody()).split(':')[1];
    const client = rig.client((await rig.proxy(`localhost:${port}`)).listen);
    await client.getsEnd();
    const { error } = await rig.pairEnded();
    expect(error).to.equal(`connect ECONNREFUSED 127.0.0.2:${port}; connect ECONNREFUSED 127.0.0.1:${port}`);
  });

  it('row 26: takes 600 connections at once and mixes none of them up', async () => {
    const upstream = await rig.upstream((server) => server.socket.on('data', (chunk: Buffer) => server.send(chunk)));
    const proxy = await rig.proxy(upstream.address);
    const clients = Array.from({ length: 600 }, (_, each) => rig.client(proxy.listen).send(`I am number ${each}`));
    await until(8000, () => clients.every(({ text }, each) => text === `I am number ${each}`), 'all echoes');
    for (const client of clients) client.finish();
    for (const [index, server] of upstream.ends.entries()) {
      expect(server.error, `upstream ${index}`).to.equal('');
      server.finish();
    }
    await rig.pairEnded(600);
    expect(rig.ended.filter(({ error }) => error !== undefined)).to.deep.equal([]);
    expect(clients.filter(({ error }) => error !== '')).to.deep.equal([]);
  });

  it('row 26: closes what is over the limit, and takes the next one when there is room again', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { 'max-connections': '2' });
    const [first, server] = await rig.join(proxy, upstream);
    await rig.join(proxy, upstream);
    await rig.client(proxy.listen).getsEnd();
    expect(upstream.ends).to.have.length(2);
    first.finish();
    server.finish();
    await rig.pairEnded();
    await rig.join(proxy, upstream);
  });
});

function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCPSocket')).length;
}
