// The HTTP server under the API: what it does with requests that take too long, are too large, or come at its end.
import { connect } from 'node:net';
import { expect } from 'chai';
import { CONTROL_LIMITS, ControlServer } from '../../../proxy/control/http-server.ts';
import { FakeClock } from '../../../src/clock.ts';
import { readAll } from '../../support/sockets.ts';
import { deferred, until, within } from '../../support/within.ts';

describe('proxies: the HTTP server', () => {
  const clock = new FakeClock();
  const gate = deferred();
  let asked: string[] = [];
  let server: ControlServer;
  let port = 0;

  beforeEach(async () => {
    asked = [];
    server = new ControlServer(
      { kind: 'tcp', host: '127.0.0.1', port: 0 },
      async ({ method, url, body }) => {
        asked.push(`${method} ${url} ${body.length}`);
        if (url === '/slow') await gate.promise;
        return { status: 200, headers: {}, body: 'done' };
      },
      clock,
    );
    port = ((await server.listen()) as { port: number }).port;
  });
  afterEach(() => server.stop());

  /** All that is answered to these words on one connection. */
  const say = (words: string | Buffer) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(words);
    return within(5000, readAll(socket));
  };

  it('answers 503 without a body when an answer takes too long, and does not answer twice', async () => {
    const answer = say('GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await until(5000, () => asked.length === 1);
    clock.advance(CONTROL_LIMITS.answerMs);
    expect(await answer).to.match(/^HTTP\/1\.1 503 [\s\S]*Content-Length: 0\r\n[\s\S]*\r\n\r\n$/i);
    gate.resolve();
  });

  it('answers 413 to what is too large, asks nobody, and closes', async () => {
    const size = CONTROL_LIMITS.maxBodyBytes + 1;
    const head = Buffer.from(`POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    const answer = await say(Buffer.concat([head, Buffer.alloc(size)]));
    expect(answer)
      .to.match(/^HTTP\/1\.1 413 /)
      .and.to.include('{"error":"request body too large","status":413}\n');
    expect(asked).to.deep.equal([]);
  });

  it('takes requests one after the other on a connection, bodies in chunks too', async () => {
    const chunked = 'POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n';
    const answer = await say(
      `GET /a HTTP/1.1\r\nHost: x\r\n\r\n${chunked}GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.match(/HTTP\/1\.1 200/g)?.length).to.equal(3);
    expect(asked).to.deep.equal(['GET /a 0', 'POST /b 2', 'GET /c 0']);
  });

  it('stops although somebody keeps a connection open', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(5000, () => asked.length === 1 && socket.bytesRead > 0);
    await within(5000, server.stop());
    expect(clock.pending).to.equal(0);
    socket.destroy();
  });
});
