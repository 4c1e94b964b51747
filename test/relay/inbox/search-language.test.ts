// The search language: what Mailpit's users write, what is added to it, and what is refused with which words.
import { expect } from 'chai';
import { parseSearch } from '../../../relay/inbox/search-language.ts';
import type { SearchQuery, TextField } from '../../../relay/inbox/search-query.ts';
import { ChatError } from '../../../src/errors.ts';
import { randomNumbers } from '../../../src/random.ts';

const NOW = Date.UTC(2026, 10, 22, 12, 34, 56);
const parse = (text: string, timeZone = 'UTC') => parseSearch(text, { now: NOW, timeZone });

const text = (value: string, field: TextField = 'any'): SearchQuery => ({ kind: 'text', field, text: value });
const not = (of: SearchQuery): SearchQuery => ({ kind: 'not', of });
const all = (...of: SearchQuery[]): SearchQuery => ({ kind: 'all', of });
const one = (...of: SearchQuery[]): SearchQuery => ({ kind: 'one', of });
const regex = (source: string, ignoreCase = false, field: TextField = 'any'): SearchQuery => ({
  kind: 'regex',
  field,
  source,
  ignoreCase,
});
const after = (...date: Parameters<typeof Date.UTC>): SearchQuery => ({ kind: 'after', time: Date.UTC(...date) });

function refusal(search: string, timeZone?: string): string {
  try {
    parse(search, timeZone);
  } catch (error) {
    expect(error).to.be.instanceOf(ChatError);
    expect((error as ChatError).code).to.equal('BAD_SEARCH');
    return (error as ChatError).message;
  }
  throw new Error(`${search} was taken`);
}

const ROWS: readonly [search: string, query: SearchQuery][] = [
  ['', all()],
  ['   ', all()],
  ['hello', text('hello')],
  ['hello world', all(text('hello'), text('world'))],
  ['"hello world"', text('hello world')],
  ['hel"lo wor"ld', text('hello world')],
  ['日本 😀', all(text('日本'), text('😀'))],
  ['-hello', not(text('hello'))],
  ['!"a b"', not(text('a b'))],
  ['a - b', all(text('a'), text('b'))],
  ['a & b', all(text('a'), text('b'))],
  ['"&"', text('&')],
  ['from:bob', text('bob', 'from')],
  ['FROM:Bob', text('Bob', 'from')],
  ['from:"Bob Ray"', text('Bob Ray', 'from')],
  ['"subject:two words"', text('two words', 'subject')],
  ['subject:"a b" c', all(text('a b', 'subject'), text('c'))],
  ['-subject:"a (b"', not(text('a (b', 'subject'))],
  ['to:a cc:b bcc:c', all(text('a', 'to'), text('b', 'cc'), text('c', 'bcc'))],
  ['reply-to:a addressed:b', all(text('a', 'reply-to'), text('b', 'addressed'))],
  ['message-id:<abc@x>', text('abc@x', 'message-id')],
  ['body:hello', text('hello', 'body')],
  ['subject: hello', text('hello')],
  ['from:=A@b.example', { kind: 'address', field: 'from', address: 'A@b.example' }],
  ['-addressed:=<a@b.example>', not({ kind: 'address', field: 'addressed', address: 'a@b.example' })],
  ['tag:Big', { kind: 'tag', tag: 'Big' }],
  ['tag:"two words"', { kind: 'tag', tag: 'two words' }],
  ['is:read', { kind: 'is', what: 'read' }],
  ['IS:Unread', { kind: 'is', what: 'unread' }],
  ['!is:tagged', not({ kind: 'is', what: 'tagged' })],
  ['has:attachment', { kind: 'has', what: 'attachment' }],
  ['has:attachments', { kind: 'has', what: 'attachment' }],
  ['has:inline', { kind: 'has', what: 'inline' }],
  ['has:inlines', { kind: 'has', what: 'inline' }],
  ['larger:100', { kind: 'larger', bytes: 100 }],
  ['larger:2k', { kind: 'larger', bytes: 2048 }],
  ['larger:2KB', { kind: 'larger', bytes: 2048 }],
  ['smaller:1.5m', { kind: 'smaller', bytes: 1572864 }],
  ['smaller:"1 MB"', { kind: 'smaller', bytes: 1048576 }],
  ['header:X-Run', { kind: 'header', name: 'X-Run', value: null }],
  ['header:X-Run=17', { kind: 'header', name: 'X-Run', value: '17' }],
  ['header:X-Run="a = b"', { kind: 'header', name: 'X-Run', value: 'a = b' }],
  ['rcpt:*+run@x.example', { kind: 'recipient', pattern: '*+run@x.example' }],
  ['ns:ci-17', { kind: 'namespace', name: 'ci-17' }],
  ['a OR b', one(text('a'), text('b'))],
  ['a b OR c', one(all(text('a'), text('b')), text('c'))],
  ['a (b OR c)', all(text('a'), one(text('b'), text('c')))],
  ['-(b OR c)', not(one(text('b'), text('c')))],
  ['a AND b', all(text('a'), text('b'))],
  ['a or b', all(text('a'), text('or'), text('b'))],
  ['"OR"', text('OR')],
  ['ORDER', text('ORDER')],
  ['(a)', text('a')],
  ['a ()', text('a')],
  ['f(x)', text('f(x)')],
  ['(f(x) OR y)', one(text('f(x)'), text('y'))],
  ['/a b/', regex('a b')],
  ['/^Re: (x|y)$/i', regex('^Re: (x|y)$', true)],
  ['subject:/[/"]+/', regex('[/"]+', false, 'subject')],
  ['-from:/@x\\.example$/i', not(regex('@x\\.example$', true, 'from'))],
  ['(/a/ OR b)', one(regex('a'), text('b'))],
  ['/usr/bin', text('/usr/bin')],
  ['subject:/usr/bin', text('/usr/bin', 'subject')],
  ['http://x.example/a?b=c', text('http://x.example/a?b=c')],
  ['mailto:bob@x.example', text('mailto:bob@x.example')],
  ['12:30', text('12:30')],
  ['Re: hello', all(text('Re:'), text('hello'))],
  ['std::string', text('std::string')],
  ['C:\\temp', text('C:\\temp')],
  ['localhost:1025', text('localhost:1025')],
  ['"form:bob"', text('form:bob')],
];

