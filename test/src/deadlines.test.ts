// Time, on a clock that the test moves: the four deadlines of a connection, and what puts them off.
import { expect } from 'chai';
import type { ChatOptions } from '../../src/chat.ts';
import { FakeClock } from '../../src/clock.ts';
import { Deadline, type Timeouts } from '../../src/deadlines.ts';
import { memoryTransportPair } from '../../src/memory-transport.ts';
import type { Transport } from '../../src/transport.ts';
import { bytes, type ChatHooks, RecordingChat } from '../support/recording.ts';
import { deferred, turn } from '../support/within.ts';

describe('Deadline', () => {
  it('passes so long after it was last touched, and not before', () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 100, () => passed++);
    deadline.touch();
    clock.advance(99);
    deadline.touch();
    clock.advance(99);
    expect(passed).to.equal(0);
    clock.advance(1);
    expect(passed).to.equal(1);
    clock.advance(1000);
    expect([passed, deadline.running, clock.pending]).to.deep.equal([1, false, 0]);
  });

  it('passes to the millisecond, also when its timer fires before', () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 100, () => passed++);
    deadline.touch();
    clock.advance(1);
    deadline.touch();
    clock.advance(99);
    expect(passed).to.equal(0);
    clock.advance(1);
    expect(passed).to.equal(1);
  });

  it('can be made longer and shorter again, from its last touch, without another timer', () => {
    const clock = new FakeClock();
    const passed: number[] = [];
    const begin = clock.now();
    const deadline = new Deadline(clock, 100, () => passed.push(clock.now() - begin));
    deadline.touch();
    deadline.change(300);
    clock.advance(250);
    expect([passed.length, clock.pending]).to.deep.equal([0, 1]);
    deadline.touch();
    deadline.change(100);
    clock.advance(99);
    expect(passed).to.deep.equal([]);
    clock.advance(1);
    expect(passed).to.deep.equal([350]);
    deadline.touch();
    deadline.change(300);
    clock.advance(300);
    expect(passed).to.deep.equal([350, 650]);
  });

  it('made shorter than it ever was, passes with the timer that was set', () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 100, () => passed++);
    deadline.touch();
    deadline.change(10);
    clock.advance(99);
    expect(passed).to.equal(0);
    clock.advance(1);
    expect(passed).to.equal(1);
    deadline.touch();
    clock.advance(10);
    expect(passed).to.equal(2);
  });

  it('sets one timer, however often it is touched', () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, 100, () => {});
    for (let i = 0; i < 1000; i++) deadline.touch();
    expect(clock.pending).to.equal(1);
  });

  it('rests without forgetting its timer, and starts anew from the next touch', () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 100, () => passed++);
    deadline.touch();
    deadline.rest();
    clock.advance(90);
    deadline.touch();
    clock.advance(99);
    expect([passed, deadline.running]).to.deep.equal([0, true]);
    clock.advance(1);
    expect(passed).to.equal(1);
  });

  it('regression: once cancelled it cannot be touched any more', () => {
    const clock = new FakeClock();
    let passed = 0;
    const deadline = new Deadline(clock, 100, () => passed++);
    deadline.touch();
    deadline.cancel();
    deadline.rest();
    deadline.touch();
    clock.advance(1000);
    expect([passed, deadline.running, clock.pending]).to.deep.equal([0, false, 0]);
  });
});

interface Scene {
  clock: FakeClock;
  chat: RecordingChat;
  peer: Transport;
  /** What the peer has received. */
  heard: string[];
  wait(ms: number): Promise<void>;
  timeouts(): string[];
}

function scene(timeouts: Timeouts, hooks: ChatHooks = {}, options: ChatOptions = {}, listening = true): Scene {
  const clock = new FakeClock();
  const [near, peer] = memoryTransportPair();
  const chat = new RecordingChat(near, hooks, { timeouts, clock, ...options });
  const heard: string[] = [];
  if (listening) peer.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
  const wait = async (ms: number) => {
    await turn();
    clock.advance(ms);
    await turn();
  };
  const told = () => chat.events.filter((event) => event.startsWith('timeout'));
  return { clock, chat, peer, heard, wait, timeouts: told };
}

