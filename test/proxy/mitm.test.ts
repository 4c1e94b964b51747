// TLS that ends at the proxy and begins there again, behind STARTTLS and from the first byte: what is said inside is
// seen, what was said in the clear never gets in, and the upstream has to be who it should be.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createServer, TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Journal } from '../../proxy/dialogue/journal.ts';
import { Effects } from '../../proxy/effects/effects.ts';
import type { ProfileName } from '../../proxy/profiles/names.ts';
import { parseAddress } from '../../src/address.ts';
import { Authority, makeAuthority } from '../../src/authority.ts';
import { until } from '../support/within.ts';
import { End, type Flags, Rig } from './rig.ts';

/** How the protocol begins with TLS, and what is said inside, in lines of both sides. */
interface Opening {
  readonly protocol: ProfileName;
  /** Each pair: what the server says, and what the client answers. The last word of the server agrees. */
  readonly plain: readonly (readonly [server: string, client: string])[];
  readonly agrees: string;
  /** What the server says inside before it is asked. */
  readonly greets?: string;
  /** Inside: what the client says, and what the server answers. */
  readonly inside: readonly (readonly [client: string, server: string])[];
  /** What of it is secret. */
  readonly secret: string;
}

const OPENINGS: readonly Opening[] = [
  {
    protocol: 'smtp',
    plain: [
      ['220 hi', 'EHLO a'],
      ['250-x\r\n250 STARTTLS', 'STARTTLS'],
    ],
    agrees: '220 go',
    inside: [
      ['EHLO a', '250-x\r\n250 AUTH PLAIN'],
      ['AUTH PLAIN aHVudGVyMg==', '235 ok'],
      ['QUIT', '221 bye'],
    ],
    secret: 'aHVudGVyMg==',
  },
  {
    protocol: 'lmtp',
    plain: [
      ['220 hi', 'LHLO a'],
      ['250 STARTTLS', 'STARTTLS'],
    ],
    agrees: '220 go',
    inside: [
      ['LHLO a', '250 AUTH PLAIN'],
      ['AUTH PLAIN hunter2', '235 ok'],
    ],
    secret: 'hunter2',
  },
  {
    protocol: 'imap',
    plain: [['* OK hi', 'a STARTTLS']],
    agrees: 'a OK go',
    inside: [
      ['b LOGIN bob hunter2', 'b OK in'],
      ['c LOGOUT', '* BYE\r\nc OK'],
    ],
    secret: 'hunter2',
  },
  {
    protocol: 'pop3',
    plain: [['+OK hi', 'STLS']],
    agrees: '+OK go',
    inside: [
      ['USER bob', '+OK'],
      ['PASS hunter2', '+OK in'],
    ],
    secret: 'hunter2',
  },
  {
    protocol: 'ftp',
    plain: [['220 hi', 'AUTH TLS']],
    agrees: '234 go',
    inside: [
      ['USER bob', '331 well?'],
      ['PASS hunter2', '230 in'],
    ],
    secret: 'hunter2',
  },
  {
    protocol: 'nntp',
    plain: [['200 hi', 'STARTTLS']],
    agrees: '382 go',
    inside: [
      ['AUTHINFO USER bob', '381 well?'],
      ['AUTHINFO PASS hunter2', '281 in'],
    ],
    secret: 'hunter2',
  },
  {
    protocol: 'managesieve',
    plain: [['"STARTTLS"\r\nOK', 'STARTTLS']],
    agrees: 'OK "go"',
    // RFC 5804 2.2
    greets: '"SASL" "PLAIN"\r\nOK "again"',
    inside: [['AUTHENTICATE "PLAIN" "hunter2"', 'OK']],
    secret: '"hunter2"',
  },
  {
    protocol: 'irc',
    plain: [[':x NOTICE * :hi', 'STARTTLS']],
    agrees: ':x 670 * :go',
    inside: [['PASS hunter2', ':x 001 bob :hi']],
    secret: 'hunter2',
  },
];
const [SMTP] = OPENINGS as [Opening];

