// Unix sockets on either side or both: the same bytes, ends and failures as over TCP.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { Rig } from './rig.ts';

describe('proxy: unix sockets', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    rig.expectExact();
    await rig.cleanUp();
  });

  for (const [listen, at] of [
    ['unix', 'tcp'],
    ['tcp', 'unix'],
    ['unix', 'unix'],
  ] as const) {
    it(`passes every byte and both ends from ${listen} to ${at}`, async () => {
      const upstream = await rig.upstream(() => {}, { at: at === 'unix' ? rig.path('upstream') : '127.0.0.1:0' });
      const proxy = await rig.proxy(upstream.address, { listen: listen === 'unix' ? rig.path('proxy') : '0' });
      const [client, server] = await rig.join(proxy, upstream);
      client.pour(3_000_000, randomBytes(100_000));
      await server.getsEnd();
      server.pour(5_000_000, randomBytes(100_000));
      await client.getsEnd();
      expect(await rig.pairEnded()).to.deep.equal({ id: 1, bytesUp: 3_000_000, bytesDown: 5_000_000 });
      server.expectAllOf(client);
      client.expectAllOf(server);
    });
  }

  it('row 11: closes the client at once when nobody listens at the path', async () => {
    const path = rig.path('nobody');
    const client = rig.client((await rig.proxy(path)).listen);
    await client.getsEnd();
    expect((await rig.pairEnded()).error).to.equal(`connect ENOENT ${path.replace('unix:', '')}`);
  });

  it('removes its socket file when it stops', async () => {
    const listen = rig.path('proxy');
    const proxy = await rig.proxy((await rig.upstream()).address, { listen });
    expect(proxy.listen).to.equal(listen);
    await proxy.stop(0);
    expect(existsSync(listen.replace('unix:', ''))).to.equal(false);
  });
});
