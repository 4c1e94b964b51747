import { createRequire } from 'node:module';
import { expect } from 'chai';
import { MailpitClient } from 'mailpit-api';
import { sinkForSuite } from './sink.ts';

// As a program would load it: it has no ES module.
const mailhog = createRequire(import.meta.url)('mailhog') as typeof import('mailhog');

describe('The npm clients, as they are published', () => {
  const sink = sinkForSuite({ flags: { 'enable-chaos': 'true' } });

  describe('mailpit-api', () => {
    const client = () => new MailpitClient(sink.current.url);
    const request = {
      From: { Email: 'ann@example.com', Name: 'Ann' },
      To: [{ Email: 'bob@example.com', Name: 'Bob' }],
      Cc: [{ Email: 'carol@example.com' }],
      Bcc: ['dave@example.com'],
      ReplyTo: [{ Email: 'help@example.com' }],
      Subject: 'A test: Grüße',
      Text: 'Plain text',
      HTML: '<p>Some <a href="https://example.com">HTML</a> <img src="cid:pic"></p>',
      Tags: ['one', 'two'],
      Headers: { 'X-Custom': 'yes' },
      Attachments: [
        { Content: Buffer.from('file').toString('base64'), Filename: 'a.txt', ContentType: 'text/plain' },
        {
          Content: 'data:image/png;base64,iVBORw0KGgo=',
          Filename: 'p.png',
          ContentType: 'image/png',
          ContentID: 'pic',
        },
      ],
    };

    it('sends, lists, reads and searches', async () => {
      const { ID } = await client().sendMessage(request);
      const list = await client().listMessages();
      expect(list.messages.map((one) => one.ID)).to.deep.equal([ID]);
      const message = await client().getMessageSummary(ID);
      expect(message).to.deep.include({
        From: { Name: 'Ann', Address: 'ann@example.com' },
        To: [{ Name: 'Bob', Address: 'bob@example.com' }],
        Bcc: [{ Name: '', Address: 'dave@example.com' }],
        ReplyTo: [{ Name: '', Address: 'help@example.com' }],
        Subject: 'A test: Grüße',
        Tags: ['one', 'two'],
      });
      expect(message.Text.trim()).to.equal('Plain text');
      expect([message.Attachments.length, message.Inline.length]).to.deep.equal([1, 1]);
      expect((await client().getMessageHeaders())['X-Custom']).to.deep.equal(['yes']);
      const blob = await client().getMessageAttachment(ID, message.Attachments[0]!.PartID);
      expect(await blob.text()).to.equal('file');
      expect((await client().getAttachmentThumbnail(ID, message.Inline[0]!.PartID)).size).to.be.greaterThan(0);
      expect(await client().getMessageSource()).to.match(/^X-Custom: yes\r$/m);
      expect((await client().searchMessages({ query: 'to:bob@example.com' })).messages_count).to.equal(1);
      expect((await client().waitForMessage({ query: 'subject:"A test"' })).ID).to.equal(ID);
    });

    it('marks, tags, renders, checks and deletes', async () => {
      const { ID } = await client().sendMessage(request);
      expect(await client().setReadStatus({ IDs: [ID], Read: true })).to.equal('ok');
      expect(await client().setTags({ IDs: [ID], Tags: ['three'] })).to.equal('ok');
      expect(await client().renameTag('three', 'four')).to.equal('ok');
      expect(await client().getTags()).to.deep.equal(['four']);
      expect(await client().deleteTag('four')).to.equal('ok');
      expect(await client().renderMessageHTML(ID)).to.include('/part/');
      expect((await client().renderMessageText()).trim()).to.equal('Plain text');
      expect((await client().htmlCheck(ID)).Total.Tests).to.be.greaterThan(0);
      expect(await client().deleteMessagesBySearch({ query: 'subject:test' })).to.equal('ok');
      expect(await client().deleteMessages()).to.equal('ok');
      expect((await client().listMessages()).total).to.equal(0);
    });

    it('asks for the server and its chaos', async () => {
      expect((await client().getInfo()).Messages).to.equal(0);
      expect((await client().getConfiguration()).ChaosEnabled).to.equal(true);
      const set = await client().setChaosTriggers({ Sender: { ErrorCode: 451, Probability: 5 } });
      expect(await client().getChaosTriggers()).to.deep.equal(set);
      await client().setChaosTriggers();
    });

    it('gets the text of a problem', async () => {
      const problem = await client()
        .sendMessage({ ...request, To: [{ Email: 'no address' }] })
        .catch((error: Error) => error.message);
      expect(problem).to.match(/400 .*\{"Error":"invalid To address: no address"\}$/);
    });
  });

  describe('mailhog', () => {
    const client = () => mailhog({ host: '127.0.0.1', port: Number(new URL(sink.current.url).port) });

    it('lists, searches and decodes', async () => {
      await sink.current.put();
      const id = await sink.current.put({
        to: ['new@example.com'],
        lines: [
          ...[
            'From: ann@example.com',
            'To: new@example.com',
            'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
            'MIME-Version: 1.0',
          ],
          ...[
            'Content-Type: text/plain; charset=utf-8',
            'Content-Transfer-Encoding: quoted-printable',
            '',
            'caf=C3=A9',
          ],
        ],
      });
      const all = await client().messages();
      expect([all!.total, all!.count]).to.deep.equal([2, 2]);
      const latest = await client().latestTo('new@example.com');
      expect([latest!.ID, latest!.subject, latest!.text!.trim()]).to.deep.equal([`${id}@lonedot`, 'Grüße', 'café']);
      const encoded = client().encode('café', 'quoted-printable');
      expect((await client().latestContaining(encoded))!.ID).to.equal(`${id}@lonedot`);
      expect((await client().latestFrom('ann@example.com'))!.ID).to.equal(`${id}@lonedot`);
    });

    it('deletes one mail and all', async () => {
      const id = await sink.current.put();
      await sink.current.put();
      await client().deleteMessage(`${id}@lonedot`);
      expect((await client().messages())!.total).to.equal(1);
      await client().deleteAll();
      expect((await client().messages())!.total).to.equal(0);
    });
  });
});
