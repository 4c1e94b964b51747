// What the header of a message tells while it passes by, in every chunking.
import { isAscii } from 'node:buffer';
import { expect } from 'chai';
import { HeaderScan } from '../../../relay/smtp/header-scan.ts';
import { ownMark } from '../../../relay/smtp/received.ts';
import { everySplit } from '../../../src/testing.ts';

interface Seen {
  readonly hops: number;
  readonly own: number;
  readonly size: number;
  readonly utf8: boolean;
}

function scan(chunks: readonly Buffer[]): Seen {
  const one = new HeaderScan(ownMark('mx.example'));
  for (const chunk of chunks) one.add(chunk, isAscii(chunk));
  return { hops: one.hops, own: one.ownHops, size: one.size, utf8: one.isUtf8 };
}

describe('HeaderScan', () => {
  const OWN = 'Received: from a\r\n\tby mx.example (lonedot) with ESMTP id 1;\r\n';
  const ROWS: readonly [title: string, text: string, seen: Partial<Seen>][] = [
    ['nothing', '', { hops: 0, size: 0 }],
    ['a header without traces', 'Subject: t\r\n\r\n', { hops: 0, size: 12 }],
    ['traces in any case', 'Received: a\r\n b\r\nRECEIVED:c\r\n\r\n', { hops: 2 }],
    ['no traces in the body', 'Received: a\r\n\r\nReceived: b\r\n', { hops: 1, size: 13 }],
    ['no traces that are folded', 'Subject: t\r\n Received: a\r\n\tReceived: b\r\n', { hops: 0 }],
    ['no traces that only look like it', 'X-Received: a\r\nReceived-SPF: b\r\nReceive: c\r\n', { hops: 0 }],
    ['traces behind a long line', `X: ${'y'.repeat(100)}\r\nReceived: a\r\n`, { hops: 1 }],
    ['traces with bare LF as well', 'Received: a\nReceived: b\n\nReceived: c\n', { hops: 2 }],
    ['a blank before the colon', 'Received : a\r\nReceived\t: b\r\n\r\n', { hops: 2 }],
    ['a body without a header', 'Hello there: you\r\nReceived: a\r\n', { hops: 0, size: 0 }],
    ['a continuation of nothing', ' folded\r\nReceived: a\r\n', { hops: 0, size: 0 }],
    ['an mbox line first', '>From a\r\nReceived: a\r\n', { hops: 0, size: 0 }],
    ['a name without a colon', 'Received\r\nReceived: a\r\n', { hops: 0, size: 0 }],
    ['a colon without a name', ': a\r\nReceived: a\r\n', { hops: 0, size: 0 }],
    ['its own traces', `${OWN}X: y\r\n${OWN}\r\n${OWN}`, { hops: 2, own: 2 }],
    ['no traces of servers with other names', OWN.replace('mx.', 'm.').repeat(2), { hops: 2, own: 0 }],
    ['no own traces outside of Received', `X: y\r\n\tby mx.example (lonedot) with\r\n`, { own: 0 }],
    ['UTF-8 in a field', 'S: t\r\nX: \xc3\xa9\r\n\r\nx\r\n', { utf8: true }],
    ['UTF-8 in a continuation', 'S: t\r\n \xc3\xa9\r\n\r\nx\r\n', { utf8: true }],
    ['UTF-8 in the body only', 'S: t\r\n\r\n\xc3\xa9\r\n', { utf8: false }],
    ['UTF-8 in a body without a header', '\xc3\xa9 x\r\nS: t\r\n', { utf8: false, size: 0 }],
  ];
  for (const [title, text, seen] of ROWS) {
    it(`sees ${title}, in every chunking`, () => {
      expect(everySplit(text, scan, { random: 20 })).to.include(seen);
    });
  }

  it('takes a line without a colon in its first 998 bytes for the body, in every chunking', () => {
    const run = (text: string) => everySplit(text, scan);
    expect(run(`S: t\r\n${'x'.repeat(998)}: y\r\nReceived: a\r\n`)).to.include({ hops: 0, size: 6 });
    expect(run(`S: t\r\n${'x'.repeat(997)}: y\r\nReceived: a\r\n`)).to.include({ hops: 1 });
  });

  it('counts a line that does not end', () => {
    expect(scan([Buffer.from(`X: ${'y'.repeat(2000)}`), Buffer.alloc(5000, 'y')])).to.include({ size: 7003 });
  });
});
