// The ways to an upstream besides plain SMTP: LMTP over TCP and unix sockets, passwords by every mechanism, OAuth2, and
// proxies.
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Forwarder } from '../../../relay/upstream/forward.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import { SocksServer } from '../../support/socks-server.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { Upstream } from '../support/upstream.ts';
import { at, deliverBy, outgoing, WAITS, WayOut } from '../support/way-out.ts';

describe('LMTP on the way out', () => {
  let way: WayOut;
  const THREE = { recipients: ['b1@x.example', 'b2@x.example', 'b3@x.example'] };

  afterEach(() => way.stop());

  it('greets with LHLO and takes a reply for each recipient', async () => {
    way = await WayOut.open({ lmtp: true, scheme: 'lmtp' });
    way.upstream.answer = ({ phase, line }) => {
      if (phase !== 'dot') return undefined;
      return line.includes('b2') ? '550 5.2.2 full' : line.includes('b3') ? '450 4.2.0 busy' : undefined;
    };
    const { outcomes } = await way.deliver(THREE);
    expect(outcomes.map(({ fate, status }) => `${fate} ${status}`)).to.deep.equal([
      'delivered 2.0.0',
      'failed 5.2.2',
      'deferred 4.2.0',
    ]);
    expect(way.upstream.commands[0]).to.equal('LHLO mx.example');
    way.upstream.answer = () => undefined;
    expect(await way.fates(THREE)).to.equal('delivered delivered delivered');
    expect(way.upstream.connections).to.equal(1);
  });

  it('keeps a refused RCPT apart', async () => {
    way = await WayOut.open({ lmtp: true, scheme: 'lmtp' });
    way.upstream.answer = ({ phase, line }) =>
      phase === 'rcpt' && line.includes('b2') ? '550 5.1.1 nobody' : undefined;
    expect(await way.fates(THREE)).to.equal('delivered failed delivered');
  });

  it('gone between two replies: the first is delivered, nobody knows of the others', async () => {
    way = await WayOut.open({ lmtp: true, scheme: 'lmtp' });
    way.upstream.answer = ({ phase, line }) => (phase === 'dot' && line.includes('b2') ? 'drop' : undefined);
    expect(await way.fates(THREE)).to.equal('delivered unknown unknown');
  });

  it('by ?lmtp, too', async () => {
    way = await WayOut.open({ lmtp: true, query: 'lmtp&tls=none' });
    expect(await way.fates()).to.equal('delivered');
    expect(way.upstream.commands[0]).to.equal('LHLO mx.example');
  });
});

describe('LMTP to a unix socket', () => {
  it('delivers there, and calls it unreachable when nobody listens', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lonedot-'));
    const path = join(directory, 'lmtp socket');
    const upstream = await Upstream.start({ lmtp: true, path });
    const settings = { hostname: 'mx.example', log: new RecordingLog(), waits: WAITS };
    const forwarder = new Forwarder(parseUpstream(`lmtp+unix:${path.replace(' ', '%20')}`), settings);
    expect((await deliverBy(forwarder, outgoing())).outcomes[0]!.fate).to.equal('delivered');
    await upstream.stop();
    const error = await deliverBy(forwarder, outgoing()).catch((reason: Error) => reason);
    expect(error).to.include({ name: 'Unreachable', blame: 'host' });
    forwarder.destroy();
    await rm(directory, { recursive: true });
  });
});

describe('passwords on the way out', () => {
  let way: WayOut;

  afterEach(() => way.stop());

  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const digest = createHmac('md5', 's3cret').update('<123.456@upstream.example>').digest('hex');
  const CREDENTIALS = 'me%40x.example:s3cret';
  const MECHANISMS: readonly [offered: string, query: string, lines: readonly string[]][] = [
    ['PLAIN LOGIN', '', [`AUTH PLAIN ${base64('\0me@x.example\0s3cret')}`]],
    ['LOGIN', '', ['AUTH LOGIN', base64('me@x.example'), base64('s3cret')]],
    ['CRAM-MD5', '', ['AUTH CRAM-MD5', base64(`me@x.example ${digest}`)]],
    ['PLAIN LOGIN CRAM-MD5', '&auth=cram-md5', ['AUTH CRAM-MD5', base64(`me@x.example ${digest}`)]],
    ['PLAIN LOGIN', '&auth=login', ['AUTH LOGIN', base64('me@x.example'), base64('s3cret')]],
  ];
  for (const [offered, query, lines] of MECHANISMS) {
    it(`${offered}${query}`, async () => {
      way = await WayOut.open({ keywords: [`AUTH ${offered}`], credentials: CREDENTIALS, query: `tls=none${query}` });
      expect(await way.fates()).to.equal('delivered');
      expect(way.upstream.commands.slice(1, 1 + lines.length)).to.deep.equal(lines);
    });
  }

  it('R10 are repeated nowhere, whatever the upstream says', async () => {
    way = await WayOut.open({ keywords: ['AUTH PLAIN'], credentials: CREDENTIALS });
    way.upstream.answer = at('auth', '535 5.7.8 wrong password s3cret');
    const error = (await way.deliver().catch((reason: Error) => reason)) as Error;
    expect(error).to.include({ blame: 'route', code: 'EAUTH', message: '535 5.7.8 wrong password ***' });
    expect(JSON.stringify(way.log.records)).to.not.include('s3cret');
  });
});

