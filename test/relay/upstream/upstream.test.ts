// Upstreams as users write them, and the mistakes they make; no message may repeat a secret.
import { expect } from 'chai';
import { parseUpstream, type Upstream } from '../../../relay/upstream/upstream.ts';
import { ChatError } from '../../../src/errors.ts';

const DEFAULTS: Upstream = {
  name: 'smtp://mail.example:25',
  kind: 'smtp',
  host: 'mail.example',
  port: 25,
  implicitTls: false,
  tls: 'opportunistic',
  verify: false,
  servername: null,
  ca: null,
  cert: null,
  key: null,
  auth: null,
  proxy: null,
  eightBit: 'bounce',
  concurrency: null,
  rate: null,
  timeout: null,
  dotTimeout: null,
};

describe('parseUpstream', () => {
  const GOOD: readonly [text: string, differences: Partial<Upstream>][] = [
    ['smtp://mail.example', {}],
    ['smtp://mail.example:2525?tls=none', { name: 'smtp://mail.example:2525', port: 2525, tls: 'none' }],
    ['smtp://mail.example?tls=require', { tls: 'require', verify: true }],
    ['smtp://mail.example?tls=require&verify=no', { tls: 'require', verify: false }],
    ['smtp://mail.example?verify', { verify: true }],
    ['smtp://mail.example?timeout=90s&dot-timeout=20m', { timeout: 90_000, dotTimeout: 1_200_000 }],
    [
      'smtps://mail.example/',
      { name: 'smtps://mail.example:465', port: 465, implicitTls: true, tls: 'require', verify: true },
    ],
    [
      'smtp://me%40x.example:p%3Aq%25@mail.example:587',
      {
        name: 'smtp://mail.example:587',
        port: 587,
        tls: 'require',
        verify: true,
        auth: { user: 'me@x.example', pass: 'p:q%', mechanism: null, oauth2: null },
      },
    ],
    [
      'smtp://me:secret@[::1]:587?tls=opportunistic&auth=login',
      {
        name: 'smtp://[::1]:587',
        host: '::1',
        port: 587,
        auth: { user: 'me', pass: 'secret', mechanism: 'login', oauth2: null },
      },
    ],
    [
      'smtp://me@mail.example?auth=oauth2&client-id=id&client-secret=hush&refresh-token=r%2B1&token-url=https://t.example/x',
      {
        tls: 'require',
        verify: true,
        auth: {
          user: 'me',
          pass: '',
          mechanism: 'oauth2',
          oauth2: { clientId: 'id', clientSecret: 'hush', refreshToken: 'r+1', tokenUrl: 'https://t.example/x' },
        },
      },
    ],
    [
      'smtp://mail.example?name=main&concurrency=7&rate=100/m&eightbit=send&servername=mx.example',
      {
        name: 'main',
        concurrency: 7,
        rate: { count: 100, perMs: 60_000 },
        eightBit: 'send',
        servername: 'mx.example',
      },
    ],
    ['smtp://mail.example?ca=/etc/ca.pem&cert=a.pem&key=b.pem', { ca: '/etc/ca.pem', cert: 'a.pem', key: 'b.pem' }],
    [
      'smtp://mail.example?proxy=socks5://u:p%2540@127.0.0.1',
      { proxy: { kind: 'socks5', host: '127.0.0.1', port: 1080, user: 'u', pass: 'p@' } },
    ],
    [
      'smtp://mail.example?proxy=http://[::1]:3128',
      { proxy: { kind: 'http', host: '::1', port: 3128, user: '', pass: '' } },
    ],
    ['lmtp://mail.example', { name: 'lmtp://mail.example:24', kind: 'lmtp', port: 24 }],
    ['smtp://mail.example:2424?lmtp', { name: 'smtp://mail.example:2424', kind: 'lmtp', port: 2424 }],
    ['lmtp+unix:/run/my%20lmtp?name=local', { name: 'local', kind: 'lmtp', host: '/run/my lmtp', port: 0 }],
    ['lmtp+unix:/run/lmtp', { name: 'lmtp+unix:/run/lmtp', kind: 'lmtp', host: '/run/lmtp', port: 0 }],
    ['mx', { name: 'mx', kind: 'mx', host: '' }],
    [
      'mx:?name=direct&port=2525&tls=none&concurrency=50',
      { name: 'direct', kind: 'mx', host: '', port: 2525, tls: 'none', concurrency: 50 },
    ],
  ];
  for (const [text, differences] of GOOD) {
    it(text, () => expect(parseUpstream(text)).to.deep.equal({ ...DEFAULTS, ...differences }));
  }

  const AT = 'smtp://me:secret@mail.example';
  const OAUTH2 = 'smtp://me@mail.example?auth=oauth2&client-id=secret&refresh-token=secret';
  const BAD: readonly [text: string, says: RegExp][] = [
    ['mail.example', /not a URL/],
    ['', /not a URL/],
    ['http://mail.example', /scheme must be smtp, smtps, lmtp/],
    ['smtp://', /host is missing|not a URL/],
    [`${AT}/inbox`, /a path means nothing/],
    [`${AT}#x`, /# means nothing/],
    [`${AT}?ssl=1`, /unknown parameter "ssl"/],
    [`${AT}?tls=yes`, /tls is one of require, opportunistic, none/],
    [`${AT}?tls=none&tls=none`, /tls stands there twice/],
    [`${AT}?verify=maybe`, /verify is yes or no/],
    [`${AT}?name=a%20b`, /name is a short name/],
    [`${AT}?concurrency=0`, /concurrency is a whole number from 1 to 1000/],
    [`${AT}?concurrency=secret`, /concurrency is a whole number/],
    [`${AT}?timeout=90`, /timeout is a duration from 100ms to 1h/],
    [`${AT}?dot-timeout=2h`, /dot-timeout is a duration from 100ms to 1h/],
    [`${AT}?rate=100`, /rate is a number of mails in a time/],
    [`${AT}?rate=0/m`, /rate is a number of mails in a time/],
    [`${AT}?eightbit=drop`, /eightbit is one of bounce, send/],
    [`${AT}?servername=a/b`, /servername is a host name/],
    [`${AT}?ca=`, /ca is the path of a file/],
    [`${AT}?cert=a.pem`, /cert and key go together/],
    [`${AT}?key=a.pem`, /cert and key go together/],
    [`${AT}?proxy=ftp://secret@h`, /proxy is socks5:/],
    [`${AT}?proxy=secret`, /proxy is socks5:/],
    [`${AT}?proxy=http://h/path`, /proxy is socks5:/],
    [`${AT}?auth=secret`, /auth is one of plain, login, cram-md5, oauth2/],
    [`${AT}?auth=oauth2&client-id=a`, /takes a refresh-token, not a password/],
    [`${AT}?client-secret=secret`, /for auth=oauth2/],
    ['smtp://me@mail.example?auth=oauth2&client-id=secret', /needs client-id, refresh-token and token-url/],
    [`${OAUTH2}&token-url=http://secret.example`, /token-url is an https/],
    [`${OAUTH2}&token-url=https://t.example&client-secret=a+b`, /client-secret is a text without spaces.*%2B/],
    ['smtp://mail.example?auth=plain', /user is missing/],
    ['smtp://:secret@mail.example', /user is missing/],
    ['smtp://me@mail.example', /password is missing/],
    ['smtp://me:secret%@mail.example', /%25/],
    ['smtp://me:secret@mail.example:99999', /not a URL/],
    ['smtps://mail.example?tls=none', /contradicts/],
    ['smtp://mail.example?lmtp', /never goes to port 25/],
    ['lmtp://mail.example:25', /never goes to port 25/],
    ['lmtp+unix:relative', /absolute path/],
    ['lmtp+unix://host/path', /absolute path/],
    ['lmtp+unix:/run/lmtp?proxy=http://h', /no proxy leads to a unix/],
    ['mx://mail.example', /mx takes no host/],
    ['mx:mail.example', /mx takes no host/],
    ['mx:?lmtp', /lmtp means nothing to mx/],
    ['mx:?servername=x', /means nothing to mx/],
    ['mx:?port=0', /port is a whole number/],
    ['smtp://mail.example?port=25', /port is for mx/],
  ];
  for (const [text, says] of BAD) {
    it(`refuses ${text || 'nothing'}`, () => {
      expect(() => parseUpstream(text))
        .to.throw(ChatError, says)
        .with.property('code', 'BAD_OPTION');
      expect(() => parseUpstream(text)).to.not.throw(ChatError, /(?<!client-)secret/);
    });
  }
});
