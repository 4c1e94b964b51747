// AsyncChat's nine rules, one by one, over the pair in memory; what is about real connections is in stress.test.ts.
import { expect } from 'chai';
import { AsyncChat } from '../../src/chat.ts';
import type { ChatError } from '../../src/errors.ts';
import { everySplit } from '../../src/every-split.ts';
import { memoryTransportPair } from '../../src/memory-transport.ts';
import { ProtocolStats } from '../../src/stats.ts';
import type { Transport, TransportEvent } from '../../src/transport.ts';
import { bytes, type ChatHooks, CRLF, LF, RecordingChat } from '../support/recording.ts';
import { deferred, turn, until, within } from '../support/within.ts';

function join(hooks: ChatHooks = {}, options: ConstructorParameters<typeof RecordingChat>[2] = {}) {
  const [near, peer] = memoryTransportPair();
  const chat = new RecordingChat(near, hooks, options);
  const heard: string[] = [];
  peer.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
  peer.on('end', () => heard.push('END'));
  const say = async (...texts: string[]) => {
    for (const text of texts) peer.write(bytes(text));
    await turn();
  };
  return { chat, peer, heard, say };
}

/** A transport that does nothing by itself: the test emits its events, and sees what is called. */
class Puppet implements Transport {
  readonly remote = 'puppet';
  readonly calls: string[] = [];
  answer = true;
  // biome-ignore lint/suspicious/noExplicitAny: the payload depends on the event
  private readonly listeners = new Map<string, ((payload?: any) => void)[]>();

  write(data: Uint8Array): boolean {
    this.calls.push(`write ${Buffer.from(data).toString('latin1')}`);
    return this.answer;
  }

  end(): void {
    this.calls.push('end');
  }