describe('OAuth2 on the way out', () => {
  it('fetches a token, keeps it, and fetches another when it is refused', async () => {
    const requests: string[] = [];
    const tokens = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        requests.push(body);
        response.end(JSON.stringify({ access_token: `token${requests.length}`, expires_in: 3600 }));
      });
    });
    await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
    const { port } = tokens.address() as { port: number };
    const query = `tls=none&auth=oauth2&client-id=id&client-secret=hush&refresh-token=again&token-url=http://127.0.0.1:${port}/token`;
    const way = await WayOut.open({ keywords: ['AUTH XOAUTH2 PLAIN'], credentials: 'me', query, waits: { idle: 10 } });
    expect(await way.fates()).to.equal('delivered');
    await way.upstream.left();
    expect(await way.fates()).to.equal('delivered');
    const bearer = (token: string): string =>
      `AUTH XOAUTH2 ${Buffer.from(`user=me\x01auth=Bearer ${token}\x01\x01`).toString('base64')}`;
    expect(way.upstream.commands.filter((line) => line.startsWith('AUTH'))).to.deep.equal([
      bearer('token1'),
      bearer('token1'),
    ]);
    expect(requests).to.deep.equal(['client_id=id&client_secret=hush&refresh_token=again&grant_type=refresh_token']);

    await way.upstream.left();
    let refused = false;
    way.upstream.answer = ({ phase, line }) => {
      if (phase !== 'auth' || line !== bearer('token1') || refused) return undefined;
      refused = true;
      return '334 eyJzdGF0dXMiOiI0MDEifQ==';
    };
    way.upstream.commands.length = 0;
    const answers = way.deliver();
    expect((await answers).outcomes[0]!.fate).to.equal('delivered');
    expect(way.upstream.commands).to.include(bearer('token2'));

    // A token server that is away is the route's fault.
    await way.upstream.left();
    way.upstream.answer = at('auth', '535 5.7.8 no');
    expect(await way.fates()).to.equal('unreachable: route');
    expect(JSON.stringify(way.log.records)).to.not.match(/hush|again|token\d/);
    tokens.close();
    await way.stop();
  });
});

describe('proxies on the way out', () => {
  it('SOCKS5, with and without a password, and its own faults kept apart from those behind it', async () => {
    const proxy = await SocksServer.start({ user: 'u', pass: 'p' });
    const { port } = proxy;
    const way = await WayOut.open({ query: `tls=none&proxy=socks5://u:p@127.0.0.1:${port}` });
    expect(await way.fates()).to.equal('delivered');
    expect(proxy.destinations).to.deep.equal([`127.0.0.1:${way.upstream.port}`]);
    const wrong = await WayOut.open({ query: `tls=none&proxy=socks5://u:wrong@127.0.0.1:${port}` });
    expect(await wrong.fates()).to.equal('unreachable: route');
    const behind = await WayOut.open({ query: `tls=none&proxy=socks5://u:p@127.0.0.1:${port}` });
    await behind.upstream.stop();
    expect(await behind.fates()).to.equal('unreachable: host');
    await proxy.stop();
    const away = await WayOut.open({ query: `tls=none&proxy=socks5://127.0.0.1:${port}` });
    expect(await away.fates()).to.equal('unreachable: route');
    for (const one of [way, wrong, behind, away]) await one.stop();
  });

  it('HTTP CONNECT', async () => {
    const seen: string[] = [];
    const sockets = new Set<Socket>();
    const proxy = createServer();
    proxy.on('connect', (request, socket: Socket) => {
      seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
      const [host, port] = request.url!.split(':') as [string, string];
      const out = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        out.pipe(socket).pipe(out);
      });
      for (const one of [socket, out]) {
        sockets.add(one);
        one.on('error', () => {});
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as { port: number };
    const way = await WayOut.open({ query: `tls=none&proxy=http://u:p@127.0.0.1:${port}` });
    expect(await way.fates()).to.equal('delivered');
    expect(seen).to.deep.equal([`127.0.0.1:${way.upstream.port} Basic ${Buffer.from('u:p').toString('base64')}`]);
    await way.stop();
    for (const one of sockets) one.destroy();
    proxy.close();
    const away = await WayOut.open({ query: `tls=none&proxy=http://127.0.0.1:${port}` });
    expect(await away.fates()).to.equal('unreachable: route');
    await away.stop();
  });
});
