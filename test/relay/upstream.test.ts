// Upstreams as users write them, and the mistakes they make; no message may repeat a password.
import { expect } from 'chai';
import { parseUpstream, type Upstream } from '../../relay/upstream.ts';
import { ChatError } from '../../src/errors.ts';

describe('parseUpstream', () => {
  const GOOD: readonly [text: string, upstream: Upstream][] = [
    [
      'smtp://mail.example',
      {
        name: 'smtp://mail.example:25',
        host: 'mail.example',
        port: 25,
        implicitTls: false,
        tls: 'opportunistic',
        auth: null,
      },
    ],
    [
      'smtp://mail.example:2525?tls=none',
      {
        name: 'smtp://mail.example:2525',
        host: 'mail.example',
        port: 2525,
        implicitTls: false,
        tls: 'none',
        auth: null,
      },
    ],
    [
      'smtps://mail.example/',
      {
        name: 'smtps://mail.example:465',
        host: 'mail.example',
        port: 465,
        implicitTls: true,
        tls: 'opportunistic',
        auth: null,
      },
    ],
    [
      'smtp://me%40x.example:p%3Aq%25@mail.example:587',
      {
        name: 'smtp://mail.example:587',
        host: 'mail.example',
        port: 587,
        implicitTls: false,
        tls: 'require',
        auth: { user: 'me@x.example', pass: 'p:q%' },
      },
    ],
    [
      'smtp://me:secret@[::1]:587?tls=opportunistic',
      {
        name: 'smtp://[::1]:587',
        host: '::1',
        port: 587,
        implicitTls: false,
        tls: 'opportunistic',
        auth: { user: 'me', pass: 'secret' },
      },
    ],
  ];
  for (const [text, upstream] of GOOD) {
    it(text, () => expect(parseUpstream(text)).to.deep.equal(upstream));
  }

  const BAD: readonly [text: string, says: RegExp][] = [
    ['mail.example', /not a URL/],
    ['', /not a URL/],
    ['http://mail.example', /smtp or smtps/],
    ['smtp://', /host is missing|not a URL/],
    ['smtp://me:secret@mail.example/inbox', /a path means nothing/],
    ['smtp://me:secret@mail.example#x', /a path means nothing/],
    ['smtp://me:secret@mail.example?ssl=1', /unknown parameter ssl/],
    ['smtp://me:secret@mail.example?tls=yes', /require, opportunistic, none/],
    ['smtp://me:secret%@mail.example', /%25/],
    ['smtp://me:secret@mail.example:99999', /not a URL/],
  ];
  for (const [text, says] of BAD) {
    it(`refuses ${text || 'nothing'}`, () => {
      expect(() => parseUpstream(text))
        .to.throw(ChatError, says)
        .with.property('code', 'BAD_OPTION');
      expect(() => parseUpstream(text)).to.not.throw(ChatError, /secret/);
    });
  }
});
