// FTP's data connections come through the proxy: in both modes, however the words about them are cut, to nobody but those
// who agreed upon them.
import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { inTurn } from '../../proxy/changer.ts';
import { crossOut } from '../../proxy/cross-out.ts';
import type { DialogueEvent } from '../../proxy/dialogue/event.ts';
import { Journal } from '../../proxy/dialogue/journal.ts';
import { Observer } from '../../proxy/dialogue/observer.ts';
import { EffectGate } from '../../proxy/effects/effect-gate.ts';
import { Effects } from '../../proxy/effects/effects.ts';
import { announcedByClient, announcedByServer, commandWith, replyWith } from '../../proxy/ftp/addresses.ts';
import { DATA_WAIT_MS } from '../../proxy/ftp/data-port.ts';
import { Follower, type Ground } from '../../proxy/ftp/follower.ts';
import { Gate } from '../../proxy/gate.ts';
import type { PairObserver } from '../../proxy/pair.ts';
import { PROFILES } from '../../proxy/profiles/table.ts';
import type { ProxyService, View } from '../../proxy/service.ts';
import { realClock } from '../../src/clock.ts';
import { until, within } from '../support/within.ts';
import { FtpServer, type FtpServerOptions } from './ftp-server.ts';
import { type End, Rig } from './rig.ts';

const DATA = Buffer.alloc(300_000, 'some data that is no text of FTP\r\n227 (1,2,3,4,5,6)\r\n');
const SHA = createHash('sha256').update(DATA).digest('hex');

describe('proxy: addresses of FTP', () => {
  for (const [line, found] of [
    ['227 Entering Passive Mode (127,0,0,1,195,80).', { host: '127.0.0.1', port: 50_000 }],
    ['227 =10,0,0,9,0,21', { host: '10.0.0.9', port: 21 }],
    ['227 (300,0,0,1,1,1)', null],
    ['227 (1,2,3,4,0,0)', null],
    ['227 no numbers', null],
    ['227-(1,2,3,4,5,6)', null],
    ['229 Entering Extended Passive Mode (|||6446|)', { host: '', port: 6446 }],
    ['229 ok (!!!99999!)', null],
    ['229 ok (|||1!)', null],
    ['200 (1,2,3,4,5,6)', null],
  ] as const) {
    it(`the server: ${line}`, () => expect(announcedByServer(line)).to.deep.equal(found));
  }
  for (const [line, found] of [
    ['PORT 127,0,0,1,4,1', { host: '127.0.0.1', port: 1025 }],
    ['port 127,0,0,1,4,1', { host: '127.0.0.1', port: 1025 }],
    ['EPRT |1|132.235.1.2|6275|', { host: '132.235.1.2', port: 6275 }],
    ['EPRT |2|1080::8:800:200C:417A|5282|', { host: '1080::8:800:200C:417A', port: 5282 }],
    ['EPRT |1|::1|6275|', null],
    ['EPRT |3|1.2.3.4|6275|', null],
    ['EPRT |1|1.2.3.4|0|', null],
    ['PORTS 1,2,3,4,5,6', null],
  ] as const) {
    it(`the client: ${line}`, () => expect(announcedByClient(line)).to.deep.equal(found));
  }
  it('says another one in the same words', () => {
    const four = { host: '127.0.0.1', port: 258 };
    const six = { host: '::1', port: 258 };
    expect(replyWith('227 Mode (1,2,3,4,5,6).', four)).to.equal('227 Mode (127,0,0,1,1,2).');
    expect(replyWith('227 Mode (1,2,3,4,5,6).', six)).to.equal(null);
    expect(replyWith('229 Mode (!!!5!)', six)).to.equal('229 Mode (!!!258!)');
    expect(commandWith('port 1,2,3,4,5,6', four)).to.equal('port 127,0,0,1,1,2');
    expect(commandWith('PORT 1,2,3,4,5,6', six)).to.equal('EPRT |2|::1|258|');
    expect(commandWith('EPRT |2|::9|5|', four)).to.equal('EPRT |1|127.0.0.1|258|');
  });
});

