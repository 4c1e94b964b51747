import { isIPv6, SocketAddress } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { ChatError } from '../../src/errors.ts';
import {
  buildProxyHeader,
  PROXY_MAX_BYTES,
  type ProxyEndpoint,
  type ProxyHeader,
  parseProxyHeader,
} from '../../src/proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
/** A version 2 header: command byte, family byte, block; the length is right unless it is given. */
function v2(start: string, block: string, length = block.length / 2): Buffer {
  return Buffer.from(`${SIGNATURE}${start}${length.toString(16).padStart(4, '0')}${block}`, 'hex');
}
const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const end = (address: string, port: number): ProxyEndpoint => ({ address, port });
/** As the system prints the address. */
function canonical({ address, port }: ProxyEndpoint): ProxyEndpoint {
  return end(isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address, port);
}
const nobody = { source: null, destination: null };

const TCP4_BLOCK = 'c0000201c00002021f900019';
const TCP6_BLOCK = '20010db8000000000000000000000001000000000000000000000000000000011f900019';
const UNIX_BLOCK = ['/run/a', '\0b'].map((path) => Buffer.from(path).toString('hex').padEnd(216, '0')).join('');

describe('parseProxyHeader', () => {
  const good: [name: string, header: Buffer, parsed: Omit<ProxyHeader, 'length'>][] = [
    [
      'v1 TCP4',
      text('PROXY TCP4 192.0.2.1 192.0.2.2 8080 25\r\n'),
      { source: end('192.0.2.1', 8080), destination: end('192.0.2.2', 25) },
    ],
    [
      'v1 TCP4 with the outermost values',
      text('PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n'),
      { source: end('255.255.255.255', 65535), destination: end('0.0.0.0', 0) },
    ],
    [
      'v1 TCP6, written the long way',
      text('PROXY TCP6 2001:0DB8:0:0:0:0:0:1 ::ffff:192.0.2.1 8080 25\r\n'),
      { source: end('2001:db8::1', 8080), destination: end('::ffff:192.0.2.1', 25) },
    ],
    ['v1 UNKNOWN', text('PROXY UNKNOWN\r\n'), nobody],
    ['v1 UNKNOWN with anything behind it', text('PROXY UNKNOWN ffff::1 x 99999999 \0\r\n'), nobody],
    ['v1 of 107 bytes', text(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), nobody],
    ['v2 TCP4', v2('2111', TCP4_BLOCK), { source: end('192.0.2.1', 8080), destination: end('192.0.2.2', 25) }],
    ['v2 TCP6', v2('2121', TCP6_BLOCK), { source: end('2001:db8::1', 8080), destination: end('::1', 25) }],
    ['v2 unix', v2('2131', UNIX_BLOCK), { source: end('/run/a', 0), destination: end('@b', 0) }],
    ['v2 unix without paths', v2('2131', '00'.repeat(216)), { source: end('', 0), destination: end('', 0) }],
    [
      'v2 unix with paths that fill their fields',
      v2('2131', '61'.repeat(216)),
      { source: end('a'.repeat(108), 0), destination: end('a'.repeat(108), 0) },
    ],
    [
      'v2 TCP4 with TLVs',
      v2('2111', `${TCP4_BLOCK}0400020000ea0000`),
      {
        source: end('192.0.2.1', 8080),
        destination: end('192.0.2.2', 25),
      },
    ],
    ['v2 LOCAL', v2('2000', ''), nobody],
    ['v2 LOCAL with addresses to skip', v2('2011', TCP4_BLOCK), nobody],
    ['v2 LOCAL whose family is nonsense', v2('20ff', '0102'), nobody],
    ['v2 unspecified', v2('2100', ''), nobody],
    ['v2 unspecified with a TLV', v2('2100', '040000'), nobody],
    ['v2 of the greatest length', v2('2100', `040ffd${'00'.repeat(4093)}`), nobody],
  ];
  for (const [name, header, parsed] of good) {
    it(`${name}: more until the last byte, and then never more than the header`, () => {
      for (let size = 0; size < header.length; size++) {
        expect(parseProxyHeader(header.subarray(0, size)), `${size} bytes`).to.equal('more');
      }
      expect(parseProxyHeader(header)).to.deep.equal({ length: header.length, ...parsed });
      const behind = Buffer.concat([header, text('EHLO x\r\n')]);
      expect(parseProxyHeader(behind)).to.deep.equal({ length: header.length, ...parsed });
    });
  }

  /** The header is refused after `seen` bytes of it at the latest. */
  const bad: [name: string, header: Buffer, seen?: number][] = [
    ['another protocol', text('EHLO example.com\r\n'), 1],
    ['another case', text('proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n'), 1],
    ['almost the word', text('PROXYTCP4 x\r\n'), 6],
    ['almost the signature', Buffer.from('0d0a0d0a000d0a515549540b2111000c', 'hex'), 12],
    ['v1 with a bare LF', text('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n')],
    ['v1 UNKNOWN with a bare LF before its CRLF', text('PROXY UNKNOWN\nx\r\n'), 14],
    ['v1 of 108 bytes', text(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`), 107],
    ['v1 that never ends', text(`PROXY TCP4 ${'1'.repeat(200)}`), 107],
    ['v1 for UDP', text('PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['v1 without a family', text('PROXY \r\n')],
    ['v1 UNKNOWN with a tail', text('PROXY UNKNOWNX\r\n')],
    ['v1 with two spaces', text('PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['v1 with a space at the end', text('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n')],
    ['v1 with a port missing', text('PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n')],
    ['v1 with a field too many', text('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n')],
    ['v1 with a port too high', text('PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n')],
    ['v1 with a port in octal', text('PROXY TCP4 192.0.2.1 192.0.2.2 1 025\r\n')],
    ['v1 with a negative port', text('PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n')],
    ['v1 TCP4 with an IPv6 address', text('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['v1 TCP6 with an IPv4 address', text('PROXY TCP6 192.0.2.1 ::1 1 2\r\n')],
    ['v1 TCP4 with leading zeros', text('PROXY TCP4 192.000.002.001 192.0.2.2 1 2\r\n')],
    ['v1 TCP6 with a zone', text('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
    ['v2 of version 1', v2('1111', TCP4_BLOCK), 13],
    ['v2 of version 3', v2('3111', TCP4_BLOCK), 13],
    ['v2 with an unknown command', v2('2211', TCP4_BLOCK), 13],
    ['v2 for UDP over IPv4', v2('2112', TCP4_BLOCK), 14],
    ['v2 for UDP over IPv6', v2('2122', TCP6_BLOCK), 14],
    ['v2 for unix datagrams', v2('2132', UNIX_BLOCK), 14],
    ['v2 of an unknown family', v2('2141', TCP4_BLOCK), 14],
    ['v2 IPv4 of no transport', v2('2110', TCP4_BLOCK), 14],
    ['v2 TCP over nothing', v2('2101', TCP4_BLOCK), 14],
    ['v2 TCP4 too short for its addresses', v2('2111', TCP4_BLOCK.slice(2)), 16],
    ['v2 TCP6 too short for its addresses', v2('2121', TCP4_BLOCK), 16],
    ['v2 unix too short for its addresses', v2('2131', TCP6_BLOCK), 16],
    ['v2 with a length of 65535', v2('2111', TCP4_BLOCK, 65_535), 16],
    ['v2 LOCAL with a length of 65535', v2('2000', '', 65_535), 16],
    ['v2 one byte over the limit', v2('2111', TCP4_BLOCK, PROXY_MAX_BYTES + 1), 16],
    ['v2 with one byte of a TLV', v2('2111', `${TCP4_BLOCK}04`)],
    ['v2 with two bytes of a TLV', v2('2111', `${TCP4_BLOCK}0400`)],
    ['v2 with a TLV that is one byte short', v2('2111', `${TCP4_BLOCK}04000200`)],
    ['v2 with a TLV that claims 65535 bytes', v2('2111', `${TCP4_BLOCK}04ffff00`)],
    ['v2 unspecified with a truncated TLV', v2('2100', '0400')],
  ];
  for (const [name, header, seen = header.length] of bad) {
    it(`refuses ${name}, at once`, () => {
      for (let size = 1; size < seen; size++) expect(parseProxyHeader(header.subarray(0, size))).to.equal('more');
      for (let size = seen; size <= header.length; size++) {
        expect(() => parseProxyHeader(header.subarray(0, size)))
          .to.throw(ChatError, /^bad PROXY header: [^\n]+$/)
          .with.property('code', 'BAD_PROXY_HEADER');
      }
    });
  }

  it('takes another limit', () => {
    expect(() => parseProxyHeader(v2('2111', TCP4_BLOCK), 11)).to.throw(
      ChatError,
      /announces 12 bytes, the limit is 11/,
    );
    expect(parseProxyHeader(v2('2111', TCP4_BLOCK), 12)).to.have.property('length', 28);
  });

  it('never throws anything but its own error, and never reads beyond the header', () => {
    const starts = [SIGNATURE, `${SIGNATURE}21`, `${SIGNATURE}2111`, `${SIGNATURE}2121000c`].map((hex) =>
      Buffer.from(hex, 'hex'),
    );
    const start = fc.constantFrom(...starts, text('PROXY TCP4 '), text('PROXY '), text(''));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
        const buf = Buffer.concat([head, tail]);
        try {
          const parsed = parseProxyHeader(buf);
          if (parsed !== 'more') expect(parsed.length).to.be.within(1, buf.length);
        } catch (error) {
          expect(error).to.include({ code: 'BAD_PROXY_HEADER' });
        }
      }),
      { seed: 20261122, numRuns: 2000 },
    );
  });
});

describe('buildProxyHeader', () => {
  it('makes the bytes of the specification', () => {
    const source = end('192.0.2.1', 8080);
    const destination = end('192.0.2.2', 25);
    expect(buildProxyHeader(1, source, destination).toString('latin1')).to.equal(
      'PROXY TCP4 192.0.2.1 192.0.2.2 8080 25\r\n',
    );
    expect(buildProxyHeader(2, source, destination).toString('hex')).to.equal(`${SIGNATURE}2111000c${TCP4_BLOCK}`);
    expect(buildProxyHeader(2, end('2001:db8::1', 8080), end('::1', 25)).toString('hex')).to.equal(
      `${SIGNATURE}21210024${TCP6_BLOCK}`,
    );
    expect(buildProxyHeader(2, end('/run/a', 0), end('@b', 0)).toString('hex')).to.equal(
      `${SIGNATURE}213100d8${UNIX_BLOCK}`,
    );
  });

  const unknown: [name: string, source: ProxyEndpoint | null, destination: ProxyEndpoint | null][] = [
    ['nobody', null, null],
    ['no source', null, end('192.0.2.2', 25)],
    ['no destination', end('192.0.2.1', 8080), null],
    ['a unix socket here, TCP there', end('/run/a', 0), end('192.0.2.2', 25)],
    ['a host name', end('localhost', 1), end('192.0.2.2', 25)],
  ];
  for (const [name, source, destination] of unknown) {
    it(`says UNKNOWN or LOCAL for ${name}`, () => {
      expect(buildProxyHeader(1, source, destination).toString('latin1')).to.equal('PROXY UNKNOWN\r\n');
      expect(buildProxyHeader(2, source, destination).toString('hex')).to.equal(`${SIGNATURE}20000000`);
    });
  }

  it('has no words for unix sockets in version 1', () => {
    expect(buildProxyHeader(1, end('/run/a', 0), end('', 0)).toString('latin1')).to.equal('PROXY UNKNOWN\r\n');
  });

  it('fits IPv4 into IPv6 where the two ends differ, and leaves zones away', () => {
    for (const version of [1, 2] as const) {
      const header = buildProxyHeader(version, end('192.0.2.1', 8080), end('fe80::1%eth0', 25));
      expect(parseProxyHeader(header)).to.deep.include({
        source: end('::ffff:192.0.2.1', 8080),
        destination: end('fe80::1', 25),
      });
    }
  });

  it('reads back as what it was made from', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    const v4 = fc.record({ address: fc.ipV4(), port });
    const v6 = fc.record({ address: fc.ipV6(), port });
    const ends = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6));
    fc.assert(
      fc.property(ends, fc.constantFrom(1, 2), ([source, destination], version) => {
        const header = buildProxyHeader(version as 1 | 2, source, destination);
        const parsed = parseProxyHeader(header) as ProxyHeader;
        expect(parsed.length).to.equal(header.length);
        expect(parsed.source).to.deep.equal(canonical(source));
        expect(parsed.destination).to.deep.equal(canonical(destination));
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });
});
