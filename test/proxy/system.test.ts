// What the system under the proxy does, or does not do: the rows of the corpus about keepalive, the event loop, limits of
// the process and urgent bytes.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ROUND_MS } from '../../proxy/wire/probing.ts';
import { LONEDOT, loaderFor } from '../cli/run.ts';
import { until } from '../support/within.ts';
import { type End, Rig } from './rig.ts';

const TCP_TABLE = '/proc/net/tcp';

describe('proxy: the system', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    rig.expectExact();
    await rig.cleanUp();
  });

  it('row 19: both legs probe a silent peer (that a probe without an answer ends them, loopback cannot show)', async function () {
    if (!existsSync(TCP_TABLE)) return this.skip();
    const upstream = await rig.upstream();
    const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
    client.send('ping');
    await server.gets('ping');
    await rig.settled(() => server.received);
    // Not before it has lasted for a while: most connections do not.
    rig.clock.advance(ROUND_MS);
    // Of the proxy's own sockets: the other ends of those of the test.
    for (const { socket } of [client, server]) {
      const timer = timerOf(socket.remotePort!, socket.localPort!);
      expect(timer.kind, 'a timer of keepalive').to.equal(2);
      expect(timer.seconds).to.be.within(1, 60);
    }
  });

  it('row 22: a reply that is written when the request was read to its end arrives, every time', async () => {
    const upstream = await rig.upstream((server) => server.socket.on('end', () => server.send('reply').finish()));
    const proxy = await rig.proxy(upstream.address);
    for (let each = 0; each < 100; each++) {
      const client = rig.client(proxy.listen).send(`request ${each}`).finish();
      await client.gets('reply');
      await client.getsEnd();
      const server = await upstream.end(each + 1);
      server.expectAllOf(client);
      client.expectAllOf(server);
    }
    await rig.pairEnded(100);
    expect(rig.ended.filter(({ error }) => error !== undefined)).to.deep.equal([]);
  });

  it('row 25: bursts of some connections leave the others their turns', async () => {
    const burst = randomBytes(1024 * 1024);
    const busy = await rig.upstream((server) => server.socket.on('data', () => server.send(burst)));
    const upstream = await rig.upstream((server) => server.socket.on('data', (said: Buffer) => server.send(said)));
    const pouring = await rig.proxy(busy.address);
    const readers = Array.from({ length: 3 }, () => rig.client(pouring.listen).send('x'));
    for (const reader of readers) {
      reader.socket.on('data', () => reader.received % burst.length === 0 && reader.send('x'));
    }
    const [client] = await rig.join(await rig.proxy(upstream.address), upstream);
    const moved = (): number => readers.reduce((sum, { received }) => sum + received, 0);
    await until(5000, () => moved() > 16 * burst.length, 'bursts');
    const passed: number[] = [];
    for (let round = 1; round <= 20; round++) {
      const before = moved();
      client.send('x');
      await until(8000, () => client.received === round, 'an answer');
      passed.push(moved() - before);
    }
    // In bytes, since the time is also that of both ends, on a machine that others use: each of the three may have had its
    // turn some times before an answer is back. A loop that is not fair has no such bound.
    expect(passed.sort((a, b) => a - b)[19]).to.be.below(64 * burst.length);
    for (const { socket } of readers) socket.destroy();
  });

  it('row 27: out of descriptors, it says so, and what is open goes on', async function () {
    if (process.platform === 'win32') return this.skip();
    const upstream = await rig.upstream((server) => {
      server.socket.on('data', (chunk: Buffer) => server.send(chunk)).on('end', () => server.finish());
    });
    const command = [process.execPath, ...loaderFor(LONEDOT), LONEDOT, 'proxy', '127.0.0.1:0', upstream.address];
    const limited = spawn('sh', ['-c', 'ulimit -n 90; exec "$@"', 'sh', ...command]);
    rig.onCleanUp(() => limited.kill('SIGKILL'));
    let said = '';
    for (const stream of [limited.stdout, limited.stderr]) stream.on('data', (chunk) => (said += chunk));
    await until(10_000, () => /127\.0\.0\.1:\d+/.test(said), `a start in ${said}`);
    const listen = /127\.0\.0\.1:\d+/.exec(said)![0];
    const first = rig.client(listen).send('first');
    await first.gets('first');
    const many = Array.from({ length: 60 }, () => rig.client(listen).send('x'));
    await until(10_000, () => /too many open files/.test(said), 'a word about it');
    await until(10_000, () => many.some(({ socket, ended }) => ended || socket.closed), 'those that are closed');
    first.send(' still here');
    await first.gets('first still here');
    for (const { socket } of many) socket.destroy();
    let late: End | undefined;
    await until(10_000, () => {
      if (late === undefined || late.ended || late.socket.closed) late = rig.client(listen).send('late');
      return late.text === 'late';
    });
  });

  it('row 28: an urgent byte is dropped, as a plain read drops it, and nothing around it (Node can send none)', async function () {
    const upstream = await rig.upstream();
    const { listen } = await rig.proxy(upstream.address);
    const script = [
      'import socket, sys, time',
      's = socket.create_connection(("127.0.0.1", int(sys.argv[1])))',
      's.send(b"before "); time.sleep(0.1); s.send(b"!", socket.MSG_OOB); time.sleep(0.1); s.send(b"after"); s.close()',
    ].join('\n');
    try {
      execFileSync('python3', ['--version']);
    } catch {
      return this.skip();
    }
    const python = spawn('python3', ['-c', script, listen.split(':')[1]!]);
    rig.onCleanUp(() => python.kill());
    const server = await upstream.end();
    await server.getsEnd();
    expect(server.text).to.equal('before after');
  });
});

/** The timer of the socket with these ports, as the system's table has it. */
function timerOf(local: number, remote: number): { kind: number; seconds: number } {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const rows = readFileSync(TCP_TABLE, 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const row = rows.find((row) => row[1]?.endsWith(`:${hex(local)}`) && row[2]?.endsWith(`:${hex(remote)}`));
  const [kind = '', when = ''] = (row?.[5] ?? '').split(':');
  return { kind: Number.parseInt(kind, 16), seconds: Number.parseInt(when, 16) / 100 };
}
