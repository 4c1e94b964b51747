// To which upstream a connection goes, and by which way: fallbacks, other people's proxies, and waiting for room.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { expect } from 'chai';
import { Journal } from '../../proxy/dialogue/journal.ts';
import { parseProxyHeader } from '../../src/proxy-header.ts';
import { SocksServer } from '../support/socks-server.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/tls-certificate.ts';
import { until } from '../support/within.ts';
import { End, Rig } from './rig.ts';

/** A proxy that knows CONNECT: remembers the requests, answers with `status`, and connects when that is good. */
class HttpProxy {
  readonly requests: string[] = [];
  private readonly sockets: Socket[] = [];
  private readonly server: Server;

  constructor(status: string) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      let head = '';
      this.watch(socket);
      socket.on('data', (chunk) => {
        if (head.endsWith('\r\n\r\n')) return;
        head += chunk.toString('latin1');
        if (!head.endsWith('\r\n\r\n')) return;
        this.requests.push(head);
        if (!status.startsWith('200')) return void socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
        const [host = '', port] = head.split(' ')[1]!.split(':');
        const out = connect({ host, port: Number(port), allowHalfOpen: true });
        this.watch(out);
        socket.pipe(out);
        // The answer together with the first words of the server, cut in the middle of its head.
        out.once('data', (greeting) => {
          socket.write(`HTTP/1.1 ${status}\r\nX-A: b\r\n`);
          setImmediate(() => {
            socket.write(Buffer.concat([Buffer.from('\r\n'), greeting]));
            out.pipe(socket);
          });
        });
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as { port: number }).port;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private watch(socket: Socket): void {
    this.sockets.push(socket);
    socket.on('error', () => {});
  }
}

describe('proxy: upstreams', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    await rig.cleanUp();
  });

  async function nobody(): Promise<string> {
    const other = new Rig();
    const { address } = await other.upstream();
    await other.cleanUp();
    return address;
  }

  describe('--fallback', () => {
    it('goes to the next one when the upstream refuses, and tells why', async () => {
      const [first, second] = [await nobody(), await nobody()];
      const upstream = await rig.upstream((server) => server.send('220 hi\r\n'));
      const journal = new Journal();
      const flags = { fallback: [second, upstream.address], protocol: 'smtp' };
      const proxy = await rig.proxy(first, flags, [], { journal });
      const client = rig.client(proxy.listen);
      await client.gets('220 hi\r\n');
      const notes = Array.from({ length: journal.next }, (_, seq) => journal.event(seq)!).flatMap((event) =>
        event.type === 'note' ? [event.text] : [],
      );
      expect(notes).to.deep.equal([
        `${first} cannot be reached: connect ECONNREFUSED ${first}`,
        `${second} cannot be reached: connect ECONNREFUSED ${second}`,
      ]);
    });

    it('is not asked while the upstream answers', async () => {
      const [first, second] = [await rig.upstream(), await rig.upstream()];
      await rig.join(await rig.proxy(first.address, { fallback: second.address }), first);
      expect(second.ends).to.have.length(0);
    });

    it('each has the whole connect timeout; nothing that the client has said is lost', async () => {
      const hole = await rig.blackHole();
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(hole, { fallback: upstream.address, 'connect-timeout': '3s' });
      const client = rig.client(proxy.listen).send(randomBytes(100_000)).finish();
      await until(5000, () => client.taken === 100_000 && rig.opened.length === 1);
      rig.clock.advance(3000);
      const server = await upstream.end();
      await server.getsEnd();
      server.expectAllOf(client);
      server.finish();
      expect((await rig.pairEnded()).error).to.equal(undefined);
      expect(rig.clock.pending).to.equal(0);
    });

    it('tells of all of them when none answers', async () => {
      const [first, second] = [await nobody(), await nobody()];
      const client = rig.client((await rig.proxy(first, { fallback: second })).listen);
      await client.getsEnd();
      expect((await rig.pairEnded()).error).to.equal(`connect ECONNREFUSED ${first}; connect ECONNREFUSED ${second}`);
    });

    it('is given up with the client that waits', async () => {
      const hole = await rig.blackHole();
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(hole, { fallback: upstream.address });
      const client = await rig.accepted(proxy);
      client.reset();
      await rig.pairEnded();
      expect(rig.clock.pending).to.equal(0);
      expect(upstream.ends).to.have.length(0);
    });
  });

  describe('--upstream-proxy', () => {
    const said = randomBytes(300_000);

    /** Passes bytes and both ends through whatever stands between. */
    async function passes(url: string): Promise<string> {
      const upstream = await rig.upstream((server) => server.send('220 hi\r\n'));
      const proxy = await rig.proxy(upstream.address.replace('127.0.0.1', 'localhost'), { 'upstream-proxy': url });
      const client = rig.client(proxy.listen);
      await client.gets('220 hi\r\n');
      client.send(said);
      const server = await upstream.end();
      await until(5000, () => server.received === said.length, 'all of it');
      server.expectAllOf(client);
      return upstream.address;
    }

    it('goes through SOCKS5, with user and password', async () => {
      const socks = await SocksServer.start({ user: 'bob', pass: 'p%w' });
      rig.onCleanUp(() => socks.stop());
      const address = await passes(`socks5://bob:p%25w@127.0.0.1:${socks.port}`);
      expect(socks.destinations).to.deep.equal([address.replace('127.0.0.1', 'localhost')]);
    });

    it('goes through CONNECT, with user and password', async () => {
      const between = new HttpProxy('200 fine');
      rig.onCleanUp(() => between.stop());
      const port = await between.listen();
      const address = (await passes(`http://bob:p%25w@127.0.0.1:${port}`)).replace('127.0.0.1', 'localhost');
      expect(between.requests).to.deep.equal([
        `CONNECT ${address} HTTP/1.1\r\nHost: ${address}\r\nProxy-Authorization: Basic Ym9iOnAldw==\r\n\r\n`,
      ]);
    });

    for (const [what, start, says] of [
      [
        'HTTP says no',
        async () => {
          const between = new HttpProxy('403 Not for you');
          rig.onCleanUp(() => between.stop());
          return `http://127.0.0.1:${await between.listen()}`;
        },
        'the proxy answered CONNECT with 403 Not for you',
      ],
      [
        'SOCKS says no',
        async () => {
          const socks = await SocksServer.start({ reply: Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]) });
          rig.onCleanUp(() => socks.stop());
          return `socks5://127.0.0.1:${socks.port}`;
        },
        'SOCKS5: the connection was refused',
      ],
      [
        'it speaks something else',
        async () => `http://${(await rig.upstream((server) => server.send('220 hi\r\n\r\n'))).address}`,
        'the proxy does not speak HTTP',
      ],
      [
        'it leaves',
        async () => `http://${(await rig.upstream((server) => server.finish())).address}`,
        'the proxy closed the connection',
      ],
    ] as const) {
      it(`closes the client when ${what}`, async () => {
        const url = await start();
        const client = rig.client((await rig.proxy('mail.example:25', { 'upstream-proxy': url })).listen);
        await client.getsEnd();
        expect((await rig.pairEnded()).error).to.equal(says);
        expect(rig.clock.pending).to.equal(0);
      });
    }

    it('gives a proxy that says nothing the connect timeout', async () => {
      const silent = await rig.upstream();
      const flags = { 'upstream-proxy': `socks5://${silent.address}`, 'connect-timeout': '3s' };
      const client = await rig.accepted(await rig.proxy('mail.example:25', flags));
      await silent.end();
      rig.clock.advance(3000);
      expect((await rig.pairEnded()).error).to.equal('connecting to the upstream took too long');
      await client.isLeft();
    });
  });

  it('--send-proxy and --tls-upstream: the header comes first, in the clear, then TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreams-'));
    rig.onCleanUp(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'ca.pem'), TEST_CERTIFICATE);
    let header: Buffer = Buffer.alloc(0);
    const inside: End[] = [];
    const secure = createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => inside.push(new End(socket)));
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('readable', () => {
        const chunk = socket.read() as Buffer;
        const parsed = parseProxyHeader(chunk);
        if (parsed === 'more') return;
        header = chunk.subarray(0, parsed.length);
        if (chunk.length > parsed.length) socket.unshift(chunk.subarray(parsed.length));
        secure.emit('connection', socket);
      });
    });
    rig.onCleanUp(() => {
      for (const { socket } of inside) socket.destroy();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const proxy = await rig.proxy(`localhost:${port}`, {
      ...{ 'send-proxy': 'v2', 'tls-upstream': 'true', 'tls-ca': join(folder, 'ca.pem') },
    });
    const client = await rig.accepted(proxy, 'hello');
    await until(5000, () => inside[0]?.text === 'hello', 'hello inside TLS');
    const parsed = parseProxyHeader(header);
    expect(parsed).to.deep.include({ source: { address: '127.0.0.1', port: client.socket.localPort } });
  });

  describe('--max-waiting', () => {
    const FLAGS = { 'max-connections': '1', 'max-waiting': '2' };

    it('row 26: lets those over the limit wait unread until there is room, in their order', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address, FLAGS);
      const [first, server] = await rig.join(proxy, upstream);
      const second = rig.client(proxy.listen).send('second').finish();
      await until(5000, () => second.taken === 6);
      const third = rig.client(proxy.listen).send('third');
      await until(5000, () => third.taken === 5);
      await rig.client(proxy.listen).getsEnd();
      await rig.settled(() => upstream.ends.length);
      expect(upstream.ends).to.have.length(1);
      first.finish();
      server.finish();
      await rig.pairEnded();
      const next = await upstream.end(2);
      await next.gets('second');
      await next.getsEnd();
      next.finish();
      await (await upstream.end(3)).gets('third');
    });

    it('row 26: forgets one that waits and leaves', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address, FLAGS);
      const [first, server] = await rig.join(proxy, upstream);
      const second = rig.client(proxy.listen);
      await until(5000, () => !second.socket.connecting);
      second.reset();
      await second.closes();
      const third = rig.client(proxy.listen).send('third');
      await until(5000, () => third.taken === 5);
      first.finish();
      server.finish();
      await (await upstream.end(2)).gets('third');
      expect(rig.opened).to.have.length(2);
    });

    it('row 33: a stop lets nobody wait any more', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address, FLAGS);
      const [first, server] = await rig.join(proxy, upstream);
      const second = rig.client(proxy.listen);
      await until(5000, () => !second.socket.connecting);
      await rig.settled(() => upstream.ends.length);
      const stop = proxy.stop(10_000);
      await second.isLeft();
      first.finish();
      server.finish();
      await stop;
      expect(rig.clock.pending).to.equal(0);
    });
  });

  for (const [flags, says] of [
    [{ fallback: '127.0.0.1:0' }, '--fallback: 127.0.0.1:0 is nothing to connect to'],
    [{ 'upstream-proxy': 'ftp://x' }, '--upstream-proxy'],
    [{ 'upstream-proxy': 'http://x', fallback: 'unix:/x' }, '--fallback: unix:/x cannot be reached through'],
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
