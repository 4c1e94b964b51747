// The search, row by row, as the language writes it: once over the texts themselves, once over the index of substrings,
// and the same answers from both.
import { expect } from 'chai';
import { parseSearch } from '../../../../relay/inbox/search-language.ts';
import type { SearchQuery } from '../../../../relay/inbox/search-query.ts';
import type { NewMessage } from '../../../../relay/store/store.ts';
import { ChatError } from '../../../../src/errors.ts';
import { until } from '../../../support/within.ts';
import { mail, onScene, type Scene } from './support.ts';

const to = (...addresses: string[]): Partial<NewMessage> => ({
  recipients: addresses.map((address) => ({ address, parameters: [], route: 'capture' })),
});

/** By the names that the table uses. */
const MAILS: Readonly<Record<string, readonly [content: string, envelope?: Partial<NewMessage>]>> = {
  invoice: [
    mail(
      {
        From: 'Ada Lovelace <ada@shop.example>',
        To: 'bob@x.example',
        Subject: 'Your Invoice 4711',
        'X-Run': '17',
        'Message-ID': '<m1@shop.example>',
      },
      'Please pay 100% of it_now.\r\n',
    ),
    { ...to('bob@x.example'), receivedAt: 1000 },
  ],
  greek: [
    mail(
      {
        From: 'Ωμέγα <omega@x.example>',
        To: 'Bob <bob@x.example>, ada@shop.example',
        Subject: 'ΚΑΛΗΜΈΡΑ κόσμε',
        'X-Tags': 'News, Late',
      },
      'größe ÄRGER 東京 タワー\r\n',
    ),
    { ...to('bob@x.example', 'ada@shop.example'), receivedAt: 2000 },
  ],
  list: [
    mail(
      {
        From: 'list@lists.example',
        To: 'list@lists.example',
        Cc: 'carol+vip@x.example',
        'Reply-To': 'answers@lists.example',
        Subject: 'Weekly',
        'X-Run': '18',
        'X-Long': 'a:b=c',
      },
      'nothing new\r\n',
    ),
    { ...to('carol+vip@x.example', 'hidden.person@y.example'), receivedAt: 3000, sender: 'bounces@lists.example' },
  ],
  html: [
    mail(
      {
        From: 'ada@shop.example.org',
        To: 'x@y.example',
        Subject: 'Picture',
        'Content-Type': 'multipart/mixed; boundary=b',
      },
      [
        ...['--b', 'Content-Type: text/html', '', '<p>Rea<b>dable</b> <i>words</i></p><style>p{hid:den}</style>'],
        ...[
          '--b',
          'Content-Type: application/pdf',
          'Content-Disposition: attachment; filename="Report-2024.pdf"',
          '',
          'pdf',
          '--b--',
          '',
        ],
      ].join('\r\n'),
    ),
    { ...to('x@y.example'), receivedAt: 4000 },
  ],
};