describe('proxy: FTP data, cut anywhere', () => {
  const cleanUp: (() => void)[] = [];
  afterEach(() => {
    for (const each of cleanUp.splice(0)) each();
  });

  /** What passes of a dialogue in which the chunks come one by one. */
  async function passed(chunks: readonly (readonly ['client' | 'server', string])[], how = ''): Promise<string[]> {
    const journal = new Journal({ records: 1024 });
    const out: string[] = [];
    const ground: Ground = {
      peer: {
        address: '127.0.0.1',
        port: 1,
        localAddress: '127.0.0.1',
        localPort: 2,
        viaProxy: false,
        socketAddress: '',
      },
      anywhere: false,
      clock: realClock,
      reached: () => ({
        ...{ upstream: { kind: 'tcp', host: 'h', port: 21 }, isVia: false },
        ...{ localAddress: '127.0.0.1', remoteAddress: '127.0.0.1' },
      }),
      dialer: () => () => ({ cancel: () => {} }),
      number: () => 2,
      join: () => {},
      touch: () => {},
    };
    const observe = (tap: ConstructorParameters<typeof Observer>[0]['tap']): Observer =>
      new Observer({
        ...{ journal, conn: 1, profile: PROFILES.ftp, client: 'c', upstream: 's', now: () => 1 },
        ...(tap && { tap }),
      });
    const make = inTurn([
      ...(how === 'stripped' ? [() => crossOut('strip', 'ftp')] : []),
      (observer) => new Follower({ ground, journal, conn: 1, now: () => 1 }, observer),
    ])!;
    const gate: PairObserver =
      how === 'effects'
        ? new EffectGate(
            { effects: new Effects(['server 227: slice']), conn: 1, clock: realClock, makeChanger: make },
            (tap) => observe(tap),
          )
        : new Gate(make, (tap) => observe(tap));
    cleanUp.push(() => gate.close({ bytesUp: 0, bytesDown: 0, error: '' }));
    let ends = 0;
    const text = { client: '', server: '' };
    gate.attach!({
      pass: (from, bytes) => {
        text[from] += bytes.toString('latin1');
        out.push(`${from} ${bytes.toString('latin1')}`);
      },
      end: () => ends++,
      pause: () => {},
      close: () => {},
    });
    for (const [from, chunk] of chunks) gate.feed(from, Buffer.from(chunk, 'latin1'));
    gate.finish('client');
    gate.finish('server');
    await until(5000, () => ends === 2, 'both ends');
    return [text.client, text.server];
  }

  const REPLY = '227 Entering Passive Mode (127,0,0,1,195,80).\r\n';
  const OWN = /^220 FTP\r\n227 Entering Passive Mode \(127,0,0,1,\d+,\d+\)\.\r\n150 next\r\n226 done\r\n$/;

  for (const how of ['', 'stripped', 'effects']) {
    it(`the answer to PASV is one with a port of ours, whatever the cut${how && ` (${how})`}`, async () => {
      for (let cut = 0; cut <= REPLY.length; cut++) {
        const [said, heard] = await passed(
          [
            ['server', '220 FTP\r\n'],
            ['client', 'PASV\r\n'],
            ['server', REPLY.slice(0, cut)],
            ['server', `${REPLY.slice(cut)}150 next\r\n`],
            ['server', '226 done\r\n'],
          ],
          how,
        );
        expect(said).to.equal('PASV\r\n');
        expect(heard, `cut at ${cut}`).to.match(OWN);
        expect(heard).to.not.contain('195,80');
      }
    });
  }

  it('so is PORT, whatever the cut', async () => {
    const command = 'PORT 127,0,0,1,195,80\r\n';
    for (let cut = 0; cut <= command.length; cut++) {
      const [said] = await passed([
        ['server', '220 FTP\r\n'],
        ['client', command.slice(0, cut)],
        ['client', `${command.slice(cut)}RETR a\r\nNOOP\r\n`],
      ]);
      expect(said, `cut at ${cut}`).to.match(/^PORT 127,0,0,1,\d+,\d+\r\nRETR a\r\nNOOP\r\n$/);
      expect(said).to.not.contain('195,80');
    }
  });

  it('leaves lines of a long reply, and what is no answer, as they are', async () => {
    const text = '211-features\r\n227 (1,2,3,4,5,6)\r\n229 (|||5|)\r\n211 end\r\n';
    const [, heard] = await passed([
      ['server', '220 FTP\r\n'],
      ['client', 'FEAT\r\nPASV\r\n'],
      ['server', text],
    ]);
    expect(heard).to.equal(`220 FTP\r\n${text}`);
  });

  it('what comes behind TLS passes as it is, at once', async () => {
    const [said, heard] = await passed([
      ['server', '220 FTP\r\n'],
      ['client', 'AUTH TLS\r\n'],
      ['server', '234 go\r\n'],
      ['client', '\x16\x03\x01no end of a line'],
      ['server', '227 (127,0,0,1,195,80)\r\n'],
    ]);
    expect(said).to.equal('AUTH TLS\r\n\x16\x03\x01no end of a line');
    expect(heard).to.equal('220 FTP\r\n234 go\r\n227 (127,0,0,1,195,80)\r\n');
  });
});

