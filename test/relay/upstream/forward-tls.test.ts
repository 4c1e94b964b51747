// TLS on the way out: what each policy does with an upstream that offers it, refuses it, breaks it, or shows a certificate
// that nobody vouches for; certificates of our own; REQUIRETLS.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Forwarder } from '../../../relay/upstream/forward.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import { ChatError } from '../../../src/errors.ts';
import { STRANGER_CERTIFICATE, STRANGER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../support/tls-certificate.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { at, WayOut } from '../support/way-out.ts';

const TLS = { key: TEST_KEY, cert: TEST_CERTIFICATE };
const STRANGER = { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE };

describe('TLS on the way out', () => {
  let way: WayOut | undefined;
  let directory: string;
  let ca: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-'));
    ca = join(directory, 'ca.pem');
    await writeFile(ca, TEST_CERTIFICATE);
    await writeFile(join(directory, 'key.pem'), TEST_KEY);
    await writeFile(join(directory, 'other-key.pem'), STRANGER_KEY);
    await writeFile(join(directory, 'no.pem'), 'no certificate');
  });

  after(() => rm(directory, { recursive: true }));

  afterEach(async () => {
    await way?.stop();
    way = undefined;
  });

  const trusted = (): string => `ca=${encodeURIComponent(ca)}&servername=localhost`;

  const POLICIES: readonly [title: string, query: () => string, server: object, fate: string, isEncrypted: boolean][] =
    [
      ['none, offered', () => 'tls=none', { tls: TLS }, 'delivered', false],
      ['opportunistic, not offered', () => 'tls=opportunistic', {}, 'delivered', false],
      ['opportunistic, offered, nobody vouches', () => 'tls=opportunistic', { tls: TLS }, 'delivered', true],
      [
        'opportunistic, refused',
        () => 'tls=opportunistic',
        { tls: TLS, answer: at('starttls', '454 4.7.0 not now') },
        'delivered',
        false,
      ],
      [
        'opportunistic with verify, offered, nobody vouches: in the clear',
        () => 'tls=opportunistic&verify=yes',
        { tls: TLS },
        'delivered',
        false,
      ],
      ['require, not offered', () => 'tls=require', {}, 'unreachable: route', false],
      ['require, nobody vouches', () => 'tls=require', { tls: TLS }, 'unreachable: route', false],
      ['require, trusted', () => `tls=require&${trusted()}`, { tls: TLS }, 'delivered', true],
      [
        'require, another name',
        () => `tls=require&ca=${ca}&servername=mail.example`,
        { tls: TLS },
        'unreachable: route',
        false,
      ],
      ['require, a stranger', () => `tls=require&${trusted()}`, { tls: STRANGER }, 'unreachable: route', false],
      ['require, not verified', () => 'tls=require&verify=no', { tls: STRANGER }, 'delivered', true],
    ];
  for (const [title, query, server, fate, isEncrypted] of POLICIES) {
    it(title, async () => {
      way = await WayOut.open({ ...server, query: query() });
      expect(await way.fates()).to.equal(fate);
      expect(way.upstream.accepted.length).to.equal(fate === 'delivered' ? 1 : 0);
      if (fate === 'delivered')
        expect(way.upstream.handshakes.length > 0 && !way.log.of('upstream.tls_failed').length).to.equal(isEncrypted);
      if (fate !== 'delivered') expect(way.upstream.verbs()).to.not.include('MAIL');
    });
  }

  it('opportunistic, broken: in the clear on a new connection, and the operator hears of it', async () => {
    // Versions that nobody speaks any more.
    const broken = { ...TLS, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const;
    way = await WayOut.open({ tls: broken, query: 'tls=opportunistic' });
    expect(await way.fates()).to.equal('delivered');
    expect(way.upstream.connections).to.equal(2);
    expect(way.log.levels('upstream.tls_failed')).to.deep.equal(['warn']);
  });

  it('smtps', async () => {
    way = await WayOut.open({ tls: { ...TLS, implicit: true }, scheme: 'smtps', query: trusted() });
    const delivery = await way.deliver();
    expect(delivery.outcomes[0]!.fate).to.equal('delivered');
    expect(delivery).to.include({ tls: 'TLSv1.3', host: '127.0.0.1' });
    expect(way.upstream.handshakes[0]).to.include({ servername: 'localhost' });
  });

  it('smtps to a stranger', async () => {
    way = await WayOut.open({ tls: { ...STRANGER, implicit: true }, scheme: 'smtps', query: trusted() });
    expect(await way.fates()).to.equal('unreachable: route');
  });

  it('smtps to where nobody listens is no fault of TLS', async () => {
    way = await WayOut.open({ scheme: 'smtps', query: trusted() });
    await way.upstream.stop();
    expect(await way.fates()).to.equal('unreachable: host');
  });

  it('shows its own certificate, and tells the version of TLS', async () => {
    const asking = { ...TLS, requestCert: true, rejectUnauthorized: false };
    const own = `cert=${encodeURIComponent(ca)}&key=${encodeURIComponent(join(directory, 'key.pem'))}`;
    way = await WayOut.open({ tls: asking, query: `tls=require&${trusted()}&${own}` });
    const { tls } = await way.deliver();
    expect(tls).to.equal('TLSv1.3');
    expect(way.upstream.handshakes[0]).to.include({ client: 'localhost' });
  });

  const FILES: readonly [query: string, says: RegExp][] = [
    ['ca=nowhere.pem', /ca: .*nowhere\.pem cannot be read \(ENOENT\)/],
    ['cert=ca.pem&key=nowhere.pem', /key: .*nowhere\.pem cannot be read \(ENOENT\)/],
    ['cert=no.pem&key=key.pem', /no\.pem/],
    ['cert=ca.pem&key=other-key.pem', /other-key\.pem: .*mismatch/],
  ];
  for (const [query, says] of FILES) {
    it(`refuses ${query} at the start`, () => {
      const url = `smtp://mail.example?${query.replace(/=/g, `=${encodeURIComponent(directory)}/`)}`;
      expect(() => new Forwarder(parseUpstream(url), { hostname: 'mx.example', log: new RecordingLog() }))
        .to.throw(ChatError, says)
        .with.property('code', 'BAD_OPTION');
    });
  }

  describe('T15 REQUIRETLS', () => {
    const REQUIRED = { parameters: [['REQUIRETLS', '']] } as const;
    const ROWS: readonly [title: string, query: () => string, server: object, fate: string][] = [
      ['in the clear', () => 'tls=none', { keywords: ['REQUIRETLS'] }, 'failed 5.7.30'],
      [
        'with a certificate that nobody vouches for',
        () => 'tls=opportunistic',
        { tls: TLS, keywords: ['REQUIRETLS'] },
        'failed 5.7.30',
      ],
      ['not offered', () => `tls=require&${trusted()}`, { tls: TLS }, 'failed 5.7.30'],
      ['offered', () => `tls=require&${trusted()}`, { tls: TLS, keywords: ['REQUIRETLS'] }, 'delivered 2.0.0'],
    ];
    for (const [title, query, server, expected] of ROWS) {
      it(`${title}: ${expected}`, async () => {
        way = await WayOut.open({ ...server, query: query() });
        const { outcomes } = await way.deliver(REQUIRED);
        expect(outcomes.map(({ fate, status }) => `${fate} ${status}`)).to.deep.equal([expected]);
        expect(way.upstream.mails.map(({ from }) => from)).to.deep.equal(
          expected.startsWith('delivered') ? ['MAIL FROM:<a@x.example> REQUIRETLS'] : [],
        );
      });
    }
  });
});