const TABLE: readonly (readonly [search: string, ...found: string[]])[] = [
  ['invoice', 'invoice'],
  ['INVOICE 4711', 'invoice'],
  ['"your invoice"', 'invoice'],
  ['voic', 'invoice'],
  ['invoice list', ...[]],
  ['invoice OR weekly', 'list', 'invoice'],
  ['(invoice OR weekly) x-nothing', ...[]],
  ['100%', 'invoice'],
  ['"100_"', ...[]],
  ['it_now', 'invoice'],
  ['itxnow', ...[]],
  ['καλημέρα', 'greek'],
  ['Κόσμε', 'greek'],
  ['GRÖSSE', ...[]],
  ['GRÖßE', 'greek'],
  ['ärger', 'greek'],
  ['Är', 'greek'],
  ['ωμ', 'greek'],
  ['東京', 'greek'],
  ['タワー', 'greek'],
  ['readable', 'html'],
  ['"readable words"', 'html'],
  ['"hid:den"', ...[]],
  ['report-2024', 'html'],
  ['bounces@lists', 'list'],
  ['from:ada', 'html', 'invoice'],
  ['from:lovelace', 'invoice'],
  ['from:=ada@shop.example', 'invoice'],
  ['from:=ADA@SHOP.EXAMPLE', 'invoice'],
  ['from:=shop.example', ...[]],
  ['to:bob', 'greek', 'invoice'],
  ['to:=ada@shop.example', 'greek'],
  ['cc:carol', 'list'],
  ['bcc:hidden.person', 'list'],
  ['bcc:carol', ...[]],
  ['reply-to:answers', 'list'],
  ['addressed:ada@shop', 'html', 'greek', 'invoice'],
  ['addressed:=ada@shop.example', 'greek', 'invoice'],
  ['subject:weekly', 'list'],
  ['subject:nothing', ...[]],
  ['body:"nothing new"', 'list'],
  ['body:weekly', ...[]],
  ['message-id:m1@shop', 'invoice'],
  ['header:X-Run', 'list', 'invoice'],
  ['header:x-run=17', 'invoice'],
  ['header:X-Run=1', 'list', 'invoice'],
  ['header:X-Ru', ...[]],
  ['header:X-Long=a:b=c', 'list'],
  ['header:X-Tags=late', 'greek'],
  ['header:Cc=17', ...[]],
  ['rcpt:hidden.person@y.example', 'list'],
  ['rcpt:person@y.example', ...[]],
  ['rcpt:*@y.example', 'html', 'list'],
  ['rcpt:@y.example', 'html', 'list'],
  ['rcpt:CAROL+*@x.example', 'list'],
  ['rcpt:carol*hidden*', ...[]],
  ['tag:news', 'greek'],
  ['tag:New', ...[]],
  ['tag:vip', 'list'],
  ['is:tagged', 'list', 'greek'],
  ['is:read', 'html'],
  ['is:unread subject:/^(your|weekly|picture)/i', 'list', 'invoice'],
  ['has:attachment', 'html'],
  ['has:inline', ...[]],
  ['ns:nobody', ...[]],
  ['larger:1m', ...[]],
  ['smaller:1m weekly', 'list'],
  ['/Invoice \\d{4}$/', 'invoice'],
  ['/invoice \\d{4}$/', ...[]],
  ['/INVOICE \\d{4}$/i', 'invoice'],
  ['from:/^ada@shop\\.example$/', 'invoice'],
  ['body:/new$/', 'list'],
  ['body:/^nothing/ OR subject:/Invoice/', 'list', 'invoice'],
  ['addressed:ada -subject:/Invoice/', 'html', 'greek'],
  ['addressed:ada -(subject:/Invoice/ OR tag:news)', 'html'],
  ['addressed:ada -invoice', 'html', 'greek'],
  ['addressed:ada !from:lovelace -tag:news', 'html'],
];

async function fill({ take, inbox }: Scene): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const [name, [content, envelope]] of Object.entries(MAILS)) names.set(await take(content, envelope), name);
  // Enough that what is meant lies in a long span, for which the index is asked.
  for (let n = 0; n < 300; n++)
    await take(mail({ Subject: `filler ${n}` }, 'lorem\r\n'), { receivedAt: 10_000 + n, ...to('f@f.example') });
  await inbox.setRead({ ids: [...names].filter(([, name]) => name === 'html').map(([id]) => id) }, true);
  return names;
}

const query = (text: string): SearchQuery => parseSearch(text, { now: 0, timeZone: 'UTC' });

async function refused(promise: Promise<unknown>): Promise<ChatError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ChatError);
  return error as ChatError;
}

