// Checking links against a server of our own: statuses, redirects, time; and that nothing but the public internet is
// visited, whatever names and redirects say.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { checkLinks, type LinkCheckOptions, linkCheckJson } from '../../../../relay/inbox/checks/link-check.ts';
import { AddressGuard } from '../../../../relay/inbox/checks/public-address.ts';

describe('which addresses a link may lead to', () => {
  const PUBLIC = [
    '8.8.8.8',
    '1.1.1.1',
    '223.255.255.255',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ];
  const OTHERS = [
    '127.0.0.1',
    '127.255.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '2002:7f00:1::',
    'no address',
    '',
  ];
  const guard = new AddressGuard();
  for (const address of PUBLIC) it(`may be ${address}`, () => expect(guard.isAllowed(address)).to.equal(true));
  for (const address of OTHERS)
    it(`may not be ${address || 'nothing'}`, () => expect(guard.isAllowed(address)).to.equal(false));

  it('may be what is allowed besides', () => {
    const open = new AddressGuard(['127.0.0.0/8', '::1']);
    expect(['127.0.0.1', '::1', '10.0.0.1'].map((address) => open.isAllowed(address))).to.deep.equal([
      true,
      true,
      false,
    ]);
  });
});

describe('the link check', () => {
  let server: Server;
  let base: string;
  let asked: string[];
  let running = 0;
  let most = 0;

  const ROUTES: Readonly<Record<string, RequestListener>> = {
    '/ok': (_, response) => response.end('fine'),
    '/gone': (_, response) => response.writeHead(410).end(),
    '/get-only': (request, response) => response.writeHead(request.method === 'GET' ? 200 : 405).end(),
    '/endless': (request, response) => {
      response.writeHead(request.method === 'GET' ? 200 : 404);
      if (request.method === 'GET') response.write('x'.repeat(1000));
      else response.end();
    },
    '/moved': (_, response) => response.writeHead(302, { location: '/ok' }).end(),
    '/to-gone': (_, response) => response.writeHead(301, { location: '/gone' }).end(),
    '/loop': (_, response) => response.writeHead(302, { location: '/loop' }).end(),
    '/inside': (_, response) => response.writeHead(302, { location: 'http://10.1.2.3/secret' }).end(),
    '/metadata': (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
    '/file': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    '/silent': () => {},
    '/reset': (request) => request.socket.destroy(),
    '/slow': (_, response) => {
      most = Math.max(most, ++running);
      setImmediate(() =>
        setImmediate(() => {
          running--;
          response.end();
        }),
      );
    },
  };

  before(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.host}`);
      const { pathname } = new URL(request.url ?? '/', 'http://x');
      (ROUTES[pathname] ?? ((_, other) => other.writeHead(404).end()))(request, response);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const check = (urls: readonly string[], options: LinkCheckOptions = {}) =>
    checkLinks(urls, { allowed: ['127.0.0.1'], timeoutMs: 2000, ...options });
  const one = async (path: string, options: LinkCheckOptions = {}) => {
    const { links } = await check([path.startsWith('/') ? base + path : path], options);
    return `${links[0]!.statusCode} ${links[0]!.status}`;
  };

  const ROWS: readonly [path: string, result: string, options?: LinkCheckOptions][] = [
    ['/ok', '200 OK'],
    ['/none', '404 Not Found'],
    ['/gone', '410 Gone'],
    ['/get-only', '200 OK'],
    ['/endless', '200 OK'],
    ['/moved', '302 Found'],
    ['/moved', '200 OK', { follow: true }],
    ['/to-gone', '410 Gone', { follow: true }],
    ['/loop', '0 more than 10 redirects', { follow: true }],
    ['/inside', '302 Found'],
    ['/inside', '0 not visited: the address is not public', { follow: true }],
    ['/metadata', '0 not visited: the address is not public', { follow: true }],
    ['/file', '0 redirect to no web page', { follow: true }],
    ['/silent', '0 timed out', { timeoutMs: 50 }],
    ['/reset', '0 connection reset'],
    ['http://127.0.0.1:1/', '0 connection refused'],
    ['http://0x7f.1/', '0 not visited: the address is not public', { allowed: [] }],
    ['http://2130706433/', '0 not visited: the address is not public', { allowed: [] }],
    ['http://[::ffff:127.0.0.1]/', '0 not visited: the address is not public', { allowed: [] }],
    ['http://localhost/', '0 not visited: the address is not public', { allowed: [] }],
    ['ftp://x.example/', '0 no link of the web'],
    ['http://', '0 no link of the web'],
    [
      'http://x.example/',
      '0 no such host',
      { resolve: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })) },
    ],
    ['http://x.example/', '0 timed out', { resolve: () => new Promise(() => {}), timeoutMs: 50 }],
  ];
  for (const [path, result, options] of ROWS) {
    it(`says ${result} of ${path}${options?.follow ? ', followed' : ''}`, async () =>
      expect(await one(path, options)).to.equal(result));
  }

  it('connects to the address it has looked at, however the name resolves next', async () => {
    const answers = ['127.0.0.1', '10.9.9.9'];
    let times = 0;
    const resolve = () => Promise.resolve([{ address: answers[times++]!, family: 4 }]);
    const { port } = server.address() as AddressInfo;
    expect(await one(`http://rebind.example:${port}/ok`, { resolve })).to.equal('200 OK');
    expect(times).to.equal(1);
    expect(asked).to.deep.equal([`HEAD /ok rebind.example:${port}`]);
  });

  it('leaves out the addresses of a name that are not public', async () => {
    const { port } = server.address() as AddressInfo;
    const resolve = () =>
      Promise.resolve([
        { address: '10.9.9.9', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    expect(await one(`http://both.example:${port}/ok`, { resolve })).to.equal('200 OK');
  });

  it('sends neither user and password nor the fragment', async () => {
    const { port } = server.address() as AddressInfo;
    const seen: unknown[] = [];
    const look = (request: Parameters<RequestListener>[0]) => seen.push(request.headers.authorization);
    server.on('request', look);
    await one(`http://user:pass@127.0.0.1:${port}/ok?a=1#b`);
    server.removeListener('request', look);
    expect([seen, asked]).to.deep.equal([[undefined], [`HEAD /ok?a=1 127.0.0.1:${port}`]]);
  });

  it('asks for a few at a time and answers in their order', async () => {
    most = 0;
    const urls = Array.from({ length: 30 }, (_, i) => `${base}/slow?${i}`);
    const { links, errors } = await check(urls, { parallel: 3 });
    expect(links.map(({ url }) => url)).to.deep.equal(urls);
    expect([errors, most <= 3]).to.deep.equal([0, true]);
  });

  it('ends when all take too long together, or nobody waits any more', async () => {
    const urls = Array.from({ length: 8 }, () => `${base}/silent`);
    const late = await check(urls, { totalMs: 60, parallel: 2 });
    expect(new Set(late.links.map(({ status }) => status))).to.deep.equal(
      new Set(['timed out', 'not checked: time is up']),
    );
    expect((await check(urls, { signal: AbortSignal.abort() })).errors).to.equal(8);
  });

  it("has the shape of Mailpit's API", async () => {
    const json = linkCheckJson(await check([`${base}/ok`, `${base}/none`]));
    expect(json).to.deep.equal({
      Errors: 1,
      Links: [
        { URL: `${base}/ok`, StatusCode: 200, Status: 'OK' },
        { URL: `${base}/none`, StatusCode: 404, Status: 'Not Found' },
      ],
    });
    expect(linkCheckJson(await check([]))).to.deep.equal({ Errors: 0, Links: [] });
  });
});
