// What the options make of TLS, logins and trust.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { resolveRelay, resolveSink } from '../../relay/options.ts';
import { createSecurity, type Security, type SecurityHooks } from '../../relay/security.ts';
import { ChatError } from '../../src/errors.ts';
import { RecordingLog } from './support/recording-log.ts';

const HASH = 'alice:$scrypt$ln=10,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAA';
const CLIENT = { address: '192.0.2.1', certificate: '' };

describe('createSecurity', () => {
  let folder: string;
  let log: RecordingLog;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-security-'));
    log = new RecordingLog();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  type Flags = Readonly<Record<string, string | readonly string[]>>;
  const sources = (flags: Flags) => ({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value].flat()])),
  });
  const relay = (flags: Flags, hooks?: SecurityHooks): Promise<Security> => {
    const fixed = { upstream: 'smtp://smtp.example.com', database: join(folder, 'relay.db'), hostname: 'mx.example' };
    return createSecurity(resolveRelay(sources({ ...fixed, ...flags })), log, hooks);
  };
  const sink = (flags: Flags, hooks?: SecurityHooks): Promise<Security> =>
    createSecurity(resolveSink(sources({ hostname: 'mx.example', ...flags })), log, hooks);
  const offers = ({ auth }: Security, isTls: boolean): string =>
    auth?.mechanisms({ ...CLIENT, isTls }).join(' ') ?? 'no AUTH';

  it('is nothing unless it is asked for', async () => {
    expect((await relay({})).auth).to.equal(null);
    // Namespaces may bring users later.
    expect((await sink({})).auth).to.include({ isDormant: true });
    for (const security of [await relay({}), await sink({})]) {
      expect(security).to.include({ tls: null, requireTls: false, requireAuth: false });
      expect(security.xclientFrom.matches('127.0.0.1')).to.equal(false);
    }
    expect(log.records).to.deep.equal([]);
  });

  it("gives a relay's users the TLS that they need, with a certificate beside the database", async () => {
    const security = await relay({ user: HASH });
    expect(security.tls).not.to.equal(null);
    expect(existsSync(join(folder, 'relay.db.tls.pem'))).to.equal(true);
    expect([offers(security, false), offers(security, true)]).to.deep.equal(['', 'PLAIN LOGIN']);
    expect(security.requireAuth).to.equal(false);
  });

  it('does without it when told to', async () => {
    const security = await relay({ user: HASH, 'auth-insecure': 'true' });
    expect(security.tls).to.equal(null);
    expect(offers(security, false)).to.equal('PLAIN LOGIN');
  });

  it("lets a sink's users log in without TLS where there is none, and makes them", async () => {
    const security = await sink({ user: 'alice:secret' });
    expect(security.tls).to.equal(null);
    expect(offers(security, false)).to.equal('SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN');
    expect(security.requireAuth).to.equal(true);
    const withTls = await sink({ user: 'alice:secret', 'tls-self-signed': 'mx.example', 'require-auth': 'false' });
    expect(offers(withTls, false)).to.equal('');
    expect(withTls.requireAuth).to.equal(false);
  });

  it('lets anybody into a sink that accepts any', async () => {
    const { auth } = await sink({ 'auth-accept-any': 'true' });
    expect(auth!.mechanisms({ ...CLIENT, isTls: false })).to.include.members(['PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2']);
    for (const [mechanism, responses, user] of [
      ['PLAIN', ['\0any body\0\0'.slice(0, -1)], 'any body'],
      ['CRAM-MD5', [null, `tim ${'0'.repeat(32)}`], 'tim'],
      ['XOAUTH2', ['user=eve\x01auth=Bearer x\x01\x01'], 'eve'],
    ] as const) {
      const exchange = auth!.begin(mechanism, { ...CLIENT, isTls: false });
      if ('code' in exchange) throw new Error(`${mechanism} was refused`);
      let step: unknown;
      for (const response of responses) step = await exchange.respond(response === null ? null : Buffer.from(response));
      expect(step, mechanism).to.deep.equal({ user });
    }
  });

  it("understands the variables of Mailpit's users", async () => {
    const variables = {
      MP_SMTP_AUTH: 'alice:secret bob:a,b',
      MP_SMTP_AUTH_ALLOW_INSECURE: '1',
      MP_SMTP_REQUIRE_STARTTLS: 'yes',
      MP_SMTP_REQUIRE_TLS: 'true',
      MP_SMTP_AUTH_FILE: '/users',
      MP_SMTP_AUTH_ACCEPT_ANY: 'false',
      MP_SMTP_TLS_CERT: '/cert.pem',
      MP_SMTP_TLS_KEY: '/key.pem',
    };
    expect(resolveSink({ variables })).to.deep.include({
      user: ['alice:secret', 'bob:a,b'],
      authInsecure: true,
      requireTls: true,
      smtpRequireTls: true,
      users: '/users',
      authAcceptAny: false,
      tlsCert: ['/cert.pem'],
      tlsKey: ['/key.pem'],
    });
  });

  it('asks the program that it runs in, by hooks', async () => {
    const security = await relay({}, { passwords: async (name) => name, tokens: async () => 'alice' });
    expect(offers(security, true)).to.equal('PLAIN LOGIN OAUTHBEARER XOAUTH2');
  });

  for (const [what, flags] of [
    ['--smtps', { smtps: '127.0.0.1:0' }],
    ['--require-tls', { 'require-tls': 'true' }],
    ['--tls-self-signed', { 'tls-self-signed': 'other.example' }],
  ] as const) {
    it(`makes a certificate for ${what}`, async () => {
      expect((await relay(flags)).tls).not.to.equal(null);
      expect(log.of('tls.certificate_made')).to.have.length(1);
    });
  }

  it('makes none that is kept for a sink whose database goes with it', async () => {
    expect((await sink({ 'smtp-require-tls': 'true' })).tls).not.to.equal(null);
    expect(log.of('tls.certificate_made')[0]!.fields).not.to.have.property('file');
  });

  it('reads the users again at once when it is told to', async () => {
    const file = join(folder, 'users');
    writeFileSync(file, `${HASH}\n`, { mode: 0o600 });
    const security = await relay({ users: file });
    expect(offers(security, true)).to.equal('PLAIN LOGIN');
    writeFileSync(file, `${HASH}:$cram-md5$${Buffer.alloc(32).toString('base64')}\n`);
    security.reload();
    const exchange = security.auth!.begin('PLAIN', { ...CLIENT, isTls: true });
    if ('respond' in exchange) await exchange.respond(null);
    expect(offers(security, true)).to.equal('CRAM-MD5 PLAIN LOGIN');
  });

  const cases: readonly (readonly [what: string, flags: Flags, said: string])[] = [
    ['a user without a hash', { user: 'alice' }, '--user: expected NAME:HASH, as lonedot user hash prints it'],
    ['keys that are too few', { 'tls-cert': ['a', 'b'], 'tls-key': 'a' }, 'there are 1 of them for 2 of tls-cert'],
    ['a key without a certificate', { 'tls-key': 'a' }, 'there are 1 of them for 0 of tls-cert'],
    ['two kinds of certificates', { 'tls-cert': 'a', 'tls-self-signed': 'b' }, 'exclude each other'],
    ['tokens in the clear', { 'oauth-introspect': 'http://auth.example/' }, 'must be https'],
    ['a proxy that is none', { 'proxy-from': 'example.com' }, 'proxy-from: "example.com" names no peers'],
    ['a name with a blank', { 'tls-self-signed': 'a b' }, 'expected a host name or an IP address'],
  ];
  for (const [what, flags, said] of cases) {
    it(`refuses ${what}, when the options are read`, () => {
      expect(() => void relay(flags))
        .to.throw(ChatError, said)
        .with.property('code', 'BAD_OPTION');
    });
  }
});
