// The client for Node as it is published, against our server: everything that it can do.
import { expect } from 'chai';
import { type Proxy as ClientProxy, Toxiproxy, ToxiproxyError } from 'toxiproxy-node-client';
import type { End, Upstream } from '../rig.ts';
import { ControlRig } from './control-rig.ts';

describe('proxies: toxiproxy-node-client', () => {
  let rig: ControlRig;
  let toxiproxy: Toxiproxy;
  let upstream: Upstream;
  beforeEach(async () => {
    rig = await new ControlRig().start();
    toxiproxy = new Toxiproxy(`http://${rig.api}`);
    upstream = await rig.upstream((server) => server.socket.on('data', (bytes) => server.send(bytes)));
  });
  afterEach(() => rig.cleanUp());

  const make = (name = 'redis'): Promise<ClientProxy> =>
    toxiproxy.createProxy({ name, listen: 'localhost:0', upstream: upstream.address });

  /** Milliseconds from a question to its echo. */
  async function roundTrip(client: End): Promise<number> {
    const began = performance.now();
    client.text = '';
    client.send('ping');
    await client.gets('ping');
    return performance.now() - began;
  }

  it('asks for the version', async () => {
    expect(JSON.parse(await toxiproxy.getVersion())).to.deep.equal({ version: '2.12.0' });
  });

  it('makes, finds, lists and removes proxies', async () => {
    const proxy = await make();
    expect(proxy.toJson()).to.deep.include({ name: 'redis', enabled: true, upstream: upstream.address });
    expect((await toxiproxy.get('redis')).toJson()).to.deep.equal(proxy.toJson());
    expect(Object.keys(await toxiproxy.getAll())).to.deep.equal(['redis']);
    await proxy.remove();
    expect(await toxiproxy.getAll()).to.deep.equal({});
  });

  it('populates', async () => {
    const bodies = ['a', 'b'].map((name) => ({ name, listen: 'localhost:0', upstream: upstream.address }));
    const proxies = await toxiproxy.populate(bodies);
    expect(Object.keys(proxies)).to.deep.equal(['a', 'b']);
    const { b } = proxies;
    expect(await roundTrip(rig.client(b!.listen))).to.be.below(2000);
  });

  it('disables a proxy and enables it again', async () => {
    const proxy = await make();
    const { listen, name, upstream: where } = proxy.toJson();
    const off = await proxy.update({ enabled: false, listen, upstream: where });
    expect([name, off.enabled]).to.deep.equal(['redis', false]);
    const client = rig.client(listen);
    await client.closes();
    expect(client.error).to.equal('ECONNREFUSED');
    expect((await proxy.update({ enabled: true, listen, upstream: where })).enabled).to.equal(true);
    await roundTrip(rig.client(listen));
  });

  it('adds, finds, changes and removes a latency, and it is felt', async () => {
    const proxy = await make();
    const client = rig.client(proxy.listen);
    await roundTrip(client);
    const toxic = await proxy.addToxic({
      name: 'slow',
      type: 'latency',
      stream: 'downstream',
      toxicity: 1,
      attributes: { latency: 200, jitter: 0 },
    });
    expect(toxic.toJson()).to.deep.equal({
      name: 'slow',
      type: 'latency',
      stream: 'downstream',
      toxicity: 1,
      attributes: { latency: 200, jitter: 0 },
    });
    expect(await roundTrip(client)).to.be.at.least(195);
    expect((await proxy.getToxic('slow')).toJson()).to.deep.equal(toxic.toJson());
    const changed = await toxic.update({ attributes: { latency: 400, jitter: 0 } } as never);
    expect(changed.attributes).to.deep.equal({ latency: 400, jitter: 0 });
    expect(await roundTrip(client)).to.be.at.least(395);
    await toxic.remove();
    expect(await roundTrip(client)).to.be.below(395);
  });

  it('resets', async () => {
    const proxy = await make();
    await proxy.addToxic({ name: 't', type: 'timeout', stream: 'upstream', toxicity: 1, attributes: { timeout: 0 } });
    await proxy.update({ enabled: false, listen: proxy.listen, upstream: proxy.upstream });
    await toxiproxy.reset();
    expect((await toxiproxy.get('redis')).enabled).to.equal(true);
    await roundTrip(rig.client(proxy.listen));
  });

  const FAILURES: [title: string, status: number, run: () => Promise<unknown>][] = [
    ['a proxy that is there already', 409, async () => [await make(), await make()]],
    ['a proxy that is not there', 404, () => toxiproxy.get('nobody')],
    ['a toxic that is not there', 404, async () => (await make()).getToxic('nothing')],
    ['a toxic of no type', 400, async () => (await make()).addToxic({ type: 'what', attributes: {} } as never)],
  ];
  for (const [title, status, run] of FAILURES) {
    it(`fails for ${title}`, async () => {
      const error: unknown = await run().catch((failure: unknown) => failure);
      expect(error).to.be.instanceOf(ToxiproxyError);
      expect((error as Error).message).to.equal(`Request failed with status code ${status}`);
    });
  }
});
