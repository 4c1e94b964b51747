// Who the client is, told by the one before us and to the one behind us.

import { Writable } from 'node:stream';
import { expect } from 'chai';
import { parseProxyHeader } from '../../src/proxy-header.ts';
import { until } from '../support/within.ts';
import { Rig } from './rig.ts';

describe('proxy: PROXY headers', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.cleanUp());

  for (const version of ['v1', 'v2'] as const) {
    it(`sends one of ${version} before everything else`, async () => {
      const upstream = await rig.upstream();
      const client = await rig.accepted(await rig.proxy(upstream.address, { 'send-proxy': version }), 'hello');
      const server = await upstream.end();
      await server.gets('hello');
      const said = Buffer.from(server.text, 'latin1');
      const header = parseProxyHeader(said);
      if (header === 'more') throw new Error('the header is not complete');
      const { address, port } = { address: client.socket.localAddress!, port: client.socket.localPort! };
      expect(header.source).to.deep.equal({ address, port });
      expect(said.toString('latin1', header.length)).to.equal('hello');
    });
  }

  it('takes one from those who may send it, shows whom it names, and passes it on', async () => {
    let shown = '';
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        shown += chunk.toString();
        done();
      },
    });
    const scribe = {
      event: (event: { type: string; client?: string }) => `${event.type} ${event.client ?? ''}\n`,
      lost: () => '',
    };
    const upstream = await rig.upstream();
    const flags = { 'proxy-from': '127.0.0.1', 'send-proxy': 'v1', protocol: 'line' };
    const proxy = await rig.proxy(upstream.address, flags, [{ scribe, stream }]);
    rig.client(proxy.listen).send('PROXY TCP4 192.0.2.7 192.0.2.8 1234 25\r\nhello');
    const server = await upstream.end();
    await server.gets('PROXY TCP4 192.0.2.7 192.0.2.8 1234 25\r\nhello');
    await until(5000, () => shown.includes('open 192.0.2.7:1234\n'), 'the name');
  });

  for (const [flags, says] of [[{ 'proxy-from': 'nobody/7' }, 'proxy-from: ']] as const) {
    it(`says what is wrong: ${says}`, async () => {
      const message = await rig.proxy('127.0.0.1:1', flags).then(
        () => '',
        (error: Error) => error.message,
      );
      expect(message).to.contain(says);
    });
  }
});
