// Every test of CPython's test_asynchat.py, restated: the same servers, the same inputs, the same expectations.
// CPython runs most of them twice, with select() and poll(); here they run over a pair in memory and over a socket.
// The server is written on the bare transport on purpose: it must not share mistakes with the client under test.
import { expect } from 'chai';
import { AsyncChat, type ChatOptions } from '../../src/chat.ts';
import { Framer } from '../../src/framer.ts';
import { memoryTransportPair } from '../../src/memory-transport.ts';
import { SimpleProducer } from '../../src/producers.ts';
import type { Terminator } from '../../src/terminator.ts';
import { socketTransport, type Transport } from '../../src/transport.ts';
import { bytes } from '../support/recording.ts';
import { destroySockets, socketPair } from '../support/sockets.ts';
import { type Deferred, deferred, within } from '../support/within.ts';

const QUIT = 'QUIT\n';

/** Collects until QUIT, then sends the rest back in pieces and closes. `start` holds it up before the sending. */
class EchoServer {
  readonly received = deferred<number>();
  private buffer = '';

  constructor(transport: Transport, chunkSize: number, start: Promise<void> = Promise.resolve()) {
    transport.on('error', () => {});
    transport.on('data', (chunk: Buffer) => {
      this.buffer += chunk.toString('latin1');
      if (!this.buffer.endsWith(QUIT)) return;
      const text = this.buffer.slice(0, -QUIT.length);
      this.received.resolve(this.buffer.length);
      void start.then(() => {
        for (let at = 0; at < text.length; at += chunkSize) transport.write(bytes(text.slice(at, at + chunkSize)));
        transport.end();
      });
    });
  }
}

class EchoClient extends AsyncChat {
  readonly contents: string[] = [];
  readonly errors: string[] = [];
  readonly gone = deferred();
  buffer = '';

  constructor(terminator: Terminator, transport: Transport, options?: ChatOptions) {
    super(transport, options);
    this.setTerminator(terminator);
  }

  protected override collectIncomingData(data: Buffer): void {
    this.buffer += data.toString('latin1');
  }

  protected override foundTerminator(): void {
    this.contents.push(this.buffer);
    this.buffer = '';
  }

  protected override handleError(error: Error): void {
    this.errors.push(error.message);
    this.abort(error);
  }

  protected override handleClose(): void {
    this.gone.resolve();
  }
}

type Connect = () => Promise<{ near: Transport; far: Transport }>;

const WAYS: Record<string, Connect> = {
  'a pair in memory': async () => {
    const [near, far] = memoryTransportPair();
    return { near, far };
  },
  'a socket': async () => {
    const { client, server } = await socketPair();
    return { near: socketTransport(client), far: socketTransport(server) };
  },
};

