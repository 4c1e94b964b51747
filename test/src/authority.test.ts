// The authority of our own: what it signs is good to those who trust it, and its key is nobody else's.
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Authority, loadAuthority, makeAuthority } from '../../src/authority.ts';
import { integer, sequence, TRUE } from '../../src/der.ts';
import type { Log, LogFields } from '../../src/log.ts';
import { commonName, extension, makeCertificate } from '../../src/self-signed.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/tls-certificate.ts';
import { within } from '../support/within.ts';

describe('our own authority', () => {
  let folder: string;
  let told: string[];
  let log: Log;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'authority-'));
    told = [];
    const tell = (event: string, fields: LogFields = {}) => void told.push(`${event} ${JSON.stringify(fields)}`);
    log = { error: tell, warn: tell, info: tell, debug: tell, child: () => log, flush: async () => {} };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** An RSA authority as other programs make it. */
  function rsaAuthority(): { key: string; certificate: string } {
    const { privateKey: key, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const subject = commonName('Somebody else');
    const signer = createPrivateKey(key);
    const extensions = [extension('2.5.29.19', true, sequence(TRUE, integer(Buffer.of(0))))];
    const parts = { subject, issuer: subject, publicKey, signer, extensions, now: new Date(), days: 30 };
    return { key, certificate: makeCertificate(parts) };
  }

  for (const [what, make] of [
    ['of its own', () => makeAuthority('Test')],
    ['of somebody else, RSA and without an identifier', rsaAuthority],
  ] as const) {
    it(`${what}: signs what a client that trusts it takes, for names and addresses`, async () => {
      const pair = make();
      const authority = new Authority(pair, 'x');
      const ca = pair.certificate;
      const server = createServer({
        SNICallback: (name, done) => done(null, authority.context(name)),
        ...{ key: authority.sign('127.0.0.1').key, cert: authority.sign('127.0.0.1').certificate },
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      try {
        for (const name of [
          'mail.example',
          'a-very-long-name-of-a-host.that-is-longer-than-a-common-name.may-be.example',
          '',
        ]) {
          const how = name === '' ? { host: '127.0.0.1' } : { host: '127.0.0.1', servername: name };
          const socket: TLSSocket = connect({ ...how, port, ca });
          await within(5000, new Promise<void>((yes, no) => socket.once('secureConnect', yes).once('error', no)), name);
          expect(socket.authorized).to.equal(true);
          socket.destroy();
        }
      } finally {
        server.close();
      }
    });
  }

  it('is good to OpenSSL, strictly', function () {
    const pair = makeAuthority('Test');
    writeFileSync(join(folder, 'ca.pem'), pair.certificate);
    writeFileSync(join(folder, 'leaf.pem'), new Authority(pair, 'x').sign('mail.example').certificate);
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem', 'leaf.pem'];
    try {
      execFileSync('openssl', ['version']);
    } catch {
      return this.skip();
    }
    expect(execFileSync('openssl', args, { cwd: folder }).toString()).to.equal('leaf.pem: OK\n');
  });

  it('is made once, and kept where nobody else reads it', () => {
    const file = join(folder, 'state', 'ca.pem');
    const first = loadAuthority(file, log);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readFileSync(`${file}.crt`, 'latin1')).to.equal(first.certificate);
    expect(loadAuthority(file, log).certificate).to.equal(first.certificate);
    expect(told).to.deep.equal([`tls.authority_made ${JSON.stringify({ file, certificate: `${file}.crt` })}`]);
    const x509 = new X509Certificate(first.certificate);
    expect([x509.ca, x509.subject]).to.deep.equal([true, 'CN=lonedot proxy']);
  });

  it('warns when others can read its key', () => {
    const { key, certificate } = makeAuthority('Test');
    const file = join(folder, 'ca.pem');
    writeFileSync(file, certificate + key, { mode: 0o644 });
    loadAuthority(file, log);
    expect(told.join()).to.contain('tls.key_readable_by_others');
  });

  for (const [what, text, says] of [
    ['no PEM', 'hello', 'does not hold a certificate and its private key in PEM'],
    ['no key', TEST_CERTIFICATE, 'does not hold a certificate and its private key in PEM'],
    ["somebody else's key", makeAuthority('A').key + makeAuthority('B').certificate, 'has a key that is not that of'],
    [
      'no authority',
      new Authority(makeAuthority('A'), '').sign('x').certificate + TEST_KEY,
      'is not the certificate of an',
    ],
    [
      'an end in the past',
      (({ key, certificate }) => key + certificate)(makeAuthority('A', new Date('2001-01-01'))),
      'has ended on 2010-12-',
    ],
  ] as const) {
    it(`refuses a file with ${what}, and leaves it as it is`, () => {
      const file = join(folder, 'ca.pem');
      writeFileSync(file, text);
      expect(() => loadAuthority(file, log)).to.throw(`ca: ${file} ${says}`);
      expect(readFileSync(file, 'latin1')).to.equal(text);
      expect(existsSync(`${file}.crt`)).to.equal(false);
    });
  }

  it('says so when it cannot be kept', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => loadAuthority(join(folder, 'file', 'ca.pem'), log)).to.throw(/^ca: /);
  });
});
