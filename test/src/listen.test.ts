import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, Server, type Socket, type TcpNetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import { listenError } from '../../src/bind.ts';
import { FakeClock } from '../../src/clock.ts';
import type { ChatError } from '../../src/errors.ts';
import { LINGER_MS } from '../../src/lingering-close.ts';
import { Listener, type ListenerOptions, type PeerInfo, type Refusal } from '../../src/listen.ts';
import { buildProxyHeader } from '../../src/proxy-header.ts';
import { ProtocolStats } from '../../src/stats.ts';
import type { Transport } from '../../src/transport.ts';

/** One accepted connection, as a protocol sees it. */
interface Session {
  transport: Transport;
  peer: PeerInfo;
  received: string;
  ended: boolean;
  drains: number;
}

class Client {
  readonly socket: Socket;
  received = '';
  /** How it ended: `end` if the server closed in order, else the error. */
  fate: string | undefined;

  constructor(address: string, options: Partial<TcpNetConnectOpts> = {}) {
    const to = parseAddress(address);
    const where =
      to.kind === 'unix' ? { path: to.path } : to.kind === 'tcp' ? { host: to.host, port: to.port } : { port: 0 };
    this.socket = dial({ allowHalfOpen: true, ...options, ...where });
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
    });
    this.socket.on('end', () => {
      this.fate ??= 'end';
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.fate ??= error.code ?? 'error';
    });
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }
}

/** Lets the event loop turn until the claim holds. */
async function until(claim: () => boolean, what = claim.toString()): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!claim()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function rejection(promise: Promise<unknown>): Promise<ChatError> {
  try {
    await promise;
  } catch (error) {
    return error as ChatError;
  }
  throw new Error('it did not reject');
}

