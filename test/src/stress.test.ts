// Real sockets and peers that behave badly: never reading, dribbling, resetting, going away in the middle; handlers
// that throw; and a great many pauses. Bounds are on memory and queues, order and completeness of what arrives.
import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import type { ChatOptions } from '../../src/chat.ts';
import type { ChatError } from '../../src/errors.ts';
import { socketTransport, type Transport } from '../../src/transport.ts';
import { type ChatHooks, CRLF, LF, RecordingChat } from '../support/recording.ts';
import { closed, destroySockets, readAll, readUntil, socketPair } from '../support/sockets.ts';
import { deferred, turn, until, within } from '../support/within.ts';

async function serve(hooks: ChatHooks = {}, options: ChatOptions = {}) {
  const { server, client } = await socketPair();
  return { chat: new RecordingChat(socketTransport(server), hooks, options), client, server };
}

const echo: ChatHooks = { frame: (c, frame) => void c.say(`${frame}\r\n`) };

/** Writes as a peer that does not care whether anybody reads. */
function flood(client: Socket, text: string, times: number): void {
  for (let i = 0; i < times; i++) client.write(text);
}

describe('stress', () => {
  afterEach(destroySockets);

  it('a peer that pipelines and never reads: input stops, the queue stays near its high water', async () => {
    const { chat, client, server } = await serve(
      { frame: (c) => void c.say(`${'r'.repeat(998)}\r\n`) },
      { outHighWater: 65_536 },
    );
    client.pause();
    flood(client, 'command\r\n'.repeat(1000), 2000);
    let last = -1;
    await until(
      8000,
      () => {
        const still = chat.frames.length === last && !chat.readable();
        last = chat.frames.length;
        return still;
      },
      'the stand-still',
    );
    const sent = server.bytesWritten;
    // The kernel holds some megabytes on loopback; what we queue is the rest.
    expect(chat.frames.length * 1000 - sent).to.be.lessThan(2 * 65_536);
    expect(server.writableLength).to.be.lessThan(3 * 65_536);
    expect(chat.stats.bytes).to.be.lessThan(9000 * 2000);
    client.resume();
    await until(8000, () => chat.frames.length > last + 1000, 'its going on');
  });

  it('a client that ends its stream behind its commands gets every answer', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\r\n`).join('');
    const { client, chat } = await serve(echo);
    const all = readAll(client);
    client.end(lines);
    expect((await within(5000, all)) === lines).to.equal(true);
    await within(2000, chat.gone);
    expect(chat.events.slice(-2)).to.deep.equal(['eof', 'close']);
  });

  it('the same with answers that come later', async () => {
    const { client } = await serve({
      async frame(c, frame) {
        await turn();
        c.say(`${frame}\r\n`);
      },
    });
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}\r\n`).join('');
    const all = readAll(client);
    client.end(lines);
    expect(await within(5000, all)).to.equal(lines);
  });

  it('a dialogue in single bytes, both ways at once', async () => {
    const { client } = await serve(echo);
    const text = Array.from({ length: 100 }, (_, i) => `${i}\r\n\r\n`).join('');
    const all = readUntil(client, '99\r\n\r\n');
    client.setNoDelay(true);
    for (const byte of text) {
      client.write(byte);
      await turn();
    }
    expect(await within(5000, all)).to.equal(text);
  });

  for (const where of ['piece', 'frame', 'eof', 'error', 'overlong', 'timeout'] as const) {
    it(`abort() in the callback ${where} closes, once, and frees the peer`, async () => {
      const hooks: ChatHooks = { [where]: (c: RecordingChat) => c.abort() };
      if (where === 'error')
        hooks.frame = () => {
          throw new Error('for handleError');
        };
      const { chat, client } = await serve(hooks, {
        inLimit: where === 'overlong' ? 5 : 1000,
        ...(where === 'timeout' && { timeouts: { idle: 20 } }),
      });
      const gone = closed(client);
      client.resume().on('end', () => client.end());
      if (where !== 'timeout') client.write('a\r\nlong enough\r\n');
      if (where === 'eof') client.end();
      await within(3000, chat.gone);
      await within(3000, gone);
      expect(chat.events.filter((event) => event === 'close')).to.have.length(1);
      expect(chat.say('x')).to.equal(false);
    });

    it(`an exception in the callback ${where} ends this connection and no other`, async () => {
      const failing: ChatHooks = {
        ...(where === 'error' && {
          frame() {
            throw new Error('for handleError');
          },
        }),
        [where]() {
          throw new Error(`${where} failed`);
        },
      };
      const bad = await serve(failing, {
        inLimit: where === 'overlong' ? 5 : 1000,
        ...(where === 'timeout' && { timeouts: { idle: 20 } }),
      });
      const good = await serve(echo);
      bad.client.resume();
      if (where !== 'timeout') bad.client.write('a\r\nlong enough\r\n');
      if (where === 'eof') bad.client.end();
      await within(3000, bad.chat.gone);
      expect(bad.chat.events.filter((event) => event === 'close')).to.have.length(1);
      const answer = readUntil(good.client, '\r\n');
      good.client.write('still here\r\n');
      expect(await within(2000, answer)).to.equal('still here\r\n');
    });
  }

  it('an exception in handleClose() is told to the log and hurts nobody', async () => {
    const logged: string[] = [];
    const logger = { warn: () => {}, error: (event: string) => logged.push(event) };
    const { chat, client } = await serve(
      {
        close() {
          throw new Error('boom');
        },
      },
      { logger },
    );
    client.end();
    await until(3000, () => logged.length > 0);
    expect(logged).to.deep.equal(['chat.handle_close_failed']);
    expect(chat.events).to.deep.equal(['eof', 'close']);
  });

  it('closeWhenDone() with a slow reader delivers everything', async () => {
    const size = 12_000_000;
    const { chat, client } = await serve({
      frame(c) {
        c.say('a'.repeat(size / 2));
        void c.pushWithProducer(
          (async function* () {
            for (let i = 0; i < 60; i++) yield Buffer.alloc(size / 120, 'b');
          })(),
        );
        c.closeWhenDone();
      },
    });
    let got = 0;
    client.on('data', (chunk) => {
      got += chunk.length;
      client.pause();
      setImmediate(() => client.resume());
    });
    const end = new Promise<void>((resolve) => client.once('end', () => resolve()));
    client.write('give\r\n');
    await within(10_000, end, 'the end of the stream');
    expect(got).to.equal(size);
    client.end();
    await within(2000, chat.gone);
  });

  it('closeWhenDone() while the client still sends: it gets the last words, and no reset', async () => {
    const errors: Error[] = [];
    const { client } = await serve({
      frame(c) {
        c.say('421 enough\r\n');
        c.closeWhenDone();
      },
    });
    client.on('error', (error) => errors.push(error));
    const all = readAll(client);
    flood(client, 'x\r\n'.repeat(100_000), 10);
    expect(await within(5000, all)).to.equal('421 enough\r\n');
    client.end();
    await within(3000, closed(client));
    expect(errors).to.deep.equal([]);
  });

  it('a reset in mid-frame: handleError() with its cause, the last callback, stopped producers', async () => {
    const { chat, client } = await serve({ error: () => {} });
    const stopped = deferred<Error | undefined>();
    void chat.pushWithProducer({ more: () => new Promise(() => {}), stop: stopped.resolve });
    client.write('half a fra');
    await until(2000, () => chat.events.length > 0);
    client.resetAndDestroy();
    await within(2000, chat.gone);
    expect(chat.events).to.deep.equal(['half a fra', 'error TRANSPORT_FAILED', 'close']);
    expect(chat.errors[0]!.facts).to.deep.equal({ code: 'ECONNRESET' });
    await within(1000, stopped.promise);
  });

  it('what is pushed before the connection is there goes out when it is', async () => {
    const listener = createServer();
    await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
    const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
    const { port } = listener.address() as { port: number };
    const chat = new RecordingChat(socketTransport(connect({ port, host: '127.0.0.1', allowHalfOpen: true })));
    chat.say('early\r\n');
    void chat.pushWithProducer(Buffer.from('too\r\n'));
    chat.closeWhenDone();
    const peer = await within(2000, accepted);
    listener.close();
    expect(await within(2000, readAll(peer))).to.equal('early\r\ntoo\r\n');
    await within(2000, chat.gone);
  });

  it('a connection that is refused: handleError() with the reason, and the last callback', async () => {
    const listener = createServer();
    await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
    const { port } = listener.address() as { port: number };
    await new Promise((done) => listener.close(done));
    const chat = new RecordingChat(socketTransport(connect({ port, host: '127.0.0.1' })));
    const producer = chat.pushWithProducer(Buffer.from('x')).then(
      () => 'sent',
      (error: ChatError) => error.code,
    );
    chat.say('never sent');
    await within(2000, chat.gone);
    expect(chat.events).to.deep.equal(['error TRANSPORT_FAILED', 'close']);
    expect(chat.errors[0]!.facts).to.deep.equal({ code: 'ECONNREFUSED' });
    expect(await producer).to.equal('sent');
  });

  it('a reset while output waits', async () => {
    const { chat, client } = await serve({ frame: (c) => void c.say('z'.repeat(20_000_000)) });
    client.pause();
    client.write('give\r\n');
    await until(2000, () => chat.writable() && chat.frames.length > 0);
    client.resetAndDestroy();
    await within(3000, chat.gone);
    expect(chat.events.filter((event) => event === 'close')).to.have.length(1);
    expect(chat.writable()).to.equal(false);
  });

  it('ten thousand pauses and drains leave no listener behind, and lose nothing', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.name);
    process.on('warning', hear);
    try {
      // A socket takes what the system does; this one asks for a drain behind every write, so each frame is a stop.
      const { server, client } = await socketPair();
      const transport: Transport = socketTransport(server);
      const plainOn = transport.on.bind(transport);
      const drained: (() => void)[] = [];
      let drains = 0;
      transport.write = (data) => {
        server.write(data, () => {
          drains++;
          for (const listener of drained) listener();
        });
        return false;
      };
      transport.on = (event, listener) => (event === 'drain' ? void drained.push(listener) : plainOn(event, listener));
      const chat = new RecordingChat(transport, echo, { outHighWater: 1 });
      const listeners = () => ['data', 'drain', 'end', 'close', 'error'].map((name) => server.listenerCount(name));
      const before = listeners();
      const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}\r\n`).join('');
      const all = readUntil(client, 'line 9999\r\n');
      client.write(lines);
      expect((await within(10_000, all)) === lines).to.equal(true);
      expect(chat.frames).to.have.length(10_000);
      expect(drains).to.equal(10_000);
      expect(listeners()).to.deep.equal(before);
      expect(warnings).to.deep.equal([]);
    } finally {
      process.removeListener('warning', hear);
    }
  });

  it('a hundred connections at once, each cut at another place, all get their echo', async () => {
    const text = Array.from({ length: 20 }, (_, i) => `message ${i}\r\n`).join('');
    const dialogues = Array.from({ length: 100 }, async (_, n) => {
      const { client } = await serve(echo, { framesPerTurn: 1 + (n % 5) });
      const all = readUntil(client, 'message 19\r\n');
      client.write(text.slice(0, n + 1));
      await turn();
      client.write(text.slice(n + 1));
      expect(await within(5000, all)).to.equal(text);
    });
    await Promise.all(dialogues);
  });

  it('random peers: whatever they send, in whatever pieces, the frames are those of the text', async () => {
    let seed = 42;
    const dice = (n: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % n;
    };
    for (let round = 0; round < 20; round++) {
      const lines = Array.from({ length: 30 }, () => 'ab\rc'.repeat(dice(400)).slice(dice(4)));
      const ends = lines.map(() => (dice(2) ? '\r\n' : '\n'));
      const { chat, client } = await serve({}, { framesPerTurn: 7 });
      chat.setTerminator([CRLF, LF]);
      const text = lines.map((line, i) => line + ends[i]).join('');
      for (let at = 0; at < text.length; ) {
        const size = 1 + dice(3000);
        client.write(text.slice(at, at + size));
        at += size;
        if (dice(3) === 0) await turn();
      }
      client.end();
      await within(3000, chat.gone);
      expect(chat.frames).to.deep.equal(text.split(/\r\n|\n/).slice(0, -1));
    }
  });
});
