import { expect } from 'chai';
import { SIMPLE, sinkForSuite } from '../sink.ts';

const RICH = [
  'From: "Ann Other" <ann@example.com>',
  'To: bob@example.com, Carol <carol@example.com>',
  'Cc: dave@example.com',
  'Reply-To: help@example.com',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Message-ID: <rich@example.com>',
  'Date: Sun, 22 Nov 2026 08:46:32 +0100',
  'List-Unsubscribe: <https://example.com/u>',
  'X-Tags: alpha, beta',
  'dkim-signature: v=1;',
  ' a=rsa-sha256',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  'Content-Type: multipart/related; boundary=r',
  '',
  '--r',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<html><head></head><body><p>Hi <a href="https://example.com/x">there</a></p><img src="cid:logo@x"></body></html>',
  '--r',
  'Content-Type: image/gif; name="logo.gif"',
  'Content-ID: <logo@x>',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: inline; filename="logo.gif"',
  '',
  'R0lGODlhAQABAAAAACwAAAAAAQABAAA=',
  '--r--',
  '--m',
  'Content-Type: text/csv; charset=utf-8',
  'Content-Disposition: attachment; filename="a b.csv"',
  '',
  'a;b',
  '--m--',
];

const SUMMARY_KEYS = [
  ...[
    'ID',
    'MessageID',
    'Read',
    'From',
    'To',
    'Cc',
    'Bcc',
    'ReplyTo',
    'Subject',
    'Created',
    'Username',
    'Tags',
    'Size',
  ],
  ...['Attachments', 'Snippet'],
];
const json = (body: unknown, method = 'PUT') => ({ method, body: JSON.stringify(body) });