describe('deadlines of a chat', () => {
  describe('idle', () => {
    it('passes when nothing comes or goes; the default destroys', async () => {
      const { chat, wait, clock } = scene({ idle: 100 });
      await wait(99);
      expect(chat.events).to.deep.equal([]);
      await wait(1);
      expect(chat.events).to.deep.equal(['timeout idle', 'close']);
      expect(clock.pending).to.equal(0);
    });

    it('is put off by what comes and by what goes', async () => {
      const { chat, peer, wait, timeouts } = scene({ idle: 100 });
      for (let i = 0; i < 5; i++) {
        await wait(60);
        if (i % 2) chat.say('x');
        else peer.write(bytes('y'));
      }
      await wait(99);
      expect(timeouts()).to.deep.equal([]);
      await wait(1);
      expect(timeouts()).to.deep.equal(['timeout idle']);
    });

    it('waits while a handler is at work, and counts from its end', async () => {
      const work = deferred();
      const { peer, wait, timeouts } = scene({ idle: 100 }, { frame: () => work.promise });
      peer.write(bytes('slow\r\n'));
      await wait(1000);
      expect(timeouts()).to.deep.equal([]);
      work.resolve();
      await wait(99);
      expect(timeouts()).to.deep.equal([]);
      await wait(200);
      expect(timeouts()).to.deep.equal(['timeout idle']);
    });

    it('waits while a producer is at work', async () => {
      const { chat, wait, timeouts } = scene({ idle: 100 });
      const work = deferred<Buffer | null>();
      void chat.pushWithProducer({ more: () => work.promise });
      await wait(1000);
      expect(timeouts()).to.deep.equal([]);
      work.resolve(null);
      await wait(300);
      expect(timeouts()).to.deep.equal(['timeout idle']);
    });

    it('regression: passes for a peer that lets our output lie, though no write deadline is set', async () => {
      const { chat, wait, timeouts } = scene({ idle: 100 }, {}, {}, false);
      chat.say('x'.repeat(100_000));
      await wait(300);
      expect(timeouts()).to.deep.equal(['timeout idle']);
    });

    it('is put off when the peer takes what it had let lie', async () => {
      const { chat, peer, wait, timeouts } = scene({ idle: 100 }, {}, {}, false);
      chat.say('x'.repeat(65_536));
      await wait(90);
      peer.on('data', () => {});
      await wait(90);
      expect(timeouts()).to.deep.equal([]);
      await wait(10);
      expect(timeouts()).to.deep.equal(['timeout idle']);
    });

    it('can be answered with words: the handler replaces the default', async () => {
      const { chat, heard, wait } = scene(
        { idle: 100 },
        {
          timeout(c) {
            c.say('421 too slow\r\n');
            c.closeWhenDone();
          },
        },
      );
      await wait(100);
      expect(heard).to.deep.equal(['421 too slow\r\n']);
      expect(chat.events).to.deep.equal(['timeout idle']);
    });

    it('passes again after the next byte when the handler does nothing', async () => {
      const { peer, wait, timeouts } = scene({ idle: 100 }, { timeout: () => {} });
      await wait(500);
      expect(timeouts()).to.have.length(1);
      peer.write(bytes('x'));
      await wait(100);
      expect(timeouts()).to.have.length(2);
    });

    it('an exception in the handler goes to handleError', async () => {
      const { chat, wait } = scene(
        { idle: 100 },
        {
          timeout() {
            throw new Error('timeout failed');
          },
        },
      );
      await wait(100);
      expect(chat.events).to.deep.equal(['timeout idle', 'error HANDLER_FAILED', 'close']);
    });
  });

  describe('frame', () => {
    it('passes for one that dribbles a frame, however busily', async () => {
      const { peer, wait, timeouts } = scene({ frame: 100, idle: 1000 });
      for (let i = 0; i < 9; i++) {
        peer.write(bytes('x'));
        await wait(11);
      }
      expect(timeouts()).to.deep.equal([]);
      peer.write(bytes('x'));
      await wait(11);
      expect(timeouts()).to.deep.equal(['timeout frame']);
    });

    it('runs from the first byte of a frame, not between frames', async () => {
      const { peer, wait, timeouts } = scene({ frame: 100 });
      await wait(1000);
      for (let i = 0; i < 10; i++) {
        peer.write(bytes('complete\r\n'));
        await wait(90);
      }
      peer.write(bytes('end\r\nnext'));
      await wait(99);
      expect(timeouts()).to.deep.equal([]);
      await wait(1);
      expect(timeouts()).to.deep.equal(['timeout frame']);
    });

    it('starts anew with each frame, also when one ends and the next begins in the same chunk', async () => {
      const { peer, wait, timeouts } = scene({ frame: 100 });
      for (let i = 0; i < 10; i++) {
        peer.write(bytes('b\r\na'));
        await wait(60);
      }
      expect(timeouts()).to.deep.equal([]);
    });

    it('counts a held CR as the beginning of a frame', async () => {
      const { peer, wait, timeouts } = scene({ frame: 100 });
      peer.write(bytes('\r'));
      await wait(100);
      expect(timeouts()).to.deep.equal(['timeout frame']);
    });

    it('rests while a handler is at work', async () => {
      const work = deferred();
      const { peer, wait, timeouts } = scene({ frame: 100 }, { frame: () => work.promise });
      peer.write(bytes('a\r\nb'));
      await wait(1000);
      expect(timeouts()).to.deep.equal([]);
      work.resolve();
      await wait(99);
      expect(timeouts()).to.deep.equal([]);
      await wait(1);
      expect(timeouts()).to.deep.equal(['timeout frame']);
    });

    it('waits while we do not read for want of room for our answers', async () => {
      const { chat, peer, wait, timeouts } = scene({ frame: 100 }, {}, { outHighWater: 10 }, false);
      chat.say('x'.repeat(100_000));
      peer.write(bytes('half a fra'));
      await wait(1000);
      expect(timeouts()).to.deep.equal([]);
    });

    it('regression: is not put off by answers that the peer lets lie', async () => {
      const { chat, peer, wait, timeouts } = scene({ frame: 100 }, {}, { outHighWater: 1_000_000 }, false);
      chat.say('x'.repeat(100_000));
      for (let i = 0; i < 5; i++) {
        peer.write(bytes('x'));
        await wait(25);
      }
      expect(timeouts()).to.deep.equal(['timeout frame']);
    });
  });

  describe('write', () => {
    it('passes when output waits and the peer takes nothing', async () => {
      const { chat, wait, timeouts } = scene({ write: 100 }, {}, {}, false);
      chat.say('x'.repeat(100_000));
      await wait(99);
      expect(timeouts()).to.deep.equal([]);
      await wait(1);
      expect(timeouts()).to.deep.equal(['timeout write']);
      expect(chat.events.at(-1)).to.equal('close');
    });

    it('does not run while everything is passed on', async () => {
      const { chat, wait, timeouts } = scene({ write: 100 });
      chat.say('x'.repeat(100_000));
      await wait(1000);
      expect(timeouts()).to.deep.equal([]);
    });

    it('regression: one big push is cut, so that a slow peer is seen to take something', async () => {
      const clock = new FakeClock();
      let drain = () => {};
      let taken = 0;
      // Passes on 64 KB in 60 ms, and says so when a write is done as a whole, like a socket.
      const slow: Transport = {
        write(data) {
          clock.setTimeout(
            () => {
              taken += data.length;
              drain();
            },
            (data.length / 65_536) * 60,
          );
          return false;
        },
        end() {},
        destroy() {},
        pause() {},
        resume() {},
        on(event, listener) {
          if (event === 'drain') drain = listener;
        },
        remote: 'slow',
      };
      const chat = new RecordingChat(slow, {}, { clock, timeouts: { write: 100, idle: 100 } });
      chat.say('x'.repeat(1_000_000));
      clock.advance(950);
      expect(chat.events).to.deep.equal([]);
      expect(taken).to.equal(1_000_000);
    });

    it('regression: a producer that thinks is not the fault of the peer', async () => {
      const { chat, wait, timeouts, heard } = scene({ write: 100 });
      const answers = [Promise.resolve(bytes('first')), deferred<Buffer | null>().promise];
      void chat.pushWithProducer({ more: () => answers.shift()! });
      chat.say('behind it');
      await wait(1000);
      expect(heard).to.deep.equal(['first']);
      expect(timeouts()).to.deep.equal([]);
    });

    it('holds while closing too, without a callback: nothing runs any more but the last one', async () => {
      const { chat, wait } = scene({ write: 100 }, {}, {}, false);
      chat.say('x'.repeat(100_000));
      chat.closeWhenDone();
      await wait(100);
      expect(chat.events).to.deep.equal(['close']);
    });
  });

  describe('close', () => {
    it('bounds the wait for the end of the peer, 5 seconds where nothing was said', async () => {
      const { chat, wait, clock } = scene({});
      chat.closeWhenDone();
      await wait(4999);
      expect(chat.events).to.deep.equal([]);
      await wait(1);
      expect(chat.events).to.deep.equal(['close']);
      expect(clock.pending).to.equal(0);
    });

    it('takes the time from the options', async () => {
      const { chat, wait } = scene({ close: 70 });
      chat.closeWhenDone();
      await wait(69);
      expect(chat.events).to.deep.equal([]);
      await wait(1);
      expect(chat.events).to.deep.equal(['close']);
    });

    it('runs only from the moment when everything is handed over', async () => {
      const { chat, peer, wait, heard } = scene({ close: 100 }, {}, {}, false);
      chat.say('x'.repeat(100_000));
      chat.closeWhenDone();
      await wait(1000);
      expect(chat.events).to.deep.equal([]);
      peer.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
      await wait(99);
      expect(heard.join('')).to.have.length(100_000);
      expect(chat.events).to.deep.equal([]);
      await wait(1);
      expect(chat.events).to.deep.equal(['close']);
    });

    it('with a grace bounds all of it, also what is queued', async () => {
      const { chat, wait } = scene({ close: 100 }, {}, {}, false);
      chat.say('x'.repeat(100_000));
      chat.closeWhenDone(30);
      await wait(29);
      expect(chat.events).to.deep.equal([]);
      await wait(1);
      expect(chat.events).to.deep.equal(['close']);
    });

    it('regression: is not cut short by the idle deadline, which ends with closeWhenDone()', async () => {
      const { chat, peer, wait, heard } = scene({ idle: 50, frame: 50, close: 1000 }, {}, {}, false);
      chat.say('x'.repeat(100_000));
      chat.closeWhenDone();
      peer.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
      await wait(0);
      expect(heard.join('')).to.have.length(100_000);
      await wait(999);
      expect(chat.events).to.deep.equal([]);
      await wait(1);
      expect(chat.events).to.deep.equal(['close']);
    });
  });

  it('leaves no timer behind, however the connection ends', async () => {
    for (const end of ['abort', 'closeWhenDone', 'peer'] as const) {
      const { chat, clock, peer, wait } = scene({ idle: 100, frame: 100, write: 100, close: 100 });
      peer.write(bytes('half'));
      chat.say('x'.repeat(100_000));
      await turn();
      if (end === 'peer') peer.end();
      else chat[end]();
      peer.end();
      await wait(0);
      expect(chat.events.at(-1), end).to.equal('close');
      expect(clock.pending, end).to.equal(0);
    }
  });

  it('regression: leaves no timer behind when the transport drains after its end', async () => {
    const { chat, clock, peer, wait } = scene({ idle: 100, write: 100 }, {}, {}, false);
    chat.say('x'.repeat(100_000));
    chat.abort();
    peer.on('data', () => {});
    await wait(0);
    expect(clock.pending).to.equal(0);
  });
});
