// How pairs end that do not end by themselves: idle for too long, reset in any state, or told to stop.
import { connect } from 'node:net';
import { expect } from 'chai';
import { FIN_TIMEOUT_MS } from '../../proxy/pair.ts';
import { deferred, turn, until } from '../support/within.ts';
import { type End, LEFT_BEHIND, Rig } from './rig.ts';

const MEGABYTE = 1024 * 1024;
const CHUNK = Buffer.alloc(256 * 1024);

describe('proxy: ending', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    rig.expectExact();
    await rig.cleanUp();
  });

  describe('row 18: the idle timeout', () => {
    const IDLE = { 'idle-timeout': '60s' };

    it('closes both sides when neither has said anything', async () => {
      const upstream = await rig.upstream();
      const [client, server] = await rig.join(await rig.proxy(upstream.address, IDLE), upstream);
      server.send('x');
      await client.gets('x');
      rig.clock.advance(59_999);
      expect(rig.ended).to.deep.equal([]);
      rig.clock.advance(1);
      expect((await rig.pairEnded()).error).to.equal('idle for too long');
      await client.getsEnd();
      await server.getsEnd();
      expect(rig.clock.pending).to.equal(0);
    });

    it('counts from the connection on, without a byte', async () => {
      const upstream = await rig.upstream();
      await rig.join(await rig.proxy(upstream.address, IDLE), upstream);
      await until(5000, () => {
        rig.clock.advance(60_000);
        return rig.ended.length === 1;
      });
      expect(rig.ended[0]?.error).to.equal('idle for too long');
    });

    for (const speakers of ['client', 'upstream', 'both in turn'] as const) {
      it(`is put off by a trickle from ${speakers}`, async () => {
        const upstream = await rig.upstream();
        const [client, server] = await rig.join(await rig.proxy(upstream.address, IDLE), upstream);
        const ways: readonly (readonly [End, End])[] = [
          [client, server],
          [server, client],
        ];
        for (let turn = 0; turn < 10; turn++) {
          const [from, to] = ways[speakers === 'client' ? 0 : speakers === 'upstream' ? 1 : turn % 2]!;
          const want = to.received + 1;
          from.send('.');
          await until(5000, () => to.received === want);
          rig.clock.advance(59_999);
          expect(rig.ended).to.deep.equal([]);
        }
        rig.clock.advance(1);
        expect((await rig.pairEnded()).error).to.equal('idle for too long');
      });
    }

    it('is put off by a reader that takes its time', async () => {
      const upstream = await rig.upstream((server) => server.pour(48 * MEGABYTE, CHUNK));
      const client = rig.client((await rig.proxy(upstream.address, IDLE)).listen);
      const server = await upstream.end();
      for (const stop of [1, 8, 16, 24, 32]) {
        await until(5000, () => client.received >= stop * MEGABYTE);
        client.socket.pause();
        await rig.settled(() => server.taken);
        // Minutes of reading in all, and never one without.
        rig.clock.advance(59_000);
        client.socket.resume();
      }
      await client.getsEnd();
      expect(client.received).to.equal(48 * MEGABYTE);
      expect(rig.ended).to.deep.equal([]);
    });
  });

  describe('row 23: a reset', () => {
    type Stage = 'connecting' | 'connected' | 'piping' | 'client ended' | 'upstream ended' | 'stuck' | 'over';
    const STAGES: readonly Stage[] = ['connected', 'piping', 'client ended', 'upstream ended', 'stuck', 'over'];

    async function reach(stage: Stage, client: End, server: End): Promise<void> {
      if (stage === 'connected') return;
      client.send('ping');
      await server.gets('ping');
      server.send('pong');
      await client.gets('pong');
      if (stage === 'client ended' || stage === 'over') {
        client.finish();
        await server.getsEnd();
      }
      if (stage === 'upstream ended' || stage === 'over') {
        server.finish();
        await client.getsEnd();
      }
      if (stage === 'stuck') {
        for (const each of [client, server]) each.socket.pause();
        for (const each of [client, server]) each.pour(32 * MEGABYTE, CHUNK);
        await rig.settled(() => client.taken + server.taken);
      }
    }

    for (const stage of STAGES) {
      for (const who of ['client', 'upstream', 'both'] as const) {
        it(`of ${who} ends the pair once: ${stage}`, async () => {
          const upstream = await rig.upstream();
          const [client, server] = await rig.join(await rig.proxy(upstream.address), upstream);
          await reach(stage, client, server);
          if (who !== 'upstream') client.reset();
          if (who !== 'client') server.reset();
          // The system does not tell of a reset behind an end: the first word of the other side meets it.
          if (stage === 'client ended' && who === 'client') speak(server);
          if (stage === 'upstream ended' && who === 'upstream') speak(client);
          const { error } = await rig.pairEnded();
          if (stage !== 'over') expect(error).to.not.equal(undefined);
          for (const end of [client, server]) await end.isLeft();
          expect(rig.ended).to.have.length(1);
          expect(rig.clock.pending).to.equal(0);
        });
      }
    }

    it('of client ends the pair once: connecting', async () => {
      const found = deferred<readonly string[]>();
      rig.lookUp(() => found.promise);
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address.replace('127.0.0.1', 'upstream.test'));
      (await rig.accepted(proxy)).reset();
      await rig.pairEnded();
      // The answer comes when nobody waits for it any more.
      found.resolve(['127.0.0.1']);
      await rig.settled(() => upstream.ends.length + rig.ended.length);
      expect([upstream.ends.length, rig.ended.length, rig.clock.pending]).to.deep.equal([0, 1, 0]);
    });

    it('at any moment of a busy connection ends each of 200 pairs once', async () => {
      const upstream = await rig.upstream((server) => server.pour(CHUNK.length, CHUNK));
      const proxy = await rig.proxy(upstream.address);
      for (let each = 0; each < 200; each++) {
        const client = rig.client(proxy.listen).pour(CHUNK.length, CHUNK);
        const [resetting, quantity] = [each % 4, each % 23];
        // After some milliseconds, some bytes or some turns of the loop, one side or the other.
        if (resetting === 0) setTimeout(() => client.reset(), quantity);
        else if (resetting === 1) client.socket.on('data', () => client.received > quantity * 10_000 && client.reset());
        else setTimeout(() => upstream.ends[each % upstream.ends.length]?.reset(), quantity);
        if (quantity === 0) await turn();
      }
      const isOver = (): boolean => rig.opened.length > 0 && rig.ended.length === rig.opened.length;
      await until(8000, isOver, 'every end').catch(() => {});
      // Some have reset behind their end, which nobody hears of as long as nobody speaks.
      rig.clock.advance(FIN_TIMEOUT_MS);
      await rig.settled(() => rig.opened.length + rig.ended.length);
      expect(rig.ended.map(({ id }) => id).sort((a, b) => a - b)).to.deep.equal(rig.opened);
      expect(rig.clock.pending).to.equal(0);
    });
  });

  describe('row 33: stopping', () => {
    it('takes nobody any more, lets three sessions go on, and cuts those that are left at the limit', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address);
      const sessions = [];
      for (let each = 0; each < 3; each++) sessions.push(await rig.join(proxy, upstream));
      let stopped = false;
      const stop = proxy.stop(10_000).then(() => {
        stopped = true;
      });
      await refused(proxy.listen);
      for (const [client, server] of sessions) {
        client.send('still here');
        await server.gets('still here');
        server.send('so am I');
        await client.gets('so am I');
      }
      const [[client, server], ...others] = sessions as [[End, End], ...[End, End][]];
      client.finish();
      server.finish();
      expect(await rig.pairEnded()).to.deep.equal({ id: 1, bytesUp: 10, bytesDown: 7 });
      rig.clock.advance(9_999);
      expect([stopped, rig.ended.length]).to.deep.equal([false, 1]);
      rig.clock.advance(1);
      await stop;
      // Everything is told by then: nobody listens to the log of a program that has stopped.
      expect(rig.ended.slice(1).map(({ error }) => error)).to.deep.equal(
        others.map(() => 'cut at the end of the drain timeout'),
      );
      for (const ends of others) for (const end of ends) await end.getsEnd();
      expect(rig.clock.pending).to.equal(0);
    });

    it('is done as soon as the last session is over', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address);
      const [client, server] = await rig.join(proxy, upstream);
      const stop = proxy.stop(10_000);
      client.finish();
      server.finish();
      await stop;
      expect([rig.ended.length, rig.clock.pending]).to.deep.equal([1, 0]);
    });

    it('is done at once without sessions, also twice', async () => {
      const proxy = await rig.proxy((await rig.upstream()).address);
      await Promise.all([proxy.stop(10_000), proxy.stop(10_000)]);
      expect(rig.clock.pending).to.equal(0);
      await refused(proxy.listen);
    });

    it('cuts at once when it may take no time', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address);
      await rig.join(proxy, upstream);
      await proxy.stop(0);
      expect([rig.ended.length, rig.clock.pending]).to.deep.equal([1, 0]);
    });

    it('waits for upstreams that still read what their clients have left behind', async () => {
      const at = rig.path('upstream');
      const upstream = await rig.upstream((server) => server.finish(), { at, reading: 'not reading' });
      const proxy = await rig.proxy(upstream.address, { listen: rig.path('proxy') });
      const clients: End[] = [];
      for (const [index, size] of LEFT_BEHIND.entries()) {
        clients.push(rig.client(proxy.listen).pour(size, CHUNK));
        await upstream.end(index + 1);
      }
      await rig.settled(() => clients.reduce((sum, { taken }) => sum + taken, 0));
      const stop = proxy.stop(10_000);
      for (const server of upstream.ends) server.read();
      await stop;
      const told = [...rig.ended].sort((a, b) => a.id - b.id);
      expect(told.map(({ bytesUp, error }) => [bytesUp, error])).to.deep.equal(
        LEFT_BEHIND.map((size) => [size, undefined]),
      );
      for (const server of upstream.ends) await server.getsEnd();
      expect(upstream.ends.map(({ received }) => received)).to.deep.equal(LEFT_BEHIND);
    });

    it('cuts upstreams that never read it, at the limit', async () => {
      const at = rig.path('upstream');
      const upstream = await rig.upstream((server) => server.finish(), { at, reading: 'not reading' });
      const proxy = await rig.proxy(upstream.address, { listen: rig.path('proxy') });
      const clients: End[] = [];
      for (const size of LEFT_BEHIND) clients.push(rig.client(proxy.listen).pour(size, CHUNK));
      await upstream.end(LEFT_BEHIND.length);
      await rig.settled(() => clients.reduce((sum, { taken }) => sum + taken, 0));
      const stop = proxy.stop(10_000);
      rig.clock.advance(10_000);
      await stop;
      expect(rig.ended).to.have.length(LEFT_BEHIND.length);
      expect(rig.clock.pending).to.equal(0);
    });
  });
});

function speak(end: End): void {
  const talk = setInterval(() => (end.socket.destroyed ? clearInterval(talk) : end.send('hello?')), 5);
  end.socket.once('close', () => clearInterval(talk));
}

async function refused(address: string): Promise<void> {
  const [host, port] = address.split(':');
  const error = await new Promise<NodeJS.ErrnoException>((resolve, reject) => {
    const late = connect(Number(port), host!);
    late.once('error', resolve).once('connect', () => reject(new Error('it was accepted')));
  });
  expect(error.code).to.equal('ECONNREFUSED');
}
