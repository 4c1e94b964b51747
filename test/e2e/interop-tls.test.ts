// TLS, logins and trusted peers with the clients that people use: swaks, curl, Python's smtplib, nodemailer, openssl.
// The certificate is one that the program has made for itself, and each client checks it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createTransport } from 'nodemailer';
import { until, within } from '../support/within.ts';
import { Program } from './support/program.ts';

const PASSWORD = 'correct horse';
const TOKEN = 'ya29.t0ken-_~';

interface Output {
  readonly code: number | null;
  readonly text: string;
}

async function run(command: string, args: readonly string[], input = ''): Promise<Output> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    const [code] = (await within(20_000, once(child, 'close'), `the end of ${command}`)) as [number | null];
    return { code, text };
  } finally {
    child.kill();
  }
}

describe('TLS and logins with real clients', function () {
  this.timeout(40_000);
  let directory: string;
  let authority: string;
  let tokens: Server;
  let sink: Program;
  let count = 0;

  const address = (service: string): string =>
    new RegExp(`"service":"${service}","address":"([\\d.]+:\\d+)"`).exec(sink.stdout)![1]!;
  const port = (service: string): number => Number(address(service).split(':')[1]);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-tls-e2e-'));
    // An authorisation server that knows one token.
    tokens = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        const active = new URLSearchParams(body).get('token') === TOKEN;
        response.end(JSON.stringify({ active, username: 'alice' }));
      });
    });
    await new Promise<void>((listening) => tokens.listen(0, '127.0.0.1', listening));
    const database = join(directory, 'sink.db');
    authority = `${database}.tls.pem`;
    const { port: tokenPort } = tokens.address() as { port: number };
    sink = await Program.start([
      'sink',
      ...['-v', '-s', '127.0.0.1:0', '--smtps', '127.0.0.1:0', '--lmtp', '127.0.0.1:0', '-l', '127.0.0.1:0'],
      ...['-d', database, '--tls-self-signed', 'mail.test', '--smtps-tls-min', '1.3'],
      ...['--user', `alice:${PASSWORD}`, '--no-require-auth', '--oauth-introspect', `http://127.0.0.1:${tokenPort}/`],
      ...['--xclient-from', '127.0.0.1'],
    ]);
  });
  after(async () => {
    await sink?.stop();
    tokens.closeAllConnections();
    tokens.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** The mail that `send` sends to the address it is given: who sent it, and its content. */
  async function delivered(
    send: (recipient: string) => Promise<Output | unknown>,
  ): Promise<{ user: unknown; raw: string }> {
    const recipient = `r${++count}@x.example`;
    const result = await send(recipient);
    const output = (result ?? {}) as Partial<Output>;
    const told = () => sink.log('message.accepted').find(({ to }) => String(to) === recipient);
    // The log comes through a pipe of its own.
    await until(4000, () => told() !== undefined).catch(() => {});
    const record = told();
    if (!record) throw new Error(`no mail: ${output.code} ${output.text}`);
    const { id, user } = record;
    const web = /"service":"web","url":"([^"]+)"/.exec(sink.stdout)![1]!;
    const raw = await (await fetch(`${web}api/v1/message/${String(id)}/raw`)).text();
    return { user: user ?? '', raw };
  }

  function needs(context: Mocha.Context, command: string, args: readonly string[], why: string): void {
    if (spawnSync(command, args, { stdio: 'ignore', timeout: 10_000 }).status === 0) return;
    context.test!.title += ` (skipped: ${why})`;
    context.skip();
  }

  describe('swaks', () => {
    before(function () {
      needs(this, 'perl', ['-MNet::SSLeay', '-e', '1'], 'swaks has no TLS here');
      needs(this, 'swaks', ['--version'], 'there is no swaks');
    });
    const swaks = (recipient: string, service: string, ...args: readonly string[]): Promise<Output> =>
      run('swaks', [
        '--server',
        address(service),
        '--from',
        'a@x.example',
        '--to',
        recipient,
        '--timeout',
        '10',
        ...args,
      ]);
    const login = (mechanism: string): string[] => ['--auth', mechanism, '-au', 'alice', '-ap', PASSWORD];
    const verify = (): string[] => ['--tls-verify', '--tls-ca-path', authority];

    for (const mechanism of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
      it(`--tls, AUTH ${mechanism}`, async () => {
        const { user, raw } = await delivered((to) => swaks(to, 'smtp', '--tls', ...verify(), ...login(mechanism)));
        expect(user).to.equal('alice');
        expect(raw).to.match(/\twith ESMTPSA |with ESMTPSA /);
      });
    }

    it('a wrong password: 535, and no mail', async () => {
      const { code, text } = await swaks('n@x.example', 'smtp', '--tls', '--auth', 'PLAIN', '-au', 'alice', '-ap', 'x');
      expect(text).to.contain('535 5.7.8 ');
      expect(code).to.equal(28);
    });

    it('--tlsc', async () => {
      const { raw } = await delivered((to) => swaks(to, 'smtps', '--tlsc', ...verify()));
      expect(raw).to.contain('with ESMTPS ');
    });

    it('login without TLS: not offered', async () => {
      const { code, text } = await swaks('n@x.example', 'smtp', ...login('PLAIN'));
      expect(text).to.contain('did not advertise authentication');
      expect(code).to.equal(28);
    });

    it('XCLIENT', async () => {
      const xclient = ['--xclient-addr', '192.0.2.9', '--xclient-name', 'client.example', '--xclient-login', 'bob'];
      const { user, raw } = await delivered((to) => swaks(to, 'smtp', ...xclient));
      expect(user).to.equal('bob');
      expect(raw).to.contain('(client.example [192.0.2.9])');
    });

    it('LMTP', async () => {
      const { raw } = await delivered((to) => swaks(to, 'lmtp', '--protocol', 'LMTP'));
      expect(raw).to.contain('with LMTP ');
    });

    it('LMTP with TLS and a login', async () => {
      const { user, raw } = await delivered((to) =>
        swaks(to, 'lmtp', '--protocol', 'LMTP', '--tls', ...login('PLAIN')),
      );
      expect(user).to.equal('alice');
      expect(raw).to.contain('with LMTPSA ');
    });

    for (const [what, family] of [
      ['v1', ['--proxy-version', '1', '--proxy-family', 'TCP4']],
      ['v2', ['--proxy-version', '2', '--proxy-family', 'AF_INET', '--proxy-protocol', 'STREAM']],
    ] as const) {
      it(`PROXY ${what}`, async () => {
        const proxied = await Program.start([
          'sink',
          '-v',
          '-s',
          '127.0.0.1:0',
          '-l',
          '127.0.0.1:0',
          '--proxy-from',
          '127.0.0.1',
        ]);
        try {
          const ends = [
            '--proxy-source',
            '192.0.2.9',
            '--proxy-source-port',
            '4711',
            '--proxy-dest',
            '192.0.2.1',
            '--proxy-dest-port',
            '25',
          ];
          const server = ['--server', `127.0.0.1:${proxied.port}`, '--from', 'a@x.example', '--to', 'b@x.example'];
          const { code, text } = await run('swaks', [...server, ...family, ...ends]);
          expect(code, text).to.equal(0);
          // The log comes through a pipe of its own.
          await until(4000, () => proxied.log('session.opened').length > 0, 'session.opened');
          expect(proxied.log('session.opened')[0]).to.include({ remote: '192.0.2.9:4711' });
        } finally {
          await proxied.stop();
        }
      });
    }
  });

  describe('curl', () => {
    before(function () {
      needs(this, 'curl', ['--version'], 'there is no curl');
    });
    const curl = (to: string, scheme: 'smtp' | 'smtps', ...args: readonly string[]): Promise<Output> => {
      const envelope = ['--mail-from', 'a@x.example', '--mail-rcpt', to, '-T', '-'];
      const url = `${scheme}://127.0.0.1:${port(scheme)}/c.example`;
      return run(
        'curl',
        ['-sS', '--max-time', '10', url, '--cacert', authority, ...envelope, ...args],
        'Subject: t\r\n\r\nx\r\n',
      );
    };

    it('--ssl-reqd, and its check of the certificate', async () => {
      const { raw } = await delivered((to) => curl(to, 'smtp', '--ssl-reqd'));
      expect(raw).to.contain('with ESMTPS ');
      const { code } = await curl('n@x.example', 'smtp', '--ssl-reqd', '--cacert', '/dev/null');
      expect(code).to.be.oneOf([60, 77]);
    });

    for (const mechanism of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
      it(`smtps, AUTH ${mechanism}`, async () => {
        const login = ['--user', `alice:${PASSWORD}`, '--login-options', `AUTH=${mechanism}`];
        expect((await delivered((to) => curl(to, 'smtps', ...login))).user).to.equal('alice');
      });
    }

    for (const mechanism of ['XOAUTH2', 'OAUTHBEARER']) {
      it(`AUTH ${mechanism} with a token, good or bad`, async () => {
        const login = (token: string): string[] => [
          ...['--user', 'alice:', '--oauth2-bearer', token, '--login-options', `AUTH=${mechanism}`],
        ];
        expect((await delivered((to) => curl(to, 'smtps', ...login(TOKEN)))).user).to.equal('alice');
        const { code } = await curl('n@x.example', 'smtps', ...login('bad'));
        expect(code).to.equal(67);
      });
    }
  });

  describe("Python's smtplib", () => {
    before(function () {
      needs(this, 'python3', ['-c', 'import smtplib, ssl'], 'there is no Python');
    });
    const python = (to: string, body: string): Promise<Output> => {
      const head = [
        'import smtplib, ssl, sys',
        'smtp, smtps, ca, to = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]',
        'context = ssl.create_default_context(cafile=ca)',
        'def send(s):',
        '    assert s.sendmail("a@x.example", [to], b"Subject: t\\r\\n\\r\\nx\\r\\n") == {}',
        '    s.quit()',
      ];
      const script = `${head.join('\n')}\n${body}\n`;
      return run('python3', ['-c', script, String(port('smtp')), String(port('smtps')), authority, to]);
    };

    for (const mechanism of ['plain', 'login', 'cram_md5']) {
      it(`STARTTLS, AUTH ${mechanism.toUpperCase().replace('_', '-')}`, async () => {
        const { user } = await delivered((to) =>
          python(
            to,
            [
              's = smtplib.SMTP("127.0.0.1", smtp)',
              's.starttls(context=context)',
              's.ehlo()',
              `s.user, s.password = "alice", "${PASSWORD}"`,
              `assert s.auth("${mechanism.toUpperCase().replace('_', '-')}", s.auth_${mechanism})[0] == 235`,
              'send(s)',
            ].join('\n'),
          ),
        );
        expect(user).to.equal('alice');
      });
    }

    it('SMTPS, and the best login that it finds', async () => {
      const { user, raw } = await delivered((to) =>
        python(
          to,
          `s = smtplib.SMTP_SSL("127.0.0.1", smtps, context=context)\ns.login("alice", "${PASSWORD}")\nsend(s)`,
        ),
      );
      expect(user).to.equal('alice');
      expect(raw).to.contain('with ESMTPSA ');
    });
  });

  describe('nodemailer', () => {
    const logins = [
      ['PLAIN', { user: 'alice', pass: PASSWORD }],
      ['LOGIN', { user: 'alice', pass: PASSWORD }],
      ['CRAM-MD5', { user: 'alice', pass: PASSWORD }],
      ['XOAUTH2', { type: 'OAuth2', user: 'alice', accessToken: TOKEN }],
    ] as const;
    for (const [mechanism, auth] of logins) {
      for (const service of ['smtp', 'smtps'] as const) {
        it(`${service}, AUTH ${mechanism}`, async () => {
          const { user } = await delivered(async (to) => {
            const transport = createTransport({
              host: '127.0.0.1',
              port: port(service),
              secure: service === 'smtps',
              requireTLS: true,
              tls: { ca: readFileSync(authority) },
              ...(mechanism === 'XOAUTH2' ? {} : { authMethod: mechanism }),
              auth,
            });
            await transport.sendMail({ from: 'a@x.example', to, subject: 't', text: 'x' });
            transport.close();
          });
          expect(user).to.equal('alice');
        });
      }
    }
  });

  describe('openssl s_client', () => {
    before(function () {
      needs(this, 'openssl', ['version'], 'there is no openssl');
    });
    const client = (service: string, ...args: readonly string[]): Promise<Output> => {
      const check = [
        '-CAfile',
        authority,
        '-verify_return_error',
        '-verify_ip',
        '127.0.0.1',
        '-servername',
        'mail.test',
      ];
      return run('openssl', ['s_client', '-connect', address(service), ...check, ...args], 'QUIT\r\n');
    };

    it('STARTTLS with TLS 1.2 and with 1.3, and a certificate that it verifies', async () => {
      for (const [flag, version] of [
        ['-tls1_2', 'TLSv1.2'],
        ['-tls1_3', 'TLSv1.3'],
      ] as const) {
        const { code, text } = await client('smtp', '-starttls', 'smtp', flag);
        expect(code, text).to.equal(0);
        expect(text).to.contain('Verification: OK').and.to.contain(version);
      }
    });

    it('TLS 1.3 where nothing older is wanted, and TLS 1.1 nowhere', async () => {
      expect((await client('smtps', '-tls1_3')).text).to.contain('Verification: OK');
      expect((await client('smtps', '-tls1_2')).code).to.equal(1);
      expect((await client('smtp', '-starttls', 'smtp', '-tls1_1')).code).to.equal(1);
    });
  });

  describe('GNU SASL', () => {
    before(function () {
      needs(this, 'gsasl', ['--version'], 'there is no gsasl');
    });
    const gsasl = (mechanism: string, password: string): Promise<Output> => {
      const who = ['-a', 'alice', '-p', password, '--x509-ca-file', authority, '--no-cb'];
      return run('gsasl', ['--smtp', '--connect', address('smtp'), '-m', mechanism, ...who]);
    };

    for (const mechanism of ['SCRAM-SHA-256', 'CRAM-MD5', 'PLAIN', 'LOGIN']) {
      it(`AUTH ${mechanism}, right or wrong`, async () => {
        const right = await gsasl(mechanism, PASSWORD);
        expect(right.text).to.contain('235 2.7.0 ').and.to.contain('server trusted');
        expect((await gsasl(mechanism, 'wrong')).text).to.contain('535 5.7.8 ');
      });
    }
  });

  // In a group of its own, since the others run before it.
  describe('its log', () => {
    it('T10 leaves no password and no token in its log, which tells everything', async () => {
      expect(existsSync(authority)).to.equal(true);
      await until(4000, () => sink.log('auth.succeeded').length > 0, 'auth.succeeded');
      for (const secret of [PASSWORD, TOKEN]) {
        expect(sink.stderr + sink.stdout).not.to.contain(secret);
        expect(sink.stderr + sink.stdout).not.to.contain(Buffer.from(`\0alice\0${secret}`).toString('base64'));
        expect(sink.stderr + sink.stdout).not.to.contain(Buffer.from(secret).toString('base64'));
      }
    });
  });
});
