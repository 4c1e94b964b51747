// The SOCKS5 client against a proxy that really connects, and against ones that answer anything: byte for byte what
// RFC 1928 and RFC 1929 say, and one clear sentence for each refusal.
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { connectThroughSocks, SocksError } from '../../src/socks.ts';
import { readUntil } from '../support/sockets.ts';
import { type SocksOptions, SocksServer } from '../support/socks-server.ts';
import { within } from '../support/within.ts';

describe('connectThroughSocks', () => {
  let proxy: SocksServer;
  let sockets: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    await proxy.stop();
  });

  async function through(
    host: string,
    port: number,
    options: SocksOptions = {},
    user = '',
    pass = '',
  ): Promise<Socket> {
    proxy = await SocksServer.start(options);
    const way = { host: '127.0.0.1', port: proxy.port, user, pass };
    const socket = await within(4000, connectThroughSocks(way, { host, port }, 3000), 'a connection');
    sockets.push(socket);
    return socket;
  }

  async function refused(options: SocksOptions, user = '', pass = '', host = 'mail.example'): Promise<SocksError> {
    const error = await through(host, 25, options, user, pass).then(
      () => new Error('it connected'),
      (reason: unknown) => reason,
    );
    if (!(error instanceof SocksError)) throw error;
    return error;
  }

  it('joins both ends, with the first words of the other side in place', async () => {
    const echo: Server = createServer((socket) => {
      socket.write('220 hello\r\n');
      socket.pipe(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as { port: number };
    const socket = await through('127.0.0.1', port, { user: 'me', pass: 'pass' }, 'me', 'pass');
    expect(await within(2000, readUntil(socket, '\r\n'))).to.equal('220 hello\r\n');
    socket.write('back\n');
    expect(await within(2000, readUntil(socket, '\n'))).to.equal('back\n');
    expect(socket.listenerCount('error')).to.equal(0);
    echo.close();
  });

  const GRANTED = Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 25]);
  const REQUESTS: readonly [host: string, bytes: readonly number[]][] = [
    ['192.0.2.7', [1, 192, 0, 2, 7]],
    ['2001:db8::1', [4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['mail.example', [3, 12, ...Buffer.from('mail.example')]],
  ];
  for (const [host, bytes] of REQUESTS) {
    it(`asks for ${host}`, async () => {
      await through(host, 587, { reply: GRANTED });
      expect(proxy.reads.map((read) => [...read])).to.deep.equal([
        [5, 1, 0],
        [5, 1, 0, ...bytes, 2, 75],
      ]);
    });
  }

  for (const [kind, reply] of [
    ['a name', [5, 0, 0, 3, 2, 0x61, 0x62, 0, 25]],
    ['an IPv6 address', [5, 0, 0, 4, ...Array(16).fill(0), 0, 25]],
  ] as const) {
    it(`reads an answer with ${kind} to its end and no further`, async () => {
      const socket = await through('mail.example', 25, { reply: Buffer.from([...reply, ...Buffer.from('220 x\n')]) });
      expect(await within(2000, readUntil(socket, '\n'))).to.equal('220 x\n');
    });
  }

  const REFUSALS: readonly [title: string, options: SocksOptions, says: RegExp, isOfDestination: boolean][] = [
    ['a proxy that is none', { method: Buffer.from('HTTP/1.1 400\r\n') }, /does not speak/, false],
    ['a proxy that wants a password', { method: Buffer.from([5, 255]) }, /wants a user/, false],
    ['a method that was not offered', { method: Buffer.from([5, 2]) }, /wants a user/, false],
    ['a failure of its own', { reply: Buffer.from([5, 1, 0, 1]) }, /the proxy failed/, false],
    ['a rule', { reply: Buffer.from([5, 2, 0, 1]) }, /does not allow/, false],
    ['an unreachable network', { reply: Buffer.from([5, 3, 0, 1]) }, /network is unreachable/, true],
    ['an unreachable host', { reply: Buffer.from([5, 4, 0, 1]) }, /host is unreachable/, true],
    ['a closed port', { reply: Buffer.from([5, 5, 0, 1]) }, /refused/, true],
    ['an unknown code', { reply: Buffer.from([5, 99, 0, 1]) }, /code 99/, false],
    ['an unknown kind of address', { reply: Buffer.from([5, 0, 0, 9]) }, /unknown kind/, false],
    ['another version', { reply: Buffer.from([4, 90, 0, 0]) }, /version/, false],
  ];
  for (const [title, options, says, isOfDestination] of REFUSALS) {
    it(`tells ${title}`, async () => {
      const error = await refused(options);
      expect(error.message)
        .to.match(says)
        .and.match(/^SOCKS5: /);
      expect(error.isOfDestination).to.equal(isOfDestination);
    });
  }

  it('tells a wrong password, and repeats none', async () => {
    const { message } = await refused({ user: 'me', pass: 'right' }, 'me', 'wrong');
    expect(message)
      .to.match(/refused user and password/)
      .and.not.include('wrong');
  });

  it('takes no name that is too long for it', async () => {
    expect((await refused({}, '', '', 'x'.repeat(256))).message).to.match(/255/);
  });

  it('gives up a proxy that hangs up, is away, or says nothing', async () => {
    const silent = createServer((socket) => socket.resume().on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const way = { host: '127.0.0.1', port, user: '', pass: '' };
    const why = (ms: number): Promise<string> =>
      connectThroughSocks(way, { host: 'mail.example', port: 25 }, ms).then(String, (error: Error) => error.message);
    expect(await why(50)).to.match(/too long/);
    silent.once('connection', (socket) => socket.end());
    expect(await why(3000)).to.match(/closed/);
    await new Promise((resolve) => silent.close(resolve));
    expect(await why(3000)).to.match(/ECONNREFUSED/);
    proxy = await SocksServer.start();
  });
});