const DATES: readonly [search: string, query: SearchQuery, zone?: string][] = [
  ['after:2026-11-22', after(2026, 10, 22)],
  ['after:2026-11-22', after(2026, 10, 21, 23), 'Europe/Berlin'],
  ['after:2026-07-01', after(2026, 5, 30, 22), 'Europe/Berlin'],
  ['after:2026-07-01', after(2026, 6, 1, 4), 'America/New_York'],
  ['after:"22 Nov 2026"', after(2026, 10, 22)],
  ['after:"Nov 22, 2026"', after(2026, 10, 22)],
  ['after:"22nd November 2026 5:07 pm"', after(2026, 10, 22, 17, 7)],
  ['after:"Sun, 22 Nov 2026 14:30:00 +0100"', after(2026, 10, 22, 13, 30)],
  ['after:2026-11-22T14:30:00Z', after(2026, 10, 22, 14, 30), 'Europe/Berlin'],
  ['after:2026-11-22T14:30:00.5-05:00', after(2026, 10, 22, 19, 30, 0, 500)],
  ['after:"2026-11-22 14:30"', after(2026, 10, 22, 13, 30), 'Europe/Berlin'],
  // The clocks of Berlin jump from 2:00 to 3:00.
  ['after:"2026-03-29 03:30"', after(2026, 2, 29, 1, 30), 'Europe/Berlin'],
  ['after:11/22/2026', after(2026, 10, 22)],
  ['after:22.11.2026', after(2026, 10, 22)],
  ['after:2026/11/22', after(2026, 10, 22)],
  ['after:20261122', after(2026, 10, 22)],
  ['after:2026-11', after(2026, 10, 1)],
  ['after:2026', after(2026, 0, 1)],
  ['after:1795338000', { kind: 'after', time: 1795338000_000 }],
  ['after:1795338000123', { kind: 'after', time: 1795338000_123 }],
  ['after:7d', { kind: 'after', time: NOW - 7 * 86_400_000 }],
  ['after:12h', { kind: 'after', time: NOW - 12 * 3_600_000 }],
  ['after:today', after(2026, 10, 22)],
  ['after:yesterday', after(2026, 10, 21)],
  ['after:today', after(2026, 10, 22, 11), 'Pacific/Auckland'],
  // Inclusive, as Mailpit's: the query's own end is not.
  ['before:2026-11-22', { kind: 'before', time: Date.UTC(2026, 10, 22) + 1 }],
];

