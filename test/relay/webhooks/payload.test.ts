// What a webhook is told is what the HTTP API says of the same mail, whatever the mail is.
import { expect } from 'chai';
import { unsubscribeOf } from '../../../relay/inbox/checks/unsubscribe.ts';
import type { InboxMessage } from '../../../relay/inbox/inbox.ts';
import { messageShape, summaryShape } from '../../../relay/inbox/mailpit-shapes.ts';
import { parseMail } from '../../../relay/inbox/parse-mail.ts';
import type { Include } from '../../../relay/webhooks/options.ts';
import { payloadOf } from '../../../relay/webhooks/payload.ts';
import { FakeInbox } from '../pop3/fake-inbox.ts';

const MAIL = [
  'From: =?UTF-8?Q?J=C3=BCrgen?= <j@x.example>',
  'To: a@x.example, B <b@x.example>',
  'Reply-To: r@x.example',
  'Return-Path: <p@x.example>',
  'List-Unsubscribe: <https://x.example/u>',
  'Date: Sun, 22 Nov 2026 15:07:00 +0000',
  'Subject: x',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/html',
  '',
  '<p>hello</p>',
  '--b',
  'Content-Type: text/csv; name=a.csv',
  'Content-Disposition: attachment',
  '',
  '1,2',
  '--b--',
  '',
].join('\r\n');

describe('what a webhook is told', () => {
  async function told(include: Include, content = MAIL): Promise<{ json: unknown; found: InboxMessage }> {
    const inbox = new FakeInbox();
    const summary = inbox.add(content);
    const found = { summary, mail: await parseMail(Buffer.from(content, 'latin1')) };
    const payload = await payloadOf({ ...inbox.inbox, message: async () => found }, summary, include);
    let text = '';
    for await (const piece of await payload!.body()) text += Buffer.from(piece).toString('utf8');
    expect(payload!.length).to.equal(Buffer.byteLength(text));
    return { json: JSON.parse(text), found };
  }

  for (const content of [MAIL, '', 'Subject: only this\r\n', 'Date: never\r\n\r\n\xff']) {
    it(`is the API's summary, or its message, of ${JSON.stringify(content.slice(0, 20))}`, async () => {
      const summary = await told('summary', content);
      expect(summary.json).to.deep.equal(JSON.parse(JSON.stringify(summaryShape(summary.found.summary))));
      const { json, found } = await told('message', content);
      const shape = messageShape(found, unsubscribeOf(found.mail.headers));
      expect(json).to.deep.equal(JSON.parse(JSON.stringify(shape)));
    });
  }
});
