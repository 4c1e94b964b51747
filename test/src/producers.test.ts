// The producers that come with the core, by themselves.
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { CompositeProducer, IterableProducer, type Producer, SimpleProducer, toProducer } from '../../src/producers.ts';
import { bytes } from '../support/recording.ts';
import { deferred, turn } from '../support/within.ts';

async function drain(producer: Producer): Promise<string[]> {
  const pieces: string[] = [];
  for (;;) {
    const piece = await producer.more();
    if (!piece?.length) return pieces;
    pieces.push(Buffer.from(piece).toString('latin1'));
  }
}

describe('SimpleProducer', () => {
  it('yields its bytes in pieces of the size that was asked for, and 512 where none was', async () => {
    expect(await drain(new SimpleProducer(bytes('abcdefgh'), 3))).to.deep.equal(['abc', 'def', 'gh']);
    expect((await drain(new SimpleProducer(Buffer.alloc(1025)))).map((piece) => piece.length)).to.deep.equal([
      512, 512, 1,
    ]);
  });

  it('yields null for no bytes, and again after its end', () => {
    const producer = new SimpleProducer(bytes(''));
    expect([producer.more(), producer.more()]).to.deep.equal([null, null]);
  });

  for (const size of [0, -1, 1.5, Number.NaN]) {
    it(`refuses pieces of ${size} bytes`, () => {
      expect(() => new SimpleProducer(bytes('x'), size)).to.throw(RangeError);
    });
  }

  it('refuses text', () => {
    expect(() => new SimpleProducer('text' as never)).to.throw(TypeError);
  });
});

describe('IterableProducer', () => {
  it('yields what an async generator does; an empty chunk in the middle ends nothing', async () => {
    async function* source() {
      yield bytes('a');
      yield bytes('');
      yield bytes('b');
    }
    expect(await drain(new IterableProducer(source()))).to.deep.equal(['a', 'b']);
  });

  it('yields a Readable', async () => {
    expect((await drain(new IterableProducer(Readable.from([bytes('x'), bytes('y')])))).join('')).to.equal('xy');
  });

  it('rejects for what is not bytes', async () => {
    async function* source() {
      yield 'text' as never;
    }
    const error: Error = await new IterableProducer(source()).more().then(
      () => expect.fail('it was resolved'),
      (e) => e,
    );
    expect(error).to.be.instanceOf(TypeError);
  });

  it('cleans its source up when it is stopped', async () => {
    const cleaned = deferred();
    async function* source() {
      try {
        yield bytes('a');
        yield bytes('b');
      } finally {
        cleaned.resolve();
      }
    }
    const producer = new IterableProducer(source());
    await producer.more();
    producer.stop();
    await cleaned.promise;
  });

  it('is not upset by a source that fails to clean up', async () => {
    const iterator = {
      next: () => Promise.resolve({ done: false as const, value: bytes('a') }),
      return: () => Promise.reject(new Error('cannot clean up')),
    };
    new IterableProducer({ [Symbol.asyncIterator]: () => iterator }).stop();
    // A rejection that nobody takes would end the process here.
    await turn();
  });
});

describe('CompositeProducer', () => {
  it('yields one after the other', async () => {
    const parts = [new SimpleProducer(bytes('abc'), 2), new SimpleProducer(bytes('')), new SimpleProducer(bytes('d'))];
    expect(await drain(new CompositeProducer(parts))).to.deep.equal(['ab', 'c', 'd']);
  });

  it('takes undefined for an end, as the queue does', async () => {
    const none = { more: () => undefined as never };
    expect(await drain(new CompositeProducer([none, new SimpleProducer(bytes('x'))]))).to.deep.equal(['x']);
  });

  it('stops those that are left, not those that came to their end', async () => {
    const stopped: string[] = [];
    const part = (name: string, answers: (Buffer | null)[]): Producer => ({
      more: () => answers.shift() ?? null,
      stop: () => stopped.push(name),
    });
    const producer = new CompositeProducer([part('a', []), part('b', [bytes('b')]), part('c', [])]);
    await producer.more();
    producer.stop(new Error('enough'));
    expect(stopped).to.deep.equal(['b', 'c']);
    expect(await producer.more()).to.equal(null);
  });
});

describe('toProducer', () => {
  it('leaves a producer alone, whether or not it looks empty', () => {
    const falsy = { length: 0, more: () => null };
    expect(toProducer(falsy)).to.equal(falsy);
  });

  it('prefers more() to iteration', async () => {
    const both = { more: () => null, async *[Symbol.asyncIterator]() {} };
    expect(toProducer(both)).to.equal(both);
  });

  it('yields bytes once', async () => {
    expect(await drain(toProducer(bytes('once')))).to.deep.equal(['once']);
    expect(await drain(toProducer(new Uint8Array(0)))).to.deep.equal([]);
  });
});