const REFUSED: readonly [search: string, says: RegExp][] = [
  ['form:bob', /^unknown filter 'form:'; did you mean 'from:'\?$/],
  ['lager:100', /did you mean 'larger:'\?$/],
  ['label:big', /^unknown filter 'label:'; put it in quotes/],
  ['is:raed', /did you mean 'is:read'\?$/],
  ['has:wings', /allowed are attachment, attachments, inline, inlines$/],
  ['after:soon', /^'after:' needs a date, not 'soon'/],
  ['after:2026-02-30', /needs a date/],
  ['after:"2026-11-22 25:00"', /needs a date/],
  ['after:22 Nov 2026', /not '22'; write .*"22 Nov 2026/],
  ['larger:big', /^'larger:' needs a size, not 'big'/],
  ['smaller:5zb', /needs a size/],
  ['header:"a b"=c', /names no header field/],
  ['a "b c', /^the " at 3 is not closed$/],
  ['subject:"b', /^the " at 9 is not closed$/],
  ['(a OR b', /^the \( at 1 is not closed$/],
  ['a (b (c)', /^the \( at 3 is not closed$/],
  ['a) b', /^the \) at 2 closes nothing$/],
  ['OR a', /missing beside the OR/],
  ['a OR', /missing beside the OR/],
  ['a OR OR b', /missing beside the OR/],
  ['(a OR )', /missing beside the OR/],
  ['/(/', /^'\/\(\/' is no regular expression: Unterminated group$/],
  [`${'('.repeat(60)}a${')'.repeat(60)}`, /at most 50 deep/],
  ['a '.repeat(600), /at most 500 terms/],
  ['a'.repeat(10_001), /at most 10000 characters/],
];

describe('the search language', () => {
  for (const [search, query] of ROWS)
    it(`reads ${search || 'nothing'}`, () => expect(parse(search)).to.deep.equal(query));

  for (const [search, query, zone = 'UTC'] of DATES) {
    it(`reads ${search} in ${zone}`, () => expect(parse(search, zone)).to.deep.equal(query));
  }

  for (const [search, says] of REFUSED) {
    it(`refuses ${search.slice(0, 40)}`, () => {
      expect(refusal(search)).to.match(says);
      expect(refusal(search)).not.to.include('\n');
    });
  }

  it('refuses a time zone that does not exist, but only where one is needed', () => {
    expect(refusal('after:2026-11-22', 'Mars/Olympus')).to.match(/^'Mars\/Olympus' is no time zone/);
    expect(parse('hello', 'Mars/Olympus')).to.deep.equal(text('hello'));
  });

  it('reads or refuses whatever is typed', () => {
    const random = randomNumbers(20261122);
    const pieces = [
      'a',
      '"',
      '(',
      ')',
      ' ',
      '-',
      '!',
      'OR',
      ' AND ',
      'from:',
      'is:',
      '/',
      '\\',
      '[',
      '=',
      'after:',
      '7d',
      ':',
      '\u0000',
      '😀',
    ];
    for (let i = 0; i < 3000; i++) {
      const search = Array.from(
        { length: 1 + Math.floor(random() * 12) },
        () => pieces[Math.floor(random() * pieces.length)],
      ).join('');
      try {
        parse(search);
      } catch (error) {
        if (!(error instanceof ChatError)) throw new Error(`${JSON.stringify(search)}: ${String(error)}`);
      }
    }
  });
});
