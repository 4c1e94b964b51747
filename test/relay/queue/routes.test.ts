// Which rule takes a recipient: a table of rules, and what is said about rules that mean nothing.
import { expect } from 'chai';
import { DomainList, type Route, Routes } from '../../../relay/queue/routes.ts';
import { ChatError } from '../../../src/errors.ts';

const NAMES = ['main', 'spare'];

/** `capture`, `relay:main,spare`, `reject:550 5.7.1 text` */
function inWords(route: Route): string {
  if (route.kind === 'relay') return `relay:${route.upstreams.join()}`;
  if (route.kind === 'reject') return `reject:${route.reply.code} ${route.reply.status} ${String(route.reply.text)}`;
  return route.kind;
}

function find(rules: readonly string[], sender: string, recipient: string): string {
  return inWords(new Routes({ rules, upstreams: NAMES, otherwise: 'relay' }).find(sender, recipient));
}

const ALL = 'relay:main,spare';
const REFUSED = 'reject:550 5.7.1 Mail to this address is refused';

describe('Routes', () => {
  const MATCHES: readonly [rules: string[], sender: string, recipient: string, route: string][] = [
    [[], 'a@x.example', 'b@y.example', ALL],
    [['b@y.example=capture'], 'a@x.example', 'b@y.example', 'capture'],
    [['b@y.example=capture'], 'a@x.example', 'c@y.example', ALL],
    [['B@Y.example=capture'], 'a@x.example', 'b@y.EXAMPLE', 'capture'],
    [['*@y.example=capture'], 'a@x.example', 'b@y.example', 'capture'],
    [['@y.example=capture'], 'a@x.example', 'b@y.example', 'capture'],
    [['@y.example=capture'], 'a@x.example', 'b@sub.y.example', ALL],
    [['@y.example=capture'], 'a@x.example', '"b@z.example"@y.example', 'capture'],
    [['@*.y.example=capture'], 'a@x.example', 'b@sub.y.example', 'capture'],
    [['@*.y.example=capture'], 'a@x.example', 'b@y.example', ALL],
    [['*@*.y.example=capture'], 'a@x.example', 'b@sub.y.example', 'capture'],
    [['test-*@y.example=capture'], 'a@x.example', 'test-1@y.example', 'capture'],
    [['test-*@y.example=capture'], 'a@x.example', 'best-1@y.example', ALL],
    [['t*t*t@y.example=capture'], 'a@x.example', 'tt@y.example', ALL],
    [['t*t*t@y.example=capture'], 'a@x.example', 'ttt@y.example', 'capture'],
    [['t.*@y.example=capture'], 'a@x.example', 'txx@y.example', ALL],
    [['*@*=capture'], 'a@x.example', 'b@y.example', 'capture'],
    [['*=discard'], 'a@x.example', 'b@y.example', 'discard'],
    [['*=discard'], '', 'postmaster', 'discard'],
    [['postmaster=capture'], 'a@x.example', 'Postmaster', 'capture'],
    [['postmaster=capture'], 'a@x.example', 'postmaster@y.example', ALL],
    [['a=b@y.example=capture'], 'a@x.example', 'a=b@y.example', 'capture'],
    [['"a b"@y.example=capture'], 'a@x.example', '"a b"@y.example', 'capture'],
    [['@[127.0.0.1]=capture'], 'a@x.example', 'b@[127.0.0.1]', 'capture'],
    [['@xn--bcher-kva.example=capture'], 'a@x.example', 'b@bücher.example', 'capture'],
    [['@BÜCHER.example=capture'], 'a@x.example', 'b@xn--bcher-kva.example', 'capture'],
    [[' *@y.example = capture '], 'a@x.example', 'b@y.example', 'capture'],
    [['*=CAPTURE'], 'a@x.example', 'b@y.example', 'capture'],
    // senders
    [['<>>*=discard'], '', 'b@y.example', 'discard'],
    [['<>>*=discard'], 'a@x.example', 'b@y.example', ALL],
    [['a@x.example>*=capture'], 'A@x.example', 'b@y.example', 'capture'],
    [['@x.example>@y.example=capture'], 'a@x.example', 'b@y.example', 'capture'],
    [['@x.example>@y.example=capture'], 'a@z.example', 'b@y.example', ALL],
    [['*>b@y.example=capture'], '', 'b@y.example', 'capture'],
    [['"a>b"@x.example>*=capture'], '"a>b"@x.example', 'b@y.example', 'capture'],
    [['"a>b"@y.example=capture'], 'a@x.example', '"a>b"@y.example', 'capture'],
    // upstreams
    [['*=relay'], 'a@x.example', 'b@y.example', ALL],
    [['*=relay:spare'], 'a@x.example', 'b@y.example', 'relay:spare'],
    [['*=relay:spare, main'], 'a@x.example', 'b@y.example', 'relay:spare,main'],
    [['*=relay:main,main'], 'a@x.example', 'b@y.example', 'relay:main'],
    // replies
    [['*=reject'], 'a@x.example', 'b@y.example', REFUSED],
    [['*=reject:551'], 'a@x.example', 'b@y.example', REFUSED.replace('550', '551')],
    [['*=reject:550 5.1.6 Moved'], 'a@x.example', 'b@y.example', 'reject:550 5.1.6 Moved'],
    [['*=reject:450 Come back'], 'a@x.example', 'b@y.example', 'reject:450 4.7.1 Come back'],
    [['*=reject:550 5.7.1 say=relay'], 'a@x.example', 'b@y.example', 'reject:550 5.7.1 say=relay'],
    // the first that matches wins, however it is looked up
    [['*=capture', 'b@y.example=discard'], 'a@x.example', 'b@y.example', 'capture'],
    [['b@y.example=discard', '*=capture'], 'a@x.example', 'b@y.example', 'discard'],
    [['@y.example=capture', 'b@y.example=discard'], 'a@x.example', 'b@y.example', 'capture'],
    [['b@y.example=discard', '@y.example=capture'], 'a@x.example', 'b@y.example', 'discard'],
    [['b@y.example=discard', '@y.example=capture'], 'a@x.example', 'c@y.example', 'capture'],
    [['@z.example>b@y.example=discard', 'b*@y.example=capture', '*=reject'], 'a@x.example', 'b@y.example', 'capture'],
    [['a@x.example>b@y.example=capture', 'b@y.example=discard'], '', 'b@y.example', 'discard'],
  ];
  for (const [rules, sender, recipient, route] of MATCHES) {
    it(`${rules.join(' ; ') || 'no rule'}: <${sender}> to <${recipient}> is ${route}`, () => {
      expect(find(rules, sender, recipient)).to.equal(route);
    });
  }

  it('captures what no rule names, where that is what it is told', () => {
    const routes = new Routes({ rules: ['@real.example=relay'], upstreams: NAMES, otherwise: 'capture' });
    expect(inWords(routes.find('', 'b@y.example'))).to.equal('capture');
    expect(inWords(routes.find('', 'b@real.example'))).to.equal(ALL);
    expect(routes.relays).to.deep.equal([NAMES]);
  });

  it('tells which lists of upstreams there are, each once', () => {
    const rules = [
      '@a.example=relay',
      '@b.example=relay:spare',
      '@c.example=relay:spare',
      '@d.example=relay:main,spare',
    ];
    expect(new Routes({ rules, upstreams: NAMES, otherwise: 'relay' }).relays).to.deep.equal([NAMES, ['spare']]);
  });

  const BAD: readonly [rule: string, why: RegExp][] = [
    ['', /expected PATTERN=ACTION/],
    ['*', /expected PATTERN=ACTION/],
    ['*=', /expected PATTERN=ACTION/],
    ['=relay', /expected PATTERN=ACTION/],
    ['*=keep', /expected PATTERN=ACTION/],
    ['y.example=relay', /"y\.example" is no pattern/],
    ['b@=relay', /"b@" is no pattern/],
    ['b@y example=relay', /is no pattern/],
    ['<>=discard', /"<>" is no pattern/],
    ['*><>=discard', /"<>" is no pattern/],
    ['x>*=discard', /"x" is no pattern/],
    ['*=capture:inbox', /nothing may follow capture/],
    ['*=discard:', /nothing may follow discard/],
    ['*=relay:', /no upstream is named ""; there are: main, spare/],
    ['*=relay:other', /no upstream is named "other"; there are: main, spare/],
    ['*=reject:no', /a reply is written as/],
    ['*=reject:250 2.0.0 Ok', /a reply is written as/],
    ['*=reject:550 4.7.1 text', /a reply is written as/],
    ['*=reject:550 5.7.1 one\r\n250 two', /a reply is written as/],
  ];
  for (const [rule, why] of BAD) {
    it(`refuses ${JSON.stringify(rule)} in one line`, () => {
      expect(() => find([rule], '', 'b@y.example')).to.throw(ChatError, why);
      expect(() => find([rule], '', 'b@y.example')).to.throw(/^[^\n]*$/);
    });
  }

  it('refuses to relay where there is no upstream', () => {
    const options = { rules: ['*=relay'], upstreams: [], otherwise: 'capture' } as const;
    expect(() => new Routes(options)).to.throw(/there is no upstream/);
  });

  it('finds an exact address among a hundred thousand rules without trying each', () => {
    const rules = Array.from({ length: 100_000 }, (_, i) => `u${i}@y.example=capture`);
    const routes = new Routes({ rules, upstreams: NAMES, otherwise: 'relay' });
    const began = performance.now();
    for (let i = 0; i < 10_000; i++) expect(routes.find('', `u${99_999 - i}@y.example`).kind).to.equal('capture');
    expect(performance.now() - began).to.be.lessThan(4000);
  });
});

describe('DomainList', () => {
  const list = new DomainList(['example.com', '*.example.org', '@bücher.example']);
  const CASES: readonly [address: string, has: boolean][] = [
    ['a@example.com', true],
    ['a@EXAMPLE.com', true],
    ['a@sub.example.com', false],
    ['a@sub.example.org', true],
    ['a@example.org', false],
    ['a@xn--bcher-kva.example', true],
    ['"x@example.com"@other.example', false],
    ['postmaster', false],
    ['', false],
  ];
  for (const [address, has] of CASES) {
    it(`${has ? 'holds' : 'does not hold'} <${address}>`, () => expect(list.has(address)).to.equal(has));
  }

  it('is empty unless something is written in it, and refuses what is no domain', () => {
    expect(new DomainList([]).has('a@example.com')).to.equal(false);
    for (const text of ['', 'a@b.example', 'b c'])
      expect(() => new DomainList([text])).to.throw(ChatError, /no domain/);
  });
});
