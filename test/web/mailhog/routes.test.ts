import { expect } from 'chai';
import { until } from '../../support/within.ts';
import { SIMPLE, sinkForSuite, startSink } from '../sink.ts';

const NESTED = [
  'From: ann@example.com',
  'To: bob@example.com',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Content-Type: multipart/mixed;',
  ' boundary="outer"',
  '',
  'preamble',
  '--outer',
  'Content-Type: multipart/alternative; boundary=inner',
  '',
  '--inner',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'caf=C3=A9 --outer is no boundary here',
  '--inner',
  'Content-Type: text/html',
  '',
  '<b>x</b>',
  '--inner--',
  '--outer',
  'Content-Disposition: attachment; filename="a.bin"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--outer--',
];

describe("MailHog's API", () => {
  const sink = sinkForSuite();
  const ask = (path: string, init?: RequestInit) => sink.current.ask(`api/${path}`, init);
  const get = (path: string) => sink.current.json(`api/${path}`);
  const source = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n`;

  it('lists whole mails, newest first, with exactly its fields', async () => {
    await sink.current.put({ lines: NESTED });
    const id = await sink.current.put({ from: '', to: ['Bob@Example.com', 'x@y.example'] });
    const list = await get('v2/messages');
    expect(Object.keys(list)).to.deep.equal(['total', 'count', 'start', 'items']);
    expect([list.total, list.count, list.start]).to.deep.equal([2, 2, 0]);
    const { Created, ...item } = list.items[0];
    expect(Created).to.match(/^\d{4}-\d\d-\d\dT/);
    const { Received, ...headers } = item.Content.Headers;
    expect(Received).to.have.length(1);
    expect({ ...item, Content: { ...item.Content, Headers: headers } }).to.deep.equal({
      ID: `${id}@lonedot`,
      From: { Relays: null, Mailbox: '', Domain: '', Params: '' },
      To: [
        { Relays: null, Mailbox: 'Bob', Domain: 'Example.com', Params: '' },
        { Relays: null, Mailbox: 'x', Domain: 'y.example', Params: '' },
      ],
      Content: {
        Headers: {
          From: ['Ann <ann@example.com>'],
          To: ['Bob <bob@example.com>'],
          Subject: ['Hello'],
          'Message-ID': ['<1@example.com>'],
          Date: ['Sun, 22 Nov 2026 08:46:32 +0000'],
          'Return-Path': ['<>'],
        },
        Body: 'It works.\r\n',
        Size: source(SIMPLE).length,
        MIME: null,
      },
      MIME: null,
      Raw: {
        From: '',
        To: ['Bob@Example.com', 'x@y.example'],
        Data: source(SIMPLE),
        Helo: 'client.example.com',
      },
    });
  });

  it('takes multiparts apart without decoding them', async () => {
    await sink.current.put({ lines: NESTED });
    const [{ Content, MIME }] = (await get('v2/messages')).items;
    expect(Content.Headers['Content-Type']).to.deep.equal(['multipart/mixed; boundary="outer"']);
    expect([Content.MIME, MIME.Parts.length]).to.deep.equal([null, 2]);
    const [inner, file] = MIME.Parts;
    expect(inner.MIME.Parts.map((part: { Body: string }) => part.Body)).to.deep.equal([
      'caf=C3=A9 --outer is no boundary here',
      '<b>x</b>',
    ]);
    expect(file).to.deep.equal({
      Headers: {
        'Content-Disposition': ['attachment; filename="a.bin"'],
        'Content-Transfer-Encoding': ['base64'],
      },
      Body: 'AAEC',
      Size: 92,
      MIME: null,
    });
  });

  it('takes start and limit', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.unshift(`${await sink.current.put()}@lonedot`);
    const listed = async (query: string) =>
      (await get(`v2/messages${query}`)).items.map(({ ID }: { ID: string }) => ID);
    expect(await listed('?start=1&limit=1')).to.deep.equal([ids[1]]);
    for (const query of ['', '?limit=0', '?limit=-1', '?limit=x', '?start=-1', '?limit=9999']) {
      expect(await listed(query), query).to.deep.equal(ids);
    }
    expect(await get('v2/messages?start=9')).to.deep.equal({ total: 3, count: 0, start: 9, items: [] });
  });

  it('searches senders, recipients and the undecoded source', async () => {
    const first = await sink.current.put({ from: 'Sender@Example.com', to: ['someone@example.org'] });
    const second = await sink.current.put({ lines: NESTED });
    const found = async (kind: string, query: string) => {
      const { items, total } = await get(`v2/search?kind=${kind}&query=${encodeURIComponent(query)}`);
      return [total, ...items.map(({ ID }: { ID: string }) => ID.split('@')[0])];
    };
    expect(await found('from', 'sender@')).to.deep.equal([1, first]);
    expect(await found('to', 'SOMEONE')).to.deep.equal([1, first]);
    expect(await found('to', 'bob')).to.deep.equal([2, second, first]);
    expect(await found('containing', 'caf=c3=a9')).to.deep.equal([1, second]);
    expect(await found('containing', 'café')).to.deep.equal([0]);
    expect(await found('containing', 'it WORKS')).to.deep.equal([1, first]);
    const page = await get('v2/search?kind=to&query=bob&start=1&limit=1');
    expect([page.total, page.count, page.start, page.items[0].ID]).to.deep.equal([2, 1, 1, `${first}@lonedot`]);
    for (const query of ['', '?kind=subject&query=x', '?kind=to', '?kind=to&query=']) {
      const answer = await ask(`v2/search${query}`);
      expect([answer.status, await answer.text()], query).to.deep.equal([400, '']);
    }
  });

  it('finds what is cut in two by the pieces of a long source', async () => {
    const long = [
      ...SIMPLE.slice(0, 5),
      '',
      'x'.repeat(65_000),
      ...Array.from({ length: 60 }, () => 'needle'.repeat(20)),
    ];
    const id = await sink.current.put({ lines: long });
    const { items } = await get(`v2/search?kind=containing&query=${'needle'.repeat(20)}%0D%0A${'needle'.repeat(20)}`);
    expect(items.map(({ ID }: { ID: string }) => ID)).to.deep.equal([`${id}@lonedot`]);
  });

  it('gives, downloads and deletes one mail', async () => {
    const id = await sink.current.put({ lines: NESTED });
    const whole = await get(`v1/messages/${id}%40lonedot`);
    expect(whole.ID).to.equal(`${id}@lonedot`);
    const file = await ask(`v1/messages/${id}/download`);
    expect([file.headers.get('content-type'), await file.text()]).to.deep.equal(['message/rfc822', source(NESTED)]);
    const part = await ask(`v1/messages/${id}/mime/part/1/download`);
    expect([part.status, await part.text()]).to.deep.equal([200, 'AAEC']);
    expect((await ask(`v1/messages/${id}/mime/part/2/download`)).status).to.equal(404);
    const deleted = await ask(`v1/messages/${id}@lonedot`, { method: 'DELETE' });
    expect([deleted.status, await deleted.text()]).to.deep.equal([200, '']);
    expect((await ask(`v1/messages/${id}`, { method: 'DELETE' })).status).to.equal(500);
    const gone = await ask(`v1/messages/${id}`);
    expect([gone.status, await gone.text()]).to.deep.equal([200, 'null']);
  });

  it('tells new mails as events', async () => {
    const answer = await ask('v1/events');
    expect(answer.headers.get('content-type')).to.equal('text/event-stream');
    let received = '';
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const reading = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) received += next.value;
    })().catch(() => {});
    await until(5000, () => received.includes(': listening'));
    const id = await sink.current.put();
    await until(5000, () => received.includes('\ndata: '), 'the event');
    expect(JSON.parse(/data: (.*)\n/.exec(received)![1]!).ID).to.equal(`${id}@lonedot`);
    await reader.cancel();
    await reading;
  });

  it('releases a mail to a server on this machine, and to no other', async () => {
    const other = await startSink();
    try {
      const id = await sink.current.put();
      const release = (body: object) =>
        ask(`v1/messages/${id}/release`, { method: 'POST', body: JSON.stringify(body) });
      const [host, port] = other.mail.smtp[0]!.split(':');
      const answer = await release({ email: 'new@example.com', host, port });
      expect([answer.status, await answer.text()]).to.deep.equal([200, '']);
      const [mail] = (await other.json('api/v2/messages')).items;
      expect(mail.Raw.To).to.deep.equal(['new@example.com']);
      expect(mail.Raw.Data.endsWith(source(SIMPLE))).to.equal(true);
      expect((await release({ Email: 'a@b.example', Host: '192.0.2.1', Port: '25' })).status).to.equal(403);
      expect((await release({ Email: 'a@b.example', Host: 'x y', Port: '25' })).status).to.equal(400);
      expect((await release({ Email: 'a\r\nRCPT TO:<c@d>', Host: host, Port: port })).status).to.equal(400);
      expect((await release({ Email: 5 })).status).to.equal(400);
    } finally {
      await other.stop();
    }
  });

  it('has Jim, who is off at first', async () => {
    expect((await ask('v2/jim')).status).to.equal(404);
    expect((await ask('v2/jim', { method: 'POST', body: '{"RejectSenderChance":0.5}' })).status).to.equal(201);
    expect((await ask('v2/jim', { method: 'POST' })).status).to.equal(400);
    expect(await get('v2/jim')).to.include({ RejectSenderChance: 0.5, RejectRecipientChance: 0.05 });
    expect((await ask('v2/jim', { method: 'PUT', body: '{"RejectSenderChance":2}' })).status).to.equal(400);
    expect((await ask('v2/jim', { method: 'PUT', body: '{"RejectRecipientChance":0.1}' })).status).to.equal(200);
    expect(await get('v2/jim')).to.include({ RejectSenderChance: 0.5, RejectRecipientChance: 0.1 });
    expect((await ask('v2/jim', { method: 'DELETE' })).status).to.equal(200);
    expect((await ask('v2/jim')).status).to.equal(404);
  });

  it('names its outgoing servers', async () => {
    expect(await get('v2/outgoing-smtp')).to.deep.equal({});
  });
});
