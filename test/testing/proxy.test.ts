// The proxy of `lonedot/testing`, as tests use it: over real sockets, between a client and a server of the test.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import * as kit from '../../testing/index.ts';
import { NotSaidError, type StartProxyOptions, startProxy, type TestProxy } from '../../testing/index.ts';
import { until, within } from '../support/within.ts';

describe('lonedot/testing: startProxy', () => {
  const cleanUps: (() => unknown)[] = [];
  let port: number;
  let server: Server;
  let heard = '';

  /** Answers each line by its verb; DATA until a lone dot. */
  before(async () => {
    server = createServer((socket) => {
      let isContent = false;
      let rest = '';
      socket.on('error', () => {});
      socket.write('220 test ESMTP\r\n');
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
        rest += chunk.toString('latin1');
        const lines = rest.split('\r\n');
        rest = lines.pop()!;
        for (const line of lines) {
          if (isContent && line !== '.') continue;
          isContent = line === 'DATA';
          socket.write(isContent ? '354 go\r\n' : `250 ${line}\r\n`);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  after(() => server.close());
  afterEach(async () => {
    for (const each of cleanUps.splice(0).reverse()) await each();
  });

  async function start(options: Omit<StartProxyOptions, 'upstream'> = {}): Promise<TestProxy> {
    heard = '';
    const proxy = await startProxy({ upstream: port, protocol: 'smtp', ...options });
    cleanUps.push(() => proxy.stop());
    return proxy;
  }

  function dial(proxy: TestProxy): Socket {
    const socket = connect(proxy.port, proxy.host);
    socket.on('error', () => {}).resume();
    cleanUps.push(() => socket.destroy());
    return socket;
  }

  async function refused(wanted: Promise<unknown>): Promise<NotSaidError> {
    const result = await within(
      5000,
      wanted.then(
        () => null,
        (error: unknown) => error,
      ),
      'the refusal',
    );
    expect(result).to.be.instanceOf(NotSaidError);
    return result as NotSaidError;
  }

  it('is exported with the framing kit', () => {
    expect(Object.keys(kit).sort()).to.deep.equal([
      'FakeClock',
      'MailExpectationError',
      'NotSaidError',
      'connectSink',
      'everySplit',
      'memoryTransportPair',
      'runTranscript',
      'startProxy',
      'startSink',
      'talkTo',
    ]);
  });

  it('is ready within 50 ms', async () => {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = performance.now();
      await start();
      times.push(performance.now() - before);
    }
    expect(Math.min(...times)).to.be.below(50);
  });

  it('waits for lines, in their order, and finds those that were said already', async () => {
    const proxy = await start();
    const client = dial(proxy);
    const greeting = await proxy.expect(/^220/, { direction: 'server' });
    expect(greeting).to.include({ from: 'server', conn: 1, kind: 'reply', text: '220 test ESMTP' });
    client.write('EHLO a\r\nRCPT TO:<1>\r\nRCPT TO:<2>\r\n');
    expect((await proxy.expect('RCPT', { direction: 'client' })).text).to.equal('RCPT TO:<1>');
    expect((await proxy.expect(/RCPT/g, { direction: 'client' })).text).to.equal('RCPT TO:<2>');
    const answer = await proxy.expect(/<2>/, { direction: 'server' });
    expect(answer.latency).to.be.a('number');
  });

  it('looks at contents line by line, however they come', async () => {
    const proxy = await start();
    const client = dial(proxy);
    client.setNoDelay(true);
    await proxy.expect('220');
    client.write('DATA\r\n');
    await proxy.expect('354');
    const subject = proxy.expect(/^Subject: hello$/);
    for (const piece of ['From: x\r\nSub', 'ject: he', 'llo\r\n\r\n.\r', '\n']) {
      client.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect((await subject).kind).to.equal('body');
    await proxy.expect(/^250 \.$/);
    expect(proxy.transcript()).to.equal(
      'S: 220 test ESMTP\nC: DATA\nS: 354 go\nC: From: x\nC: Subject: hello\nC: \nC: .\nS: 250 .\n',
    );
  });

  it('says what came nearest when nothing came', async () => {
    const proxy = await start();
    const client = dial(proxy);
    await proxy.expect('220');
    for (const line of ['EHLO a', 'MAIL FROM:<a@b>']) {
      client.write(`${line}\r\n`);
      await proxy.expect(`250 ${line}`);
    }
    const cases: readonly (readonly [Promise<unknown>, RegExp])[] = [
      [proxy.expect(/^RCPT/, { timeout: 20 }), /^Nobody has said \/\^RCPT\/ within 20 ms\./],
      [proxy.expect(/^MAIL FROM:<x@b>/, { timeout: 20 }), /Nearest: "MAIL FROM:<a@b>", from the client\./],
      [proxy.expect(/^ehlo x?/, { timeout: 20 }), /Nearest: "EHLO a", but for capitals, from the client\./],
      [proxy.expect(/^EHLO/, { timeout: 20 }), /Nearest: "EHLO a", which an earlier expectation has found or passed\./],
      [
        proxy.expect(/^EHLO/, { timeout: 20, direction: 'server' }),
        /The server has not said .*\nNearest: "EHLO a", but the client says it/,
      ],
      [
        proxy.expect(/^EHLO/, { timeout: 20, connection: 2 }),
        /on connection 2 within .*\nNearest: "EHLO a", on connection 1/,
      ],
    ];
    for (const [wanted, message] of cases) expect((await refused(wanted)).message).to.match(message);
    const { message, transcript } = await refused(proxy.expect('nothing', { timeout: 5 }));
    expect(transcript).to.equal(proxy.transcript()).and.contain('C: MAIL FROM:<a@b>\nS: 250 MAIL FROM:<a@b>\n');
    expect(message).to.contain(transcript.trimEnd());
  });

  it('rejects what waits when it is stopped', async () => {
    const proxy = await start();
    const wanted = refused(proxy.expect('never', { timeout: 60_000 }));
    await proxy.stop();
    expect((await wanted).message).to.equal(
      'Nobody has said /never/ before the proxy was stopped.\nNothing was said at all.',
    );
  });

  it('takes effects, counts their hits, and takes them away', async () => {
    const proxy = await start({ effects: ['client NOOP #1: answer 421 first'] });
    const effect = proxy.effects.add('client VRFY: answer 252 ours');
    const client = dial(proxy);
    client.write('NOOP\r\nVRFY a\r\nNOOP\r\n');
    await proxy.expect('252 ours');
    await proxy.expect('250 NOOP');
    expect(heard).to.equal('NOOP\r\n');
    expect(proxy.effects.hits).to.deep.equal({
      'client NOOP #1: answer 421 first': 1,
      'client VRFY: answer 252 ours': 1,
    });
    expect(proxy.transcript()).to.contain('C: VRFY a   # client VRFY: answer 252 ours\n');
    effect.remove();
    proxy.effects.remove('client NOOP #1: answer 421 first');
    expect(proxy.effects.all).to.deep.equal([]);
    client.write('VRFY a\r\n');
    await proxy.expect('250 VRFY');
    expect(effect.hits).to.equal(1);
    expect(() => proxy.effects.add('clientt: drop')).to.throw('did you mean client?');
  });

  it('forgets, and counts anew', async () => {
    const proxy = await start({ effects: ['client NOOP #1: answer 250 ours'] });
    const client = dial(proxy);
    for (let i = 0; i < 2; i++) {
      client.write('NOOP\r\n');
      await proxy.expect('250 ours');
      proxy.clear();
      expect([proxy.transcript(), proxy.events]).to.deep.equal(['', []]);
    }
  });

  it('tells its findings, masks secrets, and tells connections apart', async () => {
    const proxy = await start({ lint: true });
    const client = dial(proxy);
    client.write('AUTH PLAIN c2VjcmV0\r\n');
    await proxy.expect(/^250 AUTH/);
    dial(proxy).write('EHLO x\r\n');
    await proxy.expect(/^250 EHLO/, { connection: 2 });
    expect(proxy.findings).to.have.property('pipelining');
    expect(proxy.transcript(1)).to.contain('AUTH PLAIN ********').and.not.contain('EHLO');
    expect(proxy.transcript()).to.contain('2 C: EHLO x\n');
  });

  it('meets connections before they are made', async () => {
    const proxy = await start({
      effects: ['connect #1: refuse', 'connect #2: reset', 'connect #3: answer 421 busy', 'connect #4: delay 50ms'],
    });
    const ends: string[] = [];
    for (let i = 0; i < 4; i++) {
      const socket = dial(proxy);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        text += error.code;
      });
      if (i < 3) await until(5000, () => socket.closed, 'the close');
      else await proxy.expect('220', { connection: 4 });
      ends.push(text);
    }
    expect(ends.slice(0, 3)).to.deep.equal(['', 'ECONNRESET', '421 busy\r\n']);
    expect(proxy.transcript())
      .to.contain('1 # turned away: connect #1: refuse\n')
      .and.contain('4 # kept waiting: connect #4');
  });

  it('cuts and resets over a socket: what passed before arrives', async () => {
    const proxy = await start({ effects: ['server 250 #2: cut crlf then reset'] });
    const client = dial(proxy);
    let got = '';
    let code: string | undefined;
    client.on('data', (chunk: Buffer) => {
      got += chunk.toString();
    });
    client.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    client.write('ONE\r\nTWO\r\n');
    await until(5000, () => client.closed, 'the close');
    expect([got, code]).to.deep.equal(['220 test ESMTP\r\n250 ONE\r\n250 TWO\r', 'ECONNRESET']);
  });

  it('refuses options that are none', async () => {
    const failure = await startProxy({ upstream: port, protocol: 'snmp' }).catch((error: Error) => error.message);
    expect(failure).to.match(/^startProxy\.protocol: expected one of auto, smtp/);
    const rule = await startProxy({ upstream: port, effects: ['server DATA: answer 4'] }).catch(
      (error: Error) => error.message,
    );
    expect(rule).to.contain('for the server there is rewrite');
  });
});
