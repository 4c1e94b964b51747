// Addresses: what RFC 5321 4.1.2 and 4.1.3 allow, what 4.5.3.1 limits, and that nothing of them is ever changed.
import { expect } from 'chai';
import { parsePath } from '../../../relay/smtp/path.ts';

const SENDER = { empty: true, postmaster: false };
const RECIPIENT = { empty: false, postmaster: true };

function path(text: string, allow = SENDER): string {
  const found = parsePath(text, allow);
  return typeof found === 'string'
    ? `refused: ${found}`
    : found.rest === ''
      ? found.address
      : `${found.address} + ${found.rest}`;
}

describe('parsePath', () => {
  const KEPT = [
    'a@x.example',
    'A.b+c@X.Example',
    "!#$%&'*+-/=?^_`{|}~@x.example",
    'a@localhost',
    'a@x',
    'a@1x.2y',
    'a@x-y.example',
    'a@sub_domain.example',
    '"a b"@x.example',
    '"a@b@c"@x.example',
    '"a>b"@x.example',
    '"<>"@x.example',
    '""@x.example',
    '"a\\"b"@x.example',
    '"a\\\\"@x.example',
    '"a\\>b"@x.example',
    'a@[127.0.0.1]',
    'a@[IPv6:::1]',
    'a@[ipv6:2001:db8::1]',
    'a@[IPv6:::ffff:192.0.2.1]',
    'é@x.example',
    'a@bücher.example',
    '日本語@例え.テスト',
  ];
  for (const address of KEPT) {
    it(`keeps <${address}> as it is`, () => {
      expect(path(`<${address}>`)).to.equal(address);
      expect(path(`<${address}> SIZE=1 BODY=7BIT`)).to.equal(`${address} + SIZE=1 BODY=7BIT`);
    });
  }

  it('has the limits of RFC 5321 on both sides of the length up to which a plain address is known at once', () => {
    const label = 'x'.repeat(63);
    for (const local of ['a', 'l'.repeat(31), 'l'.repeat(32), 'l'.repeat(64)]) {
      expect(path(`<${local}@${'x'.repeat(31)}>`)).to.equal(`${local}@${'x'.repeat(31)}`);
      expect(path(`<${local}@${label}.example>`)).to.equal(`${local}@${label}.example`);
    }
    expect(path(`<${'l'.repeat(65)}@x>`)).to.equal('refused: too-long');
    expect(path(`<a@${label}x>`)).to.equal('refused: domain');
  });

  const ROUTES: readonly [text: string, address: string][] = [
    ['<@h.example:a@x.example>', 'a@x.example'],
    ['<@h.example,@i.example:a@x.example>', 'a@x.example'],
    ['<@h.example:"a:b"@x.example>', '"a:b"@x.example'],
  ];
  for (const [text, address] of ROUTES) {
    it(`drops the source route of ${text}`, () => expect(path(text)).to.equal(address));
  }

  const REFUSED: readonly [text: string, why: string][] = [
    ['', 'syntax'],
    ['a@x.example', 'syntax'],
    ['<a@x.example', 'syntax'],
    ['a@x.example>', 'syntax'],
    ['<a@x.example>SIZE=1', 'syntax'],
    ['<a@x.example>\tSIZE=1', 'syntax'],
    ['<a>b@x.example>', 'syntax'],
    ['<a@x.example> >', 'a@x.example + >'],
    ['<@x.example>', 'syntax'],
    ['<a>', 'syntax'],
    ['<a@>', 'domain'],
    ['<a b@x.example>', 'syntax'],
    ['<.a@x.example>', 'syntax'],
    ['<a.@x.example>', 'syntax'],
    ['<a..b@x.example>', 'syntax'],
    ['<a,b@x.example>', 'syntax'],
    ['<a@b@x.example>', 'syntax'],
    ['<"a"b@x.example>', 'syntax'],
    ['<"a@x.example>', 'syntax'],
    ['<a"b"@x.example>', 'syntax'],
    ['<"a\\"@x.example>', 'syntax'],
    ['<a@x..example>', 'domain'],
    ['<a@.example>', 'domain'],
    ['<a@example.>', 'domain'],
    ['<a@-x.example>', 'domain'],
    ['<a@x-.example>', 'domain'],
    ['<a@x y.example>', 'domain'],
    ['<a@x(y).example>', 'domain'],
    ['<a@[999.1.1.1]>', 'domain'],
    ['<a@[127.0.0.1>', 'domain'],
    ['<a@127.0.0.1]>', 'domain'],
    ['<a@[::1]>', 'domain'],
    ['<a@[IPv6:1]>', 'domain'],
    ['<a@[]>', 'domain'],
    ['<a@[IPv6:fe80::1%eth0]>', 'domain'],
    ['<@h.example:>', 'syntax'],
    ['<@h.example a@x.example>', 'syntax'],
    ['<h.example:a@x.example>', 'syntax'],
    ['<@h..example:a@x.example>', 'syntax'],
  ];
  for (const [text, why] of REFUSED) {
    it(`${why.includes('+') ? 'leaves' : 'refuses'} ${text || 'nothing at all'}: ${why}`, () => {
      expect(path(text)).to.equal(why.includes('+') ? why : `refused: ${why}`);
    });
  }

  it('takes the null path as a sender only, and postmaster alone as a recipient only', () => {
    expect(path('<>')).to.equal('');
    expect(path('<> SIZE=1')).to.equal(' + SIZE=1');
    expect(path('<>', RECIPIENT)).to.equal('refused: syntax');
    expect(path('<Postmaster>', RECIPIENT)).to.equal('Postmaster');
    expect(path('<postmaster>')).to.equal('refused: syntax');
    expect(path('<webmaster>', RECIPIENT)).to.equal('refused: syntax');
  });

  it('C26 counts octets: 64 before the @, 63 in a label, 254 in all', () => {
    const label = 'd'.repeat(63);
    const tries: readonly [address: string, taken: boolean][] = [
      [`${'l'.repeat(64)}@x.example`, true],
      [`${'l'.repeat(65)}@x.example`, false],
      [`${'é'.repeat(32)}@x.example`, true],
      [`${'é'.repeat(33)}@x.example`, false],
      [`a@${label}.example`, true],
      [`a@d${label}.example`, false],
      [`a@${`${label}.`.repeat(3)}${'d'.repeat(60)}`, true],
      [`a@${`${label}.`.repeat(3)}${'d'.repeat(61)}`, false],
    ];
    for (const [address, taken] of tries) {
      expect([address, !path(`<${address}>`).startsWith('refused')]).to.deep.equal([address, taken]);
    }
  });

  it('takes no time for a hostile text', () => {
    const begin = performance.now();
    for (const text of [
      `<${'a.'.repeat(120)}@`,
      `<"${'\\"'.repeat(120)}`,
      `<a@${'a-'.repeat(120)}>`,
      `<${'@h,'.repeat(80)}`,
    ]) {
      expect(path(text)).to.match(/^refused/);
    }
    expect(performance.now() - begin).to.be.lessThan(100);
  });
});
