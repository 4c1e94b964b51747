// A proxy between clients and an upstream of the test, over real sockets and on a clock that stands still. Both ends
// of every connection count and hash what they send and get: that the two agree is the oracle of all these tests.
import { createHash } from 'node:crypto';
import dns from 'node:dns';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, isIP, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { type PROXY_OPTIONS, resolveProxy } from '../../proxy/options.ts';
import { type ProxyService, type ProxySetting, startProxy, type View } from '../../proxy/service.ts';
import { parseAddress } from '../../src/address.ts';
import { FakeClock } from '../../src/clock.ts';
import type { Log, LogFields } from '../../src/log.ts';
import { deferred, until, within } from '../support/within.ts';

/**
 * Sizes around what the buffers of two unix sockets hold: with some of them a writer can leave while the last part of
 * it is still inside the proxy, and nowhere else. Which ones depends on the system.
 */
export const LEFT_BEHIND = Array.from({ length: 40 }, (_, each) => 10_000 + each * 20_000);

/** Of what an end has sent, so much is kept. */
const KEPT = 1024 * 1024;

/** One end of a connection. */
export class End {
  readonly socket: Socket;
  /** What came so far: how much, how it begins, and whether the peer has ended its stream. */
  received = 0;
  text = '';
  ended = false;
  /** The code of the error that ended it, if one did. */
  error = '';
  private readonly sentHash = createHash('sha256');
  /** The beginning of what was sent, for comparing what arrived of a stream that was cut. */
  private readonly begun: Buffer[] = [];
  private kept = 0;
  private readonly receivedHash = createHash('sha256');

  constructor(socket: Socket, reading: 'reading' | 'not reading' = 'reading') {
    this.socket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error ||= error.code ?? error.message;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    if (reading === 'reading') this.read();
  }

  read(): this {
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      if (this.text.length < 4096) this.text += chunk.toString('latin1', 0, 4096);
      this.receivedHash.update(chunk);
    });
    return this;
  }

  send(bytes: string | Buffer): this {
    this.note(bytes);
    this.socket.write(bytes);
    return this;
  }

  /** Sends a stream of up to `total` bytes as fast as it is taken, and then the end of the stream. */
  pour(total: number, chunk: Buffer): this {
    let left = total;
    const more = (): void => {
      while (left > 0 && !this.socket.destroyed) {
        const piece = chunk.subarray(0, Math.min(left, chunk.length));
        left -= piece.length;
        this.note(piece);
        if (!this.socket.write(piece)) return void this.socket.once('drain', more);
      }
      this.socket.end();
    };
    more();
    return this;
  }

  private note(bytes: string | Buffer): void {
    this.sentHash.update(bytes);
    if (this.kept >= KEPT) return;
    const piece = Buffer.from(bytes).subarray(0, KEPT - this.kept);
    this.kept += piece.length;
    this.begun.push(piece);
  }

  /** Ends our stream; the other direction stays open. */
  finish(): this {
    this.socket.end();
    return this;
  }

  reset(): this {
    const { socket } = this;
    // While the end is on its way Node can do neither: no reset, no close, and the process spins at its exit.
    const isEnding = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
    if (socket.connecting) socket.once('connect', () => this.reset());
    else if (isEnding) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
    return this;
  }

  /** What the system took of what was sent. */
  get taken(): number {
    return this.socket.bytesWritten - this.socket.writableLength;
  }

  /** Compares all that this end got with all that the other one sent. */
  expectAllOf(sender: End): void {
    expect(this.receivedHash.copy().digest('hex')).to.equal(sender.sentHash.copy().digest('hex'));
  }

  /** As far as it came, it is what the sender sent. For streams up to a megabyte. */
  expectBeginningOf(sender: End): void {
    if (this.received > KEPT) return;
    const sent = Buffer.concat(sender.begun).subarray(0, this.received);
    expect(this.received, 'more than was sent').to.equal(sent.length);
    expect(this.receivedHash.copy().digest('hex')).to.equal(createHash('sha256').update(sent).digest('hex'));
  }

  async gets(text: string): Promise<void> {
    await until(5000, () => this.text.endsWith(text), `${JSON.stringify(text)} in ${JSON.stringify(this.text)}`);
  }

  async getsEnd(): Promise<void> {
    await until(5000, () => this.ended, 'the end of the stream');
  }

  /** Its connection is over, or at least the other end of it, which an end that has not ended itself is told so. */
  async isLeft(): Promise<void> {
    this.socket.resume();
    await until(5000, () => this.ended || this.socket.closed, 'the end');
  }

  async closes(): Promise<void> {
    await until(5000, () => this.socket.closed, 'the close');
  }
}

