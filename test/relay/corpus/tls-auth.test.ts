// T: TLS, logins, and those who speak for others (RFC 3207, RFC 4954, XCLIENT, XFORWARD, PROXY), over real sockets. What
// the upstream's side of T5 and T15 is stands with the tests of delivery.

import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { AUTH_REPLIES, MAX_AUTH_LINE } from '../../../relay/auth/sasl.ts';
import { Session } from '../../../relay/smtp/session.ts';
import { PeerList } from '../../../src/cidr.ts';
import { Listener, type ListenerOptions } from '../../../src/listen.ts';
import { createLog } from '../../../src/log.ts';
import { socketTransport } from '../../../src/transport.ts';
import { STRANGER_CERTIFICATE, STRANGER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../support/tls-certificate.ts';
import { until, within } from '../../support/within.ts';
import { Client } from '../support/client.ts';
import { authPlain, base64, startTls, TEST_TLS, testLogins, underTls } from '../support/secure-client.ts';
import { Scene, type SceneOptions } from '../support/sessions.ts';

const LOOPBACK = new PeerList(['127.0.0.1']);

describe('corpus T: TLS, AUTH, and those who speak for others', () => {
  const scenes: Scene[] = [];
  afterEach(async () => {
    await Promise.all(scenes.splice(0).map((one) => one.close()));
  });

  function sceneWith(options: SceneOptions): Scene {
    const scene = new Scene(options);
    scenes.push(scene);
    return scene;
  }

  async function greeted(options: SceneOptions): Promise<{ scene: Scene; socket: Socket; client: Client }> {
    const scene = sceneWith(options);
    const socket = await scene.socket();
    const client = await scene.greeted(socketTransport(socket));
    return { scene, socket, client };
  }

  /** A client behind EHLO, under TLS if that is offered. */
  async function ready(options: SceneOptions): Promise<{ scene: Scene; client: Client; ehlo: string }> {
    const { scene, socket, client } = await greeted(options);
    const session = options.context?.tls ? await startTls(socket, client) : client;
    return { scene, client: session, ehlo: await session.say('EHLO c.example') };
  }

  describe('T1 plaintext behind STARTTLS', () => {
    const INJECTED = 'MAIL FROM:<inj@x.example>\r\nRCPT TO:<v@x.example>\r\n';
    for (const [what, pieces] of [
      ['in one segment', [`STARTTLS\r\n${INJECTED}`]],
      ['in the next segment', ['STARTTLS\r\n', INJECTED]],
      ['cut inside the command', ['STARTT', `LS\r\n${INJECTED}`]],
      ['as half a line', ['STARTTLS\r\nRS']],
    ] as const) {
      it(`is never answered and never run: ${what}`, async () => {
        const { scene, socket, client } = await greeted({ context: { tls: TEST_TLS } });
        await client.say('EHLO c.example');
        for (const piece of pieces) {
          await new Promise((sent) => socket.write(piece, sent));
        }
        expect(await client.reply()).to.match(/^220 /);
        // The bytes are in the TLS stream now, where no handshake begins so.
        const outcome = await underTls(socket).then(
          () => 'TLS',
          () => 'none',
        );
        expect(outcome).to.equal('none');
        await until(4000, () => scene.context.sessions.size === 0, 'the end of the session');
        expect(scene.log.of('session.tls_failed')).to.have.length(1);
        expect(scene.store.open.size + scene.store.messages.length).to.equal(0);
      });
    }
  });

  describe('T3 STARTTLS where it does not belong', () => {
    it('with an argument: 501; under TLS: 503, and not offered', async () => {
      const { socket, client } = await greeted({ context: { tls: TEST_TLS } });
      expect(await client.say('EHLO c.example')).to.match(/^250-STARTTLS$/m);
      expect(await client.say('STARTTLS x')).to.match(/^501 5\.5\.4 /);
      const secure = await startTls(socket, client);
      expect(await secure.say('EHLO c.example')).not.to.contain('STARTTLS');
      expect(await secure.say('STARTTLS')).to.match(/^503 5\.5\.1 /);
      expect(await secure.say('NOOP')).to.match(/^250 /);
    });

    it('without a certificate: 502, and not offered', async () => {
      const { client } = await greeted({});
      expect(await client.say('EHLO c.example')).not.to.contain('STARTTLS');
      expect(await client.say('STARTTLS')).to.match(/^502 5\.5\.1 /);
    });
  });

  it('T4 HELO, login and envelope are forgotten at STARTTLS', async () => {
    const { socket, client } = await greeted({
      context: { tls: TEST_TLS, auth: await testLogins() },
      policy: { requireAuth: true },
    });
    await client.say('EHLO c.example');
    expect(await client.say(authPlain('alice', 'secret'))).to.match(/^235 2\.7\.0 /);
    expect(await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>')).to.deep.equal(['250', '250']);
    const secure = await startTls(socket, client);
    expect(await secure.codes('RCPT TO:<b@x.example>', 'MAIL FROM:<a@x.example>', 'DATA')).to.deep.equal([
      '503',
      '503',
      '503',
    ]);
    await secure.say('EHLO c.example');
    expect(await secure.say('MAIL FROM:<a@x.example>')).to.match(/^530 5\.7\.0 Authentication required/);
  });

  it('a message under TLS by a user says so in its trace, and to the store', async () => {
    const { scene, client } = await ready({ context: { tls: TEST_TLS, auth: await testLogins() } });
    await client.codes(authPlain('alice', 'secret'), 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    expect(await client.say('S: t\r\n\r\nx\r\n.')).to.match(/^250 /);
    const { message, content } = scene.store.messages[0]!;
    expect(message).to.include({ authUser: 'alice', tls: 'TLSv1.3', protocol: 'ESMTPSA' });
    expect(content.toString('latin1')).to.contain('with ESMTPSA');
  });

  it('TLS from the first byte: the greeting comes under it', async () => {
    const scene = sceneWith({ context: { tls: TEST_TLS }, door: { implicitTls: true } });
    const client = await underTls(await scene.socket());
    expect(await client.reply()).to.match(/^220 mx\.example /);
    expect(await client.say('EHLO c.example')).not.to.contain('STARTTLS');
  });

  it('T6 no login before TLS where TLS is offered: not in EHLO, 538', async () => {
    const { socket, client } = await greeted({
      context: { tls: TEST_TLS, auth: await testLogins({ needsTls: true }) },
    });
    expect(await client.say('EHLO c.example')).not.to.contain('AUTH');
    for (const mechanism of ['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-256', 'FROB']) {
      expect(await client.say(`AUTH ${mechanism}`)).to.match(/^538 5\.7\.11 /);
    }
    const secure = await startTls(socket, client);
    expect(await secure.say('EHLO c.example')).to.match(/^250-AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN$/m);
    expect(await secure.say(authPlain('alice', 'secret'))).to.match(/^235 /);
    expect(await secure.say('EHLO c.example'), 'once is enough').not.to.contain('AUTH');
  });

  describe('T7 responses that are too long', () => {
    for (const [what, before, length] of [
      ['along with AUTH', 'AUTH PLAIN ', MAX_AUTH_LINE + 4],
      ['along with AUTH, 1 MB of it', 'AUTH PLAIN ', 1_000_000],
    ] as const) {
      it(`${what}: 500 5.5.6, and the session goes on in step`, async () => {
        const { client } = await ready({ context: { auth: await testLogins() } });
        client.send(`${before}${'A'.repeat(length)}\r\nNOOP\r\n`);
        expect(await client.reply()).to.match(/^500 5\.5\.6 /);
        expect(await client.reply()).to.match(/^250 /);
      });
    }

    it('of the exchange, 100 kB: 500 5.5.6, and the session goes on in step', async () => {
      const { client } = await ready({ context: { auth: await testLogins() } });
      expect(await client.say('AUTH PLAIN')).to.equal('334');
      client.send(`${'A'.repeat(100_000)}\r\nNOOP\r\n`);
      expect(await client.reply()).to.match(/^500 5\.5\.6 /);
      expect(await client.reply()).to.match(/^250 /);
      expect(await client.say(authPlain('alice', 'secret'))).to.match(/^235 /);
    });

    it('but 12288 octets are read, with AUTH and behind it, whatever the limit of a line', async () => {
      const { client } = await ready({ context: { auth: await testLogins() }, limits: { maxLine: 512 } });
      const long = base64(`\0alice\0${'x'.repeat((MAX_AUTH_LINE / 4) * 3 - 7)}`);
      expect(long).to.have.length(MAX_AUTH_LINE);
      expect(await client.say(`AUTH PLAIN ${long}`)).to.match(/^535 5\.7\.8 /);
      expect(await client.say('AUTH PLAIN')).to.equal('334');
      expect(await client.say(long)).to.match(/^535 5\.7\.8 /);
      expect(await client.say(`NOOP ${'x'.repeat(600)}`)).to.match(/^500 5\.5\.2 /);
    });
  });

  describe('T8 the exchange', () => {
    const cases: readonly (readonly [what: string, lines: readonly string[], expected: RegExp])[] = [
      ['is cancelled by *', ['AUTH LOGIN', '*'], /^501 /],
      ['does not read what is no base64', ['AUTH LOGIN', '!!!'], /^501 5\.5\.2 /],
      ['nor base64 without its end', ['AUTH LOGIN', 'YWxpY2U'], /^501 5\.5\.2 /],
      ['nor blanks in it', ['AUTH LOGIN', 'YWxp Y2U='], /^501 5\.5\.2 /],
      ['nor a first response that is none', ['AUTH PLAIN x'], /^501 5\.5\.2 /],
      ['takes = for a response of no bytes', ['AUTH PLAIN ='], /^501 5\.5\.2 /],
      ['is no command of two words more', ['AUTH PLAIN a b'], /^501 5\.5\.4 /],
      ['needs a mechanism', ['AUTH'], /^501 5\.5\.4 /],
      ['knows its mechanisms', ['AUTH GSSAPI'], /^504 5\.5\.4 /],
      ['takes them in any case', ['AUTH plain', base64('\0alice\0secret')], /^235 2\.7\.0 /],
      ['runs once', [authPlain('alice', 'secret'), 'AUTH LOGIN'], /^503 5\.5\.1 /],
      ['does not run within a transaction', ['MAIL FROM:<a@x.example>', 'AUTH LOGIN'], /^503 5\.5\.1 /],
      ['does not run before EHLO', ['RSET', 'HELO x', 'AUTH LOGIN'], /^502 5\.5\.1 /],
      ['asks again after a wrong password', [authPlain('alice', 'x'), authPlain('alice', 'secret')], /^235 /],
    ];
    for (const [what, lines, expected] of cases) {
      it(what, async () => {
        const { client } = await ready({ context: { auth: await testLogins() } });
        let last = '';
        for (const line of lines) last = await client.say(line);
        expect(last).to.match(expected);
        expect(await client.say('NOOP')).to.match(/^250 /);
      });
    }

    it('is not offered where nobody can log in', async () => {
      const { client, ehlo } = await ready({});
      expect(ehlo).not.to.contain('AUTH');
      expect(await client.say('AUTH PLAIN')).to.match(/^502 /);
    });
  });

  describe('T9 names', () => {
    for (const [what, response, expected] of [
      ['somebody else to act for', 'bob\0alice\0secret', /^535 5\.7\.8 /],
      ['CR LF', '\0alice\r\nNOOP\0secret', /^501 5\.5\.2 /],
      ['NUL', '\0ali\0ce\0secret', /^501 5\.5\.2 /],
      ['ESC', '\0ali\x1bce\0secret', /^501 5\.5\.2 /],
    ] as const) {
      it(`with ${what} are refused`, async () => {
        const { scene, client } = await ready({ context: { auth: await testLogins() } });
        expect(await client.say(`AUTH PLAIN ${base64(response)}`)).to.match(expected);
        expect(scene.sessions[0]!.user).to.equal('');
      });
    }
  });

  it('T10 no secret is ever logged, at any level, whatever comes of it', async () => {
    const SECRETS = ['s3cr3t-password', 'wr0ng-password', 't0ken-abcdef'];
    const written: string[] = [];
    const stream = new Writable({
      write: (chunk, _encoding, done) => {
        written.push(String(chunk));
        done();
      },
    });
    const log = createLog({ level: 'debug', format: 'json', stream });
    const { Users } = await import('../../../relay/auth/users.ts');
    const users = await Users.open({ lines: [`alice:${SECRETS[0]}`], file: undefined, allowWeak: true }, log);
    const tokens = async (): Promise<null> => null;
    const auth = await testLogins({ users, log, tokens });
    const { scene, client } = await ready({ context: { auth, log }, limits: { maxErrors: 100 } });
    const say = async (...lines: readonly string[]): Promise<void> => {
      for (const line of lines) await client.say(line);
    };
    const [right, wrong, token] = SECRETS as [string, string, string];
    await say(authPlain('alice', wrong), authPlain(wrong, wrong), `AUTH PLAIN ${base64(wrong)}`);
    await say('AUTH LOGIN', base64('alice'), base64(wrong));
    await say('AUTH LOGIN', base64('alice'), wrong);
    await say(`AUTH XOAUTH2 ${base64(`user=alice\x01auth=Bearer ${token}\x01\x01`)}`, '');
    await say(`auth  plain ${base64(`\0alice\0${right}`)}`, `AUTH ${right}`, `AUTH PLAIN ${right} ${right}`);
    await say(authPlain('alice', right), 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    await say('Subject: t\r\n\r\nx\r\n.', 'QUIT');
    client.transport.end();
    await until(4000, () => scene.context.sessions.size === 0, 'the end of the session');
    await log.flush();
    const all = written.join('');
    expect(all).to.contain('auth.failed').and.to.contain('auth.succeeded').and.to.contain('message.accepted');
    // A password typed where the name belongs is a name to us: that one is logged, by design.
    const expected = all.replaceAll(`"user":"${wrong}"`, '');
    for (const secret of SECRETS) {
      expect(expected).not.to.contain(secret);
      expect(expected).not.to.contain(base64(secret));
      expect(expected).not.to.contain(base64(`\0alice\0${secret}`));
    }
  });

  describe('T11 XCLIENT and XFORWARD', () => {
    for (const verb of ['XCLIENT', 'XFORWARD']) {
      it(`${verb} of a stranger: 550 5.7.0, and not offered`, async () => {
        const { client, ehlo } = await ready({});
        expect(ehlo).not.to.contain(verb);
        expect(await client.say(`${verb} ADDR=192.0.2.9`)).to.match(/^550 5\.7\.0 /);
      });

      it(`${verb} within a transaction: 503`, async () => {
        const { client, ehlo } = await ready({ context: { xclientFrom: LOOPBACK, xforwardFrom: LOOPBACK } });
        expect(ehlo).to.match(new RegExp(`^250-${verb} NAME ADDR PORT PROTO HELO `, 'm'));
        await client.say('MAIL FROM:<a@x.example>');
        expect(await client.say(`${verb} ADDR=192.0.2.9`)).to.match(/^503 5\.5\.1 /);
        expect(await client.say('RCPT TO:<b@x.example>')).to.match(/^250 /);
      });

      for (const attributes of [
        'NAME=ab+0D+0Acd',
        'NAME=ab+1Bcd',
        'NAME=a+20b',
        'NAME=a+',
        'NAME=',
        'NAME',
        '',
        'NAME=a NAME=b',
        'FROB=a',
        'ADDR=192.0.2.999',
        'ADDR=2001:db8::1',
        'ADDR=IPV6:192.0.2.1',
        'ADDR=IPV6:fe80::1%eth0',
        'PORT=65536',
        'PROTO=HTTP',
        `HELO=${'a'.repeat(256)}`,
        'HELO=a=b\tc',
      ]) {
        it(`${verb} ${attributes.slice(0, 30)}: 501`, async () => {
          const { client } = await ready({ context: { xclientFrom: LOOPBACK, xforwardFrom: LOOPBACK } });
          expect(await client.say(`${verb} ${attributes}`)).to.match(/^501 5\.5\.4 /);
        });
      }
    }
  });

  describe('XCLIENT of a trusted proxy', () => {
    it('begins anew as the client it speaks for, in routes, traces and the store', async () => {
      const clients: string[] = [];
      const { scene, client } = await ready({
        context: {
          xclientFrom: LOOPBACK,
          route: (_sender, _recipient, { address, user }) => {
            clients.push(`${address} ${user}`);
            return 'relay';
          },
        },
      });
      const xclient =
        'XCLIENT name=mail.example ADDR=IPV6:2001:DB8::7 PORT=4711 HELO=helo+2Eexample LOGIN=alice PROTO=ESMTP';
      expect(await client.say(xclient)).to.match(/^220 mx\.example /);
      expect(await client.say('MAIL FROM:<a@x.example>'), 'HELO is forgotten').to.match(/^503 /);
      await client.codes('EHLO c.example', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
      expect(await client.say('S: t\r\n\r\nx\r\n.')).to.match(/^250 /);
      expect(clients).to.deep.equal(['2001:DB8::7 alice']);
      const { message, content } = scene.store.messages[0]!;
      expect(message).to.include({ clientAddress: '2001:DB8::7', helo: 'helo.example', authUser: 'alice' });
      expect(content.toString('latin1')).to.match(
        /^Received: from helo\.example \(mail\.example \[IPv6:2001:DB8::7\]\)/,
      );
    });

    it('T12 clears the login', async () => {
      const { scene, client } = await ready({ context: { xclientFrom: LOOPBACK, auth: await testLogins() } });
      expect(await client.say(authPlain('alice', 'secret'))).to.match(/^235 /);
      expect(await client.say('XCLIENT ADDR=192.0.2.9')).to.match(/^220 /);
      expect(scene.sessions[0]!.user).to.equal('');
    });

    it('T12 does not lend its rights to that client: no XFORWARD, no second XCLIENT', async () => {
      const { client } = await ready({ context: { xclientFrom: LOOPBACK, xforwardFrom: LOOPBACK } });
      expect(await client.say('XCLIENT ADDR=192.0.2.9')).to.match(/^220 /);
      expect(await client.say('EHLO c.example')).not.to.match(/XCLIENT|XFORWARD/);
      expect(await client.say('XFORWARD ADDR=127.0.0.1')).to.match(/^550 5\.7\.0 /);
      expect(await client.say('XCLIENT ADDR=127.0.0.1')).to.match(/^550 5\.7\.0 /);
    });

    it('takes a client that it does not know for nobody', async () => {
      const { scene, client } = await ready({ context: { xclientFrom: new PeerList(['127.0.0.1', 'unix']) } });
      expect(await client.say('XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]')).to.match(/^220 /);
      expect(scene.sessions[0]!.client).to.include({ address: 'unknown', name: '' });
      expect(await client.say('XCLIENT ADDR=127.0.0.1')).to.match(/^550 /);
    });
  });

  describe('XFORWARD of a trusted filter', () => {
    it('is for the log, holds for one message, and gives no rights', async () => {
      const clients: string[] = [];
      const { scene, client } = await ready({
        context: {
          xforwardFrom: LOOPBACK,
          route: (_sender, _recipient, { address }) => {
            clients.push(address);
            return 'relay';
          },
        },
      });
      const transaction = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'S: t\r\n\r\nx\r\n.'];
      expect(await client.say('XFORWARD NAME=spike.example ADDR=192.0.2.9')).to.match(/^250 /);
      expect(await client.say('XFORWARD HELO=spike IDENT=[UNAVAILABLE] SOURCE=REMOTE')).to.match(/^250 /);
      expect((await client.codes(...transaction)).at(-1)).to.equal('250');
      expect((await client.codes(...transaction)).at(-1)).to.equal('250');
      expect(clients).to.deep.equal(['127.0.0.1', '127.0.0.1']);
      expect(scene.store.messages[0]!.message.clientAddress).to.equal('127.0.0.1');
      const [first, second] = scene.log.of('message.accepted').map(({ fields: { forwarded } }) => forwarded);
      expect(Object.fromEntries(first as Map<string, string>)).to.deep.equal({
        NAME: 'spike.example',
        ADDR: '192.0.2.9',
        HELO: 'spike',
        IDENT: null,
        SOURCE: 'REMOTE',
      });
      expect(second).to.equal(undefined);
    });
  });

  describe('T13 PROXY', () => {
    let scene: Scene;
    let listener: Listener;
    let open: Socket | undefined;

    async function listen(options: Partial<ListenerOptions>): Promise<Socket> {
      scene = sceneWith({ context: { auth: null } });
      listener = new Listener(
        { address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, onError: () => {}, ...options },
        (transport, peer) => new Session(transport, peer, scene.context),
      );
      await listener.listen();
      const port = Number(listener.address.split(':').pop());
      open = connect({ host: '127.0.0.1', port, noDelay: true }).on('error', () => {});
      return open;
    }
    afterEach(async () => {
      open?.destroy();
      await listener.close();
    });

    const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
    const v2 = (family: number, length: number, rest: Buffer): Buffer =>
      Buffer.concat([V2, Buffer.of(0x21, family, length >> 8, length & 255), rest]);
    const TCP4 = Buffer.from([192, 0, 2, 9, 127, 0, 0, 1, 0x12, 0x67, 0, 25]);
    const bad: readonly (readonly [what: string, bytes: Buffer])[] = [
      ['v1 of 108 bytes', Buffer.from(`PROXY TCP4 ${'1'.repeat(97)}`)],
      ['v1 of 10 kB', Buffer.from(`PROXY TCP4 ${'1'.repeat(10_000)}\r\n`)],
      ['v1 of nonsense', Buffer.from('PROXY TCP4 1.2.3 4.5.6 x y\r\n')],
      ['v2 that announces 65535 bytes', v2(0x11, 65_535, TCP4)],
      ['v2 of a family that there is not', v2(0x77, 12, TCP4)],
      ['v2 with addresses that are too short', v2(0x11, 8, TCP4.subarray(0, 8))],
      ['v2 with a TLV cut off', v2(0x11, 15, Buffer.concat([TCP4, Buffer.of(4, 0, 9)]))],
      ['no header but a command', Buffer.from('EHLO c.example\r\n')],
    ];
    for (const [what, bytes] of bad) {
      it(`${what}: closed without a word, nothing reaches a session`, async () => {
        const socket = await listen({ proxyFrom: ['127.0.0.1'] });
        const client = new Client(socketTransport(socket));
        socket.write(Buffer.concat([bytes, Buffer.from('MAIL FROM:<a@x.example>\r\n')]));
        await within(4000, client.ended, 'the end');
        expect(client.unread).to.equal('');
        expect(scene.context.sessions.size).to.equal(0);
      });
    }

    it('no header in time: closed', async () => {
      const socket = await listen({ proxyFrom: ['127.0.0.1'], proxyTimeoutMs: 50 });
      const client = new Client(socketTransport(socket));
      await within(4000, client.ended, 'the end');
      expect(client.unread).to.equal('');
    });

    it('of a peer that is not listed: a command that there is not', async () => {
      const client = new Client(socketTransport(await listen({ proxyFrom: ['192.0.2.1'] })));
      expect(await client.reply()).to.match(/^220 /);
      expect(await client.say('PROXY TCP4 192.0.2.9 127.0.0.1 4711 25')).to.match(/^500 5\.5\.2 /);
    });

    for (const [what, header] of [
      ['v1', Buffer.from('PROXY TCP4 192.0.2.9 127.0.0.1 4711 25\r\n')],
      ['v2', v2(0x11, 12, TCP4)],
    ] as const) {
      it(`${what} of a listed peer: the session is that client's`, async () => {
        const socket = await listen({ proxyFrom: ['127.0.0.1'] });
        const client = new Client(socketTransport(socket));
        socket.write(header);
        expect(await client.reply()).to.match(/^220 /);
        await client.codes('EHLO c.example', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
        expect(await client.say('S: t\r\n\r\nx\r\n.')).to.match(/^250 /);
        expect(scene.store.messages[0]!.message.clientAddress).to.equal('192.0.2.9');
      });
    }
  });

  describe('T14 HELO and host names with control characters', () => {
    for (const [what, line] of [
      ['CR', 'EHLO c\rx'],
      ['ESC', 'EHLO c\x1b[31m'],
      ['a control character of 8 bits', 'EHLO c\xc2\x9b31m'],
    ] as const) {
      it(`${what}: never in a reply, a log or a trace field`, async () => {
        const { scene, client } = await greeted({});
        const reply = await client.say(line);
        const name = reply.startsWith('250') ? 'the name was taken' : await client.say('EHLO c');
        expect(name).not.to.equal('');
        await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
        await client.say('S: t\r\n\r\nx\r\n.');
        const header = scene.store.messages[0]!.content.toString('latin1').split('\r\n\r\n')[0]!;
        const lines = [reply, ...header.split('\r\n'), ...scene.log.records.map((one) => JSON.stringify(one))];
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        for (const one of lines) expect(one.replaceAll('\n', '')).not.to.match(/[\x00-\x08\x0b-\x1f\x7f-\xff]/);
      });
    }
  });

  it('T15 REQUIRETLS in the clear: 530; under TLS it is offered and taken', async () => {
    const { socket, client } = await greeted({ context: { tls: TEST_TLS } });
    expect(await client.say('EHLO c.example')).not.to.contain('REQUIRETLS');
    expect(await client.say('MAIL FROM:<a@x.example> REQUIRETLS')).to.match(/^530 5\.7\./);
    const secure = await startTls(socket, client);
    expect(await secure.say('EHLO c.example')).to.match(/^250-REQUIRETLS$/m);
    expect(await secure.say('MAIL FROM:<a@x.example> REQUIRETLS')).to.match(/^250 /);
  });

  describe('demands', () => {
    it('--require-tls: nothing but what leads there, before it', async () => {
      const { socket, client } = await greeted({ context: { tls: TEST_TLS }, policy: { requireTls: true } });
      expect(await client.codes('EHLO c.example', 'NOOP', 'RSET')).to.deep.equal(['250', '250', '250']);
      expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^530 5\.7\.0 Must issue a STARTTLS/);
      expect(await client.say('VRFY a')).to.match(/^530 5\.7\.0 /);
      const secure = await startTls(socket, client);
      expect(await secure.codes('EHLO c.example', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250']);
    });

    it('--require-auth: no mail from those who have not logged in', async () => {
      const { client } = await ready({ context: { auth: await testLogins() }, policy: { requireAuth: true } });
      expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^530 5\.7\.0 Authentication required/);
      expect(await client.say(authPlain('alice', 'secret'))).to.match(/^235 /);
      expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^250 /);
    });
  });

  describe('client certificates', () => {
    const source = {
      secureContextOptions: () => ({
        key: TEST_KEY,
        cert: TEST_CERTIFICATE,
        ca: STRANGER_CERTIFICATE,
        requestCert: true,
        rejectUnauthorized: false,
      }),
    };
    for (const [what, options, user] of [
      [
        'that was checked: EXTERNAL is offered, and its name is the user',
        { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE },
        'stranger',
      ],
      ['that nobody vouches for: a client like any other', { key: TEST_KEY, cert: TEST_CERTIFICATE }, ''],
      ['that is missing: a client like any other', {}, ''],
    ] as const) {
      it(what, async () => {
        const auth = await testLogins({ users: null });
        const { scene, socket, client } = await greeted({ context: { tls: source, auth } });
        const secure = await startTls(socket, client, options);
        const ehlo = await secure.say('EHLO c.example');
        expect(/^250-AUTH EXTERNAL$/m.test(ehlo)).to.equal(user !== '');
        expect(await secure.say('AUTH EXTERNAL =')).to.match(user === '' ? /^504 / : /^235 /);
        expect(scene.sessions[0]!.user).to.equal(user);
      });
    }
  });

  it('who guesses too often has to wait, also with the right password, and others do not', async () => {
    const auth = await testLogins({ maxFailures: 2 });
    const { scene, client } = await ready({ context: { auth } });
    for (const password of ['x', 'y']) expect(await client.say(authPlain('alice', password))).to.match(/^535 /);
    expect(await client.say(authPlain('alice', 'secret'))).to.equal(
      `${AUTH_REPLIES.lockedOut.code} ${AUTH_REPLIES.lockedOut.status} ${AUTH_REPLIES.lockedOut.text}`,
    );
    const other = await scene.greeted();
    await other.say('EHLO c.example');
    expect(await other.say(authPlain('alice', 'secret'))).to.match(/^235 /);
  });
});