  destroy(): void {
    this.calls.push('destroy');
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  // biome-ignore lint/suspicious/noExplicitAny: the payload depends on the event
  on(event: TransportEvent, listener: (payload?: any) => void): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  emit(event: TransportEvent, payload?: unknown): void {
    for (const listener of this.listeners.get(event) ?? []) listener(payload);
  }
}

describe('AsyncChat', () => {
  describe('rule 1: a terminator holds from the next byte', () => {
    it('rule 1: set inside a callback, in every chunking', async () => {
      const frames = await everySplit('count 5\r\n\r\nabc;x;', async (chunks) => {
        const { chat, peer } = join({
          frame(c, frame) {
            if (frame.startsWith('count ')) c.setTerminator(Number(frame.slice(6)));
            else if (frame.length === 5) c.setTerminator(bytes(';'));
          },
        });
        for (const chunk of chunks) peer.write(chunk);
        await turn();
        return chat.frames;
      });
      expect(frames).to.deep.equal(['count 5', '\r\nabc', '', 'x']);
    });

    it('rule 1: set from outside, from the first byte that is not delivered, a held prefix included', async () => {
      const { chat, say } = join();
      await say('ab\r');
      chat.setTerminator(bytes('\r'));
      expect(chat.frames).to.deep.equal(['ab']);
      expect(chat.getTerminator()).to.deep.equal(bytes('\r'));
    });
  });

  describe('rule 2: callbacks are never nested', () => {
    it('rule 2: whatever a callback calls takes effect after it returns', async () => {
      let depth = 0;
      const deepest: number[] = [];
      const wild = (c: RecordingChat) => {
        deepest.push(++depth);
        c.setTerminator(LF);
        c.setTerminator(CRLF);
        c.say('x'.repeat(100));
        void c.pushWithProducer({
          more() {
            deepest.push(++depth);
            depth--;
            throw new Error('a producer that fails at once');
          },
        });
        c.say('y'.repeat(200_000));
        depth--;
      };
      const hooks: ChatHooks = {
        piece: wild,
        frame: wild,
        eof: wild,
        error() {
          deepest.push(++depth);
          depth--;
        },
      };
      const { say, peer } = join(hooks, { outHighWater: 1000 });
      await say('a\r\nb\r\nc');
      peer.end();
      await turn();
      expect(deepest.length).to.be.greaterThan(8);
      expect(Math.max(...deepest)).to.equal(1);
    });

    it('rule 2: handleEof() and handleClose() come behind the callbacks before them', async () => {
      const { chat, peer } = join({ frame: (c) => c.abort() });
      peer.write(bytes('a\r\n'));
      peer.end();
      await turn();
      expect(chat.events).to.deep.equal(['a', 'T', 'close']);
    });
  });

  describe('rule 3: a pending promise stops delivery', () => {
    it('rule 3: nothing is delivered, the transport is paused, and goes on behind it', async () => {
      const gates = [deferred(), deferred()];
      const { chat, say } = join({ frame: (c) => gates[c.frames.length - 1]!.promise });
      await say('a\r\nb\r\n');
      expect(chat.frames).to.deep.equal(['a']);
      expect(chat.readable()).to.equal(false);
      await say('late\r\n');
      expect(chat.stats.bytes).to.equal('a\r\nb\r\n'.length);
      gates[0]!.resolve();
      await turn();
      expect(chat.frames).to.deep.equal(['a', 'b']);
      gates[1]!.resolve();
    });

    it('rule 3: of what came before the pause at most the rest of one chunk is held', async () => {
      const puppet = new Puppet();
      const gate = deferred();
      const chat = new RecordingChat(puppet, { frame: () => gate.promise });
      puppet.emit('data', bytes('a\r\nrest'));
      expect(puppet.calls).to.deep.equal(['pause']);
      gate.resolve();
      await turn();
      expect(puppet.calls).to.deep.equal(['pause', 'resume']);
      expect(chat.readable()).to.equal(true);
    });

    it('rule 3: a sync handler pauses nothing', () => {
      const puppet = new Puppet();
      new RecordingChat(puppet);
      puppet.emit('data', bytes('a\r\nb\r\n'));
      expect(puppet.calls).to.deep.equal([]);
    });

    it('rule 3: the end of the stream waits for the handler too', async () => {
      const gate = deferred();
      const { chat, peer, heard } = join({
        async frame(c) {
          await gate.promise;
          c.say('answer');
        },
      });
      peer.write(bytes('question\r\n'));
      peer.end();
      await turn();
      expect(chat.events).to.deep.equal(['question', 'T']);
      gate.resolve();
      await turn();
      expect(chat.events).to.deep.equal(['question', 'T', 'eof', 'close']);
      expect(heard).to.deep.equal(['answer', 'END']);
    });

    it('rule 3: the replies of one turn leave in one write, those behind a promise in their own', async () => {
      const { heard, say } = join({
        async frame(c, frame) {
          c.say(`${frame}1`);
          c.say(`${frame}2`);
          await turn();
          c.say(`${frame}3`);
        },
      });
      await say('a\r\nb\r\n');
      await turn();
      await turn();
      expect(heard.join('')).to.equal('a1a2a3b1b2b3');
      expect(heard[0]).to.equal('a1a2');
    });
  });

  describe('rule 3, from a piece: waitFor()', () => {
    class Storing extends RecordingChat {
      store: (piece: string) => PromiseLike<unknown> | undefined = () => undefined;

      protected override collectIncomingData(data: Buffer): void {
        super.collectIncomingData(data);
        const stored = this.store(data.toString('latin1'));
        if (stored !== undefined) this.waitFor(stored);
      }
    }

    function storing(options: ConstructorParameters<typeof RecordingChat>[2] = {}, hooks: ChatHooks = {}) {
      const puppet = new Puppet();
      return { puppet, chat: new Storing(puppet, hooks, options) };
    }

    it('stops behind the piece, pauses the transport, and goes on where it was', async () => {
      const { puppet, chat } = storing();
      const gate = deferred();
      chat.store = (piece) => (piece === 'a' ? gate.promise : undefined);
      puppet.emit('data', bytes('a\r\nb\r\n'));
      expect(chat.events).to.deep.equal(['a']);
      expect(puppet.calls).to.deep.equal(['pause']);
      gate.resolve();
      await turn();
      expect(chat.events).to.deep.equal(['a', 'T', 'b', 'T']);
      expect(puppet.calls).to.deep.equal(['pause', 'resume']);
    });

    it('waits for the next piece too, and for room in the output as well', async () => {
      const { puppet, chat } = storing({ outHighWater: 1 });
      const gates = [deferred(), deferred()];
      puppet.answer = false;
      chat.setTerminator(4);
      chat.store = () => gates[chat.events.length - 1]?.promise;
      chat.say('stored');
      puppet.emit('data', bytes('a'));
      expect(chat.events).to.deep.equal([]);
      puppet.emit('drain');
      puppet.emit('data', bytes('b'));
      expect(chat.events).to.deep.equal(['a']);
      gates[0]!.resolve();
      await turn();
      expect(chat.events).to.deep.equal(['a', 'b']);
      puppet.emit('data', bytes('cd'));
      chat.say('more');
      gates[1]!.resolve();
      await turn();
      expect(chat.events).to.deep.equal(['a', 'b']);
      puppet.emit('drain');
      expect(chat.events).to.deep.equal(['a', 'b', 'cd', 'T']);
    });

    it('lets a rejection end the connection, as an exception in the piece would', async () => {
      const { puppet, chat } = storing();
      chat.store = () => Promise.reject(new Error('disk full'));
      puppet.emit('data', bytes('a\r\nb\r\n'));
      await turn();
      expect(chat.events).to.deep.equal(['a', 'error HANDLER_FAILED']);
      expect(puppet.calls).to.deep.equal(['pause', 'destroy']);
    });

    it('holds up the end of the stream too', async () => {
      const { puppet, chat } = storing({}, { eof: () => {} });
      const gate = deferred();
      chat.store = () => gate.promise;
      puppet.emit('data', bytes('a'));
      puppet.emit('end');
      expect(chat.events).to.deep.equal(['a']);
      gate.resolve();
      await turn();
      expect(chat.events).to.deep.equal(['a', 'eof']);
    });
  });

  describe('rule 4: after abort() or closeWhenDone() no callback runs but the last', () => {
    for (const end of ['abort', 'closeWhenDone'] as const) {
      for (const where of ['piece', 'frame', 'eof', 'error', 'overlong'] as const) {
        it(`rule 4: ${end}() in the callback ${where}`, async () => {
          const late: string[] = [];
          let over = false;
          const stop = (c: RecordingChat) => {
            over = true;
            c[end]();
          };
          const watch = (name: string) => () => over && late.push(name);
          const hooks: ChatHooks = Object.fromEntries(
            ['piece', 'frame', 'eof', 'error', 'overlong'].map((name) => [name, watch(name)]),
          );
          const failing = where === 'error';
          const { chat, peer, say } = join(
            {
              ...hooks,
              ...(failing && {
                frame() {
                  throw new Error('for handleError');
                },
              }),
              [where]: stop,
            },
            { inLimit: where === 'overlong' ? 4 : 1000 },
          );
          await say('first\r\nsecond\r\nthird\r', '\nfourth\r\n');
          peer.end();
          await within(1000, chat.gone);
          expect(late).to.deep.equal([]);
          expect(chat.events.filter((event) => event === 'close')).to.have.length(1);
          expect(chat.events.at(-1)).to.equal('close');
        });
      }
    }

    it('rule 4: from outside, with a handler pending', async () => {
      const gate = deferred();
      const { chat, say } = join({ frame: () => gate.promise });
      await say('a\r\nb\r\n');
      chat.abort();
      gate.reject(new Error('too late to matter'));
      await turn();
      expect(chat.events).to.deep.equal(['a', 'T', 'close']);
    });

    it('rule 4: closeWhenDone() sends what is queued, ends, and reads on until the peer ends', async () => {
      const { chat, peer, heard, say } = join({
        frame(c) {
          c.say('221 ');
          void c.pushWithProducer(bytes('bye\r\n'));
          c.closeWhenDone();
        },
      });
      await say('QUIT\r\nmore\r\n', 'x'.repeat(100_000), 'more\r\n');
      expect(heard.join('')).to.equal('221 bye\r\nEND');
      expect(chat.events).to.deep.equal(['QUIT', 'T']);
      peer.end();
      await turn();
      expect(chat.events).to.deep.equal(['QUIT', 'T', 'close']);
    });

    it('rule 4: closeWhenDone() with a handler pending reads on too: the end of the peer is seen', async () => {
      const gate = deferred();
      const { chat, peer, heard, say } = join({ frame: () => gate.promise });
      await say('a\r\nb\r\n');
      expect(chat.readable()).to.equal(false);
      chat.closeWhenDone();
      await say('c\r\n');
      peer.end();
      await within(1000, chat.gone);
      gate.resolve();
      await turn();
      expect(heard).to.deep.equal(['END']);
      expect(chat.events).to.deep.equal(['a', 'T', 'close']);
    });

    it('rule 4: handleClose() is the last, once, also when the transport says it twice', () => {
      const puppet = new Puppet();
      const chat = new RecordingChat(puppet);
      puppet.emit('error', new Error('ECONNRESET'));
      puppet.emit('close');
      puppet.emit('close');
      puppet.emit('data', bytes('a\r\n'));
      puppet.emit('end');
      expect(chat.events).to.deep.equal(['error TRANSPORT_FAILED', 'close']);
      expect(puppet.calls).to.deep.equal(['destroy']);
    });
  });

  describe('rule 5: an exception costs its frame', () => {
    for (const [name, how] of [
      [
        'throws',
        () => {
          throw new Error('bad b');
        },
      ],
      ['rejects', () => Promise.reject(new Error('bad b'))],
    ] as const) {
      it(`rule 5: when foundTerminator() ${name}, handleError() is told and the next frame comes`, async () => {
        const { chat, say } = join({ frame: (_, frame) => frame === 'b' && how(), error: () => {} });
        await say('a\r\nb\r\nc\r\n');
        expect(chat.frames).to.deep.equal(['a', 'b', 'c']);
        expect(chat.errors.map((e) => [e.code, e.message, (e.cause as Error).message])).to.deep.equal([
          ['HANDLER_FAILED', 'a handler failed: bad b', 'bad b'],
        ]);
      });
    }

    it('rule 5: when collectIncomingData() throws, the frame is never told as complete', async () => {
      const { chat, say } = join({
        piece(_, piece) {
          if (piece.includes('b')) throw new Error('bad piece');
        },
        error: () => {},
      });
      await say('a\r\nb', 'bb\r\nc\r\n');
      expect(chat.events).to.deep.equal(['a', 'T', 'b', 'error HANDLER_FAILED', 'c', 'T']);
    });

    it('rule 5: the default of handleError() destroys, and tells the log', async () => {
      class Plain extends AsyncChat {
        protected override collectIncomingData(): void {
          throw new Error('boom');
        }
        protected override foundTerminator(): void {}
      }
      const [near, peer] = memoryTransportPair();
      const logged: unknown[] = [];
      const logger = { warn: (...all: unknown[]) => logged.push(all), error: (...all: unknown[]) => logged.push(all) };
      new Plain(near, { logger });
      const ended = new Promise<void>((resolve) => peer.on('end', () => resolve()));
      peer.on('data', () => {});
      peer.write(bytes('x'));
      await within(1000, ended);
      expect(logged).to.deep.equal([
        ['chat.error', { code: 'HANDLER_FAILED', error: 'a handler failed: boom', remote: 'memory:b' }],
      ]);
    });

    it('rule 5: an exception in handleError() destroys the connection', async () => {
      const { chat, say } = join({
        frame() {
          throw new Error('first');
        },
        error() {
          throw new Error('second');
        },
      });
      await say('a\r\nb\r\n');
      expect(chat.events).to.deep.equal(['a', 'T', 'error HANDLER_FAILED', 'close']);
    });

    it('rule 5: an exception in handleEof() goes the same way', async () => {
      const { chat, peer } = join({
        eof() {
          throw new Error('bad end');
        },
      });
      peer.end();
      await turn();
      expect(chat.events).to.deep.equal(['eof', 'error HANDLER_FAILED', 'close']);
    });

    it('rule 5: a failed producer too; what it had yielded was sent', async () => {
      const { chat, heard } = join({ error: () => {} });
      const answers = [bytes('half')];
      const error: ChatError = await chat
        .pushWithProducer({
          async more() {
            if (answers.length === 0) throw new Error('disk');
            return answers.pop()!;
          },
        })
        .then(
          () => expect.fail('it was resolved'),
          (e) => e,
        );
      await turn();
      expect(error.code).to.equal('PRODUCER_FAILED');
      expect(chat.errors).to.deep.equal([error]);
      expect(heard).to.deep.equal(['half']);
    });

    it('rule 5: a finder that fails ends the connection: nothing could go on behind it', async () => {
      const { chat, say } = join({ error: () => {} });
      chat.setTerminator({ maxHold: 1, find: () => ({ end: -1, skip: 0 }) });
      await say('x');
      await within(1000, chat.gone);
      expect(chat.events).to.deep.equal(['error BAD_TERMINATOR', 'close']);
    });
  });

  describe('rule 6: a frame over its limit', () => {
    it('rule 6: error: told once, then the connection is destroyed, whatever handleError() does', async () => {
      const { chat, say } = join({ error: () => {} }, { inLimit: 4 });
      await say('abcdefgh', 'ijkl\r\n');
      await within(1000, chat.gone);
      expect(chat.events).to.deep.equal(['abcd', 'overlong', 'error FRAME_TOO_LONG', 'close']);
      expect(chat.errors[0]!.facts).to.deep.equal({ limit: 4, offset: 0 });
    });

    it('rule 6: error: also when handleOverlong() throws', async () => {
      const { chat, say } = join(
        {
          overlong() {
            throw new Error('boom');
          },
          error: () => {},
        },
        { inLimit: 4 },
      );
      await say('abcdefgh');
      await within(1000, chat.gone);
      expect(chat.events).to.deep.equal(['abcd', 'overlong', 'error HANDLER_FAILED', 'close']);
    });

    it('rule 6: discard: told once, and delivery goes on behind its terminator', async () => {
      const { chat, say, heard } = join({ overlong: (c) => c.say('500 too long\r\n') });
      chat.setTerminator(CRLF, { maxFrame: 4, overlong: 'discard' });
      await say('abcdefgh', 'ijkl\r\nok\r\n');
      expect(chat.frames).to.deep.equal(['ok']);
      expect(heard).to.deep.equal(['500 too long\r\n']);
    });

    it('rule 6: deliver: in parts', async () => {
      const parts: [string, boolean][] = [];
      const { chat, say } = join({ frame: (_, frame, info) => parts.push([frame, info.truncated]) < 0 });
      chat.setTerminator(CRLF, { maxFrame: 4, overlong: 'deliver' });
      await say('abcdefgh', 'ij\r\n');
      expect(parts).to.deep.equal([
        ['abcd', true],
        ['efgh', true],
        ['ij', false],
      ]);
    });

    it('rule 6: a frame that is complete in one chunk is measured too', async () => {
      const { chat, say } = join({}, { inLimit: 4 });
      await say('ok\r\nabcde\r\n');
      expect(chat.frames).to.deep.equal(['ok']);
      expect(chat.errors[0]!.code).to.equal('FRAME_TOO_LONG');
    });
  });

  describe('rule 7: output over the high water pauses input', () => {
    it('rule 7: until it is below half of it', async () => {
      const puppet = new Puppet();
      puppet.answer = false;
      const chat = new RecordingChat(puppet, { frame: (c, frame) => c.say(frame) }, { outHighWater: 10 });
      puppet.emit('data', bytes(['0123456789', 'abcdef', 'ghi', 'never before'].join('\r\n')));
      puppet.emit('data', bytes('\r\n'));
      expect(chat.frames).to.deep.equal(['0123456789', 'abcdef']);
      expect(puppet.calls.filter((call) => !call.startsWith('write'))).to.deep.equal(['pause']);
      expect([chat.readable(), chat.writable()]).to.deep.equal([false, true]);
      puppet.answer = true;
      puppet.emit('drain');
      expect(chat.frames).to.deep.equal(['0123456789', 'abcdef', 'ghi', 'never before']);
      expect(puppet.calls.filter((call) => !call.startsWith('write'))).to.deep.equal(['pause', 'resume']);
      expect([chat.readable(), chat.writable()]).to.deep.equal([true, false]);
    });

    it('rule 7: push() says so with false', () => {
      const puppet = new Puppet();
      puppet.answer = false;
      const chat = new RecordingChat(puppet, {}, { outHighWater: 10 });
      expect([chat.say('0123456789'), chat.say('!')]).to.deep.equal([true, false]);
    });

    it('regression: rule 7: input goes on when a producer ends the pressure and no drain comes', async () => {
      const answer = deferred<null>();
      const { chat, say, heard } = join(
        {
          frame(c, frame) {
            if (frame === 'go') void c.pushWithProducer({ more: () => answer.promise });
            c.say('x'.repeat(20));
          },
        },
        { outHighWater: 10 },
      );
      await say('go\r\nb\r\nc\r\n');
      expect(chat.frames).to.deep.equal(['go']);
      answer.resolve(null);
      await until(1000, () => chat.frames.length === 3, 'the rest of the input');
      await turn();
      expect(heard.join('')).to.equal('x'.repeat(60));
    });

    it('rule 7: with a handler pending as well, both must end before input goes on', async () => {
      const puppet = new Puppet();
      puppet.answer = false;
      const gate = deferred();
      const chat = new RecordingChat(
        puppet,
        {
          frame(c) {
            c.say('x'.repeat(20));
            return gate.promise;
          },
        },
        { outHighWater: 10 },
      );
      puppet.emit('data', bytes('a\r\nb\r\n'));
      gate.resolve();
      await turn();
      expect(chat.frames).to.deep.equal(['a']);
      puppet.answer = true;
      puppet.emit('drain');
      await turn();
      expect(chat.frames).to.deep.equal(['a', 'b']);
      expect(chat.readable()).to.equal(true);
    });
  });

  describe('rule 9: data is a view', () => {
    it('rule 9: of the chunk that came: what is kept must be copied', () => {
      const seen: Buffer[] = [];
      class Keeper extends AsyncChat {
        protected override collectIncomingData(data: Buffer): void {
          seen.push(data);
        }
        protected override foundTerminator(): void {}
      }
      const puppet = new Puppet();
      new Keeper(puppet).setTerminator(CRLF);
      const chunk = bytes('hello\r\n');
      puppet.emit('data', chunk);
      expect(seen[0]!.buffer).to.equal(chunk.buffer);
      chunk.fill(0x78);
      expect(seen[0]!.toString()).to.equal('xxxxx');
    });

    it('rule 9: collectSlice() makes no view at all', () => {
      const seen: [Buffer, number, number][] = [];
      class Positions extends AsyncChat {
        protected override collectIncomingData(): void {
          throw new Error('not called');
        }
        protected override collectSlice(chunk: Buffer, start: number, end: number): void {
          seen.push([chunk, start, end]);
        }
        protected override foundTerminator(): void {}
      }
      const puppet = new Puppet();
      new Positions(puppet).setTerminator(CRLF);
      const chunk = bytes('ab\r\ncd\r\n');
      puppet.emit('data', chunk);
      expect(seen).to.deep.equal([
        [chunk, 0, 2],
        [chunk, 4, 6],
      ]);
      expect(seen[0]![0]).to.equal(chunk);
    });
  });

  describe('the rest of it', () => {
    it('half-close: handleEof() may leave our side open and answer later', async () => {
      const { chat, peer, heard } = join({ eof: () => {} });
      peer.end();
      await turn();
      chat.say('later');
      await turn();
      expect(heard).to.deep.equal(['later']);
      chat.closeWhenDone();
      await within(1000, chat.gone);
      expect(chat.events).to.deep.equal(['eof', 'close']);
    });

    it('the end of the stream comes behind everything, also behind what output pressure held up', async () => {
      const puppet = new Puppet();
      puppet.answer = false;
      const chat = new RecordingChat(
        puppet,
        { frame: (c) => c.say('x'.repeat(20)), eof: () => {} },
        { outHighWater: 10 },
      );
      puppet.emit('data', bytes('a\r\nb\r\nc\r'));
      puppet.emit('end');
      expect(chat.events).to.deep.equal(['a', 'T']);
      puppet.answer = true;
      puppet.emit('drain');
      expect(chat.events).to.deep.equal(['a', 'T', 'b', 'T', 'c', '\r', 'eof']);
    });

    it('discardBuffers() drops what was received and what is queued, and lets its producers know', async () => {
      const puppet = new Puppet();
      puppet.answer = false;
      const chat = new RecordingChat(puppet, { frame: (c, frame) => frame === 'drop' && c.discardBuffers() });
      chat.say('on its way');
      chat.say('queued');
      const produced = chat.pushWithProducer(bytes('produced')).then(
        () => 'sent',
        (error: ChatError) => error.code,
      );
      puppet.emit('data', bytes('drop\r\nand this\r\nand th'));
      puppet.emit('data', bytes('next\r\n'));
      puppet.answer = true;
      puppet.emit('drain');
      expect(await produced).to.equal('CLOSED');
      expect(chat.frames).to.deep.equal(['drop', 'next']);
      expect(puppet.calls).to.deep.equal(['write on its way']);
    });

    it('regression: discardBuffers() under pressure lets input go on', async () => {
      const puppet = new Puppet();
      const chat = new RecordingChat(puppet, {}, { outHighWater: 10 });
      void chat.pushWithProducer({ more: () => new Promise(() => {}) });
      chat.say('x'.repeat(20));
      expect(chat.readable()).to.equal(false);
      chat.discardBuffers();
      expect(chat.readable()).to.equal(true);
    });

    it('counts for itself and for its server, also frames behind a promise and before an end', async () => {
      const stats = new ProtocolStats();
      const { chat, say } = join(
        {
          async frame(c, frame) {
            await turn();
            c.say('ok');
            if (frame === 'd') c.closeWhenDone();
          },
        },
        { stats },
      );
      await say('a\r\nb\r\nc\r\nd\r\ne\r\n');
      await until(1000, () => !chat.readable() && chat.frames.length === 4);
      await turn();
      await turn();
      expect(stats).to.deep.include({ messages: 4, bytesReceived: 15, bytesSent: 8 });
      expect(chat.stats).to.deep.include({ frames: 4, bytes: 15, bytesSent: 8, refusedPushes: 0 });
    });

    it('pushes of the wrong kind are a TypeError in every state', () => {
      const chat = new RecordingChat(new Puppet());
      expect(() => chat.push('text' as never)).to.throw(TypeError);
      chat.closeWhenDone();
      expect(() => chat.push('text' as never)).to.throw(TypeError);
      chat.abort();
      expect(() => chat.push(5 as never)).to.throw(TypeError);
      expect(chat.stats.refusedPushes).to.equal(0);
    });

    it('says who is at the other end', () => {
      expect(new RecordingChat(new Puppet()).remote).to.equal('puppet');
    });

    it('tells the log of an exception that came too late for handleError()', async () => {
      const logged: unknown[] = [];
      const logger = { warn: (event: string) => logged.push(event), error: () => {} };
      const { chat, say } = join(
        {
          frame(c) {
            c.closeWhenDone();
            throw new Error('behind the end');
          },
        },
        { logger },
      );
      await say('a\r\n');
      expect(logged).to.deep.equal(['chat.error_after_close']);
      expect(chat.errors).to.deep.equal([]);
    });

    it('regression: closeWhenDone() during a handshake does not read on: the bytes are those of TLS', async () => {
      const puppet = new Puppet();
      const handshake = deferred<Transport>();
      const chat = new RecordingChat(Object.assign(puppet, { startTls: () => handshake.promise }));
      const upgrade = chat.upgradeTls({ role: 'server' });
      await turn();
      chat.say('over TLS');
      chat.closeWhenDone();
      puppet.emit('data', bytes('of the handshake'));
      expect(puppet.calls).to.deep.equal(['pause']);
      const secure = new Puppet();
      handshake.resolve(secure);
      await upgrade;
      await turn();
      expect(secure.calls).to.deep.equal(['write over TLS', 'end']);
      expect([puppet.calls, chat.events]).to.deep.equal([['pause'], []]);
    });

    it('works on a transport that has neither cork nor TLS, and uses nothing but its members', async () => {
      const chat = new RecordingChat(new Puppet());
      const error: ChatError = await chat.upgradeTls({ role: 'server' }).then(
        () => expect.fail('it was resolved'),
        (e) => e,
      );
      expect(error.code).to.equal('TLS_FAILED');
      expect(chat.say('still open')).to.equal(true);
    });
  });
});
