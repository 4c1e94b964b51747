// From a domain to its hosts, with a resolver that says what the table says: RFC 5321 5.1, RFC 7505.
import { expect } from 'chai';
import { MxLookup, type MxResolver } from '../../../relay/upstream/mx-lookup.ts';

type Answer = readonly string[] | string;

/** A resolver of fixed answers: a list, or the code of an error. Names it does not know do not exist. */
class FixedResolver implements MxResolver {
  readonly asked: string[] = [];
  private readonly records: Readonly<Record<string, Answer>>;

  /** Keys: `mx x.example`, `4 mail.x.example`, `6 mail.x.example`; MX values: `10 mail.x.example`. */
  constructor(records: Readonly<Record<string, Answer>>) {
    this.records = records;
  }

  async resolveMx(domain: string): Promise<{ exchange: string; priority: number }[]> {
    return this.answer(`mx ${domain}`).map((text) => {
      const [priority, exchange = ''] = text.split(' ');
      return { exchange, priority: Number(priority) };
    });
  }

  async resolve4(name: string): Promise<readonly string[]> {
    return this.answer(`4 ${name}`);
  }

  async resolve6(name: string): Promise<readonly string[]> {
    return this.answer(`6 ${name}`);
  }

  private answer(question: string): readonly string[] {
    this.asked.push(question);
    const answer = this.records[question] ?? 'ENOTFOUND';
    if (typeof answer !== 'string') return answer;
    throw Object.assign(new Error(`query ${answer}`), { code: answer });
  }
}

function lookup(records: Readonly<Record<string, Answer>>, now = () => 0): { find: MxLookup; resolver: FixedResolver } {
  const resolver = new FixedResolver(records);
  return { resolver, find: new MxLookup({ hostname: 'MX.Own.Example', resolver, now }) };
}