/** Where the proxied connections arrive. */
export class Upstream {
  readonly address: string;
  readonly ends: End[];

  constructor(address: string, ends: End[]) {
    this.address = address;
    this.ends = ends;
  }

  /** The `count`-th connection. */
  async end(count = 1): Promise<End> {
    await until(5000, () => this.ends.length >= count, `connection ${count} at the upstream`);
    return this.ends[count - 1]!;
  }
}

export interface Ended {
  readonly id: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly error?: string;
}

export type Flags = Partial<Record<keyof typeof PROXY_OPTIONS, string | readonly string[]>>;

export class Rig {
  readonly clock = new FakeClock();
  readonly opened: number[] = [];
  readonly ended: Ended[] = [];
  readonly warnings: Error[] = [];
  private readonly joined: [client: End, server: End][] = [];
  private readonly cleanUps: (() => unknown)[] = [];
  private folder = '';

  constructor() {
    const warned = (warning: Error): void => void this.warnings.push(warning);
    process.on('warning', warned);
    this.cleanUps.push(() => process.off('warning', warned));
  }

  /** Both ends of every connection of join() have got what the other one sent, as far as it came, byte for byte. */
  expectExact(): void {
    for (const [client, server] of this.joined) {
      server.expectBeginningOf(client);
      client.expectBeginningOf(server);
    }
  }

  /** For afterEach. */
  async cleanUp(): Promise<void> {
    for (const each of this.cleanUps.splice(0).reverse()) await each();
  }

  onCleanUp(run: () => unknown): void {
    this.cleanUps.push(run);
  }

  /** A path for a unix socket. */
  path(name: string): string {
    if (this.folder === '') {
      this.folder = mkdtempSync(join(tmpdir(), 'proxy-'));
      this.cleanUps.unshift(() => rmSync(this.folder, { recursive: true }));
    }
    return `unix:${join(this.folder, name)}`;
  }

