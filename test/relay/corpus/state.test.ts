// S: order, pipelining, time, and what the server itself is short of. Rows that are a short dialogue are in
// test/transcripts (dialogues.test.ts). S15 and S16 have their other half in test/e2e/faults.test.ts (a program that is
// stopped, a disk that is full, a database that is locked), S17 is test/e2e/crash.test.ts (kill -9 under load).
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import type { DiskSpace } from '../../../relay/disk-space.ts';
import { resolveSink } from '../../../relay/options.ts';
import { startMail } from '../../../relay/service.ts';
import { socketTransport } from '../../../src/transport.ts';
import { turn, until } from '../../support/within.ts';
import { Directory } from '../store/sqlite-place.ts';
import { Client } from '../support/client.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { Scene, type SceneOptions } from '../support/sessions.ts';

describe('corpus S: state and time', () => {
  let scene: Scene;
  const make = (options: SceneOptions = {}): Scene => {
    scene = new Scene(options);
    return scene;
  };
  afterEach(() => scene?.close());

  for (const [last, ...before] of [
    ['EHLO c'],
    ['NOOP', 'EHLO c'],
    ['VRFY b', 'EHLO c'],
    ['DATA', 'EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>'],
  ] as const) {
    it(`S7 strict: what stands behind ${last} in one write ends the session, and is not run`, async () => {
      const client = await make({ policy: { strictPipelining: true } }).greeted(scene.onSocket());
      for (const line of before) expect(await client.say(line)).to.match(/^250/);
      client.send(`${last}\r\nMAIL FROM:<x@x.example>\r\n`);
      const [only, ...more] = await client.rest();
      expect(only).to.match(/^554 5\.5\.0 /);
      expect(more).to.deep.equal([]);
      expect(scene.store.open.size).to.equal(0);
    });
  }

  it('S7 strict: groups as RFC 2920 allows them work, a message and the next group in one write among them', async () => {
    const client = await make({ policy: { strictPipelining: true } }).greeted(scene.onSocket());
    await client.say('EHLO c');
    const group = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n';
    client.send(group);
    await client.replies(3);
    client.send(`one\r\n.\r\n${group}`);
    await client.replies(4);
    client.send('two\r\n.\r\nQUIT\r\n');
    expect((await client.rest()).map((reply) => reply.slice(0, 3))).to.deep.equal(['250', '221']);
    expect(scene.bodies).to.deep.equal(['one\r\n', 'two\r\n']);
  });

  it('S8 bytes before the 220 are dealt with behind it', async () => {
    const client = new Client(await make().onSocket());
    client.send('HELO c\r\nQUIT\r\n');
    expect(await client.rest()).to.deep.equal(['220 mx.example ESMTP lonedot', '250 mx.example', '221 2.0.0 Bye']);
  });

  it('S8 who speaks while the greeting is held back is refused; who waits is greeted', async () => {
    const early = new Client(await make({ policy: { greetDelay: 150 } }).onSocket());
    const patient = new Client(await scene.onSocket());
    early.send('HELO c\r\nMAIL FROM:<a@x.example>\r\n');
    const [only, ...more] = await early.rest();
    expect(only).to.match(/^554 5\.5\.0 /);
    expect(more).to.deep.equal([]);
    expect(await patient.reply()).to.match(/^220 /);
    expect(await patient.codes('HELO c')).to.deep.equal(['250']);
  });

  it('S10 lenient: a body behind a refused DATA gains no more than its lines could anyway', async () => {
    const client = await make({ limits: { maxErrors: 4 } }).greeted(scene.onSocket());
    await client.say('EHLO c');
    client.send('DATA\r\nSubject: t\r\n\r\nMAIL FROM:<a@x.example>\r\n.\r\nNOOP\r\n');
    const replies = await client.rest();
    expect(replies.map((reply) => reply.slice(0, 3))).to.deep.equal(['503', '500', '500', '250', '421']);
    expect(scene.bodies).to.deep.equal([]);
  });

  it('S10 strict: a body behind a refused DATA ends the session', async () => {
    const client = await make({ policy: { strictPipelining: true } }).greeted(scene.onSocket());
    await client.say('EHLO c');
    client.send('DATA\r\nMAIL FROM:<a@x.example>\r\n.\r\n');
    expect((await client.rest()).map((reply) => reply.slice(0, 9))).to.deep.equal(['554 5.5.0']);
  });

  const SHORT = { timeouts: { idle: 200, dataIdle: 200, message: 200 } };
  const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('S11 no time-out while the answer is ours to give: a slow commit', async () => {
    make(SHORT).store.onCommit = () => later(700);
    const client = await scene.inData(scene.onSocket());
    expect(await client.say('x\r\n.')).to.match(/^250 2\.0\.0 Ok: queued/);
    expect(await client.say('NOOP')).to.match(/^250 /);
  });

  it('S11 no time-out while the answer is ours to give: a store that still opens', async () => {
    const { store, context } = make(SHORT);
    const opening = later(700).then(() => {
      context.store = store;
    });
    Object.assign(context, { store: null, opening });
    const client = await scene.greeted(scene.onSocket());
    client.send('HELO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n');
    expect((await client.rest()).map((reply) => reply.slice(0, 3)).join()).to.equal('250,250,250,354,250,221');
    expect(scene.bodies).to.deep.equal(['x\r\n']);
  });

  it('S11 no time-out while the answer is ours to give: a store that takes its time with a piece', async () => {
    const client = await make({ ...SHORT, policy: { minDataRate: 500 } }).inData(scene.onSocket());
    scene.store.onWrite = (_piece, written) => (written === 1 ? later(700) : undefined);
    for (const line of ['one\r\n', 'two\r\n', 'three\r\n']) {
      client.send(line);
      await turn();
    }
    await until(2000, () => scene.sessions[0]!.readable() === false);
    await until(2000, () => scene.sessions[0]!.readable());
    expect(await client.say('.')).to.match(/^250 2\.0\.0 Ok: queued/);
    expect(scene.bodies).to.deep.equal(['one\r\ntwo\r\nthree\r\n']);
  });

  const LONG = { idle: 10_000, dataIdle: 10_000, message: 10_000 };
  const PLACES: readonly [where: string, timeouts: Partial<typeof LONG>, begin: (scene: Scene) => Promise<Client>][] = [
    ['before the first command', { idle: 250 }, (one) => one.greeted(one.onSocket())],
    ['in a transaction', { idle: 250 }, (one) => one.withEnvelope(one.onSocket())],
    ['in the content', { dataIdle: 250 }, (one) => one.inData(one.onSocket())],
    ['in a chunk', { dataIdle: 250 }, (one) => inChunk(one)],
  ];
  async function inChunk(one: Scene): Promise<Client> {
    const client = await one.withEnvelope(one.onSocket());
    client.send('BDAT 1000 LAST\r\nx');
    return client;
  }
  for (const [where, timeouts, begin] of PLACES) {
    it(`S12 a client that is idle ${where} is told so, and the connection ends`, async () => {
      const client = await begin(make({ timeouts: { ...LONG, ...timeouts } }));
      const [only, ...more] = await client.rest();
      expect(only).to.match(/^421 4\.4\.2 /);
      expect(more).to.deep.equal([]);
      client.transport.destroy();
      await until(2000, () => scene.log.of('session.closed').length === 1);
      expect(scene.store.open.size).to.equal(0);
    });
  }

  it('S12 the time for silence in a message is not the one between commands', async () => {
    const timeouts = { ...LONG, idle: 250 };
    const client = await make({ timeouts }).inData(scene.onSocket());
    await later(500);
    expect(await client.say('x\r\n.')).to.match(/^250 /);
    expect((await client.rest()).join()).to.match(/^421 4\.4\.2 /);
  });

  /** A byte now and then, until the server has enough of it; gives how long that took. */
  async function drip(client: Client): Promise<number> {
    const begin = performance.now();
    while (!client.gone && performance.now() - begin < 3000) {
      client.send('x');
      await Promise.race([client.ended, later(10)]);
    }
    expect((await client.rest())[0]).to.match(/^421 4\.4\.2 /);
    client.transport.destroy();
    await until(2000, () => scene.store.open.size === 0);
    return performance.now() - begin;
  }

  const DRIPS: readonly [where: string, options: SceneOptions, begin: (scene: Scene) => Promise<Client>][] = [
    ['a command line', { timeouts: { ...LONG, idle: 300 } }, (one) => one.greeted(one.onSocket())],
    [
      'a command line in a transaction',
      { timeouts: { ...LONG, idle: 300 } },
      (one) => one.withEnvelope(one.onSocket()),
    ],
    ['the content, over its whole time', { timeouts: { ...LONG, message: 300 } }, (one) => one.inData(one.onSocket())],
    ['a chunk, over its whole time', { timeouts: { ...LONG, message: 300 } }, inChunk],
    [
      'the content, below the least rate',
      { timeouts: { ...LONG, dataIdle: 300 }, policy: { minDataRate: 500 } },
      (one) => one.inData(one.onSocket()),
    ],
    ['a chunk, below the least rate', { timeouts: { ...LONG, dataIdle: 300 }, policy: { minDataRate: 500 } }, inChunk],
  ];
  for (const [where, options, begin] of DRIPS) {
    it(`S13 bytes that drip into ${where} do not put off its end`, async () => {
      expect(await drip(await begin(make(options)))).to.be.greaterThan(290);
    });
  }

  it('S13 who is faster than the least rate may take his time', async () => {
    const client = await make({ timeouts: { ...LONG, dataIdle: 700 }, policy: { minDataRate: 500 } }).inData(
      scene.onSocket(),
    );
    for (let i = 0; i < 40; i++) {
      client.send(`${'x'.repeat(98)}\r\n`);
      await later(30);
    }
    expect(await client.say('.')).to.match(/^250 /);
  });

  it('S13 a session has an end, whatever it does', async () => {
    const client = await make({ timeouts: { session: 100 } }).greeted(scene.onSocket());
    await client.say('HELO c');
    const said: string[] = [];
    while (!client.gone && said.length < 500) {
      client.send('RSET\r\nMAIL FROM:<a@x.example>\r\n');
      said.push(...(await client.replies(1).catch(() => [])));
      await later(10);
    }
    said.push(...(await client.rest()));
    expect(said.at(-1)).to.match(/^421 4\.4\.2 /);
  });

  it('S14 more connections than there may be hear 421, and the next one is let in when one has gone', async () => {
    const directory = await Directory.make();
    const flags = new Map([
      ['smtp', ['127.0.0.1:0']],
      ['database', [directory.file]],
      ['max-connections', ['60']],
      ['max-connections-per-address', ['50']],
    ]);
    const mail = await startMail(resolveSink({ flags }), new RecordingLog());
    const port = Number(mail.smtp[0]!.split(':').pop());
    const sockets: Socket[] = [];
    try {
      const said = await Promise.all(
        Array.from({ length: 300 }, async () => {
          const socket = connect(port, '127.0.0.1');
          sockets.push(socket);
          return new Client(socketTransport(socket)).reply(8000);
        }),
      );
      expect(said.filter((reply) => reply.startsWith('220 ')).length).to.equal(50);
      expect(said.filter((reply) => reply.startsWith('421 4.7.0 ')).length).to.equal(250);
      for (const socket of sockets) socket.destroy();
      await until(4000, () => mail.stats.openConnections === 0);
      const next = connect(port, '127.0.0.1');
      sockets.push(next);
      expect(await new Client(socketTransport(next)).reply()).to.match(/^220 /);
    } finally {
      for (const socket of sockets) socket.destroy();
      await mail.stop(0);
      await rm(directory.path, { recursive: true, force: true });
    }
  });

  it('S15 a drain lets a message end, then says 421; who is between messages hears it at once', async () => {
    make();
    const clients = [
      await scene.greeted(scene.onSocket()),
      await scene.withEnvelope(scene.onSocket()),
      await scene.inData(scene.onSocket()),
      await scene.withEnvelope(scene.onSocket()),
    ] as const;
    expect(await clients[3].say('BDAT 4\r\nab')).to.match(/^250 /);
    for (const session of scene.sessions) session.drain();
    expect(await clients[0].rest()).to.deep.equal(['421 4.3.2 The server is stopping; please try again']);
    expect(await clients[1].codes('DATA', 'one\r\n.')).to.deep.equal(['354', '250']);
    expect(await clients[2].say('two\r\n.')).to.match(/^250 /);
    expect(await clients[3].say('BDAT 3 LAST\r\nc')).to.match(/^250 /);
    for (const client of clients.slice(1)) expect((await client.rest()).join()).to.match(/^421 4\.3\.2 [^,]*$/);
    expect(scene.bodies).to.deep.equal(['one\r\n', 'two\r\n', 'ab\r\nc\r\n']);
  });

  it('S16 a commit that fails is a 451, and the session goes on', async () => {
    make().store.onCommit = () => Promise.reject(new Error('disk full'));
    const client = await scene.inData(scene.onSocket());
    expect(await client.say('x\r\n.')).to.match(/^45[12] 4\.3\.[01] /);
    scene.store.onCommit = () => {};
    const again = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'again\r\n.'];
    expect(await client.codes(...again)).to.deep.equal(['250', '250', '354', '250']);
    expect(scene.bodies).to.deep.equal(['again\r\n']);
    expect(scene.accepted).to.deep.equal([true]);
    expect(scene.log.levels('message.not_stored')).to.deep.equal(['error']);
    expect(scene.store.open.size).to.equal(0);
  });

  it('S16 a store that fails in mid-message is told between chunks already, and nothing more is taken', async () => {
    make().store.onWrite = (_piece, written) => {
      if (written === 1) return Promise.reject(new Error('disk full'));
    };
    const client = await scene.withEnvelope(scene.onSocket());
    client.send('BDAT 3\r\nabcBDAT 3\r\ndefBDAT 3 LAST\r\nghiNOOP\r\n');
    const codes = (await client.replies(4)).map((reply) => reply.slice(0, 3));
    expect(codes.slice(1)).to.deep.equal(codes[0] === '250' ? ['451', '551', '250'] : ['551', '551', '250']);
    expect(scene.bodies).to.deep.equal([]);
    expect(scene.store.open.size).to.equal(0);
  });

  it('S16 without room on the disk MAIL is 452 4.3.1, before anything is sent', async () => {
    const client = await make({ context: { space: { isLow: true } as DiskSpace } }).greeted(scene.onSocket());
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^452 4\.3\.1 /);
    Object.assign(scene.context, { space: { isLow: false } });
    expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^250 /);
  });
});