describe('SQLite inbox: search', () => {
  it(
    'finds what the table says, without the index and with it',
    onScene(async (scene) => {
      const { inbox, directory } = scene;
      const names = await fill(scene);
      const check = async (how: string): Promise<void> => {
        for (const [text, ...expected] of TABLE) {
          const page = await inbox.page({ query: query(text), limit: 50 });
          const found = page.messages.map(({ id }) => names.get(id) ?? 'filler');
          expect(found, `${text} ${how}`).to.deep.equal(expected);
          expect(page.matching, `${text} ${how}`).to.equal(expected.length);
          expect(page.total).to.equal(304);
          const latest = await inbox.latest({ query: query(text) });
          expect(latest && names.get(latest.id), text).to.equal(expected[0]);
        }
      };
      await check('in the texts');
      await until(10_000, () => directory.ask('SELECT searchable FROM inbox_state') === 304, 'the index');
      await check('in the index');
      expect(
        (
          await inbox.page({ query: query('after:1970-01-01T00:00:03Z before:1970-01-01T00:00:04Z'), limit: 9 })
        ).messages.map(({ id }) => names.get(id)),
      ).to.deep.equal(['html', 'list']);
    }),
  );

  it(
    'counts, pages and changes what a search finds, and nothing else',
    onScene(async (scene) => {
      const { inbox } = scene;
      await fill(scene);
      const fillers = query('subject:filler');
      const page = await inbox.page({ query: fillers, start: 290, limit: 50 });
      expect(page.messages.map(({ subject }) => subject)).to.deep.equal(
        Array.from({ length: 10 }, (_, n) => `filler ${9 - n}`),
      );
      expect(page).to.include({ matching: 300, matchingUnread: 300, total: 304, unread: 303 });
      expect(await inbox.setRead({ query: query('subject:"filler 1"') }, true)).to.equal(111);
      // The count was remembered, and must not be believed any more.
      expect(await inbox.page({ query: fillers, limit: 1 })).to.include({ matching: 300, matchingUnread: 189 });
      expect(await inbox.delete({ query: query('is:read subject:filler') })).to.equal(111);
      expect(await inbox.page({ query: fillers, limit: 1 })).to.include({ matching: 189, matchingUnread: 189 });
      expect((await inbox.page({ query: fillers, limit: 0 })).messages).to.deep.equal([]);
      const early = await inbox.page({ query: fillers, limit: 500, before: 10_005 });
      expect(early.messages.map(({ subject }) => subject)).to.deep.equal([
        'filler 4',
        'filler 3',
        'filler 2',
        'filler 0',
      ]);
      expect(early.matching).to.equal(4);
    }),
  );

  it(
    'gives up a regular expression that takes for ever, and answers the next question',
    onScene(async ({ inbox, take }) => {
      await take(mail({ Subject: `${'a'.repeat(60)}!` }));
      const error = await refused(inbox.page({ query: query('subject:/^(a+)+$/'), limit: 1 }));
      expect(error.code).to.equal('BAD_SEARCH');
      expect(error.message).to.equal('the regular expression "^(a+)+$" takes too long; make it simpler');
      expect((await inbox.page({ query: query('subject:/a!/'), limit: 1 })).matching).to.equal(1);
      const bad: SearchQuery = { kind: 'regex', field: 'body', source: '(', ignoreCase: false };
      expect((await refused(inbox.latest({ query: bad }))).message).to.match(/^"\(" is no regular expression: /);
    }),
  );

  it(
    'takes searches of any length, and text that cannot be stored',
    onScene(async ({ inbox, take }) => {
      await take(mail({ Subject: 'x' }));
      const words = Array.from({ length: 400 }, (_, n) => `-word${n}`).join(' ');
      expect((await inbox.page({ query: query(words), limit: 1 })).matching).to.equal(1);
      const odd: SearchQuery = { kind: 'text', field: 'any', text: 'a\0b\ud800' };
      expect((await inbox.page({ query: odd, limit: 1 })).matching).to.equal(0);
      const ns: SearchQuery = { kind: 'namespace', name: '\0' };
      expect((await inbox.page({ query: ns, limit: 1 })).matching).to.equal(0);
      expect((await inbox.page({ query: { kind: 'all', of: [] }, limit: 1 })).matching).to.equal(1);
      expect((await inbox.page({ query: { kind: 'one', of: [] }, limit: 1 })).matching).to.equal(0);
    }),
  );

  it(
    'makes the index anew when most of it is of mail that is gone, and finds everything meanwhile',
    onScene(async ({ inbox, take, directory, store }) => {
      const settled = (column: string, value: unknown) =>
        until(10_000, () => directory.ask(`SELECT ${column} FROM inbox_state`) === value, `${column} ${value}`);
      for (let n = 0; n < 1400; n++) await take(mail({ Subject: `needle ${n}` }, ''));
      await inbox.cursor();
      await settled('searchable', 1400);
      expect(directory.ask('SELECT trigrams FROM inbox_state')).to.equal('a');
      await store.trim(350);
      const found = async (): Promise<number> => (await inbox.page({ query: query('needle'), limit: 1 })).matching;
      expect(await found()).to.equal(350);
      await settled('trigrams', 'b');
      expect(await found()).to.equal(350);
      expect(directory.ask('SELECT stale FROM inbox_state')).to.equal(0);
      await inbox.delete({});
      await settled('stale', 0);
      expect(directory.ask("SELECT count(*) FROM inbox_trigrams_b('nee')")).to.equal(0);
      await take(mail({ Subject: 'needle again' }));
      expect(await found()).to.equal(1);
    }),
  );
});
