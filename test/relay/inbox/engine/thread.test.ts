// The inbox's thread: begins when it is needed, may die, and is told of what another process does.

import { connect } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { expect } from 'chai';
import { type InboxStart, readingNote } from '../../../../relay/inbox/engine/inbox-protocol.ts';
import { resolveSink } from '../../../../relay/options.ts';
import { startMail } from '../../../../relay/service.ts';
import type { Line } from '../../../../relay/store/sqlite-link.ts';
import { socketTransport } from '../../../../src/transport.ts';
import { until } from '../../../support/within.ts';
import { serveHere } from '../../store/sqlite-place.ts';
import { put, storeFailed } from '../../store/support.ts';
import { Client } from '../../support/client.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { inThisThread, mail, onScene, scene } from './support.ts';

describe('the inbox thread', () => {
  it('is not there before the first mail or question', async () => {
    let threads = 0;
    const one = await scene({
      startThread: (start) => {
        threads++;
        return inThisThread(start);
      },
    });
    try {
      expect(threads).to.equal(0);
      await one.take(mail({ Subject: 'x' }));
      await until(2000, () => one.events.length === 1, 'the event');
      expect(threads).to.equal(1);
      await one.inbox.counts();
      expect(threads).to.equal(1);
    } finally {
      await one.close();
      await one.directory.remove();
    }
  });

  it('that dies of a mail is followed by one that leaves that mail unread', async () => {
    const starts: InboxStart[] = [];
    const dying = (start: InboxStart): Line => {
      starts.push(start);
      if (starts.length > 1) return inThisThread(start);
      const { port1, port2 } = new MessageChannel();
      port2.on('message', () => {
        readingNote(start.reading)[0] = 1;
        start.store.close();
        port2.close();
      });
      return port1;
    };
    const one = await scene({ startThread: dying });
    try {
      const id = await one.take(mail({ Subject: 'deadly' }), { sender: 's@x.example' });
      await storeFailed(one.inbox.counts());
      await one.take(mail({ Subject: 'fine' }));
      const { messages } = await one.inbox.page({ limit: 5 });
      expect(messages.map(({ parsed, subject }) => [parsed, subject])).to.deep.equal([
        [true, 'fine'],
        [false, ''],
      ]);
      expect(messages[1]).to.deep.include({ id, from: { name: '', address: 's@x.example' } });
      expect(starts.map(({ spared }) => spared)).to.deep.equal([0, 1]);
    } finally {
      await one.close();
      await one.directory.remove();
    }
  });

  it('that does not get on with reading is not waited for long: the envelope is shown, newest first', async () => {
    // Whatever it wants to write, the database thread never hears of it.
    const deaf = (start: InboxStart): Line => inThisThread({ ...start, store: new MessageChannel().port1 });
    const one = await scene({ startThread: deaf });
    try {
      const ids: string[] = [];
      for (let n = 0; n < 1100; n++) {
        ids.push(await put(one.store, mail({ Subject: 'x' }), { sender: `s${n}@x.example`, receivedAt: n }));
      }
      const asked = Date.now();
      const [page, latest, counts] = await Promise.all([
        one.inbox.page({ start: 1, limit: 3 }),
        one.inbox.latest({}),
        one.inbox.counts(),
      ]);
      expect(Date.now() - asked).to.be.within(1900, 4000);
      expect(page.messages.map(({ id }) => id)).to.deep.equal(ids.slice(-4, -1).toReversed());
      expect(page).to.include({ total: 1100, unread: 1100, matching: 1100, matchingUnread: 1100 });
      expect(page.messages[0]).to.deep.include({
        ...{ parsed: false, subject: '', sender: 's1098@x.example', from: { name: '', address: 's1098@x.example' } },
        to: [{ name: '', address: 'rcpt@example.org' }],
      });
      expect(latest?.id).to.equal(ids.at(-1));
      expect(counts).to.deep.equal({ messages: 1100, unread: 1100 });
      const whole = await one.inbox.message(ids[0]!);
      expect(whole?.summary).to.include({ parsed: true, subject: 'x' });
    } finally {
      await one.inbox.close();
      await one.store.close();
      await one.directory.remove();
    }
  });

  it(
    'shows what another process has stored, and says so',
    onScene(async ({ inbox, directory, events }) => {
      await inbox.counts();
      const other = await serveHere(directory.file);
      const id = await put(other, mail({ Subject: 'foreign' }));
      await until(5000, () => events.some(({ type }) => type === 'new'), 'the event');
      expect((await inbox.latest({}))?.id).to.equal(id);
      await other.close();
    }),
  );

  it('serves a sink: mail comes by SMTP, and is listed with its transcript', async () => {
    const flags = new Map([['smtp', ['127.0.0.1:0']]]);
    const sink = await startMail(resolveSink({ flags }), new RecordingLog());
    try {
      const socket = connect(Number(/:(\d+)$/.exec(sink.smtp[0]!)![1]), '127.0.0.1');
      const client = new Client(socketTransport(socket));
      await client.reply();
      const said = [
        'EHLO c',
        'MAIL FROM:<a@x.example>',
        'RCPT TO:<b@x.example>',
        'DATA',
        'Subject: over SMTP\r\n\r\nhi\r\n.',
      ];
      await client.codes(...said);
      const [mail] = (await sink.inbox!.page({ limit: 5 })).messages;
      expect(mail).to.deep.include({ subject: 'over SMTP', snippet: 'hi', parsed: true, sender: 'a@x.example' });
      const lines = await sink.inbox!.transcript(mail!.id);
      expect(lines.map(({ text }) => text)).to.include.members(['EHLO c', 'MAIL FROM:<a@x.example>']);
      expect((await sink.inbox!.part(mail!.id, '1'))?.bytes.length).to.equal(4);
    } finally {
      await sink.stop(0);
    }
    expect(await sink.inbox!.counts().catch((error: Error) => error.message)).to.match(/closed/);
  });
});
