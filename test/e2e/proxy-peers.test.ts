// Real clients through the proxy to real servers: what they get is what they get without it, and the transcript is what
// they said. Mail is in proxy-mail.test.ts, FTP in proxy-ftp.test.ts.
import { createServer, type Server as HttpServer } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { needs, output, PASSWORD, type Server, startDovecot, startRedis, USER } from './support/servers.ts';
import { WatchedProxy } from './support/watched-proxy.ts';

const python = (script: string): Promise<string> => output('/usr/bin/python3', ['-W', 'ignore', '-'], script);

describe('the proxy between real peers', function () {
  this.timeout(60_000);
  const cleanUp: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const step of cleanUp.splice(0).reverse()) await step();
  });

  async function watched(port: number, flags = {}): Promise<WatchedProxy> {
    const proxy = await WatchedProxy.start(port, flags);
    cleanUp.push(() => proxy.stop());
    return proxy;
  }

  async function running(server: Promise<Server>): Promise<Server> {
    const started = await server;
    cleanUp.push(() => started.stop());
    return started;
  }

  /** Runs a client without the proxy and with it; both must end well and say the same. */
  async function same(server: number, client: (port: number) => Promise<string>, flags = {}): Promise<WatchedProxy> {
    const direct = await client(server);
    expect(direct, direct).to.match(/\(0\)$/);
    const proxy = await watched(server, flags);
    expect(await client(proxy.port)).to.equal(direct);
    return proxy;
  }

  describe("Python's imaplib and poplib to Dovecot", () => {
    let dovecot: Server;
    beforeEach(async function () {
      needs(this, '/usr/sbin/dovecot', '/usr/lib/dovecot/pop3', '/usr/bin/python3');
      dovecot = await running(startDovecot());
    });

    /** A new mailbox each time, so that both runs find the same. */
    const imap = (port: number, start = '') =>
      python(`
import imaplib, ssl
c = imaplib.IMAP4('127.0.0.1', ${port})
${start}
print(c.login('${USER}', '${PASSWORD}')[0])
print(c.create('box')[0])
mail = b'From: a@x.example\\r\\nSubject: t\\r\\n\\r\\n' + b'a0001 OK {3}\\r\\n' * 2000
print(c.append('box', '(\\\\Flagged)', '"01-Nov-2026 00:00:00 +0000"', mail)[0])
print(c.select('box'))
typ, data = c.fetch('1', '(FLAGS BODY.PEEK[HEADER] BODY.PEEK[])')
assert data[1][1] == mail, data
print(typ, data[0], len(data[1][1]))
print(c.search(None, 'SUBJECT', 't'))
print(c.store('1', '+FLAGS', '\\\\Deleted'))
print(c.expunge(), c.close()[0], c.delete('box')[0])
print(c.logout()[0])
`);

    it('IMAP: a mail with lines like answers, up and down in literals', async () => {
      const proxy = await same(dovecot.ports.imap!, imap);
      await proxy.over();
      expect(proxy.protocols).to.deep.equal(['imap']);
      const said = proxy.lines('client');
      expect(said.filter((line) => line.startsWith('note'))).to.deep.equal([]);
      expect(said.filter((line) => / LOGIN | CREATE | LOGOUT/.test(line))).to.have.length(3);
      const login = proxy.events.find((event) => event.type === 'frame' && event.bytes.includes(PASSWORD));
      expect(login).to.have.property('secret').that.is.not.equal(null);
      // Each command has its answer, the greeting is one too, and nothing in the mail was taken for one.
      const asked = said.filter((line) => /^command [A-Z]{4}\d+ /.test(line));
      const answered = proxy.events.filter((event) => event.type === 'frame' && event.latency !== null);
      expect(answered).to.have.length(asked.length + 1);
    });

    it('IMAP: STARTTLS goes through, and the rest with it', async () => {
      const start = 'print(c.starttls(ssl._create_unverified_context())[0])';
      const proxy = await same(dovecot.ports.imap!, (port) => imap(port, start));
      await proxy.over();
      expect(proxy.lines('server')).to.include('note STARTTLS: raw from here on');
      expect(JSON.stringify(proxy.lines('client'))).to.not.include(PASSWORD);
    });

    it('POP3: an empty mailbox, and a wrong password', async () => {
      const proxy = await same(dovecot.ports.pop3!, (port) =>
        python(`
import poplib
c = poplib.POP3('127.0.0.1', ${port})
print(sorted(c.capa()))
print(c.user('${USER}'), c.pass_('${PASSWORD}'))
print(c.stat(), c.list(), c.uidl())
try: c.retr(1)
except poplib.error_proto as error: print(error)
print(c.quit())
`),
      );
      await proxy.over();
      expect(proxy.lines('client')).to.deep.equal(
        ['CAPA', `USER ${USER}`, `PASS ${PASSWORD}`, 'STAT', 'LIST', 'UIDL', 'RETR 1', 'QUIT'].map(
          (c) => `command ${c}`,
        ),
      );
      expect(proxy.lines('server').filter((line) => line.startsWith('note'))).to.deep.equal([]);
    });
  });

  describe('redis-cli to redis-server', () => {
    let redis: number;
    beforeEach(async function () {
      needs(this, '/usr/bin/redis-server', '/usr/bin/redis-cli');
      redis = (await running(startRedis())).ports.redis!;
    });
    const cli = (port: number, input: string, ...more: string[]) =>
      output('/usr/bin/redis-cli', ['-p', String(port), '--no-auth-warning', '-a', PASSWORD, ...more], input);
    const commands = `set k "a\\r\\nb"
get k
incr k
rpush l 1 2 3
lrange l 0 -1
hset h f v
hgetall h
get nothing
eval "return {1, {'x', 2}, false}" 0
multi
get k
exec
set big ${'y'.repeat(1_000_000)}
strlen big
get big
flushall
`;

    for (const [name, version] of [
      ['RESP 2', '-2'],
      ['RESP 3', '-3'],
    ] as const) {
      it(`${name}: each kind of answer, 1 MB, an error, a password`, async () => {
        const proxy = await same(redis, (port) => cli(port, commands, version));
        await proxy.over();
        expect(proxy.protocols).to.deep.equal(['resp']);
        for (const side of ['client', 'server'] as const)
          expect(proxy.lines(side).filter((line) => line.startsWith('note'))).to.deep.equal([]);
        expect(proxy.events.some((event) => event.type === 'frame' && event.secret !== null)).to.equal(true);
      });
    }

    it('--pipe: 5,000 commands at once', async () => {
      const proxy = await same(redis, (port) => cli(port, 'PING\r\n'.repeat(5000), '--pipe'));
      await proxy.over();
      expect(proxy.lines('server').filter((line) => line.endsWith('+PONG'))).to.have.length(5000);
    });
  });

  describe('curl to an HTTP server', () => {
    let http: HttpServer;
    let port: number;
    beforeEach(async function () {
      needs(this, '/usr/bin/curl');
      http = httpServer();
      await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
      ({ port } = http.address() as { port: number });
      cleanUp.push(async () => {
        http.closeAllConnections();
        http.close();
      });
    });

    const curl = (...args: string[]) => output('/usr/bin/curl', ['-sS', '--http1.1', ...args]);
    const commands = (proxy: WatchedProxy) => proxy.lines('client').filter((line) => line.startsWith('command'));

    it('keep-alive: three answers of a length, in chunks, and none, on one connection', async () => {
      const urls = (at: number) => ['length', 'chunks', 'none'].map((path) => `http://127.0.0.1:${at}/${path}`);
      const proxy = await same(port, (at) => curl('-w', '%{http_code} %{num_connects}\\n', ...urls(at)));
      await proxy.over();
      expect(commands(proxy)).to.have.length(3);
      const answers = proxy.events.filter((event) => event.type === 'frame' && event.latency !== null);
      expect(answers).to.have.length(3);
      expect(proxy.protocols).to.deep.equal(['http']);
    });

    it('an upload in chunks, and one that waits for 100', async () => {
      const body = 'GET / HTTP/1.1\r\n\r\n'.repeat(100_000);
      for (const how of ['Transfer-Encoding: chunked', 'Expect: 100-continue']) {
        const args = (at: number) => [
          '-sS',
          '--http1.1',
          '-H',
          how,
          '--data-binary',
          '@-',
          `http://127.0.0.1:${at}/sum`,
        ];
        const proxy = await same(port, (at) => output('/usr/bin/curl', args(at), body));
        await proxy.over();
        expect(commands(proxy)).to.have.length(1);
        const replies = proxy.lines('server').filter((line) => line.startsWith('reply HTTP/1.1'));
        expect(replies.at(-1)).to.equal('reply HTTP/1.1 200 OK');
      }
    });

    it('CONNECT: a tunnel, in which nothing is looked at any more', async () => {
      const url = `http://127.0.0.1:${port}/length`;
      const proxy = await same(port, (at) => curl('-p', '-x', `http://127.0.0.1:${at}`, url));
      await proxy.over();
      expect(commands(proxy)).to.have.length(1);
      expect(proxy.lines('server')).to.include('note a tunnel: raw from here on');
    });

    it('Upgrade: another protocol behind 101', async () => {
      const proxy = await same(port, (at) =>
        curl('-H', 'Connection: Upgrade', '-H', 'Upgrade: hello', `http://127.0.0.1:${at}/upgrade`),
      );
      await proxy.over();
      expect(proxy.lines('server')).to.include('note another protocol: raw from here on');
    });
  });
});

function httpServer(): HttpServer {
  const server = createServer((request, response) => {
    response.setHeader('Date', 'x');
    if (request.url === '/none') return void response.writeHead(204).end();
    if (request.url === '/length') return void response.end('x'.repeat(100_000));
    if (request.url === '/chunks') {
      response.write('HTTP/1.1 200 OK\r\n\r\n');
      return void response.end('0\r\n\r\n');
    }
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.end(`${bytes} bytes`));
  });
  server.on('connect', (request, socket, head) => {
    const [host, port] = request.url!.split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    for (const one of [socket, target]) one.on('error', () => {});
  });
  server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: hello\r\n\r\nhello, world\n');
  });
  return server;
}
