// What orders to the control server do to proxies and to the connections that run through them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { resolveControl } from '../../../proxy/control/options.ts';
import { startControl } from '../../../proxy/control/service.ts';
import { until } from '../../support/within.ts';
import type { End, Upstream } from '../rig.ts';
import { QUIET } from '../toxics/toxic-rig.ts';
import { ControlRig, refused } from './control-rig.ts';

describe('proxies: what orders do', () => {
  let rig: ControlRig;
  let upstream: Upstream;
  beforeEach(async () => {
    rig = new ControlRig();
    upstream = await rig.upstream();
  });
  afterEach(() => rig.cleanUp());

  const make = (more: object = {}) =>
    rig.json('POST /proxies', { name: 'p', listen: 'localhost:0', upstream: upstream.address, ...more });

  /** A client and the other end of its connection. */
  async function join2(listen: string): Promise<[End, End]> {
    const count = upstream.ends.length + 1;
    const client = rig.client(listen);
    return [client, await upstream.end(count)];
  }

  async function expectWorks(listen: string): Promise<void> {
    const [client, server] = await join2(listen);
    client.send('ping');
    await server.gets('ping');
    server.send('pong').finish();
    await client.gets('pong');
    client.finish();
  }

  async function expectRefused(listen: string): Promise<void> {
    const client = rig.client(listen);
    await client.closes();
    expect(client.error).to.equal('ECONNREFUSED');
  }

  it('passes connections on, and none any more when the proxy is deleted', async () => {
    await rig.start();
    const { listen } = await make();
    await expectWorks(listen);
    const [client, server] = await join2(listen);
    await rig.json('DELETE /proxies/p');
    await client.isLeft();
    await server.isLeft();
    await expectRefused(listen);
  });

  it('refuses connections while disabled, and has its toxics and its port when it is enabled again', async () => {
    await rig.start();
    const { listen } = await make();
    await rig.json('POST /proxies/p/toxics', { type: 'noop' });
    const [client] = await join2(listen);
    const off = await rig.json('PATCH /proxies/p', { enabled: false });
    expect([off.listen, off.enabled]).to.deep.equal([listen, false]);
    await client.isLeft();
    await expectRefused(listen);
    await rig.json('POST /proxies/p/toxics', { type: 'noop', stream: 'upstream' });
    const on = await rig.json('PATCH /proxies/p', { enabled: true });
    expect([on.listen, on.enabled, on.toxics.length]).to.deep.equal([listen, true, 2]);
    await expectWorks(listen);
  });

  it('lets connections be when nothing changes, also if the same address is written in another way', async () => {
    await rig.start();
    const { listen } = await make();
    const [client, server] = await join2(listen);
    const same = { listen: listen.replace('127.0.0.1', 'localhost'), upstream: upstream.address };
    expect(await rig.json('PATCH /proxies/p', same)).to.include({ listen });
    client.send('still here');
    await server.gets('still here');
  });

  it('ends connections when the upstream changes, and keeps the toxics', async () => {
    await rig.start();
    const { listen } = await make();
    await rig.json('POST /proxies/p/toxics', { type: 'noop' });
    const [client] = await join2(listen);
    const other = await rig.upstream();
    const changed = await rig.json('PATCH /proxies/p', { upstream: other.address });
    expect(changed.toxics.length).to.equal(1);
    await client.isLeft();
    const next = rig.client(listen).send('to the other');
    await (await other.end()).gets('to the other');
    next.finish();
  });

  it('stays disabled when the new address cannot be had', async () => {
    await rig.start();
    const { listen } = await make();
    const taken = await make({ name: 'q' });
    const error = `listen tcp ${taken.listen}: bind: address already in use`;
    expect(await rig.ask('PATCH /proxies/p', { listen: taken.listen })).to.deep.equal(refused(error, 500));
    expect(await rig.json('GET /proxies/p')).to.include({ listen: taken.listen, enabled: false });
    await expectRefused(listen);
  });

  it('enables all and removes all toxics on reset', async () => {
    await rig.start();
    const { listen } = await make();
    await make({ name: 'off', enabled: false });
    const [client, server] = await join2(listen);
    await rig.json('POST /proxies/p/toxics', { type: 'latency', attributes: { latency: 1e6 } });
    server.send('late');
    await rig.json('POST /reset');
    await client.gets('late');
    const all = await rig.json('GET /proxies');
    expect(all.off.enabled).to.equal(true);
    expect(all.p.toxics).to.deep.equal([]);
  });

  it('answers a reset that cannot enable everything with the reason', async () => {
    await rig.start();
    const { listen } = await make();
    await make({ name: 'off', enabled: false, listen });
    const error = `listen tcp ${listen}: bind: address already in use`;
    expect(await rig.ask('POST /reset')).to.deep.equal(refused(error, 500));
  });

  it('leaves alone in a populate what is there already, and replaces the others without their toxics', async () => {
    await rig.start();
    const kept = await make();
    const replaced = await make({ name: 'q' });
    for (const name of ['p', 'q']) await rig.json(`POST /proxies/${name}/toxics`, { type: 'noop' });
    const [client, server] = await join2(kept.listen);
    const { proxies } = await rig.json('POST /populate', [
      { name: 'p', listen: kept.listen, upstream: upstream.address, enabled: false },
      { name: 'q', listen: replaced.listen, upstream: '127.0.0.1:1' },
      { name: 'r', listen: 'localhost:0', upstream: '127.0.0.1:1', enabled: false },
    ]);
    const shown = proxies.map(({ name, enabled, toxics }: Record<string, unknown[]>) => [
      name,
      enabled,
      toxics!.length,
    ]);
    expect(shown).to.deep.equal([
      ['p', true, 1],
      ['q', true, 0],
      ['r', false, 0],
    ]);
    client.send('still here');
    await server.gets('still here');
  });

  it('makes one proxy of two orders that come at once', async () => {
    await rig.start();
    const order = { name: 'p', listen: 'localhost:0', upstream: 'x:1' };
    const answers = await Promise.all([1, 2, 3].map(() => rig.ask('POST /proxies', order)));
    expect(answers.map(([status]) => status).sort()).to.deep.equal([201, 409, 409]);
  });

  it('drops a client whose upstream is nowhere', async () => {
    await rig.start();
    for (const [name, where] of [
      ['a', 'not an address'],
      ['b', '127.0.0.1:1'],
    ] as const) {
      const { listen } = await make({ name, upstream: where });
      const client = rig.client(listen);
      await client.isLeft();
    }
  });

  const TOXICS = [
    { type: 'latency', attributes: { latency: 5 } },
    { type: 'noop', stream: 'upstream', name: 'n' },
  ];

  for (const strict of [false, true]) {
    it(`${strict ? 'ignores, when strict,' : 'takes'} toxics in create, populate and config`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'proxies-'));
      rig.onCleanUp(() => rmSync(folder, { recursive: true }));
      const config = join(folder, 'toxiproxy.json');
      const order = { listen: 'localhost:0', upstream: 'x:1', toxics: TOXICS };
      writeFileSync(config, JSON.stringify([{ ...order, name: 'config' }]));
      await rig.start({ config, ...(strict ? { strict: 'true' } : {}) });
      await rig.json('POST /proxies', { ...order, name: 'create' });
      await rig.json('POST /populate', [{ ...order, name: 'populate' }]);
      for (const [name, { toxics }] of Object.entries<{ toxics: { name: string }[] }>(await rig.json('GET /proxies'))) {
        const names = toxics.map((each) => each.name);
        expect(names, name).to.deep.equal(strict ? [] : ['n', 'latency_downstream']);
      }
    });
  }

  it('makes nothing of a proxy with a bad toxic', async () => {
    await rig.start();
    const bad = {
      name: 'p',
      listen: 'localhost:0',
      upstream: 'x:1',
      toxics: [{ type: 'latency' }, { type: 'latency' }],
    };
    expect(await rig.ask('POST /proxies', bad)).to.deep.equal(refused('toxic already exists', 409));
    const none = { ...bad, toxics: [{ type: 'what' }] };
    expect(await rig.ask('POST /proxies', none)).to.deep.equal(refused('invalid toxic type', 400));
    expect(await rig.ask('GET /proxies')).to.deep.equal([200, '{}']);
  });

  it('takes null for no toxics, as the client for Go writes it', async () => {
    await rig.start();
    expect(await make({ toxics: null })).to.include({ enabled: true });
  });

  it('acts on connections that are open', async () => {
    await rig.start();
    const { listen } = await make();
    const [client, server] = await join2(listen);
    await rig.json('POST /proxies/p/toxics', { type: 'limit_data', attributes: { bytes: 3 } });
    server.send('abcdef');
    await client.getsEnd();
    expect(client.text).to.equal('abc');
  });

  it('answers changes of toxics at once while both sides pour and one does not read', async () => {
    await rig.start();
    const { listen } = await make();
    const client = rig.client(listen, 'not reading');
    const server = await upstream.end();
    server.pour(64 * 1024 * 1024, Buffer.alloc(256 * 1024));
    const began = performance.now();
    for (let round = 0; round < 10; round++) {
      for (const type of ['latency', 'bandwidth', 'slow_close']) {
        await rig.json('POST /proxies/p/toxics', { type, attributes: { latency: 100 } });
      }
      for (const type of ['latency', 'bandwidth', 'slow_close'])
        await rig.json(`DELETE /proxies/p/toxics/${type}_downstream`);
    }
    await rig.json('DELETE /proxies/p');
    expect((performance.now() - began) / 61).to.be.below(1000);
    await client.isLeft();
  });

  it('counts bytes for /metrics when connections end', async () => {
    await rig.start({ 'proxy-metrics': 'true' });
    const { listen } = await make();
    await expectWorks(listen);
    const wanted = (direction: string, what: string) =>
      `toxiproxy_proxy_${what}_bytes_total{direction="${direction}",listener="${listen}",proxy="p",upstream="${upstream.address}"} 4`;
    const lines = ['upstream', 'downstream'].flatMap((way) => ['received', 'sent'].map((what) => wanted(way, what)));
    let text = '';
    const end = Date.now() + 5000;
    while (!lines.every((line) => text.includes(line)) && Date.now() < end) text = (await rig.ask('GET /metrics'))[1];
    for (const line of lines) expect(text).to.include(line);
    expect(text).to.not.include('process_cpu');
  });

  it('tells about the process in /metrics when that is wanted', async () => {
    await rig.start({ 'runtime-metrics': 'true' });
    expect((await rig.ask('GET /metrics'))[1])
      .to.include('process_cpu')
      .and.not.include('toxiproxy_proxy');
  });

  it('lets open connections finish when it stops, and cuts them at the limit', async () => {
    await rig.start();
    const { listen } = await make();
    const [client, server] = await join2(listen);
    const stopped = rig.service.stop(5000);
    await until(5000, () => !client.socket.connecting);
    client.send('last').finish();
    await server.gets('last');
    server.send('words').finish();
    await client.gets('words');
    await stopped;
    await expectRefused(listen);
    await expectRefused(rig.api);
  });

  const BAD_CONFIGS: [text: string, message: string][] = [
    ['{', 'not a list of proxies: unexpected EOF'],
    ['{}', 'cannot unmarshal object into Go value of type []'],
    ['[{"name":"a"}]', 'missing required field: upstream at proxy 1'],
    ['[{"name":"a","upstream":"x:1","listen":"bad"}]', 'listen tcp: address bad: missing port in address'],
  ];
  for (const [text, message] of BAD_CONFIGS) {
    it(`does not start with the config ${text}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'proxies-'));
      rig.onCleanUp(() => rmSync(folder, { recursive: true }));
      const config = join(folder, 'toxiproxy.json');
      writeFileSync(config, text);
      const flags = new Map([
        ['listen', ['0']],
        ['config', [config]],
      ]);
      const error: Error = await startControl(resolveControl({ flags }), QUIET).then(
        () => new Error('it has started'),
        (failure: Error) => failure,
      );
      expect(error.message).to.include(`${config}: `).and.to.include(message);
    });
  }
});