for (const [way, connect] of Object.entries(WAYS)) {
  describe(`test_asynchat.py over ${way}`, () => {
    afterEach(destroySockets);

    async function dialogue(terminator: Terminator, chunkSize: number, say: (client: EchoClient) => void) {
      const { near, far } = await connect();
      new EchoServer(far, chunkSize);
      const client = new EchoClient(terminator, near);
      say(client);
      await within(2000, client.gone.promise, 'the end of the connection');
      expect(client.errors).to.deep.equal([]);
      return client;
    }

    for (const [n, terminator] of ['\n', '\r\n', 'qqq'].entries()) {
      for (const chunkSize of [1, 2, 3]) {
        const shown = JSON.stringify(terminator);
        it(`test_line_terminator${n + 1}: two lines that end with ${shown}, echoed by ${chunkSize}`, async () => {
          const client = await dialogue(bytes(terminator), chunkSize, (c) => {
            c.push(bytes('hello '));
            c.push(bytes(`world${terminator}`));
            c.push(bytes(`I'm not dead yet!${terminator}`));
            c.push(bytes(QUIT));
          });
          expect(client.contents).to.deep.equal(['hello world', "I'm not dead yet!"]);
        });
      }
    }

    for (const [n, count] of [1, 6].entries()) {
      it(`test_numeric_terminator${n + 1}: exactly one frame of ${count}, and the rest comes raw`, async () => {
        const data = "hello world, I'm not dead yet!\n";
        const client = await dialogue(count, 1, (c) => {
          c.push(bytes(data));
          c.push(bytes(QUIT));
        });
        expect(client.contents).to.deep.equal([data.slice(0, count)]);
        expect(client.buffer).to.equal(data.slice(count));
      });
    }

    it('test_none_terminator: no frame, everything is collected', async () => {
      const data = "hello world, I'm not dead yet!\n";
      const client = await dialogue(null, 1, (c) => {
        c.push(bytes(data));
        c.push(bytes(QUIT));
      });
      expect(client.contents).to.deep.equal([]);
      expect(client.buffer).to.equal(data);
    });

    it('test_simple_producer: what a SimpleProducer yields by 8 arrives whole', async () => {
      const client = await dialogue(bytes('\n'), 1, (c) => {
        void c.pushWithProducer(new SimpleProducer(bytes(`hello world\nI'm not dead yet!\n${QUIT}`), 8));
      });
      expect(client.contents).to.deep.equal(['hello world', "I'm not dead yet!"]);
    });

    it('test_string_producer: bytes are a producer', async () => {
      const client = await dialogue(bytes('\n'), 1, (c) => {
        void c.pushWithProducer(bytes(`hello world\nI'm not dead yet!\n${QUIT}`));
      });
      expect(client.contents).to.deep.equal(['hello world', "I'm not dead yet!"]);
    });

    it('test_empty_line: an empty line is a frame', async () => {
      const client = await dialogue(bytes('\n'), 1, (c) => {
        c.push(bytes("hello world\n\nI'm not dead yet!\n"));
        c.push(bytes(QUIT));
      });
      expect(client.contents).to.deep.equal(['hello world', '', "I'm not dead yet!"]);
    });

    it('test_close_when_done: what was pushed arrives, what comes after the close is not delivered', async () => {
      const { near, far } = await connect();
      const start: Deferred<void> = deferred();
      const server = new EchoServer(far, 1, start.promise);
      const client = new EchoClient(bytes('\n'), near);
      client.push(bytes("hello world\nI'm not dead yet!\n"));
      client.push(bytes(QUIT));
      client.closeWhenDone();
      expect(await within(2000, server.received.promise)).to.be.greaterThan(0);
      start.resolve();
      await within(2000, client.gone.promise);
      expect(client.contents).to.deep.equal([]);
    });

    it('test_push: bytes in all their forms, and nothing else (#12523)', async () => {
      const client = await dialogue(bytes('\n'), 3, (c) => {
        const shared = new Uint8Array([...bytes('..bytearray\n..')]);
        c.push(bytes('bytes\n'));
        c.push(shared.subarray(2, 12));
        c.push(new Uint8Array(bytes('memoryview\n')));
        expect(() => c.push(10 as never)).to.throw(TypeError);
        expect(() => c.push('unicode' as never)).to.throw(TypeError);
        c.push(bytes(QUIT));
      });
      expect(client.contents).to.deep.equal(['bytes', 'bytearray', 'memoryview']);
    });
  });
}

describe('test_asynchat.py without a connection', () => {
  it('test_blockingioerror: a transport that can do nothing now is no error (#16133)', () => {
    const written: number[] = [];
    const full: Transport = {
      write: (data) => written.push(data.length) < 0,
      end() {},
      destroy() {},
      pause() {},
      resume() {},
      on() {},
      remote: 'test',
    };
    const client = new EchoClient(bytes('\n'), full);
    client.push(bytes('a'));
    client.push(bytes('b'));
    expect(client.errors).to.deep.equal([]);
    expect(written).to.deep.equal([1]);
  });

  for (const [buffer, terminator, held] of [
    ['qwerty\r', '\r\n', 1],
    ['qwertydkjf', '\r\n', 0],
  ] as const) {
    it(`test_find_prefix_at_end: ${JSON.stringify(buffer)} keeps back ${held}`, () => {
      const framer = new Framer({ slice() {}, terminator() {} });
      framer.setTerminator(bytes(terminator));
      void framer.feed(bytes(buffer));
      expect(framer.stats.held).to.equal(held);
    });
  }

  it('test_disallow_negative_terminator: -1 is refused (#11259)', () => {
    const framer = new Framer({ slice() {}, terminator() {} });
    expect(() => framer.setTerminator(-1))
      .to.throw()
      .with.property('code', 'BAD_TERMINATOR');
  });
});