describe('MxLookup.find', () => {
  const ROWS: readonly [title: string, domain: string, records: Record<string, Answer>, hosts: string | RegExp][] = [
    ['one host', 'x.example', { 'mx x.example': ['10 mail.x.example'] }, 'mail.x.example'],
    [
      'by preference',
      'x.example',
      { 'mx x.example': ['30 c.example', '5 a.example', '10 b.example'] },
      'a.example b.example c.example',
    ],
    [
      'names in any case and with the dot of the root',
      'X.Example.',
      { 'mx x.example': ['10 Mail.X.Example.'] },
      'mail.x.example',
    ],
    ['a name in Unicode', 'bücher.example', { 'mx xn--bcher-kva.example': ['10 mail.example'] }, 'mail.example'],
    ['a host that is named twice', 'x.example', { 'mx x.example': ['20 a.example', '10 A.example'] }, 'a.example'],
    ['no MX: the domain itself', 'x.example', { 'mx x.example': 'ENODATA' }, 'x.example'],
    ['an empty answer: the domain itself', 'x.example', { 'mx x.example': [] }, 'x.example'],
    ['an address', '[192.0.2.1]', {}, '192.0.2.1'],
    ['an IPv6 address', '[IPv6:2001:db8::1]', {}, '2001:db8::1'],
    ['no such domain', 'x.example', {}, /^failed 5\.1\.2 x\.example does not exist/],
    ['a broken address', '[192.0.2.300]', {}, /^failed 5\.1\.2 /],
    ['a domain that is none', '..', {}, /^failed 5\.1\.2 /],
    ['null MX', 'x.example', { 'mx x.example': ['0 .'] }, /^failed 5\.1\.10 x\.example takes no mail/],
    ['null MX as Node gives it', 'x.example', { 'mx x.example': ['0 '] }, /^failed 5\.1\.10 /],
    [
      'null MX beside a host, which is a mistake',
      'x.example',
      { 'mx x.example': ['0 .', '10 a.example'] },
      'a.example',
    ],
    ['a server in trouble', 'x.example', { 'mx x.example': 'ESERVFAIL' }, /^deferred 4\.4\.3 .*ESERVFAIL/],
    ['a server that is away', 'x.example', { 'mx x.example': 'ETIMEOUT' }, /^deferred 4\.4\.3 /],
    ['a server that refuses', 'x.example', { 'mx x.example': 'EREFUSED' }, /^deferred 4\.4\.3 /],
    ['ourselves, alone', 'x.example', { 'mx x.example': ['10 mx.own.example'] }, /^failed 5\.4\.6 /],
    [
      'ourselves as the best',
      'x.example',
      { 'mx x.example': ['10 mx.own.example', '20 b.example'] },
      /^failed 5\.4\.6 /,
    ],
    [
      'ourselves among equals',
      'x.example',
      { 'mx x.example': ['10 mx.own.example', '10 b.example'] },
      /^failed 5\.4\.6 /,
    ],
    [
      'ourselves as a backup: only those in front of us',
      'x.example',
      { 'mx x.example': ['5 a.example', '10 mx.own.example', '10 b.example', '20 c.example'] },
      'a.example',
    ],
    ['ourselves without MX', 'mx.own.example', { 'mx mx.own.example': 'ENODATA' }, /^failed 5\.4\.6 /],
  ];
  for (const [title, domain, records, expected] of ROWS) {
    it(title, async () => {
      const answer = await lookup(records).find.find(domain);
      const said = 'outcome' in answer ? `${answer.outcome.fate} ${answer.outcome.reply}` : answer.hosts.join(' ');
      if (typeof expected === 'string') expect(said).to.equal(expected);
      else expect(said).to.match(expected);
      if ('outcome' in answer) expect(answer.outcome.reply.startsWith(answer.outcome.status!)).to.equal(true);
    });
  }

  it('lets equals take turns, behind those that are better', async () => {
    const { find } = lookup({ 'mx x.example': ['10 a.example', '10 b.example', '5 first.example'] });
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const answer = await find.find('x.example');
      if ('hosts' in answer) seen.add(answer.hosts.join(' '));
    }
    expect([...seen].sort()).to.deep.equal(['first.example a.example b.example', 'first.example b.example a.example']);
  });

  it('asks again after five minutes, keeps no failure, and forgets the oldest of many', async () => {
    let now = 0;
    const records: Record<string, Answer> = { 'mx x.example': ['10 a.example'], 'mx y.example': 'ETIMEOUT' };
    for (let i = 0; i < 1000; i++) records[`mx d${i}.example`] = ['10 a.example'];
    const { find, resolver } = lookup(records, () => now);
    for (const domain of ['x.example', 'X.EXAMPLE', 'y.example', 'y.example']) await find.find(domain);
    expect(resolver.asked).to.deep.equal(['mx x.example', 'mx y.example', 'mx y.example']);
    now = 299_999;
    await find.find('x.example');
    expect(resolver.asked.length).to.equal(3);
    now = 300_000;
    await find.find('x.example');
    expect(resolver.asked.length).to.equal(4);
    for (let i = 0; i < 1000; i++) await find.find(`d${i}.example`);
    resolver.asked.length = 0;
    await find.find('d999.example');
    await find.find('x.example');
    expect(resolver.asked).to.deep.equal(['mx x.example']);
  });
});

describe('MxLookup.addressesOf', () => {
  const ROWS: readonly [title: string, records: Record<string, Answer>, addresses: string][] = [
    ['IPv4 only', { '4 a.example': ['192.0.2.1'] }, '192.0.2.1'],
    ['IPv6 only', { '6 a.example': ['2001:db8::1'], '4 a.example': 'ENODATA' }, '2001:db8::1'],
    ['both', { '6 a.example': ['2001:db8::1'], '4 a.example': ['192.0.2.1'] }, '192.0.2.1 2001:db8::1'],
    ['none', {}, ''],
    ['one family in trouble', { '6 a.example': 'ESERVFAIL', '4 a.example': ['192.0.2.1'] }, '192.0.2.1'],
    ['one in trouble, none of the other', { '6 a.example': 'ESERVFAIL', '4 a.example': 'ENODATA' }, 'ESERVFAIL'],
    ['both in trouble', { '6 a.example': 'ETIMEOUT', '4 a.example': 'ETIMEOUT' }, 'ETIMEOUT'],
  ];
  for (const [title, records, expected] of ROWS) {
    it(title, async () => {
      const { find } = lookup(records);
      const found = await find.addressesOf('a.example').then(
        (addresses) => addresses.join(' '),
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(found).to.equal(expected);
    });
  }
});
