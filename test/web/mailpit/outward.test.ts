import { once } from 'node:events';
import { createServer as createHttp, type Server } from 'node:http';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { expect } from 'chai';
import { until } from '../../support/within.ts';
import { SIMPLE, type Sink, startSink } from '../sink.ts';

// What makes the server a client of others: release, link check, SpamAssassin.
describe("Mailpit's API, where it goes outward", () => {
  let target: Sink;
  let sink: Sink;
  let site: Server;
  let spamd: NetServer;
  const port = (server: NetServer) => (server.address() as AddressInfo).port;
  const asked: string[] = [];

  before(async () => {
    target = await startSink();
    site = createHttp((request, response) => {
      asked.push(request.url!);
      if (request.url === '/moved') response.writeHead(302, { location: '/fine' }).end();
      else response.writeHead(request.url === '/fine' ? 200 : 404).end();
    }).listen(0, '127.0.0.1');
    spamd = createServer((socket) => {
      let text = '';
      socket
        .on('error', () => {})
        .on('data', (data) => {
          text += data;
          if (!text.includes('It works.')) return;
          const report = ' pts rule name  description\n---- ---------- -----------\n 1.5 A_RULE     Something is odd\n';
          socket.end(
            `SPAMD/1.1 0 EX_OK\r\nContent-length: ${report.length}\r\nSpam: True ; 7.5 / 5.0\r\n\r\n${report}`,
          );
        });
    }).listen(0, '127.0.0.1');
    await Promise.all([once(site, 'listening'), once(spamd, 'listening')]);
    sink = await startSink({
      flags: {
        upstream: `smtp://${target.mail.smtp[0]}`,
        'smtp-relay-blocked-recipients': '@blocked\\.example$',
      },
      web: {
        enableSpamassassin: { kind: 'tcp', host: '127.0.0.1', port: port(spamd) },
        allowInternalHttpRequests: true,
      },
    });
  });

  after(async () => {
    await sink?.stop();
    await target?.stop();
    site?.close();
    spamd?.close();
  });

  it('releases a mail through the upstream', async () => {
    const id = await sink.put();
    const release = (To: unknown) =>
      sink.ask(`api/v1/message/${id}/release`, { method: 'POST', body: JSON.stringify({ to: To }) });
    const answer = await release(['Somebody <new@example.com>']);
    expect([answer.status, await answer.text()]).to.deep.equal([200, 'ok']);
    const inbox = target.mail.inbox!;
    let messages = 0;
    const look = setInterval(
      () =>
        void inbox.counts().then((counts) => {
          messages = counts.messages;
        }),
      20,
    );
    try {
      await until(10_000, () => messages === 1, 'the delivery');
    } finally {
      clearInterval(look);
    }
    const [mail] = (await target.json('api/v2/messages')).items;
    expect(mail.Raw.To).to.deep.equal(['new@example.com']);
    expect(mail.Raw.Data.endsWith(`${SIMPLE.join('\r\n')}\r\n`)).to.equal(true);
    for (const to of [['x@blocked.example'], ['no address'], []]) {
      const refused = await release(to);
      expect([refused.status, (await refused.text()).includes('\n')], String(to)).to.deep.equal([400, false]);
    }
    const { MessageRelay } = await sink.json('api/v1/webui');
    expect(MessageRelay).to.include({ Enabled: true, BlockedRecipients: '@blocked\\.example$' });
    expect(MessageRelay.SMTPServer).to.include(target.mail.smtp[0]!);
  });

  it('checks links, and marks the mail read', async () => {
    const base = `http://127.0.0.1:${port(site)}`;
    const id = await sink.put({ lines: [...SIMPLE, ...['/fine', '/gone', '/moved'].map((path) => base + path)] });
    const check = await sink.json(`api/v1/message/${id}/link-check`);
    expect(check).to.deep.equal({
      Errors: 1,
      Links: [
        { URL: `${base}/fine`, StatusCode: 200, Status: 'OK' },
        { URL: `${base}/gone`, StatusCode: 404, Status: 'Not Found' },
        { URL: `${base}/moved`, StatusCode: 302, Status: 'Found' },
      ],
    });
    const followed = await sink.json(`api/v1/message/${id}/link-check?follow=true`);
    expect(followed.Links[2].StatusCode).to.equal(200);
    const found = await sink.json(`api/v1/search?query=is:read&limit=100`);
    expect(found.messages.map((one: { ID: string }) => one.ID)).to.include(id);
  });

  it('visits nothing that is not public unless it may', async () => {
    const id = await target.put({ lines: [...SIMPLE, `http://127.0.0.1:${port(site)}/guarded`] });
    const { Errors, Links } = await target.json(`api/v1/message/${id}/link-check`);
    expect([Errors, Links[0].StatusCode]).to.deep.equal([1, 0]);
    expect(asked).not.to.include('/guarded');
  });

  it('asks SpamAssassin, where there is one', async () => {
    const id = await sink.put();
    expect(await sink.json(`api/v1/message/${id}/sa-check`)).to.deep.equal({
      IsSpam: true,
      Error: '',
      Score: 7.5,
      Rules: [{ Score: 1.5, Name: 'A_RULE', Description: 'Something is odd' }],
    });
    expect((await sink.json('api/v1/webui')).SpamAssassin).to.equal(true);
    const other = await target.put();
    const none = await target.ask(`api/v1/message/${other}/sa-check`);
    expect([none.status, await none.text()]).to.deep.equal([404, '404 page not found']);
  });
});
