// The defects of asynchat that this core mends (B11: keeps), one test and more for each; over real sockets where the
// defect is about connections. The numbers are those of the specification.
import { once } from 'node:events';
import { expect } from 'chai';
import type { ChatError } from '../../src/errors.ts';
import { Framer } from '../../src/framer.ts';
import { Outbox } from '../../src/outbox.ts';
import type { Producer } from '../../src/producers.ts';
import { socketTransport } from '../../src/transport.ts';
import { bytes, type ChatHooks, CRLF, DOT, LF, RecordingChat, record } from '../support/recording.ts';
import { closed, destroySockets, readAll, readUntil, socketPair } from '../support/sockets.ts';
import { deferred, turn, until, within } from '../support/within.ts';

async function chatOverSocket(hooks: ChatHooks = {}, options: ConstructorParameters<typeof RecordingChat>[2] = {}) {
  const { server, client } = await socketPair();
  const chat = new RecordingChat(socketTransport(server), hooks, options);
  return { chat, client };
}

function outlet(full = false) {
  const written: string[] = [];
  const write = (data: Uint8Array) => {
    written.push(Buffer.from(data).toString('latin1'));
    return !full;
  };
  return { written, write, end: () => void written.push('END') };
}

describe('defects of asynchat', () => {
  afterEach(destroySockets);

  for (const end of ['closeWhenDone', 'abort'] as const) {
    it(`B1: after ${end}() inside a callback no callback runs but the last one`, async () => {
      const { chat, client } = await chatOverSocket({ frame: (c, frame) => frame === 'b' && c[end]() });
      client.resume().on('end', () => client.end());
      client.write('a\r\nb\r\nc\r\nd\r\nrest');
      await within(2000, chat.gone);
      expect(chat.events).to.deep.equal(['a', 'T', 'b', 'T', 'close']);
    });
  }

  it('B2: a client that pipelines and never reads is not read any more, and the queue stays bounded', async () => {
    const reply = bytes(`${'r'.repeat(1022)}\r\n`);
    let over = 0;
    const { chat, client } = await chatOverSocket({ frame: (c) => void (c.push(reply) || over++) });
    client.pause();
    const block = bytes('command\r\n'.repeat(10_000));
    const total = 40 * block.length;
    for (let i = 0; i < 40; i++) client.write(block);
    await until(5000, () => over > 0 && !chat.readable(), 'the pause of input');
    for (let i = 0; i < 20; i++) await turn();
    expect(chat.stats.bytes).to.be.lessThan(total);
    // Replies to one turn's commands may pass the high water; all commands would have been 400 MB of replies.
    expect(chat.frames.length).to.be.lessThan(100_000);
    expect(process.memoryUsage().arrayBuffers).to.be.lessThan(200 * 1024 * 1024);
  });

  it('B2: a frame over the limit ends the connection, not the memory', async () => {
    const { chat, client } = await chatOverSocket({}, { inLimit: 1000 });
    client.write('x'.repeat(5000));
    await within(2000, chat.gone);
    expect(chat.events.filter((event) => !event.startsWith('x'))).to.deep.equal([
      'overlong',
      'error FRAME_TOO_LONG',
      'close',
    ]);
    expect(chat.events.filter((event) => event.startsWith('x')).join('')).to.have.length(1000);
  });

  it('B3: a client that ends its stream still gets its answer', async () => {
    const answer = deferred();
    const { chat, client } = await chatOverSocket({
      frame: async (c) => {
        await answer.promise;
        c.say('the answer\r\n');
      },
    });
    const all = readAll(client);
    client.end('question\r\n');
    await within(2000, once(client, 'finish'));
    await turn();
    answer.resolve();
    expect(await within(2000, all)).to.equal('the answer\r\n');
    expect(chat.events).to.include('eof');
  });

  it('B3: the end of the peer does not drop what is still queued', async () => {
    const big = 'z'.repeat(3_000_000);
    const { client } = await chatOverSocket({ frame: (c) => void c.say(big) });
    client.end('give\r\n');
    expect(await within(5000, readAll(client))).to.have.length(big.length);
  });

  it('B4: the cost of a line does not depend on the size of the chunk', () => {
    const { framer, frames } = record();
    framer.setTerminator(CRLF);
    const started = Date.now();
    void framer.feed(Buffer.alloc(8_000_000, 'the quick brown fox jumps over the lazy\r\n'));
    expect(frames.length).to.be.greaterThan(190_000);
    // Copying the rest for each line would move 780 GB.
    expect(Date.now() - started).to.be.lessThan(5000);
  });

  it('B4: a long line that comes in single bytes costs no more than its length', () => {
    let length = 0;
    const framer = new Framer({
      slice(_, start, end) {
        length += end - start;
      },
      terminator() {},
    });
    framer.setTerminator(CRLF);
    const byte = bytes('x');
    const started = Date.now();
    for (let i = 0; i < 1_000_000; i++) void framer.feed(byte);
    expect(length).to.equal(1_000_000);
    // Joining and searching again what came before would look at 500 GB.
    expect(Date.now() - started).to.be.lessThan(5000);
  });

  it('B5: an empty message, whose dot comes right behind the command, ends', () => {
    const { framer, frames, feed } = record();
    framer.setTerminator(DOT, { precededBy: CRLF });
    feed('.\r\nQUIT');
    expect(frames).to.deep.equal(['']);
  });

  it('B6: a producer that looks empty is asked, and the item behind it is not lost', async () => {
    const out = outlet();
    const box = new Outbox(out);
    const answers = ['yielded', ''];
    const falsy = {
      length: 0,
      size: 0,
      valueOf: () => 0,
      [Symbol.toPrimitive]: () => false,
      more: () => bytes(answers.shift()!),
    };
    box.hold();
    void box.pushWithProducer(falsy as Producer);
    box.push(bytes('NEXT'));
    box.release();
    expect(out.written).to.deep.equal(['yielded', 'NEXT']);
  });

  it('B7: a push after closeWhenDone() is refused and counted', async () => {
    const { chat, client } = await chatOverSocket();
    const all = readAll(client);
    chat.say('last words\r\n');
    chat.closeWhenDone();
    expect(chat.say('never sent')).to.equal(false);
    expect(chat.say('never sent')).to.equal(false);
    expect(chat.stats.refusedPushes).to.equal(2);
    expect(await within(2000, all)).to.equal('last words\r\n');
  });

  it('B7: in strict mode such a push throws', async () => {
    const { chat } = await chatOverSocket({}, { strict: true });
    chat.closeWhenDone();
    expect(() => chat.say('x'))
      .to.throw()
      .with.property('code', 'PUSH_AFTER_CLOSE');
  });

  it('B7: a producer after closeWhenDone() is stopped, and its promise says so', async () => {
    const { chat } = await chatOverSocket();
    chat.closeWhenDone();
    const stopped: unknown[] = [];
    const refused = chat.pushWithProducer({ more: () => bytes('x'), stop: (why) => stopped.push(why) });
    const error: ChatError = await refused.then(
      () => expect.fail('it was taken'),
      (e) => e,
    );
    expect(error.code).to.equal('CLOSED');
    expect(stopped).to.deep.equal([error]);
  });

  for (const wrong of ['text', 10, null, undefined, [1, 2], { length: 2 }, new Uint16Array(2), new ArrayBuffer(2)]) {
    it(`B8: only bytes can be pushed: ${Object.prototype.toString.call(wrong)} is a TypeError with a text`, () => {
      expect(() => new Outbox(outlet()).push(wrong as never)).to.throw(TypeError, /Uint8Array/);
    });
  }

  it('B9: closing twice, in whatever way, closes once', async () => {
    const { chat, client } = await chatOverSocket();
    chat.closeWhenDone();
    chat.closeWhenDone();
    chat.abort();
    chat.abort();
    await within(2000, chat.gone);
    await within(2000, closed(client.resume().end()));
    await turn();
    expect(chat.events).to.deep.equal(['close']);
  });

  for (const wrong of [
    -1,
    Number.NaN,
    1.5,
    2 ** 53,
    Number.POSITIVE_INFINITY,
    '\n',
    true,
    undefined,
    {},
    [LF, ''],
    [LF, Buffer.alloc(0)],
  ]) {
    const shown = typeof wrong === 'number' ? wrong : JSON.stringify(wrong);
    it(`B10: ${shown} is refused where it is set, and the terminator in force stays`, () => {
      const { framer, frames, feed } = record();
      framer.setTerminator(LF);
      expect(() => framer.setTerminator(wrong as never))
        .to.throw()
        .with.property('code', 'BAD_TERMINATOR');
      feed('a\n');
      expect(frames).to.deep.equal(['a']);
    });
  }

  it('B11, kept: zero means everything, so a count of 0 must not be armed for an empty block', () => {
    const { framer, events, feed } = record();
    framer.setTerminator(0);
    feed('NOOP\r\n', 'QUIT\r\n');
    expect(events).to.deep.equal(['NOOP\r\n', 'QUIT\r\n']);
  });

  it('B12: what was held back is delivered before the end is told', async () => {
    const { chat, client } = await chatOverSocket();
    client.end('no end of line\r');
    await within(2000, chat.gone);
    expect(chat.events).to.deep.equal(['no end of line', '\r', 'eof', 'close']);
  });

  it('B13: a chunk of 65536 empty lines does not keep other connections waiting', async () => {
    const { chat, client } = await chatOverSocket({}, { framesPerTurn: 100 });
    chat.setTerminator(LF);
    const seen: number[] = [];
    let going = true;
    const look = () => {
      seen.push(chat.frames.length);
      if (going) setImmediate(look);
    };
    look();
    client.write('\n'.repeat(65_536));
    await until(5000, () => chat.frames.length === 65_536);
    going = false;
    const steps = seen.slice(1).map((frames, i) => frames - seen[i]!);
    expect(Math.max(...steps)).to.be.within(1, 200);
    expect(chat.stats.yields).to.be.greaterThan(600);
  });

  it('B13: nothing that comes during a break overtakes the rest', async () => {
    const { chat, client } = await chatOverSocket(
      { frame: (c, frame) => void c.say(`${frame}\r\n`) },
      { framesPerTurn: 3 },
    );
    const lines = Array.from({ length: 1000 }, (_, i) => `${i}\r\n`);
    const all = readUntil(client, '\r\n999\r\n');
    for (const line of lines) client.write(line);
    expect(await within(5000, all)).to.equal(lines.join(''));
    expect(chat.stats.yields).to.be.greaterThan(0);
  });
});
