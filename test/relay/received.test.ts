// The trace line that every message gets, and the count of those that it has.
import { expect } from 'chai';
import { type Hop, receivedHeader, rfc5322Date, TraceCount } from '../../relay/received.ts';
import { everySplit } from '../../src/testing.ts';

const HOP: Hop = {
  helo: 'c.example',
  client: '192.0.2.7',
  by: 'mx.example',
  protocol: 'ESMTP',
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

describe('TraceCount', () => {
  const COUNTS: readonly [title: string, text: string, count: number][] = [
    ['nothing', '', 0],
    ['none', 'Subject: t\r\n\r\n', 0],
    ['two, in any case', 'Received: a\r\n b\r\nRECEIVED:c\r\n\r\n', 2],
    ['none in the body', 'Received: a\r\n\r\nReceived: b\r\n', 1],
    ['none that is folded', 'Subject: t\r\n Received: a\r\n\tReceived: b\r\n', 0],
    ['none that only looks like it', 'X-Received: a\r\nReceived-SPF: b\r\nReceive: c\r\n', 0],
    ['some behind a long line', `X: ${'y'.repeat(100)}\r\nReceived: a\r\n`, 1],
    ['with bare LF as well', 'Received: a\nReceived: b\n\nReceived: c\n', 2],
    ['none before the first line ends', 'Received: a', 0],
  ];
  for (const [title, text, count] of COUNTS) {
    it(`counts ${title}, in every chunking`, () => {
      const run = (chunks: Buffer[]): number => {
        const trace = new TraceCount();
        for (const chunk of chunks) trace.add(chunk);
        return trace.count;
      };
      expect(everySplit(text, run, { random: 20 })).to.equal(count);
    });
  }
});
