// TLS in mid-stream, both roles, over real sockets: what becomes of the bytes behind the command that starts it, and
// that none of them ever reaches the parser (the hole of CVE-2011-0411).
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { ChatError } from '../../src/errors.ts';
import { type LeftoverPolicy, secureSocket } from '../../src/tls-upgrade.ts';
import { socketTransport } from '../../src/transport.ts';
import { type ChatHooks, RecordingChat } from '../support/recording.ts';
import { closed, destroySockets, readUntil, socketPair } from '../support/sockets.ts';
import { STRANGER_CERTIFICATE, STRANGER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../support/tls-certificate.ts';
import { deferred, turn, until, within } from '../support/within.ts';

const SERVER = { role: 'server', key: TEST_KEY, cert: TEST_CERTIFICATE } as const;
const CLIENT = { role: 'client', ca: TEST_CERTIFICATE, servername: 'localhost' } as const;
const READY = '220 ready\r\n';

function starttls(leftover?: LeftoverPolicy, outcomes: unknown[] = []): ChatHooks {
  return {
    frame(c, frame) {
      if (frame !== 'STARTTLS') {
        c.say(`you said ${frame}\r\n`);
        return;
      }
      c.say(READY);
      return c.upgradeTls(SERVER, leftover).then(
        () => outcomes.push('secure'),
        (error: ChatError) => {
          outcomes.push(error.code);
          throw error;
        },
      );
    },
  };
}

async function serverChat(hooks: ChatHooks) {
  const { server, client } = await socketPair();
  return { chat: new RecordingChat(socketTransport(server), hooks), client };
}

/** A TLS client on a connection that has spoken plaintext before. */
async function secure(client: Socket | Duplex, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const tls = tlsConnect({ socket: client, ca: TEST_CERTIFICATE, servername: 'localhost', ...options });
  tls.on('error', () => {});
  await within(3000, new Promise<void>((done) => tls.once('secureConnect', () => done())), 'the handshake');
  return tls;
}

/** A socket whose writes go through `send`: so a ClientHello can be glued to something, or cut to pieces. */
function throughFilter(socket: Socket, send: (data: Buffer) => void): Duplex {
  const duplex = new Duplex({
    read() {},
    write(data: Buffer, _, done) {
      send(data);
      done();
    },
  });
  socket.on('data', (chunk) => duplex.push(chunk));
  socket.on('end', () => duplex.push(null));
  return duplex;
}

describe('upgradeTls', () => {
  afterEach(destroySockets);

  describe('as server', () => {
    it('answers in the clear, then goes on under TLS', async () => {
      const outcomes: unknown[] = [];
      const { chat, client } = await serverChat(starttls('tls', outcomes));
      const ready = readUntil(client, READY);
      client.write('EHLO a\r\nSTARTTLS\r\n');
      expect(await within(2000, ready)).to.equal(`you said EHLO a\r\n${READY}`);
      const tls = await secure(client);
      const answer = readUntil(tls, '\r\n');
      tls.write('EHLO b\r\n');
      expect(await within(2000, answer)).to.equal('you said EHLO b\r\n');
      expect(chat.frames).to.deep.equal(['EHLO a', 'STARTTLS', 'EHLO b']);
      expect(outcomes).to.deep.equal(['secure']);
    });

    for (const leftover of ['tls', 'reject', 'drop'] as const) {
      it(`${leftover}: plaintext injected behind the command never reaches the parser`, async () => {
        const outcomes: unknown[] = [];
        const { chat, client } = await serverChat(starttls(leftover, outcomes));
        const ready = readUntil(client, READY);
        client.write('STARTTLS\r\nRCPT TO:<injected@example.org>\r\n');
        if (leftover === 'drop') {
          await within(2000, ready);
          const tls = await secure(client);
          const answer = readUntil(tls, '\r\n');
          tls.write('NOOP\r\n');
          expect(await within(2000, answer)).to.equal('you said NOOP\r\n');
          expect(chat.frames).to.deep.equal(['STARTTLS', 'NOOP']);
          expect(outcomes).to.deep.equal(['secure']);
        } else {
          await within(3000, chat.gone);
          expect(chat.frames).to.deep.equal(['STARTTLS']);
          expect(outcomes).to.deep.equal([leftover === 'tls' ? 'TLS_FAILED' : 'TLS_LEFTOVER']);
        }
        expect(chat.events.join()).to.not.contain('injected');
      });
    }

    it('injected plaintext that the socket still buffers does not reach the parser either', async () => {
      const outcomes: unknown[] = [];
      const { server, client } = await socketPair();
      const go = deferred();
      const chat = new RecordingChat(socketTransport(server), {
        async frame(c) {
          await go.promise;
          await c.upgradeTls(SERVER, 'drop').catch((error: ChatError) => outcomes.push(error.code));
        },
      });
      client.write('STARTTLS\r\n');
      await within(2000, new Promise<void>((resolve) => server.once('pause', () => resolve())));
      client.write('RCPT TO:<injected@example.org>\r\n');
      server.read(0);
      await turn();
      go.resolve();
      await within(3000, chat.gone);
      expect(chat.events.join()).to.not.contain('injected');
      expect(outcomes).to.deep.equal(['TLS_FAILED']);
    });

    it('tls: a ClientHello glued to the command is what it should be, and never parsed', async () => {
      const outcomes: unknown[] = [];
      const { chat, client } = await serverChat(starttls('tls', outcomes));
      let first = true;
      const plain = deferred<string>();
      const duplex = new Duplex({
        read() {},
        write(data: Buffer, _, done) {
          client.write(first ? Buffer.concat([Buffer.from('STARTTLS\r\n'), data]) : data);
          first = false;
          done();
        },
      });
      let heard = Buffer.alloc(0);
      client.on('data', (chunk) => {
        if (heard.length >= READY.length) return void duplex.push(chunk);
        heard = Buffer.concat([heard, chunk]);
        if (heard.length < READY.length) return;
        plain.resolve(heard.toString('latin1', 0, READY.length));
        if (heard.length > READY.length) duplex.push(heard.subarray(READY.length));
      });
      const tls = await secure(duplex);
      expect(await plain.promise).to.equal(READY);
      const answer = readUntil(tls, '\r\n');
      tls.write('NOOP\r\n');
      expect(await within(2000, answer)).to.equal('you said NOOP\r\n');
      expect(chat.frames).to.deep.equal(['STARTTLS', 'NOOP']);
      expect(outcomes).to.deep.equal(['secure']);
      expect(chat.events.filter((event) => event.includes('\x16'))).to.deep.equal([]);
    });

    it('the command and the whole handshake in single bytes make no difference', async () => {
      const { chat, client } = await serverChat(starttls('reject'));
      const queue: number[] = [];
      let going = false;
      const drip = () => {
        const byte = queue.shift();
        going = byte !== undefined;
        if (byte !== undefined) client.write(Buffer.from([byte]), () => setImmediate(drip));
      };
      const send = (data: Uint8Array) => {
        queue.push(...data);
        if (!going) drip();
      };
      const ready = readUntil(client, READY);
      send(Buffer.from('STARTTLS\r\n'));
      await within(2000, ready);
      const tls = await secure(throughFilter(client, send));
      const answer = readUntil(tls, '\r\n');
      tls.write('NOOP\r\n');
      expect(await within(2000, answer)).to.equal('you said NOOP\r\n');
      expect(chat.frames).to.deep.equal(['STARTTLS', 'NOOP']);
    });

    it('regression: what is pushed during the handshake waits for TLS; nothing of it leaves in the clear', async () => {
      const { server, client } = await socketPair();
      const chat = new RecordingChat(socketTransport(server), {
        frame(c) {
          c.say(READY);
          void c.upgradeTls(SERVER);
          c.say('secret one\r\n');
          void c.pushWithProducer(Buffer.from('secret two\r\n'));
        },
      });
      const ready = readUntil(client, READY);
      client.write('STARTTLS\r\n');
      expect(await within(2000, ready)).to.equal(READY);
      chat.say('secret three\r\n');
      await turn();
      const tls = await secure(client);
      expect(await within(2000, readUntil(tls, 'three\r\n'))).to.equal('secret one\r\nsecret two\r\nsecret three\r\n');
    });

    it('what was pushed before the command leaves in the clear, however much it is', async () => {
      const big = 'b'.repeat(2_000_000);
      const { client } = await serverChat({
        frame(c) {
          c.say(big);
          c.say(READY);
          return c.upgradeTls(SERVER);
        },
      });
      const all = readUntil(client, READY);
      client.write('STARTTLS\r\n');
      expect(await within(5000, all)).to.have.length(big.length + READY.length);
      await secure(client);
    });

    it('closeWhenDone() during the handshake sends what is queued, over TLS, and ends', async () => {
      const { server, client } = await socketPair();
      const chat = new RecordingChat(socketTransport(server), {
        frame(c) {
          c.say(READY);
          void c.upgradeTls(SERVER);
          c.say('bye\r\n');
          c.closeWhenDone();
        },
      });
      const ready = readUntil(client, READY);
      client.write('STARTTLS\r\n');
      await within(2000, ready);
      const tls = await secure(client);
      expect(await within(2000, readUntil(tls, 'bye\r\n'))).to.equal('bye\r\n');
      tls.end();
      await within(2000, chat.gone);
      expect(chat.events).to.deep.equal(['STARTTLS', 'T', 'close']);
    });

    for (const [name, go] of [
      ['abort()', (chat: RecordingChat) => chat.abort()],
      ['the peer going away', (_: RecordingChat, client: Socket) => client.destroy()],
      ['a peer that ends its stream', (_: RecordingChat, client: Socket) => client.end()],
      ['a peer that speaks something else', (_: RecordingChat, client: Socket) => client.write('HELP\r\n')],
    ] as [string, (chat: RecordingChat, client: Socket) => void][]) {
      it(`${name} during the handshake rejects, and closes once`, async () => {
        const outcomes: unknown[] = [];
        const { chat, client } = await serverChat(starttls('tls', outcomes));
        const ready = readUntil(client, READY);
        client.write('STARTTLS\r\n');
        await within(2000, ready);
        await turn();
        go(chat, client);
        await within(3000, chat.gone);
        await until(2000, () => outcomes.length > 0, 'the rejection');
        expect(outcomes).to.deep.equal(['TLS_FAILED']);
        expect(chat.events.filter((event) => event === 'close')).to.have.length(1);
        client.resume();
        await within(2000, closed(client.end()));
      });
    }

    it('a handshake that takes too long is over', async () => {
      const { server, client } = await socketPair();
      const outcome = deferred<ChatError>();
      new RecordingChat(socketTransport(server), {
        frame: (c) => c.upgradeTls({ ...SERVER, handshakeMs: 30 }).catch(outcome.resolve),
      });
      client.resume().on('end', () => client.end());
      client.write('STARTTLS\r\n');
      const error = await within(2000, outcome.promise);
      expect([error.code, /within 30 ms/.test(error.message)]).to.deep.equal(['TLS_FAILED', true]);
      await within(2000, closed(client));
    });

    it('cannot be asked for twice at a time, nor after the end', async () => {
      const codes: string[] = [];
      const { chat, client } = await serverChat({
        frame(c) {
          c.upgradeTls(SERVER).catch((error: ChatError) => codes.push(`first ${error.code}`));
          c.upgradeTls(SERVER).catch((error: ChatError) => codes.push(`second ${error.code}`));
        },
      });
      client.write('STARTTLS\r\n');
      const tls = await secure(client);
      expect(codes).to.deep.equal(['second CLOSED']);
      chat.closeWhenDone();
      await chat.upgradeTls(SERVER).catch((error: ChatError) => codes.push(`third ${error.code}`));
      expect(codes).to.deep.equal(['second CLOSED', 'third CLOSED']);
      tls.destroy();
    });

    it('a key that is none rejects with TLS_FAILED', async () => {
      const { server, client } = await socketPair();
      const outcome = deferred<ChatError>();
      const chat = new RecordingChat(socketTransport(server), {
        frame: (c) => c.upgradeTls({ role: 'server', key: 'no key', cert: TEST_CERTIFICATE }).catch(outcome.resolve),
      });
      client.write('STARTTLS\r\n');
      expect((await within(2000, outcome.promise)).code).to.equal('TLS_FAILED');
      await within(2000, chat.gone);
    });

    it('works a second time on the same connection: TLS inside TLS', async () => {
      const { chat, client } = await serverChat(starttls());
      client.write('STARTTLS\r\n');
      await within(2000, readUntil(client, READY));
      const outer = await secure(client);
      outer.write('STARTTLS\r\n');
      await within(2000, readUntil(outer, READY));
      const inner = await secure(outer);
      const answer = readUntil(inner, '\r\n');
      inner.write('NOOP\r\n');
      expect(await within(3000, answer)).to.equal('you said NOOP\r\n');
      expect(chat.frames).to.deep.equal(['STARTTLS', 'STARTTLS', 'NOOP']);
    });

    it('half-close works under TLS too', async () => {
      const { chat, client } = await serverChat(starttls());
      client.write('STARTTLS\r\n');
      await within(2000, readUntil(client, READY));
      const tls = await secure(client);
      const answer = readUntil(tls, '\r\n');
      tls.end('NOOP\r\n');
      expect(await within(2000, answer)).to.equal('you said NOOP\r\n');
      await within(2000, chat.gone);
      expect(chat.events.slice(-2)).to.deep.equal(['eof', 'close']);
    });
  });

  describe('as client', () => {
    async function clientChat(say: (server: Socket) => void, options: object = {}) {
      const { server, client } = await socketPair();
      const outcomes: unknown[] = [];
      const chat = new RecordingChat(socketTransport(client), {
        frame(c, frame) {
          if (frame !== '220 ready') return;
          return c.upgradeTls({ ...CLIENT, ...options }).then(
            () => outcomes.push('secure'),
            (error: ChatError) => outcomes.push(error.code),
          );
        },
      });
      say(server);
      return { chat, server, outcomes };
    }

    it('goes on under TLS, and checks the certificate', async () => {
      const { chat, server, outcomes } = await clientChat((s) => s.write(READY));
      const { secureSocket: wrap } = await import('../../src/tls-upgrade.ts');
      const tls = await within(3000, wrap(server, SERVER, Buffer.alloc(0)));
      tls.write('250 under TLS\r\n');
      const heard = readUntil(tls, 'EHLO b\r\n');
      await within(2000, new Promise<void>((resolve) => setImmediate(resolve)));
      chat.say('EHLO b\r\n');
      await within(2000, heard);
      await turn();
      expect(outcomes).to.deep.equal(['secure']);
      expect(chat.frames).to.deep.equal(['220 ready', '250 under TLS']);
    });

    it('response injection: replies glued to the 220 fail the handshake, and never reach the parser', async () => {
      const { chat, outcomes } = await clientChat((s) => s.write(`${READY}250 injected\r\n`));
      await within(3000, chat.gone);
      expect(outcomes).to.deep.equal(['TLS_FAILED']);
      expect(chat.frames).to.deep.equal(['220 ready']);
    });

    it('a certificate that is not trusted, or is for another name, is refused', async () => {
      for (const options of [{ ca: [] }, { servername: 'elsewhere.example' }]) {
        const { chat, server, outcomes } = await clientChat((s) => s.write(READY), options);
        secureSocket(server, SERVER, Buffer.alloc(0)).catch(() => {});
        await within(3000, chat.gone);
        expect(outcomes).to.deep.equal(['TLS_FAILED']);
      }
    });
  });
});

describe('secureSocket', () => {
  afterEach(destroySockets);

  it('refuses a socket that is closed, at once', async () => {
    const { server } = await socketPair();
    server.destroy();
    const error: ChatError = await within(500, secureSocket(server, SERVER, Buffer.alloc(0))).then(
      () => expect.fail('it was resolved'),
      (e) => e,
    );
    expect(error).to.be.instanceOf(ChatError).with.property('code', 'TLS_FAILED');
  });

  it('lets what the socket still buffers leave in the clear first', async () => {
    const { server, client } = await socketPair();
    const plain = 'p'.repeat(8_000_000);
    client.write(plain);
    client.write('LAST\r\n');
    expect(client.writableLength).to.be.greaterThan(0);
    const handshake = secureSocket(client, CLIENT, Buffer.alloc(0));
    handshake.catch(() => {});
    const chunks: Buffer[] = [];
    const hear = (chunk: Buffer) => chunks.push(chunk);
    server.on('data', hear);
    const size = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    await until(5000, () => size() > plain.length + 6, 'the ClientHello');
    server.removeListener('data', hear).pause();
    const all = Buffer.concat(chunks);
    expect(all.toString('latin1', plain.length, plain.length + 6)).to.equal('LAST\r\n');
    await within(3000, Promise.all([secureSocket(server, SERVER, all.subarray(plain.length + 6)), handshake]));
  });

  for (const [name, credentials, rejectUnauthorized, expected] of [
    ['that is trusted is let in', { key: TEST_KEY, cert: TEST_CERTIFICATE }, true, 'resolved'],
    ['that nobody vouches for is refused', { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE }, true, 'TLS_FAILED'],
    [
      'that nobody vouches for is let in if asked',
      { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE },
      false,
      'resolved',
    ],
    ['that is missing is refused', {}, true, 'TLS_FAILED'],
  ] as const) {
    it(`regression: as server that asks for certificates: a client with one ${name}`, async () => {
      const { server, client } = await socketPair();
      tlsConnect({ ...credentials, socket: client, ca: TEST_CERTIFICATE, servername: 'localhost' }).on(
        'error',
        () => {},
      );
      const options = { ...SERVER, ca: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized };
      const outcome = await within(3000, secureSocket(server, options, Buffer.alloc(0))).then(
        () => 'resolved',
        (error: ChatError) => error.code,
      );
      expect(outcome).to.equal(expected);
    });
  }

  it('destroys the socket when the handshake fails', async () => {
    const { server, client } = await socketPair();
    client.resume().write('this is no ClientHello\r\n');
    const gone = closed(server);
    const outcome = await within(3000, secureSocket(server, SERVER, Buffer.alloc(0))).then(
      () => 'resolved',
      (error: ChatError) => error.code,
    );
    expect(outcome).to.equal('TLS_FAILED');
    await within(2000, gone);
    await within(2000, closed(client.end()));
  });
});
