// The pair in memory has the habits of a socket: what a protocol meets here it meets on the wire.
import { expect } from 'chai';
import { memoryTransportPair } from '../../src/memory-transport.ts';
import type { Transport } from '../../src/transport.ts';
import { bytes } from '../support/recording.ts';
import { turn } from '../support/within.ts';

function listen(transport: Transport): string[] {
  const events: string[] = [];
  transport.on('data', (chunk: Buffer) => events.push(chunk.toString('latin1')));
  transport.on('drain', () => events.push('<drain>'));
  transport.on('end', () => events.push('<end>'));
  transport.on('error', (error: Error) => events.push(`<${error.message}>`));
  transport.on('close', () => events.push('<close>'));
  return events;
}

describe('memoryTransportPair', () => {
  it('delivers later, never inside write(), in order and both ways', async () => {
    const [a, b] = memoryTransportPair();
    const [atA, atB] = [listen(a), listen(b)];
    a.write(bytes('1'));
    a.write(bytes('2'));
    b.write(bytes('x'));
    expect([atA, atB]).to.deep.equal([[], []]);
    await turn();
    expect([atA, atB]).to.deep.equal([['x'], ['1', '2']]);
  });

  it('copies: what the writer does with its buffer afterwards is its own affair', async () => {
    const [a, b] = memoryTransportPair();
    const atB = listen(b);
    const data = bytes('before');
    a.write(data);
    data.fill(0);
    await turn();
    expect(atB).to.deep.equal(['before']);
  });

  it('keeps what comes before anybody listens', async () => {
    const [a, b] = memoryTransportPair();
    a.write(bytes('early'));
    a.end();
    await turn();
    const atB = listen(b);
    await turn();
    expect(atB).to.deep.equal(['early', '<end>']);
  });

  it('stops for pause(), also in the middle of what waits, and goes on with resume()', async () => {
    const [a, b] = memoryTransportPair();
    const events: string[] = [];
    b.on('data', (chunk: Buffer) => {
      events.push(chunk.toString());
      b.pause();
    });
    b.on('end', () => events.push('<end>'));
    for (const word of ['1', '2']) a.write(bytes(word));
    a.end();
    await turn();
    expect(events).to.deep.equal(['1']);
    b.resume();
    await turn();
    expect(events).to.deep.equal(['1', '2']);
    b.resume();
    await turn();
    expect(events).to.deep.equal(['1', '2', '<end>']);
  });

  it('answers false when the peer is full, and drains when it has read everything', async () => {
    const [a, b] = memoryTransportPair();
    const atA = listen(a);
    expect(a.write(Buffer.alloc(65_535))).to.equal(true);
    expect(a.write(Buffer.alloc(1))).to.equal(false);
    expect(a.write(Buffer.alloc(1))).to.equal(false);
    await turn();
    expect(atA).to.deep.equal([]);
    listen(b);
    await turn();
    expect(atA).to.deep.equal(['<drain>']);
    expect(a.write(Buffer.alloc(1))).to.equal(true);
  });

  it('ends each direction by itself, and closes when both have ended', async () => {
    const [a, b] = memoryTransportPair();
    const [atA, atB] = [listen(a), listen(b)];
    a.write(bytes('question'));
    a.end();
    await turn();
    expect(atB).to.deep.equal(['question', '<end>']);
    expect(a.write(bytes('after the end'))).to.equal(false);
    b.write(bytes('answer'));
    b.end();
    await turn();
    expect(atA).to.deep.equal(['answer', '<end>', '<close>']);
    expect(atB).to.deep.equal(['question', '<end>', '<close>']);
  });

  it('destroy() closes at once: the error is told here, the end there, what waits here is lost', async () => {
    const [a, b] = memoryTransportPair();
    const [atA, atB] = [listen(a), listen(b)];
    a.write(bytes('last words'));
    b.write(bytes('never read'));
    a.destroy(new Error('enough'));
    a.destroy();
    await turn();
    expect(atA).to.deep.equal(['<enough>', '<close>']);
    expect(atB).to.deep.equal(['last words', '<end>']);
    b.end();
    await turn();
    expect(atB.at(-1)).to.equal('<close>');
  });

  it('regression: who waits for room is released when the peer is destroyed', async () => {
    const [a, b] = memoryTransportPair();
    const atA = listen(a);
    expect(a.write(Buffer.alloc(100_000))).to.equal(false);
    await turn();
    b.destroy();
    await turn();
    expect(atA).to.include('<drain>');
    expect(a.write(bytes('into nowhere'))).to.equal(true);
  });

  it('regression: tells nothing more to one that is closed', async () => {
    const [a, b] = memoryTransportPair();
    const atA = listen(a);
    a.write(Buffer.alloc(100_000));
    a.destroy();
    listen(b);
    await turn();
    expect(atA).to.deep.equal(['<close>']);
  });

  it('names the other end', () => {
    const [a, b] = memoryTransportPair();
    expect([a.remote, b.remote]).to.deep.equal(['memory:b', 'memory:a']);
    expect(a.startTls).to.equal(undefined);
  });
});
