// TLS that ends at the proxy, and TLS that begins there.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type ConnectionOptions, connect, createServer, TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { DialogueEvent } from '../../proxy/dialogue/event.ts';
import { jsonScribe } from '../../proxy/recording/jsonl.ts';
import type { View } from '../../proxy/service.ts';
import { parseAddress } from '../../src/address.ts';
import { STRANGER_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/tls-certificate.ts';
import { until } from '../support/within.ts';
import { End, Rig } from './rig.ts';

describe('proxy: TLS', () => {
  let rig: Rig;
  let folder: string;
  let cert: string;
  let key: string;
  beforeEach(() => {
    rig = new Rig();
    folder = mkdtempSync(join(tmpdir(), 'tls-'));
    cert = join(folder, 'cert.pem');
    key = join(folder, 'key.pem');
    writeFileSync(cert, TEST_CERTIFICATE);
    writeFileSync(key, TEST_KEY, { mode: 0o600 });
  });
  afterEach(async () => {
    await rig.cleanUp();
    rmSync(folder, { recursive: true });
  });

  function tlsClient(address: string, ca?: string): End {
    const to = parseAddress(address);
    const port = to.kind === 'tcp' ? to.port : 0;
    const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
    const how = { ...trust, host: '127.0.0.1', port, servername: 'localhost', allowHalfOpen: true };
    const end = new End(connect(how as ConnectionOptions));
    rig.onCleanUp(() => end.socket.destroy());
    return end;
  }

  async function tlsUpstream(): Promise<{ address: string; ends: End[] }> {
    const ends: End[] = [];
    const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY, allowHalfOpen: true }, (socket) => {
      ends.push(new End(socket));
    });
    server.on('tlsClientError', () => {});
    rig.onCleanUp(() => {
      for (const { socket } of ends) socket.destroy();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, ends };
  }

  it('ends at --tls-listen: what is said inside is seen, and passed on in the clear', async () => {
    const chunks: string[] = [];
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        chunks.push(chunk.toString());
        done();
      },
    });
    const upstream = await rig.upstream();
    const flags = { 'tls-listen': 'true', 'tls-cert': cert, 'tls-key': key, protocol: 'smtp' };
    const proxy = await rig.proxy(upstream.address, flags, [{ scribe: jsonScribe(false), stream }]);
    const client = tlsClient(proxy.listen, TEST_CERTIFICATE);
    const server = await upstream.end();
    server.send('220 hi\r\n');
    await client.gets('220 hi\r\n');
    client.send('QUIT\r\n');
    await server.gets('QUIT\r\n');
    server.send('221 bye\r\n').finish();
    await client.gets('221 bye\r\n');
    await client.getsEnd();
    client.finish();
    expect(await rig.pairEnded()).to.deep.equal({ id: 1, bytesUp: 6, bytesDown: 17 });
    await until(5000, () => chunks.join('').includes('"bytes":"221 bye\\r\\n"'), 'the dialogue');
  });

  it('has a certificate of its own for localhost', async () => {
    const upstream = await rig.upstream();
    const client = tlsClient((await rig.proxy(upstream.address, { 'tls-listen': 'true' })).listen);
    await upstream.end();
    expect((client.socket as TLSSocket).getPeerCertificate().subjectaltname).to.contain('DNS:localhost');
  });

  it('row 31: begins at --tls-upstream, half-close and all', async () => {
    const { address, ends } = await tlsUpstream();
    const proxy = await rig.proxy(address, { 'tls-upstream': 'true', 'tls-ca': cert, 'tls-name': 'localhost' });
    const client = await rig.accepted(proxy, 'request');
    client.finish();
    await until(5000, () => ends.length === 1, 'the upstream');
    const [server] = ends as [End];
    await server.gets('request');
    await server.getsEnd();
    server.send('reply').finish();
    await client.gets('reply');
    await client.getsEnd();
    expect((await rig.pairEnded()).error).to.equal(undefined);
  });

  it('passes much data on both sides at once', async () => {
    const { address, ends } = await tlsUpstream();
    const flags = { 'tls-listen': 'true', 'tls-upstream': 'true', 'tls-insecure': 'true' };
    const proxy = await rig.proxy(address, flags);
    const chunk = Buffer.alloc(100_000, 'some bytes');
    const client = tlsClient(proxy.listen).pour(5_000_000, chunk);
    await until(5000, () => ends.length === 1, 'the upstream');
    const [server] = ends as [End];
    server.pour(4_000_000, chunk);
    await rig.pairEnded();
    await client.getsEnd();
    await server.getsEnd();
    server.expectAllOf(client);
    client.expectAllOf(server);
  });

  it('row 31: ends at --tls-listen, half-close and all, also without close_notify', async () => {
    const upstream = await rig.upstream();
    const flags = { 'tls-listen': 'true', 'tls-cert': cert, 'tls-key': key };
    const proxy = await rig.proxy(upstream.address, flags);
    for (const [index, notified] of [true, false].entries()) {
      const wire = rig.client(proxy.listen, 'not reading');
      const client = new End(connect({ socket: wire.socket, ca: TEST_CERTIFICATE, servername: 'localhost' }));
      client.send('request');
      const server = await upstream.end(index + 1);
      await server.gets('request');
      if (notified) client.finish();
      else wire.socket.end();
      await server.getsEnd();
      server.send('reply').finish();
      if (notified) await client.gets('reply');
      expect((await rig.pairEnded(index + 1)).bytesUp).to.equal(7);
    }
  });

  /** What was remarked so far. */
  function remarks(): { view: View; notes: string[] } {
    const notes: string[] = [];
    const event = (one: DialogueEvent): string => {
      if (one.type === 'note') notes.push(one.text);
      return '';
    };
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    return { view: { scribe: { event, lost: () => '' }, stream }, notes };
  }

  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    it(`row 31: an end without close_notify is flagged, of either side (${maxVersion})`, async () => {
      // An upstream that ends its stream with close_notify, or only the connection below it.
      let notifies = true;
      const server = createPlainServer({ allowHalfOpen: true }, (below) => {
        const how = { isServer: true, cert: TEST_CERTIFICATE, key: TEST_KEY, maxVersion };
        const secure = new TLSSocket(below, how);
        for (const one of [below, secure]) one.on('error', () => {});
        secure.on('data', () => {
          if (notifies) secure.end('reply');
          else secure.write('reply', () => below.end());
        });
      });
      rig.onCleanUp(() => server.close());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
      const { view, notes } = remarks();
      const flags = { 'tls-listen': 'true', 'tls-upstream': 'true', 'tls-insecure': 'true', protocol: 'line' };
      const proxy = await rig.proxy(address, flags, [view]);
      const flagged = (side: string): string =>
        `the TLS stream of the ${side} ended without close_notify: it may have been cut`;
      for (const [index, [clientNotifies, serverNotifies, expected]] of (
        [
          [true, true, []],
          [true, false, [flagged('server')]],
          [false, true, [flagged('client')]],
          [false, false, [flagged('server'), flagged('client')]],
        ] as const
      ).entries()) {
        notes.length = 0;
        notifies = serverNotifies;
        const wire = rig.client(proxy.listen, 'not reading');
        const client = new End(connect({ socket: wire.socket, rejectUnauthorized: false, maxVersion }));
        client.send('request');
        await client.gets('reply');
        await client.getsEnd();
        if (clientNotifies) client.finish();
        else wire.socket.end();
        await rig.pairEnded(index + 1);
        await until(5000, () => notes.length >= expected.length, `${expected}`);
        expect(notes).to.deep.equal([...expected]);
      }
    });
  }

  it('row 31: nobody may negotiate anew in the middle', async () => {
    const upstream = await rig.upstream();
    const flags = { 'tls-listen': 'true', 'tls-cert': cert, 'tls-key': key };
    const proxy = await rig.proxy(upstream.address, flags);
    const wire = rig.client(proxy.listen, 'not reading');
    const secure = connect({
      socket: wire.socket,
      ca: TEST_CERTIFICATE,
      servername: 'localhost',
      maxVersion: 'TLSv1.2',
    });
    const client = new End(secure).send('request');
    await (await upstream.end()).gets('request');
    secure.renegotiate({}, () => {});
    await until(5000, () => client.error !== '', 'a refusal');
    expect(client.error).to.match(/RENEGOTIATION/);
  });

  for (const [what, flags] of [
    ['nobody vouches for it', {}],
    ['it is somebody else', { 'tls-ca': 'cert', 'tls-name': 'other.example' }],
  ] as const) {
    it(`refuses an upstream when ${what}`, async () => {
      const { address } = await tlsUpstream();
      const files = Object.fromEntries(
        Object.entries(flags).map(([name, text]) => [name, text === 'cert' ? cert : text]),
      );
      const proxy = await rig.proxy(address, { 'tls-upstream': 'true', ...files });
      const client = rig.client(proxy.listen).send('secret');
      await client.isLeft();
      expect((await rig.pairEnded()).error).to.match(/self-signed certificate|Hostname\/IP does not match/);
      expect(client.text).to.equal('');
    });
  }

  it('leaves a client alone that does not speak TLS, or does not know us', async () => {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { 'tls-listen': 'true', 'tls-cert': cert, 'tls-key': key });
    const plain = rig.client(proxy.listen).send('EHLO a\r\n\r\n');
    await plain.isLeft();
    const stranger = tlsClient(proxy.listen, STRANGER_CERTIFICATE);
    await stranger.closes();
    const good = tlsClient(proxy.listen, TEST_CERTIFICATE).send('hello');
    await until(5000, () => upstream.ends.some(({ text }) => text === 'hello'), 'a good one');
    good.finish();
  });

  for (const [flags, says] of [
    [{ 'tls-cert': 'x' }, '--tls-cert says something only with --tls-listen'],
    [{ 'tls-insecure': 'true' }, '--tls-insecure says something only with --tls-upstream'],
    [{ 'tls-upstream': 'true', 'tls-ca': '/nowhere/ca.pem' }, '--tls-ca: ENOENT'],
  ] as const) {
    it(`says what is wrong: ${says}`, async () => {
      const message = await rig.proxy('127.0.0.1:1', flags).then(
        () => '',
        (error: Error) => error.message,
      );
      expect(message).to.contain(says);
    });
  }
});