describe('proxy: FTP data', () => {
  let rig: Rig;
  let events: DialogueEvent[];
  let view: View;
  beforeEach(() => {
    rig = new Rig();
    events = [];
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    const scribe = { event: (event: DialogueEvent) => `${events.push(event)}`, lost: () => 'lost' };
    view = { scribe, stream };
  });
  afterEach(() => rig.cleanUp());

  async function server(options: FtpServerOptions = {}): Promise<FtpServer> {
    const one = await FtpServer.start(options);
    rig.onCleanUp(() => one.stop());
    one.files.set('a', DATA);
    return one;
  }

  /** A client that has logged in. */
  async function login(proxy: ProxyService): Promise<End> {
    const client = rig.client(proxy.listen);
    await client.gets('220 FTP server\r\n');
    await ask(client, 'USER x', /331 password\r\n$/);
    await ask(client, 'PASS secret', /230 in\r\n$/);
    return client;
  }

  async function ask(client: End, line: string, answer: RegExp): Promise<RegExpExecArray> {
    client.text = '';
    client.send(`${line}\r\n`);
    await until(5000, () => answer.test(client.text), `${answer} in ${client.text}`);
    return answer.exec(client.text)!;
  }

  async function passive(client: End, verb: 'PASV' | 'EPSV' = 'PASV'): Promise<{ host: string; port: number }> {
    if (verb === 'EPSV') {
      const [, port] = await ask(client, 'EPSV', /229 .*\(\|\|\|(\d+)\|\)\r\n$/);
      return { host: client.socket.remoteAddress!, port: Number(port) };
    }
    const [, ...numbers] = await ask(client, 'PASV', /227 .*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)\.\r\n$/);
    return { host: numbers.slice(0, 4).join('.'), port: Number(numbers[4]) * 256 + Number(numbers[5]) };
  }

  function dial(to: { host: string; port: number }, localAddress?: string): Socket {
    const socket = connect({ ...to, ...(localAddress !== undefined && { localAddress }) });
    rig.onCleanUp(() => socket.destroy());
    return socket.on('error', () => {});
  }

  function all(socket: Socket): Promise<Buffer> {
    const parts: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => parts.push(chunk));
    return within(5000, new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(parts)))));
  }

  /** A port of the client's, and what is said there. */
  async function listening(host = '127.0.0.1'): Promise<{ port: number; got: Promise<Buffer> }> {
    let got: (bytes: Promise<Buffer>) => void = () => {};
    const coming = new Promise<Buffer>((resolve) => (got = resolve as never));
    const data = createServer((socket) => got(all(socket)));
    rig.onCleanUp(() => data.close());
    await new Promise<void>((resolve) => data.listen(0, host, resolve));
    return { port: (data.address() as { port: number }).port, got: coming };
  }

  const notes = (): string[] => events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
  const noted = (test: RegExp): Promise<void> =>
    until(5000, () => notes().some((text) => test.test(text)), `${test} in ${notes().join('\n')}`);

  for (const verb of ['PASV', 'EPSV'] as const) {
    it(`${verb}: several transfers down and up, each a connection of the dialogue`, async () => {
      const ftp = await server();
      const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
      const client = await login(proxy);
      for (let i = 0; i < 2; i++) {
        const at = await passive(client, verb);
        const got = all(dial(at));
        await ask(client, 'RETR a', /226 done\r\n$/);
        expect(
          createHash('sha256')
            .update(await got)
            .digest('hex'),
        ).to.equal(SHA);
      }
      const at = await passive(client, verb);
      dial(at).end(DATA);
      await ask(client, 'STOR b', /226 done\r\n$/);
      expect(ftp.files.get('b')!.equals(DATA)).to.equal(true);
      await noted(/^STOR b/);
      await ask(client, 'QUIT', /221 bye\r\n$/);
      client.finish();
      await until(5000, () => events.filter(({ type }) => type === 'close').length === 4, 'four ends');
      const told = notes().filter((text) => text.includes('sha256'));
      expect(told).to.deep.equal([
        `RETR a: 300000 bytes, sha256 ${SHA} (connection 2)`,
        `RETR a: 300000 bytes, sha256 ${SHA} (connection 3)`,
        `STOR b: 300000 bytes, sha256 ${SHA} (connection 4)`,
      ]);
      expect(notes().join()).to.not.contain('does not pass here');
      const opened = events.flatMap((event) => (event.type === 'open' ? [`${event.protocol} ${event.of}`] : []));
      expect(opened).to.deep.equal(['ftp undefined', 'ftp-data 1', 'ftp-data 1', 'ftp-data 1']);
      for (const [conn, from] of [
        [2, 'server'],
        [4, 'client'],
      ] as const) {
        const frames = events.flatMap((event) => (event.type === 'frame' && event.conn === conn ? [event] : []));
        expect(new Set(frames.map((frame) => frame.from))).to.deep.equal(new Set([from]));
        const bytes = Buffer.concat(frames.map((frame) => frame.bytes));
        expect(bytes.equals(DATA)).to.equal(true);
      }
      // What the server said is what the dialogue shows.
      expect(ftp.visitors).to.have.length(3);
    });
  }

  for (const [name, command] of [
    ['PORT', (port: number) => `PORT 127,0,0,1,${port >> 8},${port & 255}`],
    ['EPRT', (port: number) => `EPRT |1|127.0.0.1|${port}|`],
  ] as const) {
    it(`${name}: the server comes to us, and we go to the client`, async () => {
      const ftp = await server();
      const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
      const client = await login(proxy);
      const { port, got } = await listening();
      await ask(client, command(port), /200 ok\r\n$/);
      expect(ftp.said.at(-1))
        .to.match(new RegExp(`^${name} `))
        .and.not.equal(command(port));
      await ask(client, 'RETR a', /226 done\r\n$/);
      expect((await got).equals(DATA)).to.equal(true);
      await noted(/^RETR a: 300000 bytes/);
      await until(
        5000,
        () => events.some((event) => event.type === 'close' && event.bytesDown === DATA.length),
        'its end',
      );
      const data = events.filter((event) => event.type === 'frame' && event.conn === 2 && event.bytes.length > 0);
      expect(data.every((event) => event.type === 'frame' && event.from === 'server')).to.equal(true);
    });
  }

  it('a client by IPv6, a server by IPv4', async () => {
    const ftp = await server();
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp', listen: '[::1]:0' }, [view]);
    const client = await login(proxy);
    const got = all(dial(await passive(client, 'EPSV')));
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
    const { port, got: again } = await listening('::1');
    await ask(client, `EPRT |2|::1|${port}|`, /200 ok\r\n$/);
    expect(ftp.said.at(-1)).to.match(/^EPRT \|1\|127\.0\.0\.1\|/);
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await again).equals(DATA)).to.equal(true);
    await ask(client, 'PASV', /227 .*\r\n$/);
    await noted(/227 has no room for an address of IPv6/);
  });

  it('a client by IPv4, a server by IPv6: PORT becomes EPRT', async () => {
    const ftp = await server({ host: '::1' });
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
    const client = await login(proxy);
    const { port, got } = await listening();
    await ask(client, `PORT 127,0,0,1,${port >> 8},${port & 255}`, /200 ok\r\n$/);
    expect(ftp.said.at(-1)).to.match(/^EPRT \|2\|::1\|\d+\|$/);
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
  });

  it('found out by the greeting; and also when nobody watches', async () => {
    const ftp = await server();
    for (const [flags, views] of [
      [{}, [view]],
      [{ protocol: 'ftp' }, []],
    ] as const) {
      const proxy = await rig.proxy(ftp.address, flags, views);
      const client = await login(proxy);
      const at = await passive(client);
      const visitors = ftp.visitors.length;
      const socket = dial(at);
      await until(5000, () => ftp.visitors.length > visitors, 'the visit');
      expect(at.port).to.not.equal(Number(/\d+$/.exec(ftp.address)));
      const got = all(socket);
      await ask(client, 'RETR a', /226 done\r\n$/);
      expect((await got).equals(DATA)).to.equal(true);
      await ask(client, 'QUIT', /221 bye\r\n$/);
    }
    await noted(/takes the place of/);
  });

  it('--ftp-data off: past the proxy, and it is said', async () => {
    const ftp = await server();
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp', 'ftp-data': 'off' }, [view]);
    const client = await login(proxy);
    const got = all(dial(await passive(client)));
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
    await noted(/^its data connection does not pass here$/);
    expect(events.filter(({ type }) => type === 'open')).to.have.length(1);
  });

  it('goes to the server, whatever host it names; and to that one with --ftp-data anywhere', async () => {
    const ftp = await server({ names: '127.0.0.9' });
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
    const client = await login(proxy);
    const got = all(dial(await passive(client)));
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
    await noted(/^127\.0\.0\.9 is named for data: it goes to 127\.0\.0\.1/);
    const free = await rig.proxy(ftp.address, { protocol: 'ftp', 'ftp-data': 'anywhere' });
    const other = await login(free);
    // Nobody is there.
    await all(dial(await passive(other)));
    expect(ftp.visitors).to.have.length(1);
  });

  it('goes to the client, whatever host it names: no bounce', async () => {
    const ftp = await server();
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
    const client = await login(proxy);
    const { port, got } = await listening();
    await ask(client, `PORT 127,0,0,7,${port >> 8},${port & 255}`, /200 ok\r\n$/);
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
    await noted(/^127\.0\.0\.7 is named for data: it goes to 127\.0\.0\.1/);
  });

  it('nobody else may come for the data', async () => {
    const ftp = await server();
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
    const client = await login(proxy);
    const at = await passive(client);
    expect((await all(dial(at, '127.0.0.3'))).length).to.equal(0);
    await noted(/^127\.0\.0\.3 came for the data, and was turned away/);
    const got = all(dial(at));
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
    // One, and not two.
    expect(await refused(at)).to.equal(true);
  });

  const refused = (at: { host: string; port: number }): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(at);
      socket
        .once('error', () => resolve(true))
        .once('connect', () => {
          socket.destroy();
          resolve(false);
        });
    });

  it('a port that nobody takes is closed: by the next one, by time, with the control connection', async () => {
    const ftp = await server();
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' });
    const client = await login(proxy);
    const first = await passive(client);
    const second = await passive(client);
    expect(await refused(first)).to.equal(true);
    rig.clock.advance(DATA_WAIT_MS);
    expect(await refused(second)).to.equal(true);
    const third = await passive(client);
    client.reset();
    await rig.pairEnded();
    expect(await refused(third)).to.equal(true);
  });

  it('one that is broken off is told as such, and the next one goes well', async () => {
    const ftp = await server();
    ftp.files.set('big', Buffer.alloc(20_000_000));
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp' }, [view]);
    const client = await login(proxy);
    const socket = dial(await passive(client));
    const heard = ask(client, 'RETR big', /(?:426 aborted|226 done)\r\n$/);
    socket.once('data', () => socket.resetAndDestroy());
    await heard;
    await noted(/^RETR big: \d+ bytes, sha256 [\da-f]{64}; failed: the client has reset its connection/);
    const got = all(dial(await passive(client)));
    await ask(client, 'RETR a', /226 done\r\n$/);
    expect((await got).equals(DATA)).to.equal(true);
  });

  it('goes on when the control connection has ended, and that one is not idle meanwhile', async () => {
    const ftp = await server();
    const proxy = await rig.proxy(ftp.address, { protocol: 'ftp', 'idle-timeout': '10s' }, [view]);
    const client = await login(proxy);
    const socket = dial(await passive(client));
    client.send('STOR c\r\n');
    await client.gets('150 opening\r\n');
    for (let i = 0; i < 5; i++) {
      const frames = (): number => events.filter((event) => event.type === 'frame' && event.conn === 2).length;
      const count = frames();
      rig.clock.advance(6000);
      socket.write('part');
      await until(5000, () => frames() > count, 'the part');
    }
    expect(client.ended).to.equal(false);
    client.finish();
    client.socket.destroy();
    await rig.pairEnded();
    socket.end('the rest');
    await until(5000, () => ftp.files.has('c'), 'the file');
    expect(ftp.files.get('c')!.toString()).to.equal(`${'part'.repeat(5)}the rest`);
    await noted(/^STOR c: 28 bytes/);
  });

  it('a data port that cannot be reached closes the connection that came for it', async () => {
    const upstream = await rig.upstream((end) => end.send('220 FTP\r\n'));
    const proxy = await rig.proxy(upstream.address, { protocol: 'ftp' }, [view]);
    const [client, control] = await rig.join(proxy, upstream);
    await client.gets('220 FTP\r\n');
    client.send('EPSV\r\n');
    await control.gets('EPSV\r\n');
    control.send('229 (|||1|)\r\n');
    await until(5000, () => /\|\|\|\d+\|\)\r\n$/.test(client.text), 'the answer');
    const port = Number(/\|\|\|(\d+)/.exec(client.text)![1]);
    expect((await all(dial({ host: '127.0.0.1', port }))).length).to.equal(0);
    await noted(/^data: 0 bytes; failed: .*ECONNREFUSED/);
    expect(client.ended).to.equal(false);
  });
});
