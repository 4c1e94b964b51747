// The trace line that every message gets.
import { expect } from 'chai';
import { type Hop, protocolName, receivedHeader, rfc5322Date } from '../../../relay/smtp/received.ts';

const HOP: Hop = {
  helo: 'c.example',
  client: '192.0.2.7',
  clientName: '',
  by: 'mx.example',
  protocol: 'ESMTP',
  tls: null,
  id: '0Vbh2VE4000000cpfG1fY2',
  recipient: 'b@x.example',
  at: new Date(Date.UTC(2026, 10, 22, 9, 5, 3)),
};

describe('receivedHeader', () => {
  it('says from whom, by whom, how, which, for whom and when, on lines of their own', () => {
    expect(receivedHeader(HOP)).to.equal(
      'Received: from c.example ([192.0.2.7])\r\n' +
        '\tby mx.example (lonedot) with ESMTP id 0Vbh2VE4000000cpfG1fY2\r\n' +
        '\tfor <b@x.example>;\r\n' +
        '\tSun, 22 Nov 2026 09:05:03 +0000\r\n',
    );
  });

  const FIRST_LINES: readonly [title: string, change: Partial<Hop>, line: string][] = [
    ['an IPv6 client', { client: '2001:db8::1' }, 'from c.example ([IPv6:2001:db8::1])'],
    ['a client on a unix socket', { client: '' }, 'from c.example'],
    ['a client that gave no name', { helo: '' }, 'from unknown ([192.0.2.7])'],
    ['T14 a name that would break the line', { helo: 'a\r\nX: y\x1b[31m' }, 'from a??X:?y?[31m ([192.0.2.7])'],
    ['a name that would end the comment', { helo: 'a) (b' }, 'from a???b ([192.0.2.7])'],
    ['a name in UTF-8', { helo: 'bücher.example' }, 'from b?cher.example ([192.0.2.7])'],
    ['a name without end', { helo: 'x'.repeat(2000) }, `from ${'x'.repeat(255)} ([192.0.2.7])`],
  ];
  for (const [title, change, line] of FIRST_LINES) {
    it(`for ${title}`, () => {
      const header = receivedHeader({ ...HOP, ...change });
      expect(header.split('\r\n')[0]).to.equal(`Received: ${line}`);
      expect(header).to.match(/^(?:[\t -~]+\r\n){4}$/);
    });
  }

  it('names the host of the client where somebody told', () => {
    const header = receivedHeader({ ...HOP, clientName: 'h.example\r\nX: y' });
    expect(header.split('\r\n')[0]).to.equal('Received: from c.example (h.example??X:?y [192.0.2.7])');
  });

  it('says under which cipher (RFC 8314 4.3)', () => {
    const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
    const lines = receivedHeader({ ...HOP, protocol: 'ESMTPSA', tls }).split('\r\n');
    expect(lines.slice(1, 4)).to.deep.equal([
      '\tby mx.example (lonedot) with ESMTPSA id 0Vbh2VE4000000cpfG1fY2',
      '\tfor <b@x.example>',
      '\ttls TLS_AES_256_GCM_SHA384 (TLSv1.3);',
    ]);
  });

  it('names no recipient among several: each would learn of the others', () => {
    expect(receivedHeader({ ...HOP, recipient: null })).to.not.include('for <');
  });

  it('holds lines of at most 998 bytes, whatever the peer said', () => {
    const header = receivedHeader({ ...HOP, helo: 'x'.repeat(900), recipient: `${'l'.repeat(64)}@${'d'.repeat(189)}` });
    for (const line of header.split('\r\n')) expect(line.length).to.be.at.most(998);
  });
});

describe('rfc5322Date', () => {
  for (const [time, text] of [
    [Date.UTC(2026, 0, 1), 'Thu, 1 Jan 2026 00:00:00 +0000'],
    [Date.UTC(2024, 1, 29, 23, 59, 59, 999), 'Thu, 29 Feb 2024 23:59:59 +0000'],
    [Date.UTC(2026, 11, 31, 12, 0, 1), 'Thu, 31 Dec 2026 12:00:01 +0000'],
  ] as const) {
    it(text, () => expect(rfc5322Date(new Date(time))).to.equal(text));
  }
});

describe('protocolName', () => {
  const NAMES: readonly [name: string, protocol: 'SMTP' | 'ESMTP' | 'LMTP', flags: string][] = [
    ['SMTP', 'SMTP', ''],
    ['SMTP', 'SMTP', 'tls'],
    ['ESMTP', 'ESMTP', ''],
    ['ESMTPA', 'ESMTP', 'user'],
    ['ESMTPS', 'ESMTP', 'tls'],
    ['ESMTPSA', 'ESMTP', 'tls user'],
    ['UTF8SMTP', 'ESMTP', 'utf8'],
    ['UTF8SMTPSA', 'ESMTP', 'utf8 tls user'],
    ['LMTP', 'LMTP', ''],
    ['LMTPSA', 'LMTP', 'tls user'],
    ['UTF8LMTPS', 'LMTP', 'utf8 tls'],
  ];
  for (const [name, protocol, flags] of NAMES) {
    it(`${name} for ${protocol} ${flags}`, () => {
      const has = (flag: string): boolean => flags.includes(flag);
      const session = { protocol, isTls: has('tls'), isLoggedIn: has('user'), isUtf8: has('utf8') };
      expect(protocolName(session)).to.equal(name);
    });
  }
});