  async upstream(
    onEnd: (end: End) => unknown = () => {},
    { at = '127.0.0.1:0', reading = 'reading' }: { at?: string; reading?: 'reading' | 'not reading' } = {},
  ): Promise<Upstream> {
    const ends: End[] = [];
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const end = new End(socket, reading);
      ends.push(end);
      onEnd(end);
    });
    this.onCleanUp(() => {
      for (const { socket } of ends) socket.destroy();
      server.close();
    });
    const where = parseAddress(at);
    const listening = deferred();
    server.listen(where.kind === 'tcp' ? { host: where.host, port: where.port, backlog: 1024 } : where, () =>
      listening.resolve(),
    );
    await listening.promise;
    const bound = server.address();
    const address = typeof bound === 'string' ? `unix:${bound}` : `127.0.0.1:${bound?.port}`;
    return new Upstream(address, ends);
  }

  async proxy(
    upstream: string,
    flags: Flags = {},
    views: readonly View[] = [],
    more: Omit<ProxySetting, 'clock' | 'views'> = {},
  ): Promise<ProxyService> {
    const given = new Map(
      Object.entries({ listen: '0', upstream, ...flags }).map(([name, text]) => [name, [text].flat()]),
    );
    const proxy = await startProxy(resolveProxy({ flags: given }), this.log(), { clock: this.clock, views, ...more });
    this.onCleanUp(() => proxy.stop(0));
    return proxy;
  }

  /** Not connected yet when it returns. */
  client(address: string, reading: 'reading' | 'not reading' = 'reading'): End {
    const to = parseAddress(address);
    const where = to.kind === 'tcp' ? { host: to.host, port: to.port } : { path: to.kind === 'unix' ? to.path : '' };
    const end = new End(connect({ ...where, allowHalfOpen: true, noDelay: true }), reading);
    this.onCleanUp(() => end.socket.destroy());
    return end;
  }

  /** A client that the proxy has seen, whatever its upstream does. */
  async accepted(proxy: ProxyService, said = ''): Promise<End> {
    const count = this.opened.length + 1;
    const client = this.client(proxy.listen).send(said);
    const isSeen = (): boolean => this.opened.length >= count && !client.socket.connecting;
    await until(5000, () => isSeen() && client.taken === said.length, 'the connection at the proxy');
    return client;
  }

  /** A client, and the other end of its connection at the upstream. */
  async join(proxy: ProxyService, upstream: Upstream): Promise<[client: End, server: End]> {
    const count = upstream.ends.length + 1;
    const client = await this.accepted(proxy);
    const server = await upstream.end(count);
    this.joined.push([client, server]);
    return [client, server];
  }

  /** The record of the `count`-th pair that ended. */
  async pairEnded(count = 1): Promise<Ended> {
    await until(5000, () => this.ended.length >= count, `the end of ${count} pairs`);
    return this.ended[count - 1]!;
  }

  /** Resolves when a number has not changed for a while: whatever fills it is stuck. */
  async settled(figure: () => number): Promise<number> {
    let last = figure();
    let since = Date.now();
    await until(
      8000,
      () => {
        if (figure() !== last) since = Date.now();
        last = figure();
        return Date.now() - since > 150;
      },
      'standstill',
    );
    return last;
  }

  /** Names are looked up by the test: `answer` is called for each, and answers when it likes. */
  lookUp(answer: (name: string) => Promise<readonly string[]>): void {
    const { lookup } = dns;
    dns.lookup = ((name: string, options: object, done: (error: Error | null, found: unknown) => void) => {
      if (isIP(name) !== 0) return lookup(name, options, done as never);
      void answer(name).then((found) =>
        done(
          null,
          found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      );
    }) as typeof dns.lookup;
    this.onCleanUp(() => {
      dns.lookup = lookup;
    });
  }

  /** An address that takes no connection and refuses none: its queue is full and its owner asleep. */
  async blackHole(): Promise<string> {
    const asleep = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const server = require('node:net').createServer();
       server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
         parentPort.postMessage(server.address().port);
         setImmediate(() => Atomics.wait(workerData, 0, 0));
       });`,
      { eval: true, workerData: asleep },
    );
    this.onCleanUp(() => {
      Atomics.store(asleep, 0, 1);
      Atomics.notify(asleep, 0);
      return worker.terminate();
    });
    const port = await within(5000, new Promise<number>((resolve) => worker.once('message', resolve)));
    const address = `127.0.0.1:${port}`;
    // The queue holds one or two more than its length says: fill it until nobody gets in any more.
    for (let stuck = false; !stuck; ) {
      const { socket } = this.client(address);
      const connected = new Promise<boolean>((resolve) => socket.once('connect', () => resolve(false)));
      stuck = await Promise.race([connected, new Promise<boolean>((late) => setTimeout(() => late(true), 100))]);
    }
    return address;
  }

  private log(): Log {
    const quiet = (): void => {};
    const record = (event: string, fields: LogFields = {}): void => {
      if (event === 'pair.opened') this.opened.push((fields as unknown as Ended).id);
      if (event === 'pair.closed' || event === 'pair.failed') this.ended.push(fields as unknown as Ended);
    };
    const log: Log = {
      error: quiet,
      warn: record,
      info: record,
      debug: record,
      child: () => log,
      flush: async () => {},
    };
    return log;
  }
}
