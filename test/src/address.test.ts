import { expect } from 'chai';
import { type Address, formatAddress, parseAddress, unmapAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';

const tcp = (host: string, port: number): Address => ({ kind: 'tcp', host, port });

function refusalOf(text: string, defaults?: { port: number }): ChatError {
  try {
    parseAddress(text, defaults);
  } catch (error) {
    return error as ChatError;
  }
  throw new Error(`${JSON.stringify(text)} was taken for an address`);
}

describe('parseAddress', () => {
  const good: [text: string, address: Address, formatted?: string][] = [
    ['1025', tcp('127.0.0.1', 1025), '127.0.0.1:1025'],
    ['0', tcp('127.0.0.1', 0), '127.0.0.1:0'],
    ['65535', tcp('127.0.0.1', 65535), '127.0.0.1:65535'],
    ['127.0.0.1:25', tcp('127.0.0.1', 25)],
    ['0.0.0.0:25', tcp('0.0.0.0', 25)],
    ['localhost:0', tcp('localhost', 0)],
    ['imap.example.com:143', tcp('imap.example.com', 143)],
    ['example.com.:143', tcp('example.com.', 143)],
    ['mail_dev:1025', tcp('mail_dev', 1025)],
    ['xn--bcher-kva.example:25', tcp('xn--bcher-kva.example', 25)],
    ['[::1]:25', tcp('::1', 25)],
    ['[::]:0', tcp('::', 0)],
    ['[fe80::1%eth0]:25', tcp('fe80::1%eth0', 25)],
    ['[::ffff:192.0.2.1]:25', tcp('::ffff:192.0.2.1', 25)],
    ['unix:/run/lonedot.sock', { kind: 'unix', path: '/run/lonedot.sock' }],
    ['unix:/Users/me/Application Support/x', { kind: 'unix', path: '/Users/me/Application Support/x' }],
    ['fd:3', { kind: 'fd', fd: 3 }],
    ['fd:12', { kind: 'fd', fd: 12 }],
  ];
  for (const [text, address, formatted = text] of good) {
    it(`takes ${text}, and it formats as ${formatted}`, () => {
      expect(parseAddress(text)).to.deep.equal(address);
      expect(formatAddress(address)).to.equal(formatted);
      expect(parseAddress(formatAddress(address))).to.deep.equal(address);
    });
  }

  const bad: [text: string, why: RegExp][] = [
    ['', /empty/],
    [' ', /space/],
    ['25 ', /space/],
    ['local host:25', /space/],
    ['127.0.0.1:25\n', /space/],
    ['65536', /port must be/],
    ['127.0.0.1:65536', /port must be/],
    ['99999999999999999999', /port must be/],
    ['localhost:', /port must be/],
    ['localhost:-1', /port must be/],
    ['localhost:25x', /port must be/],
    ['localhost:025', /port must be/],
    ['localhost:1e3', /port must be/],
    ['[::1]:65536', /port must be/],
    ['localhost', /port is missing/],
    [':25', /host is missing; every interface is 0\.0\.0\.0/],
    ['*:25', /host is missing; every interface is 0\.0\.0\.0/],
    ['::1', /brackets, as in \[::1\]:25/],
    ['::1:25', /brackets/],
    ['2001:db8::1', /brackets/],
    ['[::1]', /colon and the port/],
    ['[::1]25', /colon and the port/],
    ['[::1:25', /closing bracket/],
    ['[localhost]:25', /only an IPv6 address/],
    ['[127.0.0.1]:25', /only an IPv6 address/],
    ['[]:25', /only an IPv6 address/],
    ['http://localhost:25', /brackets|host name/],
    ['-x:25', /host name/],
    ['a..b:25', /host name/],
    ['bücher.example:25', /host name/],
    [`${'a'.repeat(254)}:25`, /at most 253/],
    ['127.1:25', /no IPv4 address/],
    ['127.0.0.256:25', /no IPv4 address/],
    ['010.0.0.1:25', /no IPv4 address/],
    ['unix:', /must be absolute/],
    ['unix:run/x', /must be absolute/],
    ['unix:@x', /must be absolute/],
    ['unix:/x ', /spaces around/],
    ['unix:/x\0y', /control/],
    [`unix:/${'x'.repeat(200)}`, /at most 10[37] bytes/],
    [`unix:/${'ü'.repeat(54)}`, /at most 10[37] bytes/],
    ['fd:', /from 3 up/],
    ['fd:0', /from 3 up/],
    ['fd:2', /from 3 up/],
    ['fd:-3', /from 3 up/],
    ['fd:x', /from 3 up/],
    ['fd:3.5', /from 3 up/],
  ];
  for (const [text, why] of bad) {
    it(`refuses ${JSON.stringify(text).slice(0, 40)}: ${why.source}`, () => {
      const error = refusalOf(text);
      expect(error).to.be.instanceOf(ChatError).and.include({ code: 'BAD_ADDRESS' });
      expect(error.message).to.match(why).and.to.include('allowed are [host:]port, [ipv6]:port, unix:/path or fd:N');
      expect(error.message).not.to.include('\n');
    });
  }

  it('takes a host without a port where there is a default port', () => {
    expect(parseAddress('imap.example.com', { port: 143 })).to.deep.equal(tcp('imap.example.com', 143));
    expect(parseAddress('[::1]', { port: 143 })).to.deep.equal(tcp('::1', 143));
    expect(parseAddress('192.0.2.1:1143', { port: 143 })).to.deep.equal(tcp('192.0.2.1', 1143));
    expect(parseAddress('25', { port: 143 })).to.deep.equal(tcp('127.0.0.1', 25));
    expect(refusalOf('::1', { port: 143 }).message).to.match(/brackets/);
    expect(refusalOf('', { port: 143 }).message).to.match(/empty/);
  });
});

describe('unmapAddress', () => {
  for (const [address, plain] of [
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '::1'],
    ['::ffff:1:2', '::ffff:1:2'],
    ['', ''],
  ] as const) {
    it(`${address || 'nothing'} is ${plain || 'nothing'}`, () => expect(unmapAddress(address)).to.equal(plain));
  }
});