describe('proxy: TLS in the middle', () => {
  let rig: Rig;
  let folder: string;
  let ca: string;
  /** Of the upstream's certificate. */
  const world = makeAuthority('The world');
  const upstreams = new Authority(world, '');
  beforeEach(() => {
    rig = new Rig();
    folder = mkdtempSync(join(tmpdir(), 'mitm-'));
    ca = join(folder, 'ca.pem');
    writeFileSync(join(folder, 'world.pem'), world.certificate);
  });
  afterEach(async () => {
    expect(rig.warnings).to.deep.equal([]);
    await rig.cleanUp();
    rmSync(folder, { recursive: true });
  });

  const trusting = (): Flags => ({ ca, 'tls-ca': join(folder, 'world.pem'), 'tls-name': 'mail.example' });
  const ourCertificate = (): string => readFileSync(`${ca}.crt`, 'latin1');

  /** Ends of one connection, before and after TLS. */
  interface Server {
    plain: End;
    inside: End | null;
    /** What was asked for by SNI. */
    asked: string;
  }

  /** A server that speaks the opening, and TLS behind it. `behind`: said in the same piece as its agreement. */
  async function upstream(opening: Opening, behind = ''): Promise<{ address: string; servers: Server[] }> {
    const servers: Server[] = [];
    const listening = createPlainServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const server: Server = { plain: new End(socket), inside: null, asked: '' };
      servers.push(server);
      void serve(opening, behind, socket, server).catch(() => socket.destroy());
    });
    rig.onCleanUp(() => {
      for (const { plain } of servers) plain.socket.destroy();
      listening.close();
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return { address: `127.0.0.1:${(listening.address() as { port: number }).port}`, servers };
  }

  async function serve({ plain, agrees, greets, inside }: Opening, behind: string, socket: Socket, server: Server) {
    for (const [says, answer] of plain) {
      server.plain.send(`${says}\r\n`);
      await until(5000, () => server.plain.text.includes(`${answer}\r\n`), `the client's ${answer}`);
    }
    socket.removeAllListeners('data');
    socket.pause();
    socket.write(`${agrees}\r\n${behind}`);
    const secure = new TLSSocket(socket, {
      isServer: true,
      SNICallback: (name, done) => {
        server.asked = name;
        done(null, upstreams.context(name));
      },
      secureContext: upstreams.context('mail.example'),
    });
    const end = new End(secure);
    server.inside = end;
    if (greets) end.send(`${greets}\r\n`);
    for (const [says, answer] of inside) {
      await until(5000, () => end.text.endsWith(`${says}\r\n`), `${says} inside`);
      end.send(`${answer}\r\n`);
    }
  }

  /** Speaks the opening in the clear, up to the server's agreement. `behind`: said with the last line. */
  async function open({ plain, agrees }: Opening, address: string, behind: string | Buffer = ''): Promise<End> {
    const client = rig.client(address);
    for (const [index, [says, answer]] of plain.entries()) {
      await client.gets(`${says}\r\n`);
      const last = index === plain.length - 1;
      client.send(Buffer.concat([Buffer.from(`${answer}\r\n`), Buffer.from(last ? behind : '')]));
    }
    await client.gets(`${agrees}\r\n`);
    return client;
  }

  function secured(client: End, how: { ca: string; servername?: string }): End {
    client.socket.removeAllListeners('data');
    const secure = connect({ socket: client.socket, checkServerIdentity: () => undefined, ...how });
    return new End(secure);
  }

  function shown(journal: Journal): { frames: string; notes: string[] } {
    let frames = '';
    const notes: string[] = [];
    for (let seq = journal.oldest; seq < journal.next; seq++) {
      const event = journal.event(seq)!;
      if (event.type === 'frame') frames += `${event.from[0]}: ${event.bytes.toString('latin1')}`;
      if (event.type === 'note') notes.push(event.text);
    }
    return { frames, notes };
  }

  async function proxied(opening: Opening, address: string, flags: Flags = {}): Promise<[string, Journal]> {
    const journal = new Journal();
    const all = { protocol: opening.protocol, starttls: 'mitm', ...trusting(), ...flags };
    return [(await rig.proxy(address, all, [], { journal })).listen, journal];
  }

  for (const opening of OPENINGS) {
    it(`shows what ${opening.protocol} says inside, without its secrets`, async () => {
      const { address, servers } = await upstream(opening);
      const [listen, journal] = await proxied(opening, address);
      const client = secured(await open(opening, listen), { ca: ourCertificate(), servername: 'mail.example' });
      if (opening.greets) await client.gets(`${opening.greets}\r\n`);
      for (const [says, answer] of opening.inside) {
        client.send(`${says}\r\n`);
        await client.gets(`${answer}\r\n`);
      }
      client.finish();
      const [server] = servers as [Server];
      await until(5000, () => server.inside!.ended, 'the end inside');
      server.inside!.finish();
      await client.getsEnd();
      server.inside!.expectAllOf(client);
      client.expectAllOf(server.inside!);
      expect((await rig.pairEnded()).error).to.equal(undefined);
      const { frames, notes } = shown(journal);
      expect(notes.join()).to.match(/^(STARTTLS|STLS|AUTH): inside TLS from here on$/);
      const said = opening.inside.map(
        ([says]) => `c: ${says.replace(opening.secret, '*'.repeat(opening.secret.length))}`,
      );
      for (const line of said) expect(frames).to.contain(line);
      expect(frames).to.not.contain(opening.secret);
    });
  }

  for (const { protocol, ...opening } of OPENINGS) {
    it(`row 29: plaintext behind ${protocol}'s STARTTLS goes nowhere, and is told`, async () => {
      const { address, servers } = await upstream({ protocol, ...opening });
      const [listen, journal] = await proxied({ protocol, ...opening }, address);
      const injected = 'INJECTED by somebody\r\n';
      const client = await open({ protocol, ...opening }, listen, injected);
      // And some more behind the agreement.
      client.send('MORE of it\r\n');
      await until(5000, () => shown(journal).notes.length >= 3, 'the notes');
      const inside = secured(client, { ca: ourCertificate() });
      const [says, answer] = opening.inside[0]!;
      inside.send(`${says}\r\n`);
      await inside.gets(`${answer}\r\n`);
      const [server] = servers as [Server];
      expect(server.plain.text + server.inside!.text).to.not.match(/INJECTED|MORE/);
      expect(server.inside!.text).to.equal(`${says}\r\n`);
      const { frames, notes } = shown(journal);
      expect(notes.filter((note) => note.includes('plaintext'))).to.deep.equal([
        `${injected.length} bytes of plaintext came where TLS should begin: they go nowhere`,
        `${'MORE of it\r\n'.length} bytes of plaintext came where TLS should begin: they go nowhere`,
      ]);
      expect(frames).to.not.match(/INJECTED|MORE/);
    });
  }

  it("row 29: plaintext behind the server's agreement does not reach the client, and is told", async () => {
    const { address } = await upstream(SMTP, '250 INJECTED\r\n');
    const [listen, journal] = await proxied(SMTP, address);
    const client = await open(SMTP, listen);
    expect(client.text).to.not.contain('INJECTED');
    const inside = secured(client, { ca: ourCertificate() });
    inside.send('EHLO a\r\n');
    await inside.gets('250-x\r\n250 AUTH PLAIN\r\n');
    expect(shown(journal).notes.join()).to.contain('14 bytes of plaintext came where TLS should begin');
  });

  it('row 29: with --lint it is a finding', async () => {
    const { address } = await upstream(SMTP);
    const journal = new Journal();
    const flags = { protocol: 'smtp', starttls: 'mitm', lint: 'true', ...trusting() } as const;
    const proxy = await rig.proxy(address, flags, [], { journal });
    await open(SMTP, proxy.listen, 'INJECTED\r\n');
    await until(5000, () => (proxy.lint?.findings['plaintext-before-tls'] ?? 0) === 1, 'the finding');
  });

  it('effects hold inside too, and TLS begins behind an agreement that comes late', async () => {
    const { address, servers } = await upstream(SMTP);
    const journal = new Journal();
    const effects = new Effects(['server /^220 go/: delay 5s', 'client QUIT: answer 221 ours']);
    const flags = { protocol: 'smtp', starttls: 'mitm', ...trusting() } as const;
    const { listen } = await rig.proxy(address, flags, [], { journal, effects });
    const opened = open(SMTP, listen);
    await until(5000, () => shown(journal).frames.includes('220 go'), 'the agreement');
    rig.clock.advance(5000);
    const client = secured(await opened, { ca: ourCertificate() });
    client.send('EHLO a\r\n');
    await client.gets('250-x\r\n250 AUTH PLAIN\r\n');
    client.send('QUIT\r\n');
    await client.gets('221 ours\r\n');
    expect(servers[0]?.inside?.text).to.equal('EHLO a\r\n');
  });

  for (const [how, cut] of [
    ['in one piece with STARTTLS', null],
    ['in pieces of one byte', 1],
    ['in pieces of seven bytes', 7],
  ] as const) {
    it(`row 30: takes a ClientHello that comes ${how}`, async () => {
      const { address } = await upstream(SMTP);
      const [listen] = await proxied(SMTP, address);
      // A client that speaks through us: what it writes is cut as we like.
      const wire = await rig.upstream();
      const proxy = rig.client(listen);
      const speaker = connect({
        ...{ host: '127.0.0.1', port: Number(wire.address.split(':')[1]), ca: ourCertificate() },
        checkServerIdentity: () => undefined,
      });
      rig.onCleanUp(() => speaker.destroy());
      speaker.on('error', () => {});
      const between = await wire.end();
      const held: Buffer[] = [];
      between.socket.removeAllListeners('data');
      between.socket.on('data', (chunk: Buffer) => void held.push(chunk));
      await until(5000, () => held.length > 0, 'a ClientHello');
      await proxy.gets('220 hi\r\n');
      proxy.send('EHLO a\r\n');
      await proxy.gets('250 STARTTLS\r\n');
      const hello = Buffer.concat(held.splice(0));
      let agreed = '';
      proxy.socket.removeAllListeners('data');
      proxy.socket.on('data', (chunk: Buffer) => {
        const wasComplete = agreed.endsWith('220 go\r\n');
        const missing = '220 go\r\n'.length - agreed.length;
        if (!wasComplete) agreed += chunk.toString('latin1', 0, missing);
        const rest = wasComplete ? chunk : chunk.subarray(missing);
        if (rest.length > 0) between.socket.write(rest);
      });
      proxy.send(Buffer.concat([Buffer.from('STARTTLS\r\n'), cut === null ? hello : Buffer.alloc(0)]));
      await until(5000, () => agreed === '220 go\r\n', 'the agreement');
      between.socket.removeAllListeners('data');
      between.socket.on('data', (chunk: Buffer) => proxy.socket.write(chunk));
      for (let at = 0; cut !== null && at < hello.length; at += cut) {
        proxy.socket.write(hello.subarray(at, at + cut));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const inside = new End(speaker);
      inside.send('EHLO a\r\n');
      await inside.gets('250-x\r\n250 AUTH PLAIN\r\n');
    });
  }

  it('row 30: with effects, that make everything later', async () => {
    const { address } = await upstream(SMTP);
    const [listen] = await proxied(SMTP, address, { effect: 'server: delay 10ms' });
    const clock = setInterval(() => rig.clock.advance(10), 1);
    rig.onCleanUp(() => clearInterval(clock));
    const inside = secured(await open(SMTP, listen), { ca: ourCertificate() });
    inside.send('EHLO a\r\n');
    await inside.gets('250-x\r\n250 AUTH PLAIN\r\n');
  });

  for (const [what, flags, says] of [
    ['nobody vouches for', { 'tls-ca': undefined }, /TLS .*(unable to get|self-signed|unable to verify)/],
    ['is somebody else', { 'tls-name': 'other.example' }, null],
  ] as const) {
    it(`an upstream that ${what} is not spoken to`, async () => {
      const { address, servers } = await upstream(SMTP);
      const wanted = Object.fromEntries(Object.entries({ ...trusting(), ...flags }).filter(([, value]) => value));
      const journal = new Journal();
      const all = { protocol: 'smtp', starttls: 'mitm', ...wanted };
      if (says === null) {
        // Whatever name is asked for, this upstream says that it is mail.example.
        upstreams.context = () => Authority.prototype.context.call(upstreams, 'mail.example');
      }
      const { listen } = await rig.proxy(address, all, [], { journal });
      const client = secured(await open(SMTP, listen), { ca: ourCertificate() });
      client.send('AUTH PLAIN hunter2\r\n');
      await client.isLeft();
      expect((await rig.pairEnded()).error).to.match(says ?? /does not match certificate/);
      expect(servers[0]!.inside?.text ?? '').to.equal('');
      Reflect.deleteProperty(upstreams, 'context');
    });
  }

  it('a client that does not trust us is left, and so is the upstream', async () => {
    const { address, servers } = await upstream(SMTP);
    const [listen] = await proxied(SMTP, address);
    const client = secured(await open(SMTP, listen), { ca: world.certificate });
    await client.closes();
    expect((await rig.pairEnded()).error).to.match(/TLS handshake/);
    await servers[0]!.inside!.isLeft();
  });

  it('passes much data inside, both ways, every byte', async () => {
    const opening = { ...SMTP, inside: [] };
    const { address, servers } = await upstream(opening);
    const [listen] = await proxied(opening, address);
    const client = secured(await open(opening, listen), { ca: ourCertificate() });
    const line = Buffer.from(`NOOP ${'x'.repeat(100)}\r\n`.repeat(500));
    const reply = Buffer.from(`250 ${'y'.repeat(100)}\r\n`.repeat(500));
    client.pour(line.length * 60, line);
    await until(5000, () => servers[0]?.inside !== null, 'TLS');
    const { inside } = servers[0]!;
    inside!.pour(reply.length * 60, reply);
    await until(8000, () => client.ended && inside!.ended, 'both ends');
    inside!.expectAllOf(client);
    client.expectAllOf(inside!);
  });

  describe('from the first byte', () => {
    async function tlsUpstream(): Promise<{ address: string; ends: End[]; asked: string[] }> {
      const ends: End[] = [];
      const asked: string[] = [];
      const { key, certificate: cert } = upstreams.sign('mail.example');
      const SNICallback = (name: string, done: (error: null, context: ReturnType<Authority['context']>) => void) => {
        asked.push(name);
        done(null, upstreams.context(name));
      };
      const server = createServer({ key, cert, allowHalfOpen: true, SNICallback }, (socket) => {
        ends.push(new End(socket));
      });
      server.on('tlsClientError', () => {});
      rig.onCleanUp(() => {
        for (const { socket } of ends) socket.destroy();
        server.close();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, ends, asked };
    }

    function tlsClient(address: string, servername: string): End {
      const to = parseAddress(address);
      const port = to.kind === 'tcp' ? to.port : 0;
      const how = { host: '127.0.0.1', port, ca: ourCertificate(), servername, allowHalfOpen: true };
      const end = new End(connect(how as ConnectionOptions));
      rig.onCleanUp(() => end.socket.destroy());
      return end;
    }

    for (const [flags, name, asked] of [
      [{ 'tls-name': 'mail.example' }, 'whatever.example', 'mail.example'],
      [{ 'tls-sni': 'client' }, 'imap.example', 'imap.example'],
    ] as const) {
      it(`--tls-mitm: is ${name} to a client that asks for it, and asks the upstream for ${asked}`, async () => {
        const { address, ends, asked: names } = await tlsUpstream();
        const proxy = await rig.proxy(address, {
          ...{ 'tls-mitm': 'true', ca, 'tls-ca': join(folder, 'world.pem') },
          ...flags,
        });
        expect(statSync(ca).mode & 0o777).to.equal(0o600);
        const client = tlsClient(proxy.listen, name).send('hello').finish();
        await until(5000, () => ends.length === 1, 'the upstream');
        const [server] = ends as [End];
        await server.gets('hello');
        await server.getsEnd();
        server.send('reply').finish();
        await client.gets('reply');
        await client.getsEnd();
        expect((client.socket as TLSSocket).authorized).to.equal(true);
        expect(names).to.deep.equal([asked]);
        expect((await rig.pairEnded()).error).to.equal(undefined);
      });
    }
  });

  for (const [flags, says] of [
    [{ starttls: 'mitm' }, '--starttls mitm needs --protocol'],
    [{ ca: 'x' }, '--ca says something only with --tls-mitm or --starttls mitm'],
    [{ 'tls-mitm': 'true', 'tls-listen': 'true' }, '--tls-mitm is --tls-listen and --tls-upstream in one'],
    [{ 'tls-sni': 'client' }, '--tls-sni client says something only with --tls-upstream'],
    [{ 'tls-upstream': 'true', 'tls-sni': 'client', 'tls-name': 'x' }, '--tls-name and --tls-sni client exclude'],
  ] as const) {
    it(`says what is wrong: ${says}`, async () => {
      const message = await rig.proxy('127.0.0.1:1', flags).then(
        () => '',
        (error: Error) => error.message,
      );
      expect(message).to.contain(says);
    });
  }
});