describe('Listener', () => {
  let clock: FakeClock;
  let stats: ProtocolStats;
  let errors: ChatError[];
  let sessions: Session[];
  let directory: string;
  const cleanUp: (() => unknown)[] = [];

  beforeEach(() => {
    clock = new FakeClock();
    stats = new ProtocolStats();
    errors = [];
    sessions = [];
    directory = mkdtempSync(join(tmpdir(), 'listen-'));
    cleanUp.push(() => rmSync(directory, { recursive: true }));
  });

  afterEach(async () => {
    for (const each of cleanUp.splice(0).reverse()) await each();
  });

  /** Answers nothing; sessions note what they get. */
  function make(address: string, options: Partial<ListenerOptions> = {}): Listener {
    const onError = (error: ChatError): void => void errors.push(error);
    const listener = new Listener(
      { clock, stats, onError, ...options, address: parseAddress(address) },
      (transport, peer) => {
        const session: Session = { transport, peer, received: '', ended: false, drains: 0 };
        sessions.push(session);
        transport.on('data', (chunk: Buffer) => {
          session.received += chunk.toString('latin1');
        });
        transport.on('end', () => {
          session.ended = true;
          transport.end();
        });
        return { drain: () => void session.drains++ };
      },
    );
    cleanUp.push(() => listener.close());
    return listener;
  }

  async function open(
    options: Partial<ListenerOptions> = {},
    on = '0',
  ): Promise<[listener: Listener, address: string]> {
    const listener = make(on, options);
    return [listener, await listener.listen()];
  }

  function client(address: string, options: Partial<TcpNetConnectOpts> = {}): Client {
    const made = new Client(address, options);
    cleanUp.push(() => made.socket.destroy());
    return made;
  }

  async function connected(address: string, options: Partial<TcpNetConnectOpts> = {}): Promise<Client> {
    const before = sessions.length;
    const made = client(address, options);
    await until(() => sessions.length > before);
    return made;
  }

  const refusal = (why: Refusal): Uint8Array => Buffer.from(`421 ${why}\r\n`);

  /** Nothing is counted any more and no timer is left: the account of every path through the listener. */
  async function balanced(listener: Listener): Promise<void> {
    await until(() => listener.connections === 0 && stats.openConnections === 0 && clock.pending === 0);
  }

  describe('accepting', () => {
    for (const [on, bound] of [
      ['0', /^127\.0\.0\.1:[1-9]\d*$/],
      ['localhost:0', /^127\.0\.0\.1:[1-9]\d*$/],
      ['[::1]:0', /^\[::1\]:[1-9]\d*$/],
      ['[::]:0', /^\[::\]:[1-9]\d*$/],
    ] as const) {
      it(`on ${on} tells the real port and who connects`, async () => {
        const [listener, address] = await open({}, on);
        expect(address).to.match(bound).and.to.equal(listener.address);
        const host = on.startsWith('[') ? '::1' : '127.0.0.1';
        const port = Number(address.split(':').at(-1));
        const { socket } = await connected(on.startsWith('[') ? `[::1]:${port}` : address);
        const socketAddress = host === '::1' ? `[::1]:${socket.localPort}` : `127.0.0.1:${socket.localPort}`;
        expect(sessions[0]?.peer).to.include({
          address: host,
          port: socket.localPort,
          localAddress: host,
          localPort: port,
          viaProxy: false,
          socketAddress,
        });
        expect(sessions[0]?.transport.remote).to.equal(socketAddress);
      });
    }

    it('names IPv4 peers of a dual-stack socket by their IPv4 address', async () => {
      const [, address] = await open({}, '[::]:0');
      const { socket } = await connected(`127.0.0.1:${address.split(':').at(-1)}`);
      expect(sessions[0]?.peer).to.include({ address: '127.0.0.1', localAddress: '127.0.0.1' });
      expect(sessions[0]?.transport.remote).to.equal(`127.0.0.1:${socket.localPort}`);
    });

    it('counts a connection from its acceptance to its close, whoever closes', async () => {
      const [listener, address] = await open();
      const first = await connected(address);
      const second = await connected(address);
      expect(listener.connections).to.equal(2);
      first.socket.end();
      await until(() => listener.connections === 1);
      sessions[1]?.transport.destroy();
      await until(() => second.fate !== undefined);
      await balanced(listener);
      expect(stats.connections).to.equal(2);
    });

    it('lets a client that has sent everything still have its answer', async () => {
      const [, address] = await open();
      const made = client(address).send('question');
      made.socket.end();
      await until(() => sessions[0]?.ended === true);
      expect(sessions[0]?.received).to.equal('question');
    });

    it('an exception in onConnection ends that connection only', async () => {
      let calls = 0;
      const options = {
        address: parseAddress('0'),
        clock,
        stats,
        onError: (error: ChatError) => void errors.push(error),
      };
      const listener = new Listener(options, (transport) => {
        if (calls++ === 0) throw new Error('boom');
        transport.end();
        transport.on('data', () => {});
        return undefined;
      });
      cleanUp.push(() => listener.close());
      const address = await listener.listen();
      const first = client(address);
      await until(() => first.fate !== undefined);
      const second = client(address);
      await until(() => second.fate === 'end');
      second.socket.end();
      await balanced(listener);
      expect(errors).to.have.length(1);
      expect(errors[0]).to.include({ code: 'HANDLER_FAILED' }).and.have.nested.property('cause.message', 'boom');
    });
  });

  describe('limits', () => {
    it('refuses one over maxConnections, and takes the next when a place is free', async () => {
      const [listener, address] = await open({ maxConnections: 2, refusal });
      const first = await connected(address);
      await connected(address);
      const third = client(address).send('EHLO x\r\n'.repeat(1000));
      await until(() => third.fate === 'end');
      expect(third.received).to.equal('421 too-many\r\n');
      expect(listener.connections).to.equal(2);
      expect(listener.refusals).to.deep.equal({ 'too-many': 1, 'too-many-from-address': 0, draining: 0 });
      first.socket.destroy();
      await until(() => listener.connections === 1);
      await connected(address);
      expect(stats).to.include({ connections: 3, openConnections: 2 });
    });

    it('a refused client that does not close is destroyed a second later', async () => {
      const [listener, address] = await open({ maxConnections: 0, refusal });
      const made = client(address);
      await until(() => made.fate === 'end');
      expect(clock.pending).to.equal(1);
      clock.advance(LINGER_MS - 1);
      made.send('still here');
      await until(() => made.socket.writableLength === 0);
      clock.advance(1);
      made.socket.on('close', () => {
        made.fate = 'closed';
      });
      // Only a reset or a failing write can tell: the server's side is gone altogether.
      const poke = setInterval(() => made.send('x'), 5);
      await until(() => made.fate === 'closed').finally(() => clearInterval(poke));
      await balanced(listener);
      expect(stats.connections).to.equal(0);
    });

    it('without words the refused connection is closed at once', async () => {
      for (const silent of [undefined, () => undefined, () => new Uint8Array()]) {
        const [listener, address] = await open({ maxConnections: 0, ...(silent && { refusal: silent }) });
        const made = client(address);
        await until(() => made.fate !== undefined);
        expect(made.received).to.equal('');
        await balanced(listener);
      }
    });

    it('an exception in refusal() is reported, and the connection closed', async () => {
      const broken = (): never => {
        throw new Error('boom');
      };
      const [listener, address] = await open({ maxConnections: 0, refusal: broken });
      const made = client(address);
      await until(() => made.fate !== undefined);
      await balanced(listener);
      expect(errors[0]).to.include({ code: 'HANDLER_FAILED' });
    });

    it('a flood of refused connections holds few sockets, and each gets its words', async () => {
      const [, address] = await open({ maxConnections: 0, refusal });
      const flood = Array.from({ length: 400 }, () => client(address));
      await until(() => flood.every(({ fate }) => fate !== undefined));
      expect(flood.every(({ received }) => received === '421 too-many\r\n')).to.equal(true);
      expect(clock.pending).to.be.at.most(256);
    });

    it('refuses one over maxConnectionsPerAddress, and only from that address', async () => {
      const [listener, address] = await open({ maxConnectionsPerAddress: 1, refusal }, '0.0.0.0:0');
      const to = `127.0.0.1:${address.split(':').at(-1)}`;
      const first = await connected(to);
      const second = client(to);
      await until(() => second.fate === 'end');
      expect(second.received).to.equal('421 too-many-from-address\r\n');
      await connected(to, { localAddress: '127.0.0.2' });
      expect(listener.connections).to.equal(2);
      first.socket.destroy();
      await until(() => listener.connections === 1);
      await connected(to);
      expect(listener.refusals).to.include({ 'too-many-from-address': 1 });
    });

    it('counts an IPv4 client of a dual-stack socket as the IPv4 client it is', async () => {
      const [listener, address] = await open({ maxConnectionsPerAddress: 1, refusal }, '[::]:0');
      const port = address.split(':').at(-1);
      await connected(`127.0.0.1:${port}`);
      await connected(`[::1]:${port}`);
      const again = client(`127.0.0.1:${port}`);
      await until(() => again.fate === 'end');
      expect(listener.refusals).to.include({ 'too-many-from-address': 1 });
    });

    it('unix peers have no address to be counted by', async () => {
      const [listener, address] = await open({ maxConnectionsPerAddress: 1 }, `unix:${directory}/s`);
      await connected(address);
      await connected(address);
      expect(listener.connections).to.equal(2);
    });
  });

  describe('PROXY headers', () => {
    const proxyFrom = ['127.0.0.1'];
    const source = { address: '192.0.2.1', port: 4711 };
    const destination = { address: '2001:db8::25', port: 25 };
    const headers = {
      v1: buildProxyHeader(1, source, { address: '192.0.2.2', port: 25 }),
      v2: buildProxyHeader(2, source, destination),
    };

    for (const [version, header] of Object.entries(headers)) {
      it(`${version}: the protocol sees the client and every byte behind the header, at every cut`, async () => {
        const [listener, address] = await open({ proxyFrom });
        const stream = Buffer.concat([header, Buffer.from('EHLO x\r\n')]);
        for (let cut = 1; cut <= stream.length; cut++) {
          const made = client(address, { noDelay: true }).send(stream.subarray(0, cut));
          await until(() => listener.connections === cut && made.socket.writableLength === 0);
          // Some turns for the first piece to be read alone.
          for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
          if (cut < stream.length) made.send(stream.subarray(cut));
          await until(() => sessions[cut - 1]?.received === 'EHLO x\r\n');
          const { peer, transport } = sessions[cut - 1]!;
          expect(peer).to.include({ address: '192.0.2.1', port: 4711, localPort: 25, viaProxy: true });
          expect(peer.localAddress).to.equal(version === 'v1' ? '192.0.2.2' : '2001:db8::25');
          expect(peer.socketAddress).to.equal(`127.0.0.1:${made.socket.localPort}`);
          expect(transport.remote).to.equal('192.0.2.1:4711');
        }
        expect(clock.pending).to.equal(0);
      });
    }

    it('byte by byte', async () => {
      const [, address] = await open({ proxyFrom });
      const made = client(address, { noDelay: true });
      for (const byte of Buffer.concat([headers.v2, Buffer.from('hello')])) {
        made.send(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => sessions[0]?.received === 'hello');
    });

    for (const rest of ['', 'QUIT\r\n', 'x'.repeat(300_000)]) {
      it(`header, ${rest.length} bytes and the end of the stream in one go lose nothing`, async () => {
        const [listener, address] = await open({ proxyFrom });
        const made = client(address).send(Buffer.concat([headers.v1, Buffer.from(rest)]));
        made.socket.end();
        await until(() => sessions[0]?.ended === true);
        expect(sessions[0]?.received.length).to.equal(rest.length);
        await until(() => made.fate === 'end');
        await balanced(listener);
      });
    }

    it('a session that starts paused stays paused', async () => {
      const options = { address: parseAddress('0'), clock, proxyFrom };
      let seen = '';
      let transport: Transport | undefined;
      const listener = new Listener(options, (each) => {
        transport = each;
        each.on('data', (chunk: Buffer) => {
          seen += chunk.toString('latin1');
        });
        each.pause();
        return undefined;
      });
      cleanUp.push(() => listener.close());
      client(await listener.listen()).send(Buffer.concat([headers.v1, Buffer.from('one')]));
      await until(() => transport !== undefined);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(seen).to.equal('');
      transport?.resume();
      await until(() => seen === 'one');
    });

    it('a session may subscribe later, and still gets every byte', async () => {
      const transports: Transport[] = [];
      const listener = new Listener({ address: parseAddress('0'), clock, proxyFrom }, (transport) => {
        transports.push(transport);
        return undefined;
      });
      cleanUp.push(() => listener.close());
      client(await listener.listen()).send(Buffer.concat([headers.v1, Buffer.from('one')]));
      await until(() => transports.length === 1);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      let seen = '';
      transports[0]?.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
      });
      await until(() => seen === 'one');
    });

    for (const [name, header] of [
      ['LOCAL', buildProxyHeader(2, null, null)],
      ['UNKNOWN', buildProxyHeader(1, null, null)],
    ] as const) {
      it(`${name} is the proxy speaking for itself, whom no limit per address holds for`, async () => {
        const [listener, address] = await open({ proxyFrom, maxConnectionsPerAddress: 1 });
        for (let i = 1; i <= 3; i++) {
          const { socket } = client(address).send(header);
          await until(() => sessions.length === i);
          const { peer } = sessions[i - 1]!;
          expect(peer).to.include({ address: '127.0.0.1', port: socket.localPort, viaProxy: false });
        }
        expect(listener.connections).to.equal(3);
      });
    }

    it('the limit per address holds for the client behind the proxy', async () => {
      const [listener, address] = await open({ proxyFrom, maxConnectionsPerAddress: 1, refusal });
      client(address).send(headers.v1);
      await until(() => sessions.length === 1);
      const second = client(address).send(headers.v2).send('EHLO x\r\n');
      await until(() => second.fate === 'end');
      expect(second.received).to.equal('421 too-many-from-address\r\n');
      client(address).send(buildProxyHeader(1, { address: '192.0.2.9', port: 1 }, { address: '192.0.2.2', port: 25 }));
      await until(() => sessions.length === 2);
      expect(listener.connections).to.equal(2);
      expect(stats).to.include({ connections: 2, openConnections: 2 });
    });

    it('IPv4-mapped clients in a header are IPv4 clients', async () => {
      const [, address] = await open({ proxyFrom });
      client(address).send('PROXY TCP6 ::FFFF:192.0.2.1 ::ffff:c000:202 4711 25\r\n');
      await until(() => sessions.length === 1);
      expect(sessions[0]?.peer).to.include({ address: '192.0.2.1', localAddress: '192.0.2.2' });
    });

    it('unix peers can be proxies, and their clients have addresses', async () => {
      const [, address] = await open({ proxyFrom: ['unix'] }, `unix:${directory}/s`);
      client(address).send(headers.v1);
      await until(() => sessions.length === 1);
      expect(sessions[0]?.peer).to.include({ address: '192.0.2.1', viaProxy: true, socketAddress: 'unix' });
      client(address).send(buildProxyHeader(2, { address: '/run/a', port: 0 }, { address: '', port: 0 }));
      await until(() => sessions.length === 2);
      expect(sessions[1]?.transport.remote).to.equal('unix:/run/a');
    });

    it('from every other peer a header is what the protocol makes of it', async () => {
      const [, address] = await open({ proxyFrom: ['10.0.0.0/8', '::1', 'unix'] });
      client(address).send(headers.v1);
      await until(() => sessions[0]?.received === headers.v1.toString('latin1'));
      expect(sessions[0]?.peer).to.include({ address: '127.0.0.1', viaProxy: false });
    });

    it('a peer that must send one and does not is cut off and reported', async () => {
      const [listener, address] = await open({ proxyFrom });
      const made = client(address).send('EHLO x\r\n');
      await until(() => made.fate !== undefined);
      expect(made.received).to.equal('');
      await balanced(listener);
      expect(sessions).to.have.length(0);
      expect(stats.connections).to.equal(0);
      expect(errors).to.have.length(1);
      expect(errors[0]).to.include({ code: 'BAD_PROXY_HEADER' });
      expect(errors[0]?.message).to.include(`(from 127.0.0.1:${made.socket.localPort})`);
    });

    it('a late header is an error after proxyTimeoutMs, however the bytes trickle', async () => {
      const [listener, address] = await open({ proxyFrom, proxyTimeoutMs: 3_000 });
      const silent = client(address);
      const slow = client(address).send('PROXY ');
      await until(() => listener.connections === 2);
      clock.advance(2_999);
      expect(listener.connections).to.equal(2);
      slow.send('TCP4');
      clock.advance(1);
      await until(() => silent.fate !== undefined && slow.fate !== undefined);
      await balanced(listener);
      expect(errors.map(({ message }) => message.replace(/ \(from.*/, ''))).to.deep.equal(
        Array(2).fill('no complete PROXY header within 3000 ms'),
      );
    });

    it('a peer that goes away before its first byte is no error: balancers look whether somebody listens', async () => {
      const [listener, address] = await open({ proxyFrom });
      for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
        const made = client(address);
        await until(() => listener.connections === 1);
        made.socket[leave]();
        await balanced(listener);
      }
      expect(errors).to.deep.equal([]);
    });

    it('a peer that goes away within the header is one', async () => {
      const [listener, address] = await open({ proxyFrom });
      const made = client(address).send('PROXY TCP4');
      await until(() => listener.connections === 1);
      made.socket.end();
      await balanced(listener);
      expect(errors.map(({ code }) => code)).to.deep.equal(['BAD_PROXY_HEADER']);
    });

    it('connections that owe their header count against maxConnections', async () => {
      const [listener, address] = await open({ proxyFrom, maxConnections: 1, refusal });
      const waiting = client(address);
      await until(() => listener.connections === 1);
      const second = client(address).send(headers.v1);
      await until(() => second.fate === 'end');
      expect(second.received).to.equal('421 too-many\r\n');
      waiting.socket.destroy();
      await until(() => listener.connections === 0);
    });

    it('refuses a list that names no peers before it listens', () => {
      expect(() => make('0', { proxyFrom: ['localhost'] })).to.throw(/names no peers/);
    });
  });

  describe('drain', () => {
    it('asks every connection to end, waits for the last one, and lets the system refuse new ones', async () => {
      const [listener, address] = await open();
      const first = await connected(address);
      const second = await connected(address);
      const drained = listener.drain(10_000);
      expect(sessions.map(({ drains }) => drains)).to.deep.equal([1, 1]);
      const late = client(address);
      await until(() => late.fate === 'ECONNREFUSED');
      first.socket.end();
      await until(() => listener.connections === 1);
      clock.advance(9_999);
      second.socket.end();
      expect(await drained).to.deep.equal({ finished: 2, cut: 0 });
      await balanced(listener);
    });

    it('cuts what is left at the limit', async () => {
      const [listener, address] = await open();
      const first = await connected(address);
      const second = await connected(address);
      const drained = listener.drain(10_000);
      first.socket.end();
      await until(() => listener.connections === 1);
      clock.advance(10_000);
      expect(await drained).to.deep.equal({ finished: 1, cut: 1 });
      await until(() => second.fate !== undefined);
      await balanced(listener);
    });

    it('with words for it, goes on accepting to say them', async () => {
      const [listener, address] = await open({ refusal });
      const first = await connected(address);
      const drained = listener.drain(10_000);
      const late = client(address);
      await until(() => late.fate === 'end');
      expect(late.received).to.equal('421 draining\r\n');
      late.socket.end();
      first.socket.end();
      expect(await drained).to.deep.equal({ finished: 1, cut: 0 });
      const tooLate = client(address);
      await until(() => tooLate.fate === 'ECONNREFUSED');
      await balanced(listener);
    });

    it('waits for the last words to be read, within the limit', async () => {
      const [listener, address] = await open({ refusal });
      const first = await connected(address);
      const drained = listener.drain(10_000);
      const late = client(address);
      await until(() => late.fate === 'end');
      first.socket.end();
      await until(() => listener.connections === 0);
      clock.advance(LINGER_MS);
      expect(await drained).to.deep.equal({ finished: 1, cut: 0 });
      await balanced(listener);
    });

    it('refuses those that still owe their PROXY header', async () => {
      const [listener, address] = await open({ proxyFrom: ['127.0.0.1'], refusal });
      const waiting = client(address).send('PROXY TCP4 ');
      await until(() => listener.connections === 1);
      const drained = listener.drain(10_000);
      waiting.send('192.0.2.1 192.0.2.2 1 2\r\nEHLO x\r\n');
      await until(() => waiting.fate === 'end');
      expect(waiting.received).to.equal('421 draining\r\n');
      waiting.socket.end();
      expect(await drained).to.deep.equal({ finished: 0, cut: 0 });
      expect(sessions).to.have.length(0);
      expect(errors).to.have.length(0);
      await balanced(listener);
    });

    it('a second call waits for the same end and can only bring it nearer', async () => {
      const [listener, address] = await open();
      await connected(address);
      const first = listener.drain(10_000);
      expect(listener.drain(60_000)).to.equal(first);
      expect(listener.drain(1_000)).to.equal(first);
      clock.advance(1_000);
      expect(await first).to.deep.equal({ finished: 0, cut: 1 });
      expect(await listener.drain(5)).to.deep.equal({ finished: 0, cut: 1 });
      expect(sessions[0]?.drains).to.equal(1);
      await balanced(listener);
    });

    it('a limit of 0 cuts at once', async () => {
      const [listener, address] = await open();
      await connected(address);
      expect(await listener.drain(0)).to.deep.equal({ finished: 0, cut: 1 });
      await balanced(listener);
    });

    it('is done at once with nobody there, before listening, and after close', async () => {
      const none = { finished: 0, cut: 0 };
      const [listener] = await open();
      expect(await listener.drain(10_000)).to.deep.equal(none);
      expect(await make('0').drain(10_000)).to.deep.equal(none);
      const [closed] = await open();
      await closed.close();
      expect(await closed.drain(10_000)).to.deep.equal(none);
      expect(clock.pending).to.equal(0);
    });

    it('goes on when a drain() fails, and needs none', async () => {
      const listener = new Listener(
        { address: parseAddress('0'), clock, onError: (error) => void errors.push(error) },
        () => ({
          drain: () => {
            throw new Error('boom');
          },
        }),
      );
      cleanUp.push(() => listener.close());
      const address = await listener.listen();
      client(address);
      client(address);
      await until(() => listener.connections === 2);
      const drained = listener.drain(1_000);
      expect(errors.map(({ code }) => code)).to.deep.equal(['HANDLER_FAILED', 'HANDLER_FAILED']);
      clock.advance(1_000);
      expect(await drained).to.deep.equal({ finished: 0, cut: 2 });
    });

    it('close() in the middle of it cuts the rest', async () => {
      const [listener, address] = await open();
      await connected(address);
      const drained = listener.drain(10_000);
      await listener.close();
      expect(await drained).to.deep.equal({ finished: 0, cut: 1 });
      await balanced(listener);
    });
  });

  describe('close', () => {
    it('ends everything at once: served, waiting and refused', async () => {
      const [listener, address] = await open({ maxConnections: 2, refusal, proxyFrom: ['127.0.0.2'] }, '0.0.0.0:0');
      const to = `127.0.0.1:${address.split(':').at(-1)}`;
      await connected(to);
      const waiting = client(to, { localAddress: '127.0.0.2' });
      await until(() => listener.connections === 2);
      const refused = client(to);
      await until(() => refused.fate === 'end');
      await listener.close();
      await balanced(listener);
      await until(() => waiting.fate !== undefined);
      await listener.close();
      expect(errors).to.deep.equal([]);
    });

    it('before and while listen() is under way', async () => {
      const never = make('0');
      await never.close();
      expect((await rejection(never.listen())).message).to.match(/used before$/);
      const meanwhile = make('localhost:0');
      const listening = rejection(meanwhile.listen());
      await meanwhile.close();
      expect(await listening)
        .to.include({ code: 'LISTEN_FAILED' })
        .and.have.property('message')
        .that.match(/closed meanwhile$/);
    });
  });

  describe('an address that cannot be listened on', () => {
    for (const on of ['0', '[::1]:0']) {
      it(`${on}: in use`, async () => {
        const [, address] = await open({}, on);
        const error = await rejection(make(address).listen());
        expect(error).to.include({ code: 'LISTEN_FAILED' });
        expect(error.message).to.equal(
          `cannot listen on ${address}: the address is in use; ` +
            'stop the program that listens there or choose another port (0 takes a free one)',
        );
        expect(error.facts).to.deep.equal({ address, cause: 'EADDRINUSE' });
      });
    }

    it('can be tried again', async () => {
      const [first, address] = await open();
      const second = make(address);
      await rejection(second.listen());
      await first.close();
      expect(await second.listen()).to.equal(address);
      expect((await rejection(second.listen())).message).to.match(/used before$/);
    });

    const table: [on: string, why: RegExp][] = [
      ['192.0.2.1:0', /^cannot listen on 192\.0\.2\.1:0: this machine does not have that address; choose/],
      ['[2001:db8::1]:0', /^cannot listen on \[2001:db8::1\]:0: this machine does not (have|support) that/],
      ['no-such-host.invalid:0', /^cannot listen on no-such-host\.invalid:0: the host name .*; write an IP address$/],
      ['fd:77', /^cannot listen on fd:77: it was not handed to this process .*; handed over: none$/],
    ];
    for (const [on, why] of table) {
      it(`${on}: ${why.source}`, async () => {
        const error = await rejection(make(on).listen());
        expect(error).to.include({ code: 'LISTEN_FAILED' });
        expect(error.message).to.match(why).and.not.include('\n');
      });
    }

    it('without permission, says which ports need none', () => {
      const error = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
      expect(listenError('listen', parseAddress('[::1]:25'), error).message).to.equal(
        'cannot listen on [::1]:25: no permission; choose a port from 1024 up, or hand the socket in as fd:N',
      );
      expect(listenError('listen', parseAddress('unix:/run/x'), error).message).to.match(
        /right to write in that directory/,
      );
    });

    it('fd:N of something that is no socket', async () => {
      // Standard output here, named as if it had been handed over.
      const file = join(directory, 'file');
      writeFileSync(file, '');
      const { open: openFile } = await import('node:fs/promises');
      const handle = await openFile(file);
      cleanUp.push(() => handle.close());
      const inherited = [{ fd: handle.fd, name: 'file' }];
      const error = await rejection(make(`fd:${handle.fd}`, { inherited }).listen());
      expect(error.message).to.match(/^cannot listen on fd:\d+: the descriptor is no listening socket; check/);
    });
  });

  describe('unix sockets', () => {
    it('listen, serve, and leave no file behind', async () => {
      const path = join(directory, 's');
      const [listener, address] = await open({}, `unix:${path}`);
      expect(address).to.equal(`unix:${path}`);
      client(address).send('hello');
      await until(() => sessions[0]?.received === 'hello');
      expect(sessions[0]?.peer).to.include({ address: '', port: 0, viaProxy: false, socketAddress: 'unix' });
      await listener.close();
      expect(existsSync(path)).to.equal(false);
      await balanced(listener);
    });

    it('get the permissions that were asked for', async () => {
      for (const unixMode of [0o600, 0o660, 0o777]) {
        const path = join(directory, unixMode.toString(8));
        await open({ unixMode }, `unix:${path}`);
        expect(statSync(path).mode & 0o777).to.equal(unixMode);
      }
    });

    it('replace a file that a dead process left', async () => {
      const path = join(directory, 's');
      const dies = "process.kill(process.pid, 'SIGKILL')";
      const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => ${dies})`;
      await once(spawn(process.execPath, ['-e', script]), 'exit');
      expect(statSync(path).isSocket()).to.equal(true);
      const [, address] = await open({}, `unix:${path}`);
      client(address).send('hello');
      await until(() => sessions[0]?.received === 'hello');
    });

    it('do not replace one where somebody answers', async () => {
      const path = join(directory, 's');
      const [first, address] = await open({}, `unix:${path}`);
      const error = await rejection(make(`unix:${path}`).listen());
      expect(error.message).to.equal(
        `cannot listen on unix:${path}: another program answers there; stop it or choose another path`,
      );
      await until(() => first.connections === 0);
      client(address).send('hello');
      await until(() => sessions.at(-1)?.received === 'hello');
    });

    it('never replace a file that is no socket', async () => {
      const path = join(directory, 'precious');
      writeFileSync(path, 'data');
      const error = await rejection(make(`unix:${path}`).listen());
      expect(error.message).to.match(/a file that is no socket is in the way; remove it or choose another path$/);
      expect(statSync(path).size).to.equal(4);
    });

    it('say when the directory is missing', async () => {
      const error = await rejection(make(`unix:${directory}/no/such/s`).listen());
      expect(error.message).to.match(/the directory does not exist; create it or choose another path$/);
    });
  });

  describe('an inherited descriptor', () => {
    it('is listened on, and refused to those it was not meant for', async () => {
      const isSource = import.meta.url.endsWith('.ts');
      const from = (name: string) =>
        JSON.stringify(new URL(`../../src/${name}${isSource ? '.ts' : '.js'}`, import.meta.url).href);
      const script = `
        import { Listener } from ${from('listen')};
        const greet = (transport) => {
          transport.on('data', () => {});
          transport.write(Buffer.from('hello'));
          transport.end();
        };
        for (const fd of [4, 3]) {
          const listener = new Listener({ address: { kind: 'fd', fd } }, greet);
          await listener.listen().then((address) => console.log(address), (error) => console.log(error.message));
        }`;
      const holder = createServer();
      holder.listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as { port: number };
      const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
      // As systemd does it: LISTEN_PID is known only after the fork.
      const command = `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp exec "$@"`;
      const node = [process.execPath, ...(isSource ? ['--import', 'tsx'] : []), '--input-type=module', '-e', script];
      const child: ChildProcess = spawn('sh', ['-c', command, 'sh', ...node], {
        stdio: ['ignore', 'pipe', 'inherit', fd],
      });
      cleanUp.push(() => child.kill('SIGKILL'));
      holder.close();
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      const deadline = Date.now() + 15_000;
      while (output.split('\n').length < 3 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(output.trim().split('\n')).to.deep.equal([
        'cannot listen on fd:4: it was not handed to this process (LISTEN_FDS, LISTEN_PID); handed over: fd:3 (smtp)',
        `127.0.0.1:${port}`,
      ]);
      const made = client(`127.0.0.1:${port}`);
      await until(() => made.fate === 'end');
      expect(made.received).to.equal('hello');
    });
  });

  describe('errors of accept', () => {
    /** Listens, and gives the node server inside, on which the system's errors appear. */
    async function opened(on: string): Promise<{ listener: Listener; address: string; servers: Server[] }> {
      const servers: Server[] = [];
      const original = Server.prototype.listen;
      Server.prototype.listen = function (this: Server, ...args: unknown[]) {
        if (!servers.includes(this)) servers.push(this);
        return Reflect.apply(original, this, args);
      } as typeof original;
      cleanUp.push(() => {
        Server.prototype.listen = original;
      });
      const [listener, address] = await open({}, on);
      return { listener, address, servers };
    }
    const failure = (code: string) => Object.assign(new Error(`accept ${code}`), { code, syscall: 'accept' });

    for (const on of ['0', 'unix']) {
      it(`${on}: out of descriptors, it rests for a second and listens again on the same address`, async () => {
        const { listener, address, servers } = await opened(on === 'unix' ? `unix:${directory}/s` : on);
        const before = await connected(address);
        servers[0]?.emit('error', failure('EMFILE'));
        expect(errors).to.have.length(1);
        expect(errors[0]).to.include({ code: 'LISTEN_FAILED' });
        expect(errors[0]?.message).to.equal(
          `cannot accept on ${address}: this process has too many open files; raise its limit (ulimit -n)`,
        );
        const refused = client(address);
        await until(() => refused.fate === (on === 'unix' ? 'ENOENT' : 'ECONNREFUSED'));
        clock.advance(1_000);
        await until(() => servers[1]?.listening === true);
        await connected(address);
        before.send('still served');
        await until(() => sessions[0]?.received === 'still served');
        expect(listener.connections).to.equal(2);
        expect(listener.address).to.equal(address);
      });
    }

    it('reports each second that it cannot listen again, and goes on trying', async () => {
      const { address, servers } = await opened('0');
      servers[0]?.emit('error', failure('ENFILE'));
      await until(() => !servers[0]?.listening);
      const thief = createServer().listen(parseAddress(address) as { host: string; port: number });
      await once(thief, 'listening');
      for (let second = 1; second <= 2; second++) {
        clock.advance(1_000);
        await until(() => errors.length === 1 + second && clock.pending === 1);
      }
      expect(errors[2]?.message).to.match(/the address is in use/);
      thief.close();
      await once(thief, 'close');
      clock.advance(1_000);
      await until(() => servers.at(-1)?.listening === true);
      await connected(address);
    });

    it('one connection that failed is reported, and nothing else happens', async () => {
      const { address, servers } = await opened('0');
      servers[0]?.emit('error', failure('EPROTO'));
      expect(errors).to.have.length(1);
      expect(clock.pending).to.equal(0);
      await connected(address);
    });

    for (const end of ['drain', 'close'] as const) {
      it(`${end}() while it rests: it does not listen again`, async () => {
        const { listener, address, servers } = await opened('0');
        servers[0]?.emit('error', failure('EMFILE'));
        await (end === 'drain' ? listener.drain(10) : listener.close());
        expect(clock.pending).to.equal(0);
        const late = client(address);
        await until(() => late.fate === 'ECONNREFUSED');
        expect(servers).to.have.length(1);
      });
    }
  });
});
