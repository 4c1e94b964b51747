// What is seen of connections that pass: in the order in which it was said, with its times, and never at their cost.
import { Writable } from 'node:stream';
import { expect } from 'chai';
import type { DialogueEvent } from '../../proxy/dialogue/event.ts';
import { Journal } from '../../proxy/dialogue/journal.ts';
import { type Scribe, Watcher } from '../../proxy/dialogue/watcher.ts';
import { jsonScribe } from '../../proxy/recording/jsonl.ts';
import { turn, until } from '../support/within.ts';
import { Rig } from './rig.ts';

/** Takes everything, or nothing until it is told to. */
class Paper extends Writable {
  text = '';
  private held: (() => void) | null = null;
  private isStalled: boolean;

  constructor(isStalled = false) {
    super({ highWaterMark: 1024 });
    this.isStalled = isStalled;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.isStalled) this.held = done;
    else done();
  }

  release(): void {
    this.isStalled = false;
    this.held?.();
  }
}

/** `1 client command QUIT`, one line an event. */
const plain: Scribe = {
  event: (event) => {
    if (event.type !== 'frame') return `${event.conn} ${event.type}\n`;
    const { conn, from, kind, bytes, latency } = event;
    return `${conn} ${from} ${kind} ${bytes.toString('latin1').trim()}${latency === null ? '' : ` (${latency} ms)`}\n`;
  },
  lost: (count) => `lost ${count}\n`,
};

describe('proxy: the dialogue', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.cleanUp());

  it('shows what both sides say, with the time that answers took', async () => {
    const paper = new Paper();
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { protocol: 'smtp' }, [{ scribe: plain, stream: paper }]);
    const [client, server] = await rig.join(proxy, upstream);
    rig.clock.advance(20);
    server.send('220 hi\r\n');
    await client.gets('hi\r\n');
    client.send('EHLO a\r\nQUIT\r\n');
    await server.gets('QUIT\r\n');
    rig.clock.advance(5);
    server.send('250-x\r\n250 y\r\n');
    await client.gets('y\r\n');
    rig.clock.advance(7);
    server.send('221 bye\r\n').finish();
    await client.getsEnd();
    client.finish();
    await rig.pairEnded();
    await until(5000, () => paper.text.endsWith('close\n'), 'the close');
    expect(paper.text.split('\n')).to.deep.equal([
      '1 open',
      '1 server reply 220 hi (20 ms)',
      '1 client command EHLO a',
      '1 client command QUIT',
      '1 server reply 250-x',
      '1 server reply 250 y (5 ms)',
      '1 server reply 221 bye (12 ms)',
      '1 end',
      '1 end',
      '1 close',
      '',
    ]);
  });

  it('looks at nothing, and passes everything, when nobody watches', async () => {
    const upstream = await rig.upstream();
    const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
    client.send('x').finish();
    await server.getsEnd();
    server.finish();
    expect((await rig.pairEnded()).bytesUp).to.equal(1);
  });

  it('row 35: a reader that stalls loses events, which are counted, and holds up nobody', async () => {
    const paper = new Paper(true);
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { protocol: 'line' }, [
      { scribe: jsonScribe(false), stream: paper },
    ]);
    const lines = Buffer.from('a line of text\r\n'.repeat(4096));
    const client = rig.client(proxy.listen).pour(lines.length * 100, lines);
    const server = await upstream.end();
    await server.getsEnd();
    expect(server.received).to.equal(lines.length * 100);
    server.expectAllOf(client);
    server.finish();
    await rig.pairEnded();
    expect(paper.text).to.not.contain('"lost"');
    paper.release();
    await until(5000, () => paper.text.includes('"lost"'), 'the count');
    const lost = Number(/"type":"lost","events":(\d+)/.exec(paper.text)?.[1]);
    expect(lost).to.be.greaterThan(300_000);
    const seen = paper.text.match(/"seq":/g)!.length;
    // Each line, and the open, two ends and the close.
    expect(lost + seen).to.be.at.most(409_600 + 4);
  });

  it('row 34: passes a line without an end on at once, and shows it in parts', async () => {
    const paper = new Paper();
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { protocol: 'smtp' }, [
      { scribe: jsonScribe(false), stream: paper },
    ]);
    const [client, server] = await rig.join(proxy, upstream);
    client.send(Buffer.alloc(500_000, 'x'));
    await until(5000, () => server.received === 500_000, 'all of it');
    await until(5000, () => (paper.text.match(/"truncated":true/g) ?? []).length === 7, 'seven parts');
    client.finish();
    await server.getsEnd();
    server.finish();
    await until(5000, () => paper.text.includes('"type":"close"'), 'the close');
    const said = paper.text
      .split('\n')
      .filter((line) => line.includes('"type":"frame"'))
      .map((line) => (JSON.parse(line) as { bytes: string }).bytes.length);
    expect(said.reduce((sum, length) => sum + length, 0)).to.equal(500_000);
  });

  it('goes on without its output when that fails', async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, {}, [{ scribe: plain, stream: broken }]);
    const [client, server] = await rig.join(proxy, upstream);
    for (let i = 0; i < 5; i++) {
      client.send(`line ${i}\r\n`);
      await server.gets(`line ${i}\r\n`);
      await turn();
    }
  });

  it('refuses a recording that cannot be written', async () => {
    const upstream = await rig.upstream();
    let message = '';
    await rig.proxy(upstream.address, { record: '/nowhere/at/all.jsonl' }).catch((error: Error) => {
      message = error.message;
    });
    expect(message).to.match(/^--record: cannot write \/nowhere\/at\/all\.jsonl: ENOENT/);
  });
});

describe('the journal', () => {
  function fill(journal: Journal, count: number, size = 10): void {
    for (let i = 0; i < count; i++) {
      const chunk = Buffer.alloc(size, 'a');
      const slot = journal.claim(chunk);
      journal.end[slot] = size;
      journal.answers[slot] = -1;
      journal.latency[slot] = Number.NaN;
    }
  }

  it('keeps the latest records', () => {
    const journal = new Journal({ records: 8 });
    fill(journal, 20);
    expect([journal.oldest, journal.next]).to.deep.equal([12, 20]);
    expect(journal.event(11)).to.equal(undefined);
    expect((journal.event(19) as DialogueEvent & { type: 'frame' }).bytes.toString()).to.equal('aaaaaaaaaa');
    expect(journal.event(20)).to.equal(undefined);
  });

  it('keeps no more bytes alive than it may', () => {
    const journal = new Journal({ records: 1024, bytes: 1000 });
    fill(journal, 50, 100);
    expect(journal.next - journal.oldest).to.be.at.most(10);
    fill(journal, 1, 5000);
    expect(journal.next - journal.oldest).to.equal(1);
    fill(journal, 5, 100);
    expect(journal.next - journal.oldest).to.be.within(1, 5);
  });

  it('counts a chunk of many records once', () => {
    const journal = new Journal({ records: 1024, bytes: 1000 });
    const chunk = Buffer.alloc(900);
    for (let i = 0; i < 500; i++) journal.claim(chunk);
    expect(journal.oldest).to.equal(0);
  });

  it('tells a reader that comes too late how many records it has missed', async () => {
    const journal = new Journal({ records: 8 });
    const paper = new Paper();
    const watcher = new Watcher(journal, plain, paper);
    fill(journal, 20);
    await turn();
    await watcher.stop();
    expect(watcher.lost).to.equal(12);
    expect(paper.text.split('\n')[0]).to.equal('lost 12');
    expect(paper.text.split('\n')).to.have.length(10);
  });
});
