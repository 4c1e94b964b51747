// The inbox on SQLite: what lists, pages and single mails show, in which order, and what is left after deletions.
import { expect } from 'chai';
import { contentOf } from '../../store/support.ts';
import { mail, onScene, scene } from './support.ts';

const FROM = 'Ada <ada@x.example>';

describe('SQLite inbox', () => {
  it(
    'shows a mail as soon as it is accepted',
    onScene(async ({ inbox, take }) => {
      const id = await take(
        mail({ From: FROM, To: 'bob@x.example', Cc: 'Eve <eve@x.example>', Subject: 'Hello', 'Message-ID': '<1@x>' }),
        {
          sender: 'bounce@x.example',
          authUser: 'ada',
          recipients: ['bob@x.example', 'hidden@x.example'].map((address) => ({
            address,
            parameters: [],
            route: 'capture',
          })),
        },
      );
      const page = await inbox.page({ limit: 50 });
      expect(page.messages.length).to.equal(1);
      const { receivedAt, size, ...summary } = page.messages[0]!;
      expect(summary).to.deep.equal({
        ...{ seq: 1, id, namespace: '', read: false, tags: [], username: 'ada', sender: 'bounce@x.example' },
        ...{ recipients: ['bob@x.example', 'hidden@x.example'], parsed: true, messageId: '1@x', subject: 'Hello' },
        from: { name: 'Ada', address: 'ada@x.example' },
        to: [{ name: '', address: 'bob@x.example' }],
        cc: [{ name: 'Eve', address: 'eve@x.example' }],
        bcc: [{ name: '', address: 'hidden@x.example' }],
        ...{ replyTo: [], snippet: 'text', attachments: 0, inlines: 0 },
      });
      expect(page).to.include({ total: 1, unread: 1, matching: 1, matchingUnread: 1 });
      expect(await inbox.latest({})).to.deep.equal(page.messages[0]);
      expect(await inbox.summary(id)).to.deep.equal(page.messages[0]);
      expect(await inbox.counts()).to.deep.equal({ messages: 1, unread: 1 });
      expect(await inbox.cursor()).to.equal(1);
      const whole = await inbox.message(id);
      expect(whole?.summary).to.deep.equal(page.messages[0]);
      expect(whole?.mail.text.trim()).to.equal('text');
      expect(await inbox.summary('0'.repeat(22))).to.equal(undefined);
      expect(await inbox.message('0'.repeat(22))).to.equal(undefined);
    }),
  );

  it(
    'keeps the exact order of a burst, in lists, pages and cursors',
    onScene(async ({ inbox, take, events }) => {
      const ids: string[] = [];
      for (let n = 0; n < 500; n++) ids.push(await take(mail({ Subject: `mail ${n}` })));
      const newest = ids.toReversed();
      expect((await inbox.latest({}))?.id).to.equal(newest[0]);
      const all = await inbox.page({ limit: Number.POSITIVE_INFINITY });
      expect(all.messages.map(({ id }) => id)).to.deep.equal(newest);
      expect(all.messages.every(({ subject }, i) => subject === `mail ${499 - i}`)).to.equal(true);
      const paged: string[] = [];
      for (let start = 0; start < 500; start += 37) {
        paged.push(...(await inbox.page({ start, limit: 37 })).messages.map(({ id }) => id));
      }
      expect(paged).to.deep.equal(newest);
      const bySeq: string[] = [];
      for (let beforeSeq: number | undefined; ; ) {
        const { messages, total } = await inbox.page({ limit: 64, ...(beforeSeq === undefined ? {} : { beforeSeq }) });
        expect(total).to.equal(500);
        if (messages.length === 0) break;
        bySeq.push(...messages.map(({ id }) => id));
        beforeSeq = messages.at(-1)!.seq;
      }
      expect(bySeq).to.deep.equal(newest);
      const after = await inbox.page({ afterSeq: all.messages[10]!.seq, limit: 50, oldestFirst: true });
      expect(after.messages.map(({ id }) => id)).to.deep.equal(ids.slice(-10));
      expect(after.matching).to.equal(10);
      expect(events.map((event) => event.type === 'new' && event.message.id)).to.deep.equal(ids);
    }),
  );

  it(
    'marks, deletes, and tells so in the order of the changes',
    onScene(async ({ inbox, take, events, store }) => {
      const ids = [
        await take(mail({ Subject: 'one' })),
        await take(mail({ Subject: 'two' })),
        await take(mail({ Subject: 'three' })),
      ];
      expect(await inbox.setRead({ ids: [ids[0]!, ids[0]!, 'x'] }, true)).to.equal(1);
      expect(await inbox.setRead({ ids: [ids[0]!] }, true)).to.equal(0);
      expect(await inbox.counts()).to.deep.equal({ messages: 3, unread: 2 });
      expect(await inbox.delete({ ids: [ids[1]!] })).to.equal(1);
      expect(await store.get(ids[1]!)).to.equal(undefined);
      expect(await inbox.setRead({}, true)).to.equal(1);
      expect(await inbox.delete({})).to.equal(2);
      expect(await inbox.page({ limit: 10 })).to.deep.equal({
        ...{ messages: [], total: 0, unread: 0, matching: 0, matchingUnread: 0, tags: [] },
      });
      expect(
        events.map((event) => ('id' in event ? `${event.type} ${ids.indexOf(event.id)}` : event.type)),
      ).to.deep.equal([...['new', 'new', 'new', 'read 0', 'deleted 1', 'read 2', 'truncated']]);
    }),
  );

  it(
    'forgets what the store trims or deletes, whoever does it',
    onScene(async ({ inbox, take, store, directory }) => {
      const ids: string[] = [];
      for (let n = 0; n < 20; n++)
        ids.push(await take(mail({ 'X-Tags': 'a' }), {}, [{ from: 'client', ms: 0, text: 'QUIT' }]));
      expect((await inbox.tags()).map(({ messages }) => messages)).to.deep.equal([20]);
      await store.trim(5);
      await store.delete([ids[17]!]);
      expect((await inbox.page({ limit: 10 })).messages.map(({ id }) => ids.indexOf(id))).to.deep.equal([
        19, 18, 16, 15,
      ]);
      expect(await inbox.counts()).to.deep.equal({ messages: 4, unread: 4 });
      expect(await inbox.tags()).to.deep.equal([{ tag: 'a', messages: 4 }]);
      // Transcripts go to the database a moment later than their mail; an answer has waited for those before it.
      expect((await inbox.transcript(ids[19]!)).length).to.equal(1);
      for (const table of ['inbox_text', 'inbox_tag', 'transcript']) {
        expect(directory.ask(`SELECT count(*) FROM ${table}`), table).to.equal(4);
      }
    }),
  );

  it('indexes what an older program or a crash has left, and shows it like the rest', async () => {
    const first = await scene();
    try {
      // Stored, and nobody was told.
      const { put } = await import('../../store/support.ts');
      const ids: string[] = [];
      for (let n = 0; n < 130; n++) ids.push(await put(first.store, mail({ Subject: `left ${n}` })));
      const second = await first.reopen();
      expect((await second.inbox.page({ limit: 1 })).messages[0]).to.deep.include({
        id: ids[129],
        subject: 'left 129',
        parsed: true,
      });
      expect(await second.inbox.counts()).to.deep.equal({ messages: 130, unread: 130 });
      await second.inbox.setRead({ ids: [ids[0]!] }, true);
      const third = await second.reopen();
      expect(await third.inbox.counts()).to.deep.equal({ messages: 130, unread: 129 });
      await third.close();
    } finally {
      await first.directory.remove();
    }
  });

  it(
    'leaves out mail that is only relayed, and keeps in the queue what is captured besides',
    onScene(async ({ inbox, take, store }) => {
      await take(mail({ Subject: 'away' }), {
        recipients: [{ address: 'r@x.example', parameters: [], route: 'relay' }],
      });
      const both = await take(mail({ Subject: 'both' }), {
        recipients: [
          { address: 'c@x.example', parameters: [], route: 'capture' },
          { address: 'r@x.example', parameters: [], route: 'relay' },
        ],
      });
      const page = await inbox.page({ limit: 10 });
      expect(page.messages.map(({ subject, recipients }) => [subject, recipients])).to.deep.equal([
        ['both', ['c@x.example']],
      ]);
      expect(await inbox.delete({ ids: [both] })).to.equal(1);
      expect(await inbox.counts()).to.deep.equal({ messages: 0, unread: 0 });
      expect((await store.get(both))?.recipients.map(({ address }) => address)).to.deep.equal(['r@x.example']);
      expect((await store.counts()).recipients).to.deep.equal({ queued: 2 });
    }),
  );

  it(
    'takes mail of every size, byte for byte',
    onScene(async ({ inbox, take, store }) => {
      const empty = await take('');
      const huge = Buffer.concat([
        Buffer.from(
          'Subject: huge\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nreadable\r\n--b\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\n',
        ),
        Buffer.alloc(30 << 20, `${'x'.repeat(75)}\n`),
        Buffer.from('\r\n--b--\r\n'),
      ]);
      const id = await take(huge);
      const broken = await take(Buffer.from([0, 255, 13, 10, 0xed, 0xa0, 0x80, ...Buffer.from('Subject')]));
      const { messages } = await inbox.page({ limit: 10 });
      expect(messages.map(({ id, size }) => [id, size])).to.deep.equal([
        [broken, 14],
        [id, huge.length],
        [empty, 0],
      ]);
      expect(messages[1]).to.include({ subject: 'huge', snippet: 'readable', attachments: 1 });
      expect((await contentOf(store, id)).equals(huge)).to.equal(true);
      const whole = await inbox.message(id);
      expect(whole?.mail.attachments[0]).to.include({ fileName: 'a.bin', partId: '2', size: 30 << 20 });
      const part = await inbox.part(id, '2');
      expect(part?.bytes.length).to.equal(30 << 20);
      expect(part?.checksums.sha256).to.equal(whole?.mail.attachments[0]?.checksums.sha256);
      expect(await inbox.part(id, '../2')).to.equal(undefined);
      expect((await inbox.message(empty))?.mail.text).to.equal('');
    }),
  );

  it(
    'keeps the transcript of a mail, and gives none where there is none',
    onScene(async ({ inbox, take }) => {
      const lines = [{ from: 'server', ms: 0, text: '220 hello' }] as const;
      const id = await take('', {}, lines);
      expect(await inbox.transcript(id)).to.deep.equal(lines);
      expect(await inbox.transcript(await take(''))).to.deep.equal([]);
    }),
  );
});
