// The queue of the way out: order, pressure, producers, the end; and what is left of it when it is thrown away.
import { expect } from 'chai';
import fc from 'fast-check';
import { ChatError } from '../../src/errors.ts';
import { Outbox, type OutboxOptions } from '../../src/outbox.ts';
import type { Producer } from '../../src/producers.ts';
import { bytes } from '../support/recording.ts';
import { type Deferred, deferred, turn } from '../support/within.ts';

/** An outlet that takes `room` bytes between two drains. */
class Pipe {
  readonly writes: string[] = [];
  corks = 0;
  room: number;
  private left: number;

  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room;
    this.left = room;
  }

  write(data: Uint8Array): boolean {
    this.writes.push(Buffer.from(data).toString('latin1'));
    this.left -= data.length;
    return this.left > 0;
  }

  end(): void {
    this.writes.push('END');
  }

  cork(): void {
    this.corks++;
  }

  uncork(): void {
    this.corks--;
  }

  /** All that was written is passed on. */
  drain(box: Outbox): void {
    this.left = this.room;
    box.drained();
  }

  get all(): string {
    return this.writes.join('');
  }
}

function boxOn(pipe: Pipe, options: OutboxOptions = {}) {
  const pressure: boolean[] = [];
  const errors: ChatError[] = [];
  const box = new Outbox(pipe, {
    onPressure: (over) => pressure.push(over),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { box, pressure, errors };
}

/** A producer that answers when the test says so. */
function slow(): { producer: Producer; answers: Deferred<Buffer | null>[]; stopped: (Error | undefined)[] } {
  const answers: Deferred<Buffer | null>[] = [];
  const stopped: (Error | undefined)[] = [];
  const more = () => {
    answers.push(deferred());
    return answers.at(-1)!.promise;
  };
  return { producer: { more, stop: (why) => stopped.push(why) }, answers, stopped };
}

describe('Outbox', () => {
  describe('gathering', () => {
    it('copies the small pushes of a turn together: they leave in one write', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      box.hold();
      for (let i = 0; i < 1000; i++) box.push(bytes(`reply ${i}\r\n`));
      expect(pipe.writes).to.deep.equal([]);
      box.release();
      expect(pipe.writes.length).to.be.lessThan(10);
      expect(pipe.all).to.equal(Array.from({ length: 1000 }, (_, i) => `reply ${i}\r\n`).join(''));
      expect(pipe.corks).to.equal(0);
    });

    it('sends a copy of what it gathered: changing the bytes later changes nothing', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      const data = bytes('before');
      box.hold();
      box.push(data);
      data.fill(0);
      box.release();
      expect(pipe.all).to.equal('before');
    });

    it('passes big ones on without copying, in their place', () => {
      const seen: Uint8Array[] = [];
      const box = new Outbox({ write: (data) => seen.push(data) > 0, end() {} });
      const big = Buffer.alloc(10_000, 'b');
      box.hold();
      for (const data of [bytes('a'), big, bytes('c')]) box.push(data);
      box.release();
      expect(seen.map((data) => data.length)).to.deep.equal([1, 10_000, 1]);
      expect(seen[1]).to.equal(big);
    });

    it('sends at once outside a turn, and nests', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      box.push(bytes('a'));
      expect(pipe.writes).to.deep.equal(['a']);
      box.hold();
      box.hold();
      box.push(bytes('b'));
      box.release();
      expect(pipe.writes).to.deep.equal(['a']);
      box.release();
      expect(pipe.writes).to.deep.equal(['a', 'b']);
    });

    it('keeps the order of everything, in whatever way it comes', () => {
      const op = fc.oneof(
        fc.record({ kind: fc.constant('push'), size: fc.constantFrom(0, 1, 7, 500, 2048, 2049, 70_000, 140_001) }),
        fc.record({
          kind: fc.constantFrom('hold', 'release', 'drain', 'producer'),
          size: fc.constantFrom(1, 700, 66_000),
        }),
      );
      fc.assert(
        fc.property(fc.array(op, { maxLength: 40 }), fc.constantFrom(1, 1000, 100_000, 10_000_000), (ops, room) => {
          const pipe = new Pipe(room);
          const { box } = boxOn(pipe, { highWater: 5000 });
          const expected: string[] = [];
          let held = 0;
          for (const [i, { kind, size }] of ops.entries()) {
            const text = String.fromCharCode(97 + (i % 26)).repeat(size);
            if (kind === 'push') box.push(bytes(text));
            else if (kind === 'producer') {
              const parts = [text, text];
              void box.pushWithProducer({ more: () => (parts.length > 0 ? bytes(parts.pop()!) : null) });
              expected.push(text);
            }
            if (kind === 'push' || kind === 'producer') expected.push(text);
            if (kind === 'hold') {
              box.hold();
              held++;
            }
            if (kind === 'release' && held > 0) {
              box.release();
              held--;
            }
            if (kind === 'drain') pipe.drain(box);
          }
          while (held-- > 0) box.release();
          box.closeWhenDone();
          for (let i = 0; i < 10_000 && !box.ended; i++) pipe.drain(box);
          expect(pipe.writes.pop()).to.equal('END');
          expect(pipe.all === expected.join('')).to.equal(true);
          expect(Math.max(0, ...pipe.writes.map((one) => one.length))).to.be.at.most(65_536);
          expect([box.size, box.pending, pipe.corks]).to.deep.equal([0, false, 0]);
        }),
        { seed: 1, numRuns: 300 },
      );
    });
  });

  describe('pressure', () => {
    it('answers false over the high water, true again below half of it', () => {
      const pipe = new Pipe(1);
      const { box, pressure } = boxOn(pipe, { highWater: 10 });
      expect(box.push(bytes('x'))).to.equal(true);
      expect(box.push(bytes('123456789'))).to.equal(true);
      expect(box.push(bytes('!'))).to.equal(false);
      expect([box.size, pressure]).to.deep.equal([11, [true]]);
      pipe.drain(box);
      // The nine are with the outlet now, and count until it passes them on.
      expect([box.size, pressure]).to.deep.equal([10, [true]]);
      pipe.drain(box);
      expect([box.size, pressure]).to.deep.equal([1, [true, false]]);
      expect(box.push(bytes('y'))).to.equal(true);
    });

    it('regression: pressure ends when a producer does, though no drain comes', async () => {
      const pipe = new Pipe();
      const { box, pressure } = boxOn(pipe, { highWater: 10 });
      const { producer, answers } = slow();
      void box.pushWithProducer(producer);
      expect(box.push(bytes('x'.repeat(20)))).to.equal(false);
      answers[0]!.resolve(null);
      await turn();
      expect(pressure).to.deep.equal([true, false]);
      expect(pipe.all).to.equal('x'.repeat(20));
    });

    it('regression: what a producer yields is pressure too', () => {
      const { box, pressure } = boxOn(new Pipe(1), { highWater: 10 });
      void box.pushWithProducer(bytes('x'.repeat(100)));
      expect([pressure, box.size]).to.deep.equal([[true], 100]);
    });

    it('asks a producer only when the outlet can take more', () => {
      const pipe = new Pipe(1);
      const { box } = boxOn(pipe);
      let asked = 0;
      void box.pushWithProducer({ more: () => bytes(`piece ${++asked} `) });
      expect(asked).to.equal(1);
      pipe.drain(box);
      expect(asked).to.equal(2);
    });
  });

  describe('producers', () => {
    it('resolves when the last byte was handed over, behind everything before it', async () => {
      const pipe = new Pipe(1);
      const { box } = boxOn(pipe);
      let done = false;
      box.push(bytes('a'));
      void box.pushWithProducer(bytes('b')).then(() => {
        done = true;
      });
      await turn();
      expect(done).to.equal(false);
      pipe.drain(box);
      pipe.drain(box);
      await turn();
      expect([done, pipe.all]).to.deep.equal([true, 'ab']);
    });

    for (const what of [null, undefined, 'text', 5, {}, { more: 1 }, [], () => null]) {
      it(`refuses ${typeof what === 'function' ? 'a function' : JSON.stringify(what)} with a TypeError`, () => {
        expect(() => boxOn(new Pipe()).box.pushWithProducer(what as never)).to.throw(TypeError);
      });
    }

    for (const [name, more] of [
      [
        'throws',
        () => {
          throw new Error('broken');
        },
      ],
      ['rejects', () => Promise.reject(new Error('broken'))],
      ['yields text', () => 'text' as never],
      ['yields a number', () => 5 as never],
    ] as [string, Producer['more']][]) {
      it(`when one ${name}, it is stopped, its promise rejects, and the rest goes on`, async () => {
        const pipe = new Pipe();
        const { box, errors } = boxOn(pipe);
        const stopped: unknown[] = [];
        const done = box.pushWithProducer({ more, stop: (why) => stopped.push(why) });
        box.push(bytes('next'));
        const error: ChatError = await done.then(
          () => expect.fail('it was resolved'),
          (e) => e,
        );
        await turn();
        expect(error.code).to.equal('PRODUCER_FAILED');
        expect(errors).to.deep.equal([error]);
        expect(stopped).to.deep.equal([error]);
        expect(pipe.all).to.equal('next');
      });
    }

    it('runs no producer inside a turn: it is somebody else’s code', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe, { highWater: 3 });
      let asked = 0;
      box.hold();
      void box.pushWithProducer({ more: () => (asked++ === 0 ? bytes('p') : null) });
      box.push(bytes('over the high water'));
      expect([asked, pipe.all]).to.deep.equal([0, '']);
      box.release();
      expect([asked, pipe.all]).to.deep.equal([2, 'pover the high water']);
    });

    it('one that throws in stop() does not keep the others from being stopped', () => {
      const { box } = boxOn(new Pipe(0));
      const stopped: string[] = [];
      const bad = () => {
        stopped.push('bad');
        throw new Error('cannot even stop');
      };
      box.push(bytes('x'));
      void box.pushWithProducer({ more: () => null, stop: bad });
      void box.pushWithProducer({ more: () => null, stop: () => stopped.push('good') });
      box.destroy(new Error('gone'));
      expect(stopped).to.deep.equal(['bad', 'good']);
    });

    it('rejects with CLOSED when the outlet is gone, whatever the reason; stop() is told the reason', async () => {
      const { box } = boxOn(new Pipe());
      const { producer, stopped } = slow();
      const done = box.pushWithProducer(producer);
      const reason = new Error('the cable was cut');
      box.destroy(reason);
      const error: ChatError = await done.then(
        () => expect.fail('it was resolved'),
        (e) => e,
      );
      expect(error.code).to.equal('CLOSED');
      expect(error.cause).to.equal(reason);
      expect(stopped).to.deep.equal([reason]);
    });

    it('takes no answer of one that was thrown away', async () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      const { producer, answers } = slow();
      void box.pushWithProducer(producer);
      box.discard();
      answers[0]!.resolve(bytes('too late'));
      await turn();
      expect(pipe.all).to.equal('');
    });

    it('regression: one that never answers does not block what is pushed after discard()', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      void box.pushWithProducer(slow().producer);
      box.discard();
      box.push(bytes('after'));
      expect(pipe.all).to.equal('after');
    });

    it('survives a producer that throws the queue away while it is asked', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      box.hold();
      void box.pushWithProducer({
        more() {
          box.discard();
          return bytes('of a queue that is gone');
        },
      });
      box.push(bytes('gone too'));
      box.release();
      box.push(bytes('next'));
      expect(pipe.all).to.equal('next');
    });
  });

  describe('the end', () => {
    it('comes once, behind everything', () => {
      const pipe = new Pipe();
      let ends = 0;
      const { box } = boxOn(pipe, { onEnd: () => ends++ });
      box.hold();
      box.push(bytes('a'));
      box.closeWhenDone();
      box.closeWhenDone();
      box.release();
      expect(pipe.writes).to.deep.equal(['a', 'END']);
      expect([ends, box.closing, box.ended]).to.deep.equal([1, true, true]);
    });

    it('regression: waits until the outlet has passed on what it took', () => {
      const pipe = new Pipe(1);
      const { box } = boxOn(pipe);
      box.push(bytes('a'));
      box.closeWhenDone();
      expect(pipe.writes).to.deep.equal(['a']);
      pipe.drain(box);
      expect(pipe.writes).to.deep.equal(['a', 'END']);
    });

    it('waits for a producer that thinks', async () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      const { producer, answers } = slow();
      void box.pushWithProducer(producer);
      box.closeWhenDone();
      answers[0]!.resolve(bytes('p'));
      await turn();
      expect(pipe.writes).to.deep.equal(['p']);
      answers[1]!.resolve(null);
      await turn();
      expect(pipe.writes).to.deep.equal(['p', 'END']);
    });

    it('comes at once when what it waits for is thrown away', () => {
      const pipe = new Pipe();
      const { box } = boxOn(pipe);
      void box.pushWithProducer(slow().producer);
      box.closeWhenDone();
      box.discard();
      expect(pipe.writes).to.deep.equal(['END']);
    });

    it('never comes to an outlet that is gone', () => {
      const pipe = new Pipe(1);
      const { box } = boxOn(pipe);
      box.push(bytes('a'));
      box.closeWhenDone();
      box.destroy();
      pipe.drain(box);
      expect(box.push(bytes('b'))).to.equal(false);
      expect(pipe.writes).to.deep.equal(['a']);
    });
  });

  it('goes on with another outlet where it was', () => {
    const plain = new Pipe(1);
    const secure = new Pipe();
    const { box } = boxOn(plain);
    for (const word of ['a', 'b', 'c']) box.push(bytes(word));
    box.redirect(secure);
    expect([plain.all, secure.all]).to.deep.equal(['a', 'bc']);
  });

  it('tells each write', () => {
    const told: number[] = [];
    const { box } = boxOn(new Pipe(), { onWrite: (n) => told.push(n) });
    box.push(bytes('x'.repeat(70_000)));
    expect(told).to.deep.equal([65_536, 4464]);
  });

  it('says what it waits for', () => {
    const stuck = boxOn(new Pipe(1)).box;
    stuck.push(bytes('x'));
    expect([stuck.stalled, stuck.awaitsProducer, stuck.pending]).to.deep.equal([true, false, true]);
    const waiting = boxOn(new Pipe()).box;
    void waiting.pushWithProducer(slow().producer);
    expect([waiting.stalled, waiting.awaitsProducer, waiting.pending]).to.deep.equal([false, true, true]);
    expect(new ChatError('CLOSED').message).to.contain('ended');
  });
});