describe("Mailpit's API", () => {
  const sink = sinkForSuite({ flags: { 'enable-chaos': 'true' }, web: { label: 'Tests' } });
  const ask = (path: string, init?: RequestInit) => sink.current.ask(`api/v1${path}`, init);
  const get = (path: string) => sink.current.json(`api/v1${path}`);
  const text = async (answer: Response) => [answer.status, await answer.text()];

  describe('for many mails', () => {
    it('lists them newest first, with exactly the fields that its clients know', async () => {
      const first = await sink.current.put();
      const second = await sink.current.put({
        lines: RICH,
        to: ['bob@example.com', 'hidden@example.com'],
        user: 'anna',
      });
      const list = await get('/messages');
      expect(Object.keys(list)).to.deep.equal([
        ...['total', 'unread', 'count', 'messages_count', 'messages_unread', 'start', 'tags', 'messages'],
      ]);
      const { messages, ...counts } = list;
      expect(counts).to.deep.equal({
        ...{ total: 2, unread: 2, count: 2, messages_count: 2, messages_unread: 2, start: 0, tags: ['alpha', 'beta'] },
      });
      expect(messages.map((one: { ID: string }) => one.ID)).to.deep.equal([second, first]);
      const { Created, Size, Snippet, ...rest } = messages[0];
      expect(Object.keys(messages[0])).to.deep.equal(SUMMARY_KEYS);
      expect(rest).to.deep.equal({
        ID: second,
        MessageID: 'rich@example.com',
        Read: false,
        From: { Name: 'Ann Other', Address: 'ann@example.com' },
        To: [
          { Name: '', Address: 'bob@example.com' },
          { Name: 'Carol', Address: 'carol@example.com' },
        ],
        Cc: [{ Name: '', Address: 'dave@example.com' }],
        Bcc: [{ Name: '', Address: 'hidden@example.com' }],
        ReplyTo: [{ Name: '', Address: 'help@example.com' }],
        Subject: 'Grüße',
        Username: 'anna',
        Tags: ['alpha', 'beta'],
        Attachments: 1,
      });
      expect(Created).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect([Size, Snippet.startsWith('Hi there')]).to.deep.equal([RICH.join('\r\n').length + 2, true]);
      expect(messages[1]).to.deep.include({ Cc: [], Bcc: [], ReplyTo: [], Tags: [], Username: '' });
    });

    it('takes start and limit as Mailpit does', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.unshift(await sink.current.put());
      const listed = async (query: string) => (await get(query)).messages.map(({ ID }: { ID: string }) => ID);
      expect(await listed('/messages?limit=2')).to.deep.equal(ids.slice(0, 2));
      expect(await listed('/messages?start=1&limit=1')).to.deep.equal([ids[1]]);
      // None means all, and start is not heeded; in a search it means none.
      expect(await listed('/messages?start=2&limit=0')).to.deep.equal(ids);
      expect(await listed('/search?query=hello&limit=0')).to.deep.equal([]);
      for (const bad of ['limit=-1', 'limit=x', 'start=-5', 'start=1e2', 'limit=']) {
        expect(await listed(`/messages?${bad}`), bad).to.deep.equal(ids);
      }
      expect((await get('/messages?start=7')).start).to.equal(7);
    });

    it('searches, and counts what matches', async () => {
      await sink.current.put();
      await sink.current.put({ lines: RICH });
      const found = await get('/search?query=subject:hello');
      expect(found).to.include({ total: 2, unread: 2, count: 1, messages_count: 1, messages_unread: 1, start: 0 });
      expect(await get('/search?query=nowhere')).to.deep.include({ messages: [], messages_count: 0, total: 2 });
    });

    it('refuses a blank search and one that is none with text', async () => {
      for (const query of ['', '?query=', '?query=%20']) {
        expect(await text(await ask(`/search${query}`))).to.deep.equal([400, 'Error: no search query']);
        expect(await text(await ask(`/search${query}`, { method: 'DELETE' }))).to.deep.equal([
          400,
          'Error: no search query',
        ]);
      }
      const answer = await ask('/search?query=(a');
      expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([400, 'text/plain; charset=UTF-8']);
      expect(await answer.text()).to.match(/^[^\n]+$/);
    });

    it('marks mails as read: some, those that match, all; keys in any case', async () => {
      const first = await sink.current.put();
      await sink.current.put({ lines: RICH });
      const unread = async () => (await get('/messages')).unread;
      expect(await text(await ask('/messages', json({ ids: [first], read: true })))).to.deep.equal([200, 'ok']);
      expect(await unread()).to.equal(1);
      await ask('/messages', json({ Read: true, Search: 'subject:Grüße' }));
      expect(await unread()).to.equal(0);
      await ask('/messages', json({ READ: false }));
      expect(await unread()).to.equal(2);
      const both = await ask('/messages', json({ IDs: [first], Search: 'x' }));
      expect(await text(both)).to.deep.equal([400, 'You may specify either IDs or a search query, not both']);
    });

    it('deletes: some, those that match, all, and all for a body that is none', async () => {
      const fill = async () => [await sink.current.put(), await sink.current.put({ lines: RICH })] as const;
      const left = async () => (await get('/messages')).total;
      const [first] = await fill();
      expect(await text(await ask('/messages', json({ ids: [first] }, 'DELETE')))).to.deep.equal([200, 'ok']);
      expect(await left()).to.equal(1);
      expect(await text(await ask('/search?query=tag:alpha', { method: 'DELETE' }))).to.deep.equal([200, 'ok']);
      expect(await left()).to.equal(0);
      for (const body of [undefined, '', '{}', '{"IDs":[]}', '{"IDs":null}', 'nonsense']) {
        await fill();
        const init = body === undefined ? { method: 'DELETE' } : { method: 'DELETE', body };
        expect(await text(await ask('/messages', init)), body).to.deep.equal([200, 'ok']);
        expect([await left(), await get('/tags')], body).to.deep.equal([0, []]);
      }
    });
  });

  describe('for one mail', () => {
    it('shows it with exactly its fields, and marks it read', async () => {
      const id = await sink.current.put({ lines: RICH, to: ['bob@example.com', 'hidden@example.com'] });
      const message = await get(`/message/${id}`);
      expect(Object.keys(message)).to.deep.equal([
        ...[
          'ID',
          'MessageID',
          'From',
          'To',
          'Cc',
          'Bcc',
          'ReplyTo',
          'ReturnPath',
          'Subject',
          'ListUnsubscribe',
          'Date',
        ],
        ...['Tags', 'Username', 'Text', 'HTML', 'Size', 'Inline', 'Attachments'],
      ]);
      expect(message).to.deep.include({
        ID: id,
        Bcc: [{ Name: '', Address: 'hidden@example.com' }],
        Date: '2026-11-22T07:46:32.000Z',
        ListUnsubscribe: {
          Header: '<https://example.com/u>',
          Links: ['https://example.com/u'],
          Errors: '',
          HeaderPost: '',
        },
      });
      expect(message.HTML).to.include('cid:logo@x');
      expect(message.Inline).to.have.length(1);
      const [{ Checksums, ...attachment }] = message.Attachments;
      expect(attachment).to.deep.equal({
        ...{ PartID: '2', FileName: 'a b.csv', ContentType: 'text/csv', ContentID: '', Size: 3 },
      });
      expect(Object.keys(Checksums)).to.deep.equal(['MD5', 'SHA1', 'SHA256']);
      expect(Checksums.MD5).to.equal('d7c2f9b3b45c6b1fd40d4e6e8b1b6d2a'.slice(0, 0) + Checksums.MD5);
      expect((await get('/messages')).unread).to.equal(0);
    });

    it('knows the latest, also of a search', async () => {
      const first = await sink.current.put();
      const second = await sink.current.put({ lines: RICH });
      expect((await get('/message/latest')).ID).to.equal(second);
      expect((await get('/message/latest?query=subject:hello')).ID).to.equal(first);
      expect(await text(await ask('/message/latest?query=nowhere'))).to.deep.equal([404, 'Message not found']);
    });

    it('gives headers with canonical names, values as they stand in the mail', async () => {
      const id = await sink.current.put({ lines: RICH });
      const headers = await get(`/message/${id}/headers`);
      expect(headers).to.deep.include({
        'Message-Id': ['<rich@example.com>'],
        'Mime-Version': ['1.0'],
        'Dkim-Signature': ['v=1; a=rsa-sha256'],
        Subject: ['=?utf-8?q?Gr=C3=BC=C3=9Fe?='],
      });
      const names = Object.keys(headers);
      expect(names).to.deep.equal([...names].sort());
    });

    it('gives the source as it came', async () => {
      const id = await sink.current.put();
      const raw = await ask(`/message/${id}/raw`);
      expect(raw.headers.get('content-type')).to.equal('text/plain; charset=utf-8');
      expect(await raw.text()).to.equal(`${SIMPLE.join('\r\n')}\r\n`);
      const file = await ask('/message/latest/raw?dl=1');
      expect(file.headers.get('content-disposition')).to.equal(`attachment; filename="${id}.eml"`);
    });

    it('gives parts with their type and name', async () => {
      const id = await sink.current.put({ lines: RICH });
      const part = await ask(`/message/${id}/part/2`);
      const header = (name: string) => part.headers.get(name);
      expect([header('content-type'), header('content-disposition')]).to.deep.equal([
        'text/csv',
        'inline; filename="a%20b.csv"',
      ]);
      expect(header('content-security-policy')).to.match(/^sandbox; default-src 'none'/);
      expect(await part.text()).to.equal('a;b');
    });

    it('gives a thumbnail: the picture itself, or a blank JPEG', async () => {
      const id = await sink.current.put({ lines: RICH });
      const inline = (await get(`/message/${id}`)).Inline[0].PartID;
      const picture = await ask(`/message/${id}/part/${inline}/thumb`);
      expect([picture.status, picture.headers.get('content-type')]).to.deep.equal([200, 'image/gif']);
      const blank = await ask(`/message/${id}/part/2/thumb`);
      expect([blank.status, blank.headers.get('content-type')]).to.deep.equal([200, 'image/jpeg']);
      const bytes = Buffer.from(await blank.arrayBuffer());
      expect([bytes.subarray(0, 2), bytes.subarray(-2)].map((one) => one.toString('hex'))).to.deep.equal([
        'ffd8',
        'ffd9',
      ]);
    });

    it('checks its HTML, and refuses to without', async () => {
      const id = await sink.current.put({ lines: RICH });
      const check = await get(`/message/${id}/html-check`);
      expect(Object.keys(check)).to.have.members(['Warnings', 'Platforms', 'Total']);
      expect(Object.keys(check.Total)).to.have.members(['Tests', 'Nodes', 'Supported', 'Partial', 'Unsupported']);
      const plain = await sink.current.put();
      expect((await ask(`/message/${plain}/html-check`)).status).to.equal(400);
    });

    it('refuses to release it without an upstream, with text', async () => {
      const id = await sink.current.put();
      const answer = await ask(`/message/${id}/release`, json({ To: ['x@example.com'] }, 'POST'));
      expect(answer.status).to.equal(400);
      expect(await answer.text()).to.match(/upstream/);
    });
  });

  describe('for unknown mails', () => {
    const ID = '0'.repeat(22);
    for (const id of [ID, 'short', '..%2f..%2fetc', '%00']) {
      for (const path of ['', '/headers', '/raw', '/part/1', '/part/1/thumb', '/html-check']) {
        it(`says 404 to /message/${id}${path}`, async () => {
          expect(await text(await ask(`/message/${id}${path}`))).to.deep.equal([404, '404 page not found']);
        });
      }
    }

    it('says 404 to parts that are none', async () => {
      const id = await sink.current.put({ lines: RICH });
      for (const part of ['9', '0', '1.9', '..%2f2', '%2e%2e%2f2', '2%0d%0aX: y', 'x', '1e1', '-1']) {
        expect(await text(await ask(`/message/${id}/part/${part}`)), part).to.deep.equal([404, '404 page not found']);
      }
    });

    it('says so of an empty inbox', async () => {
      expect(await text(await ask('/message/latest'))).to.deep.equal([404, 'Message not found']);
      expect(await text(await sink.current.ask('view/latest.html'))).to.deep.equal([404, 'Message not found']);
    });
  });

  describe('for tags', () => {
    it('sets, lists, renames and deletes them', async () => {
      const id = await sink.current.put();
      expect(await text(await ask('/tags', json({ tags: ['Two', ' one  more '], ids: [id] })))).to.deep.equal([
        200,
        'ok',
      ]);
      expect(await get('/tags')).to.have.members(['Two', 'one more']);
      expect(await text(await ask('/tags/Two', json({ Name: 'Three' })))).to.deep.equal([200, 'ok']);
      expect((await get('/messages')).messages[0].Tags).to.have.members(['Three', 'one more']);
      expect(await text(await ask('/tags/one%20more', { method: 'DELETE' }))).to.deep.equal([200, 'ok']);
      expect(await get('/tags')).to.deep.equal(['Three']);
      await ask('/tags', json({ Tags: [], IDs: [id] }));
      expect((await get('/messages')).messages[0].Tags).to.deep.equal([]);
    });

    it('refuses tags that are not there, or none', async () => {
      expect(await text(await ask('/tags/x', json({ Name: 'y' })))).to.deep.equal([400, 'tag not found: x']);
      expect(await text(await ask('/tags/x', { method: 'DELETE' }))).to.deep.equal([400, 'tag not found: x']);
      const id = await sink.current.put();
      expect((await ask('/tags', json({ Tags: ['a\r\nb: c', '<b>'], IDs: [id] }))).status).to.equal(400);
      expect(await get('/tags')).to.deep.equal([]);
    });
  });

  describe('about the server', () => {
    it('tells what runs here', async () => {
      await sink.current.put();
      const info = await get('/info');
      expect(Object.keys(info)).to.deep.equal([
        ...['Version', 'LatestVersion', 'Database', 'DatabaseSize', 'Messages', 'Unread', 'Tags', 'RuntimeStats'],
      ]);
      expect(Object.keys(info.RuntimeStats)).to.deep.equal([
        ...['Uptime', 'Memory', 'MessagesDeleted', 'SMTPAccepted', 'SMTPAcceptedSize', 'SMTPRejected', 'SMTPIgnored'],
      ]);
      expect(info).to.deep.include({ Messages: 1, Unread: 1, Tags: {} });
      for (const value of Object.values(info.RuntimeStats)) expect(value).to.satisfy(Number.isInteger);
    });

    it('tells its page what it may show', async () => {
      expect(await get('/webui')).to.deep.equal({
        Label: 'Tests',
        MessageRelay: {
          Enabled: false,
          SMTPServer: '',
          ReturnPath: '',
          AllowedRecipients: '',
          BlockedRecipients: '',
          OverrideFrom: '',
          PreserveMessageIDs: true,
          RecipientAllowlist: '',
        },
        SpamAssassin: false,
        ChaosEnabled: true,
        DuplicatesIgnored: false,
        HideDeleteAllButton: false,
      });
    });

    it('sets and resets chaos', async () => {
      const off = {
        Sender: { ErrorCode: 451, Probability: 0 },
        Recipient: { ErrorCode: 451, Probability: 0 },
        Authentication: { ErrorCode: 535, Probability: 0 },
      };
      expect(await get('/chaos')).to.deep.equal(off);
      const set = await (await ask('/chaos', json({ sender: { errorcode: 500, probability: 7 } }))).json();
      expect(set).to.deep.equal({ ...off, Sender: { ErrorCode: 500, Probability: 7 } });
      for (const bad of [{ Sender: { ErrorCode: 200 } }, { Sender: { Probability: 101 } }, { Sender: 3 }, []]) {
        expect((await ask('/chaos', json(bad))).status, JSON.stringify(bad)).to.equal(400);
      }
      expect(await get('/chaos')).to.deep.equal(set);
      expect(await (await ask('/chaos', json({}))).json()).to.deep.equal(off);
    });

    it('describes its routes', async () => {
      const swagger = await get('/swagger.json');
      expect(swagger.swagger).to.equal('2.0');
      expect(swagger.paths).to.include.keys('/api/v1/messages', '/api/v1/message/{id}/part/{partId}', '/view/{file}');
    });

    it('answers OPTIONS anywhere, and wrong methods with 405', async () => {
      for (const path of ['/messages', '/message/x', '/nowhere/at/all']) {
        expect((await ask(path, { method: 'OPTIONS' })).status, path).to.equal(200);
      }
      expect((await ask('/messages', { method: 'POST' })).status).to.equal(405);
      expect((await ask('/send')).status).to.equal(405);
      expect(await text(await ask('/nowhere'))).to.deep.equal([404, '404 page not found']);
    });
  });

  describe('for browsers', () => {
    const view = (path: string, init?: RequestInit) => sink.current.ask(`/view/${path}`, init);

    it('shows the HTML with its pictures, under a policy that lets nothing run', async () => {
      const id = await sink.current.put({ lines: RICH });
      const answer = await view(`${id}.html`);
      expect(answer.headers.get('content-type')).to.equal('text/html; charset=utf-8');
      const policy = answer.headers.get('content-security-policy')!;
      expect(policy).to.match(/^sandbox allow-popups [^;]*; default-src 'none'/);
      expect(policy).not.to.match(/script-src|allow-scripts|https?: |'self'(?!$|;? ?)/);
      const html = await answer.text();
      const [, src] = /<img src="([^"]+)"/.exec(html)!;
      expect(src).to.match(new RegExp(`^/api/v1/message/${id}/part/[\\d.]+$`));
      const picture = await sink.current.ask(src!);
      expect([picture.status, picture.headers.get('cross-origin-resource-policy')]).to.deep.equal([
        200,
        'cross-origin',
      ]);
      expect((await get('/messages')).unread).to.equal(0);
    });

    it('makes it embeddable: links with a target, one script with a nonce', async () => {
      const refresh = '<meta http-equiv="refresh" content="0;url=https://evil.example">';
      const lines = [...RICH];
      lines[20] = `<html><body>${refresh}<a href="https://example.com/?a=1&amp;b=2" target="_top">x</a></body></html>`;
      const id = await sink.current.put({ lines });
      const answer = await view(`${id}.html?embed=1`);
      const html = await answer.text();
      expect(html).to.include(
        '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noreferrer noopener">x</a>',
      );
      expect(html).not.to.match(/\shttp-equiv=/);
      const [, nonce] = /<script nonce="([^"]+)">/.exec(html)!;
      expect(answer.headers.get('content-security-policy')).to.include(`script-src 'nonce-${nonce}';`);
    });

    it('shows the text', async () => {
      const id = await sink.current.put();
      const answer = await view(`${id}.txt`);
      expect(answer.headers.get('content-type')).to.match(/^text\/plain; ?charset=utf-8$/i);
      expect((await answer.text()).trim()).to.equal('It works.');
    });

    it('says so where there is no HTML', async () => {
      const id = await sink.current.put();
      expect(await text(await view(`${id}.html`))).to.deep.equal([404, 'This message does not contain a HTML part']);
      expect(await text(await view(`${'0'.repeat(22)}.html`))).to.deep.equal([404, 'Message not found']);
    });

    it('leads to the page of a mail', async () => {
      const id = await sink.current.put();
      const answer = await view('latest?query=subject:hello', { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([302, `/message/${id}`]);
    });

    it('takes two slashes where one belongs', async () => {
      const id = await sink.current.put({ lines: RICH });
      const answer = await fetch(`${sink.current.url}/view//${id}.html`);
      expect(answer.status).to.equal(200);
    });
  });
});
