import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, Server } from 'node:net';
import { expect } from 'chai';
import { type Address, formatAddress } from '../../src/address.ts';
import { FakeClock } from '../../src/clock.ts';
import { HTTP_LIMITS, HttpListener } from '../../web/server/http-listener.ts';
import { recordingLog } from './support.ts';

describe('HttpListener', () => {
  const clock = new FakeClock();
  const { log, entries } = recordingLog();
  const originalListen = Server.prototype.listen;
  let inner: Server;
  let listener: HttpListener;

  async function open(answer: RequestListener): Promise<Address & { port: number }> {
    entries.length = 0;
    listener = new HttpListener({ kind: 'tcp', host: '127.0.0.1', port: 0 }, answer, log, clock);
    // The node server inside, on which the system's errors appear.
    Server.prototype.listen = function (this: Server, ...args: unknown[]) {
      inner = this;
      return Reflect.apply(originalListen, this, args);
    } as typeof originalListen;
    return (await listener.listen()) as Address & { port: number };
  }

  afterEach(async () => {
    Server.prototype.listen = originalListen;
    await listener.stop();
  });

  it('destroys what is not finished at the limit', async () => {
    const { port } = await open((_request, response) => void response.write('half of'));
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {}).write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    let isStopped = false;
    const stopped = listener.stop().then(() => {
      isStopped = true;
    });
    clock.advance(HTTP_LIMITS.stopMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect([isStopped, socket.closed]).to.deep.equal([false, false]);
    clock.advance(1);
    await stopped;
    expect(clock.pending).to.equal(0);
    await once(socket.resume(), 'close');
  });

  it('rests when the process is out of descriptors, and then listens again on the same port', async () => {
    const address = await open((_request, response) => void response.end('ok'));
    inner.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect(entries.map(([event]) => event)).to.deep.equal(['web.accept_failed']);
    const { error } = entries[0]![1]!;
    expect(String(error)).to.match(/cannot accept on 127.*too many open files; raise its limit/);
    expect(inner.listening).to.equal(false);
    clock.advance(1_000);
    await once(inner, 'listening');
    const answer = await fetch(`http://${formatAddress(address)}/`);
    expect(await answer.text()).to.equal('ok');
  });

  it('goes on after an error that hit one connection', async () => {
    await open((_request, response) => void response.end('ok'));
    inner.emit('error', Object.assign(new Error('accept ECONNABORTED'), { code: 'ECONNABORTED' }));
    expect([inner.listening, clock.pending, entries.length]).to.deep.equal([true, 0, 1]);
  });

  it('stops while it rests', async () => {
    await open((_request, response) => void response.end('ok'));
    inner.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    await listener.stop();
    expect(clock.pending).to.equal(0);
  });
});
