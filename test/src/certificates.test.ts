// Certificates: from files that are read again when they change, by name, or made here; seen by a real client, and by
// openssl where it is installed.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { Certificates } from '../../src/certificates.ts';
import { FakeClock } from '../../src/clock.ts';
import { ChatError } from '../../src/errors.ts';
import { FileWatch } from '../../src/file-watch.ts';
import { isOutdated, makeSelfSigned } from '../../src/self-signed.ts';
import { secureSocket } from '../../src/tls-upgrade.ts';
import { RecordingLog } from '../relay/support/recording-log.ts';
import { destroySockets, socketPair } from '../support/sockets.ts';
import { STRANGER_CERTIFICATE, STRANGER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../support/tls-certificate.ts';
import { within } from '../support/within.ts';

const NAMES = ['mail.example.com', 'localhost', '127.0.0.1', '::1'];

describe('a self-signed certificate', () => {
  const { key, certificate } = makeSelfSigned(NAMES);
  const x509 = new X509Certificate(certificate);

  it('is for its names and addresses, not for others, and its own issuer', () => {
    expect(x509.subject).to.equal('CN=mail.example.com');
    expect(x509.issuer).to.equal(x509.subject);
    expect(x509.verify(x509.publicKey)).to.equal(true);
    expect(x509.ca).to.equal(false);
    for (const name of ['mail.example.com', 'localhost']) expect(x509.checkHost(name), name).to.equal(name);
    for (const ip of ['127.0.0.1', '::1']) expect(x509.checkIP(ip), ip).to.equal(ip);
    expect(x509.checkHost('example.com')).to.equal(undefined);
  });

  it('differs from every other, and is never valid for longer than Apple takes', () => {
    expect(new X509Certificate(makeSelfSigned(NAMES).certificate).serialNumber).not.to.equal(x509.serialNumber);
    expect((Date.parse(x509.validTo) - Date.parse(x509.validFrom)) / 86_400_000).to.equal(825);
    expect(Date.parse(x509.validFrom)).to.be.lessThan(Date.now());
  });

  it('is outdated a month before its end, or for other names', () => {
    const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);
    expect(isOutdated(certificate, NAMES)).to.equal(false);
    expect(isOutdated(certificate, NAMES, inDays(793))).to.equal(false);
    expect(isOutdated(certificate, NAMES, inDays(795))).to.equal(true);
    expect(isOutdated(certificate, [...NAMES, 'other.example.com'])).to.equal(true);
    expect(isOutdated(certificate, ['192.0.2.1'])).to.equal(true);
  });

  it('may be valid beyond 2049, and for a name that is too long for a subject', () => {
    const name = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
    const late = new X509Certificate(makeSelfSigned([name], new Date('2050-06-01T00:00:00Z')).certificate);
    expect(late.validTo).to.match(/ 2052 GMT$/);
    expect(late.checkHost(name)).to.equal(name);
  });

  it('is what openssl calls a good server certificate, by its strict rules', function () {
    const folder = mkdtempSync(join(tmpdir(), 'lonedot-x509-'));
    try {
      const file = join(folder, 'own.pem');
      writeFileSync(file, certificate + key);
      const openssl = (...args: readonly string[]) => spawnSync('openssl', args, { encoding: 'utf8', timeout: 10_000 });
      if (openssl('version').error) this.skip();
      const strict = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'localhost'];
      expect(openssl('verify', ...strict, '-CAfile', file, file).stdout).to.equal(`${file}: OK\n`);
      const text = openssl('x509', '-in', file, '-noout', '-text').stdout;
      expect(text).to.contain('DNS:mail.example.com, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
      expect(text).to.match(/Basic Constraints: critical\s+CA:FALSE/);
      expect(text).to.match(/Key Usage: critical\s+Digital Signature/);
      expect(openssl('pkey', '-in', file, '-noout', '-check').stdout).to.contain('Key is valid');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('Certificates', () => {
  let folder: string;
  let log: RecordingLog;
  let clock: FakeClock;
  const path = (name: string): string => join(folder, name);
  const pair = (name: string) => ({ certificate: path(`${name}.pem`), key: path(`${name}.key`) });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-tls-'));
    log = new RecordingLog();
    clock = new FakeClock(Date.now());
    write('a', TEST_CERTIFICATE, TEST_KEY);
    write('b', STRANGER_CERTIFICATE, STRANGER_KEY);
  });
  afterEach(() => {
    destroySockets();
    rmSync(folder, { recursive: true });
  });

  function write(name: string, certificate: string, key: string): void {
    writeFileSync(path(`${name}.pem`), certificate);
    writeFileSync(path(`${name}.key`), key, { mode: 0o600 });
  }

  function open(options: Partial<ConstructorParameters<typeof Certificates>[0]> = {}): Certificates {
    const own = { names: NAMES, file: path('own.pem') };
    return new Certificates({ files: [pair('a')], own, clientAuthorities: null, ...options }, log, clock);
  }

  /** A client's handshake with what `certificates` say now. */
  async function shake(
    certificates: Certificates,
    options: ConnectionOptions = {},
    least?: 'TLSv1.2' | 'TLSv1.3',
  ): Promise<TLSSocket> {
    const { server, client } = await socketPair();
    secureSocket(server, { role: 'server', ...certificates.secureContextOptions(least) }, Buffer.alloc(0)).catch(
      () => {},
    );
    const secure = tlsConnect({ socket: client, rejectUnauthorized: false, ...options });
    const done = new Promise<void>((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
    await within(4000, done, 'the handshake');
    secure.on('error', () => {});
    return secure;
  }
  const subject = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;

  it('come from files', async () => {
    const secure = await shake(open(), { ca: TEST_CERTIFICATE, servername: 'localhost', rejectUnauthorized: true });
    expect(subject(secure)).to.equal('localhost');
    expect(secure.getProtocol()).to.equal('TLSv1.3');
  });

  it('are read from one file where key and certificate stand together', async () => {
    writeFileSync(path('both.pem'), TEST_KEY + TEST_CERTIFICATE, { mode: 0o600 });
    expect(subject(await shake(open({ files: [{ certificate: path('both.pem'), key: null }] })))).to.equal('localhost');
  });

  it('are chosen by the name that is asked for, the first one for others', async () => {
    const other = makeSelfSigned(['other.example']);
    write('b', other.certificate, other.key);
    const certificates = open({ files: [pair('a'), pair('b')] });
    for (const [servername, expected] of [
      ['other.example', 'other.example'],
      ['localhost', 'localhost'],
      ['nobody.example', 'localhost'],
      ['', 'localhost'],
    ] as const) {
      expect(subject(await shake(certificates, { servername })), servername).to.equal(expected);
    }
  });

  it('are read again when they have changed, once a second at most', async () => {
    const certificates = open();
    write('a', STRANGER_CERTIFICATE, STRANGER_KEY);
    expect(subject(await shake(certificates)), 'too soon to look').to.equal('localhost');
    clock.advance(1000);
    expect(subject(await shake(certificates))).to.equal('stranger');
    expect(log.of('tls.certificates_reloaded')).to.have.length(1);
    write('a', TEST_CERTIFICATE, TEST_KEY);
    certificates.lookSoon();
    expect(subject(await shake(certificates))).to.equal('localhost');
  });

  it('stay as they were while a renewal is half done', async () => {
    const certificates = open();
    writeFileSync(path('a.pem'), STRANGER_CERTIFICATE);
    clock.advance(1000);
    expect(subject(await shake(certificates))).to.equal('localhost');
    expect(log.of('tls.reload_failed')).to.have.length(1);
    clock.advance(1000);
    await shake(certificates);
    expect(log.of('tls.reload_failed'), 'not told again and again').to.have.length(1);
    writeFileSync(path('a.key'), STRANGER_KEY);
    clock.advance(1000);
    expect(subject(await shake(certificates))).to.equal('stranger');
  });

  it('keep to the least version, listener by listener', async () => {
    const certificates = open();
    expect((await shake(certificates, { maxVersion: 'TLSv1.2' })).getProtocol()).to.equal('TLSv1.2');
    const error: NodeJS.ErrnoException = await shake(certificates, { maxVersion: 'TLSv1.2' }, 'TLSv1.3').then(
      () => expect.fail('TLS 1.2 was spoken'),
      (e) => e,
    );
    expect(error.code).to.match(/PROTOCOL_VERSION/);
    expect((await shake(certificates, {}, 'TLSv1.3')).getProtocol()).to.equal('TLSv1.3');
  });

  it('let a client take up its session again, also one that showed a certificate', async () => {
    writeFileSync(path('ca.pem'), STRANGER_CERTIFICATE);
    const certificates = open({ clientAuthorities: path('ca.pem') });
    const client = { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE, maxVersion: 'TLSv1.2' } as const;
    const first = await shake(certificates, client);
    const session = first.getSession()!;
    expect((await shake(certificates, { ...client, session })).isSessionReused()).to.equal(true);
  });

  it('of our own are made once and kept for us alone', async () => {
    const first = subject(await shake(open({ files: [] })));
    expect(first).to.equal('mail.example.com');
    expect(statSync(path('own.pem')).mode & 0o777).to.equal(0o600);
    const kept = readFileSync(path('own.pem'), 'utf8');
    open({ files: [] });
    expect(readFileSync(path('own.pem'), 'utf8')).to.equal(kept);
    open({ files: [], own: { names: ['new.example'], file: path('own.pem') } });
    expect(readFileSync(path('own.pem'), 'utf8'), 'another name').not.to.equal(kept);
    expect(log.of('tls.certificate_made')).to.have.length(2);
  });

  it('of our own are made anew before they end, while we run', async () => {
    const certificates = open({ files: [] });
    clock.advance(820 * 86_400_000);
    await shake(certificates);
    expect(log.of('tls.certificate_made')).to.have.length(2);
  });

  it('of our own may stay in memory, or have to', async () => {
    open({ files: [], own: { names: NAMES, file: null } });
    expect(existsSync(path('own.pem'))).to.equal(false);
    await shake(open({ files: [], own: { names: NAMES, file: join(folder, 'nowhere', 'own.pem') } }));
    expect(log.levels('tls.certificate_not_kept')).to.deep.equal(['warn']);
  });

  const cases: readonly (readonly [
    what: string,
    make: () => Partial<ConstructorParameters<typeof Certificates>[0]>,
    said: string,
  ])[] = [
    [
      'a file that is not there',
      () => ({ files: [pair('c')] }),
      'tls-cert: FOLDER/c.pem cannot be read: there is no such file',
    ],
    [
      'what is no certificate',
      () => ({ files: [{ certificate: path('a.key'), key: null }] }),
      'holds no certificate in PEM',
    ],
    ['what is no key', () => ({ files: [{ ...pair('a'), key: path('a.pem') }] }), 'holds no private key in PEM'],
    ['no key', () => ({ files: [{ ...pair('a'), key: null }] }), '(tls-key is not given)'],
    [
      'the key of another',
      () => ({ files: [{ ...pair('a'), key: path('b.key') }] }),
      'b.key is not the key of FOLDER/a.pem',
    ],
    [
      'authorities that are not there',
      () => ({ clientAuthorities: path('ca.pem') }),
      'tls-client-ca: FOLDER/ca.pem cannot',
    ],
  ];
  for (const [what, make, said] of cases) {
    it(`refuse ${what}`, () => {
      expect(() => open(make()))
        .to.throw(ChatError, said.replace('FOLDER', folder))
        .with.property('code', 'BAD_OPTION');
    });
  }

  it('complain about a key that everybody can read, and about an end that is near', () => {
    const ending = makeSelfSigned(['x'], new Date(Date.now() - 815 * 86_400_000));
    write('a', ending.certificate, ending.key);
    rmSync(path('a.key'));
    writeFileSync(path('a.key'), ending.key, { mode: 0o644 });
    open();
    expect(log.levels('tls.key_readable_by_others')).to.deep.equal(['warn']);
    expect(log.levels('tls.certificate_ends_soon')).to.deep.equal(['warn']);
  });
});

describe('FileWatch', () => {
  it('sees a change, a removal and a return, each once', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lonedot-watch-'));
    try {
      const file = join(folder, 'a');
      const clock = new FakeClock();
      const watch = new FileWatch([file], clock);
      const looks = (): boolean[] => {
        clock.advance(1000);
        return [watch.hasChanged(), watch.hasChanged()];
      };
      expect(looks()).to.deep.equal([false, false]);
      writeFileSync(file, 'x');
      expect(watch.hasChanged()).to.equal(false);
      expect(looks()).to.deep.equal([true, false]);
      writeFileSync(file, 'y');
      expect(looks()).to.deep.equal([true, false]);
      rmSync(file);
      expect(looks()).to.deep.equal([true, false]);
      expect(looks()).to.deep.equal([false, false]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
