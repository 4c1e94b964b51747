// The sink of `lonedot/testing`: one interface, in this process and over HTTP, held to one contract.

import { expect } from 'chai';
import { createTransport } from 'nodemailer';
import {
  connectSink,
  type MailExpectationError,
  type MailFilter,
  type Sink,
  startSink,
  type WaitOptions,
} from '../../testing/index.ts';
import { within } from '../support/within.ts';
import { send } from './support/send.ts';

/** One sink for both: what is asked over HTTP is what is there in this process. */
let local: Sink;

const BACK_ENDS: Readonly<Record<string, () => Promise<Sink>>> = {
  'in this process': async () => local,
  'over HTTP': () => connectSink(local.http!, { timeout: 4000 }),
};

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string; response?: string }> {
  const result = await within(
    8000,
    promise.then(
      () => null,
      (error: Error) => error,
    ),
    'the failure',
  );
  expect(result).to.be.instanceOf(Error);
  return result!;
}

describe('lonedot/testing: the sink', () => {
  before(async () => {
    local = await startSink({ http: true });
  });
  after(() => local?.close());

  for (const [name, open] of Object.entries(BACK_ENDS)) {
    describe(name, () => {
      let sink: Sink;
      before(async () => {
        sink = await open();
      });
      beforeEach(async () => {
        await sink.clear();
        await sink.faults.clear();
      });

      const soon = (filter: MailFilter & Omit<WaitOptions, 'count'> = {}) => sink.waitFor({ timeout: 3000, ...filter });
      const never = (filter: MailFilter & WaitOptions = {}) =>
        failure(sink.waitFor({ timeout: 50, ...filter } as MailFilter & { count: number }));

      it('tells where it is', () => {
        expect(sink.smtp).to.deep.equal({ host: '127.0.0.1', port: sink.port, secure: false });
        expect(sink.url).to.equal(`smtp://127.0.0.1:${sink.port}`);
        expect(sink.http).to.equal(local.http);
      });

      it('gives a mail with everything that was read of it', async () => {
        await send(sink, {
          from: 'Äpp <app@example.com>',
          to: ['Bob <bob@example.com>', 'carol@example.com'],
          cc: 'dan@example.com',
          bcc: 'eve@example.com',
          subject: 'Wëlcome',
          text: 'Your code is 482913. https://app.example.com/a?b=1',
          html: '<p>Your code is <b>482913</b>. <a href="https://app.example.com/confirm">Confirm</a></p>',
          headers: { 'X-Run': '17', 'X-Many': ['one', 'two'] },
          attachments: [{ filename: 'a.txt', content: 'attached' }],
        });
        const mail = await soon({ to: 'bob@example.com' });
        expect(mail).to.deep.include({
          subject: 'Wëlcome',
          from: { name: 'Äpp', address: 'app@example.com' },
          to: [
            { name: 'Bob', address: 'bob@example.com' },
            { name: '', address: 'carol@example.com' },
          ],
          cc: [{ name: '', address: 'dan@example.com' }],
          bcc: [{ name: '', address: 'eve@example.com' }],
          namespace: '',
          links: ['https://app.example.com/confirm', 'https://app.example.com/a?b=1'],
          codes: ['482913'],
        });
        expect(mail.text).to.equal('Your code is 482913. https://app.example.com/a?b=1');
        expect(mail.html).to.contain('<b>482913</b>');
        expect(mail.receivedAt).to.be.instanceOf(Date);
        expect(Math.abs(Date.now() - mail.date!.getTime())).to.be.below(60_000);
        expect([mail.headers.get('x-RUN'), mail.headers.has('X-None')]).to.deep.equal(['17', false]);
        expect(mail.headers.all('X-Many')).to.deep.equal(['one', 'two']);
        const { envelope } = mail;
        expect(envelope).to.deep.include({
          from: 'app@example.com',
          helo: 'app.example.com',
          protocol: 'ESMTP',
          tls: '',
        });
        expect([...envelope.to].sort()).to.deep.equal(
          ['bob', 'carol', 'dan', 'eve'].map((one) => `${one}@example.com`),
        );
        const [attachment] = mail.attachments;
        expect(attachment).to.include({ fileName: 'a.txt', contentType: 'text/plain', size: 8 });
        expect((await attachment!.content()).toString()).to.equal('attached');
        const raw = await mail.raw();
        expect(raw.toString('latin1')).to.match(/^X-Run: 17\r\n/m);
        expect(mail.link('confirm')).to.equal('https://app.example.com/confirm');
        expect(() => mail.link(/none/)).to.throw('the mail has no link with /none/; there are https://');
        const { text, mailId } = await mail.transcript();
        expect(mailId).to.equal(mail.id);
        expect(text).to.match(
          /^S: 220 .*\nC: EHLO app\.example\.com\n[\s\S]*\nC: RCPT TO:<eve@example\.com>\n[\s\S]*\nS: 250 .*\n$/,
        );
      });

      it('finds what came before and what comes while it waits', async () => {
        const waiting = soon({ subject: 'later' });
        await send(sink, { subject: 'early' });
        expect((await soon({ subject: 'early' })).subject).to.equal('early');
        await send(sink, { subject: 'later' });
        expect((await waiting).subject).to.equal('later');
      });

      it('goes on behind a mail or a cursor', async () => {
        await send(sink, { subject: 'code 1' });
        const first = await soon({ subject: 'code' });
        const cursor = await sink.cursor();
        expect(cursor).to.equal(first.seq);
        const second = soon({ subject: 'code', after: first });
        const third = soon({ subject: 'code', after: cursor });
        await send(sink, { subject: 'code 2' });
        expect([(await second).subject, (await third).subject]).to.deep.equal(['code 2', 'code 2']);
      });

      it('waits for several', async () => {
        const waiting = sink.waitFor({ to: '@example.com', count: 3 });
        for (const subject of ['a', 'b', 'c']) await send(sink, { subject });
        expect((await waiting).map(({ subject }) => subject)).to.deep.equal(['a', 'b', 'c']);
        const error = await never({ count: 4 });
        expect(error.message).to.match(/^3 of 4 mails came within 50 ms: 3 mails came\.\n/);
      });

      it('misses none of many that come at once', async () => {
        const transport = createTransport({ ...sink.smtp, pool: true, maxConnections: 5 });
        const names = Array.from({ length: 40 }, (_, i) => `user${i}@example.com`);
        const waits = names.map((to) => soon({ to }));
        await Promise.all(names.map((to) => transport.sendMail({ from: 'a@example.com', to, subject: to, text: to })));
        transport.close();
        expect((await Promise.all(waits)).map(({ subject }) => subject)).to.deep.equal(names);
        expect((await sink.mails()).map(({ subject }) => subject).sort()).to.deep.equal([...names].sort());
      });

      describe('a filter', () => {
        before(async () => {
          await sink.clear();
        });

        const MAIL = {
          from: '"The App" <app@example.com>',
          to: 'Bob B <bob+tag@Example.com>',
          cc: 'carol@example.org',
          subject: 'Your  Order 17',
          text: 'Thank you\r\nfor the order.',
          headers: { 'X-Run': '17' },
          attachments: [{ filename: 'bill.pdf', content: 'x' }],
        };
        const CASES: readonly (readonly [filter: MailFilter, matches: boolean])[] = [
          [{}, true],
          [{ to: 'bob+tag@example.com' }, true],
          [{ to: 'Bob B <BOB+tag@example.com>' }, true],
          [{ to: 'bob@example.com' }, false],
          [{ to: 'carol@example.org' }, true],
          [{ to: '@example.com' }, true],
          [{ to: '@example.net' }, false],
          [{ to: '*+tag@*' }, true],
          [{ to: 'bob b' }, true],
          [{ to: 'bobby' }, false],
          [{ to: /^bob/ }, true],
          [{ to: /^Bob B <bob/ }, true],
          [{ to: ({ address }) => address.endsWith('.org') }, true],
          [{ cc: 'bob b' }, false],
          [{ cc: 'carol' }, true],
          [{ from: 'app@example.com' }, true],
          [{ from: 'the app' }, true],
          [{ from: 'carol' }, false],
          [{ subject: 'your order' }, true],
          [{ subject: 'order 18' }, false],
          [{ subject: '' }, false],
          [{ subject: /^Your\s+Order \d+$/g }, true],
          [{ subject: /^your/ }, false],
          [{ subject: (text) => text.length > 5 }, true],
          [{ text: 'thank you for the order' }, true],
          [{ text: /you\r?\nfor/ }, true],
          [{ html: '' }, true],
          [{ html: 'x' }, false],
          [{ header: { 'x-run': '17' } }, true],
          [{ header: { 'x-run': /^1$/ } }, false],
          [{ header: { 'x-run': true, 'x-none': false } }, true],
          [{ header: { 'x-none': true } }, false],
          [{ attachment: true }, true],
          [{ attachment: false }, false],
          [{ attachment: '.pdf' }, true],
          [{ attachment: /\.txt$/ }, false],
          [{ query: 'subject:order has:attachment' }, true],
          [{ query: '-subject:order' }, false],
          [{ where: (mail) => mail.size > 10 }, true],
          [{ where: async () => false }, false],
          [{ to: 'bob b', subject: 'order', text: 'thank', header: { 'x-run': '17' } }, true],
          [{ to: 'bob b', subject: 'order', text: 'thanks', header: { 'x-run': '17' } }, false],
        ];

        it('means what it says', async () => {
          await send(sink, MAIL);
          await soon();
          for (const [filter, matches] of CASES) {
            expect(await sink.mails(filter), String(Object.entries(filter))).to.have.length(matches ? 1 : 0);
          }
        });

        for (const [filter, code, message] of [
          [{ subjct: 'x' }, 'BAD_OPTION', 'a mail filter has no field "subjct"; did you mean subject?'],
          [{ zzz: 1 }, 'BAD_OPTION', 'a mail filter has no field "zzz"; there are to, from'],
          [{ timeout: -1 }, 'BAD_OPTION', 'timeout must be a number of at least 0'],
          [{ count: 0 }, 'BAD_OPTION', 'count must be a number of at least 1'],
          [{ query: 'subjekt:x' }, 'BAD_SEARCH', "unknown filter 'subjekt:'; did you mean 'subject:'?"],
        ] as const) {
          it(`is refused when it is ${JSON.stringify(filter)}`, async () => {
            const error = await failure(sink.waitFor(filter as MailFilter));
            expect(error.name).to.equal('ChatError');
            expect(error.code).to.equal(code);
            expect(error.message).to.contain(message);
          });
        }

        it("that throws ends the wait with the test's own error", async () => {
          await send(sink, {});
          const where = () => {
            throw new RangeError('mine');
          };
          expect(await failure(sink.waitFor({ where }))).to.be.instanceOf(RangeError);
        });
      });

      it('tells the nearest misses and the dialogue when nothing came', async () => {
        await send(sink, { to: 'ann@example.com', subject: 'Other' });
        await send(sink, { to: 'bob@example.com', subject: 'Welcome' });
        const error = await never({ to: 'carol@example.com', subject: /welcome/i });
        expect(error.name).to.equal('MailExpectationError');
        expect(error.code).to.equal('ERR_ASSERTION');
        const lines = error.message.split('\n');
        expect(lines.slice(0, 4)).to.deep.equal([
          'No mail came (to carol@example.com, subject /welcome/i) within 50 ms: 2 mails came, none to carol@example.com.',
          '  "Welcome" from app@example.com to bob@example.com; not to carol@example.com',
          '  "Other" from app@example.com to ann@example.com; not to carol@example.com, not subject /welcome/i',
          'The last session:',
        ]);
        expect(error.message).to.contain('  C: RCPT TO:<bob@example.com>\n  S: 250 ');
        const { misses, dialogue } = error as MailExpectationError;
        expect(misses.map(({ lacks }) => lacks.length)).to.deep.equal([1, 2]);
        expect(dialogue).to.contain('C: MAIL FROM:<app@example.com>');
      });

      it('says when nothing came at all, or nothing since', async () => {
        expect((await never()).message.split('\n')[0]).to.equal('No mail came within 50 ms: none at all.');
        await send(sink, {});
        const mail = await soon();
        expect((await never({ after: mail })).message.split('\n')[0]).to.equal(
          'No mail came within 50 ms: none at all since then.',
        );
      });

      it('stops waiting when the signal says so', async () => {
        const controller = new AbortController();
        const waiting = failure(sink.waitFor({ signal: controller.signal }));
        setTimeout(() => controller.abort(new Error('enough')), 20);
        expect((await waiting).message).to.equal('enough');
      });

      it('expects a mail, and no second one', async () => {
        await send(sink, { subject: 'once' });
        expect((await sink.expectMail({ subject: 'once' })).subject).to.equal('once');
        await send(sink, { subject: 'once' });
        await sink.waitFor({ subject: 'once', count: 2 });
        const error = await failure(sink.expectMail({ subject: 'once' }));
        expect(error.message).to.match(
          /^2 mails came \(subject "once"\), 1 expected:\n {2}"once" from app@example\.com to/,
        );
        expect(await sink.expectMail({ subject: 'once', count: 2 })).to.have.length(2);
      });

      it('expects no mail', async () => {
        await sink.expectNoMail({ quiet: 20 });
        await send(sink, { subject: 'unwanted' });
        await soon();
        await sink.expectNoMail({ subject: 'wanted!', quiet: 20 });
        const error = await failure(sink.expectNoMail({ to: 'bob@example.com' }));
        expect(error.name).to.equal('MailExpectationError');
        expect(error.message).to.match(/^1 mail came \(to bob@example\.com\), none expected:\n {2}"unwanted" from/);
        const coming = failure(sink.expectNoMail({ subject: 'late', quiet: 3000 }));
        await send(sink, { subject: 'late' });
        expect((await coming).message).to.contain('"late" from app@example.com');
      });

      it('clears, and deletes one', async () => {
        for (const subject of ['a', 'b', 'c']) await send(sink, { subject });
        const [mail] = await sink.waitFor({ count: 3 });
        await mail!.delete();
        expect((await sink.mails()).map(({ subject }) => subject)).to.deep.equal(['b', 'c']);
        expect((await failure(mail!.raw())).code).to.equal('CLOSED');
        expect(await sink.clear()).to.equal(2);
        expect(await sink.mails()).to.deep.equal([]);
      });

      it('gives the dialogues', async () => {
        await send(sink, { subject: 'one' });
        await send(sink, { subject: 'two' });
        await sink.waitFor({ count: 2 });
        const all = (await sink.transcripts()).filter(({ mailId }) => mailId !== null);
        expect(all).to.have.length(2);
        expect(all[0]!.text).to.contain('C: MAIL FROM:<app@example.com>');
      });

      it('fails on purpose, and counts', async () => {
        const fault = await sink.fail({ phase: 'rcpt', to: 'bob@example.com', reply: '451 4.7.1 Later', count: 1 });
        expect((await failure(send(sink, {}))).response).to.equal('451 4.7.1 Later');
        await send(sink, {});
        expect(await fault.hits()).to.equal(1);
        const short = await sink.fail('dot reply="552 5.3.4 Too big"');
        expect((await failure(send(sink, {}))).response).to.equal('552 5.3.4 Too big');
        expect((await sink.faults.list()).map(({ id }) => id)).to.deep.equal([fault.id, short.id]);
        await fault.remove();
        expect((await failure(fault.hits())).code).to.equal('CLOSED');
        await sink.faults.clear();
        expect(await sink.faults.list()).to.deep.equal([]);
        const bad = await failure(sink.fail({ phase: 'rcpt', reply: '250 fine' }));
        expect([bad.code, bad.message]).to.deep.equal([
          'BAD_OPTION',
          'bad fault rule: reply: expected a code from 400 to 599, with or without a text, such as "451 4.3.0 Try later"',
        ]);
      });

      describe('a namespace', () => {
        it('has its own mail, by login and by address', async () => {
          await using mine = await sink.namespace();
          await using other = await sink.namespace();
          expect(mine.name).not.to.equal(other.name);
          await send(sink, { to: mine.address('bob'), subject: 'by address' });
          await send(mine, { to: 'anybody@example.org', subject: 'by login' });
          await send(other, { subject: 'of another' });
          await send(sink, { subject: 'of nobody' });
          const mails = await mine.waitFor({ count: 2 });
          expect(mails.map(({ subject }) => subject)).to.deep.equal(['by address', 'by login']);
          expect(mails[1]!.envelope.username).to.equal(mine.user);
          expect(mails[1]!.namespace).to.equal(mine.name);
          expect(await sink.waitFor({ count: 4 })).to.have.length(4);
          expect(mine.url).to.equal(`smtp://${mine.user}:${mine.pass}@127.0.0.1:${sink.port}`);
          expect(await mine.clear()).to.equal(2);
          expect((await sink.mails()).map(({ subject }) => subject)).to.deep.equal(['of another', 'of nobody']);
          expect(await other.mails()).to.have.length(1);
        });

        it('is deleted with its mail and its faults', async () => {
          const mine = await sink.namespace();
          await mine.fail({ phase: 'mail', reply: '451 later' });
          await send(sink, { to: mine.address(), subject: 'mine' });
          await mine.waitFor();
          expect(await mine.faults.list()).to.have.length(1);
          await mine.delete();
          expect(await sink.mails()).to.deep.equal([]);
          expect(await sink.faults.list()).to.deep.equal([]);
          await mine.delete();
        });

        it('has faults that strike in it only', async () => {
          await using mine = await sink.namespace();
          await mine.fail({ phase: 'rcpt', reply: '550 no' });
          expect((await failure(send(mine, {}))).response).to.match(/^550 .*no/);
          await send(sink, {});
          await soon();
        });

        it('tells what came in it, and where', async () => {
          await using mine = await sink.namespace();
          await send(sink, { subject: 'elsewhere' });
          await send(mine, { subject: 'here' });
          await mine.waitFor();
          const error = await failure(mine.waitFor({ subject: 'x', timeout: 20 }));
          expect(error.message).to.contain(
            `within 20 ms in the namespace ${mine.name}: 1 mail came, none subject "x".\n  "here" from`,
          );
          expect(error.message).not.to.contain('elsewhere');
        });

        it('can have a name, once', async () => {
          await using mine = await sink.namespace('worker-1');
          expect(mine.name).to.equal('worker-1');
          expect(mine.address('bob')).to.equal('bob+worker-1@example.com');
          expect((await failure(sink.namespace('worker-1'))).code).to.equal('NAMESPACE_EXISTS');
          expect((await failure(sink.namespace('no blanks'))).code).to.equal('BAD_NAMESPACE');
        });
      });
    });
  }

  describe('in this process only', () => {
    it('shows the dialogue of a session that brought no mail', async () => {
      await local.clear();
      await local.fail({ phase: 'data', reply: '554 5.7.1 Spam' });
      await failure(send(local, { to: 'bob@example.com' }));
      const error = await failure(local.waitFor({ timeout: 20 }));
      expect(error.message).to.match(/^No mail came within 20 ms: none at all\.\nThe last session:\n/);
      expect(error.message).to.match(/\n {2}C: DATA\n(?: {2}# .*\n)? {2}S: 554 5\.7\.1 Spam$/);
      await local.faults.clear();
      const [last] = (await local.transcripts()).filter(({ mailId }) => mailId === null).slice(-1);
      expect(last!.text).to.contain('S: 554 5.7.1 Spam');
    });

    it('is ready within 50 ms', async () => {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        const before = performance.now();
        const sink = await startSink();
        times.push(performance.now() - before);
        await send(sink, {});
        await sink.waitFor();
        await sink.close();
      }
      expect(Math.min(...times)).to.be.below(50);
    });

    it('tells what comes too late when it cannot store anything', async () => {
      const sink = await startSink({ database: '/nowhere/to/be/found.db' });
      expect((await failure(sink.waitFor())).code).to.equal('STORE_FAILED');
      await sink.close();
    });

    it('closes: whoever waits is told, and nobody listens any more', async () => {
      const sink = await startSink();
      const fresh = await failure(sink.waitFor({ timeout: 20 }));
      expect(fresh.message).to.equal(
        `No mail came within 20 ms: none at all.\nNobody has connected to 127.0.0.1:${sink.port}.`,
      );
      expect(sink.http).to.equal(null);
      const waiting = failure(sink.waitFor());
      await new Promise((resolve) => setImmediate(resolve));
      await sink.close();
      await sink.close();
      expect((await waiting).code).to.equal('CLOSED');
      expect((await failure(send(sink, {}))).code).to.equal('ESOCKET');
    });

    it('takes the options of a sink, and refuses bad ones', async () => {
      const sink = await startSink({ maxRecipients: 1, hostname: 'mx.example.com' });
      await send(sink, {});
      const mail = await sink.waitFor();
      expect((await mail.transcript()).text).to.match(/^S: 220 mx\.example\.com /);
      await sink.close();
      expect((await failure(startSink({ max: -1 }))).code).to.equal('BAD_OPTION');
      expect((await failure(startSink({ smtp: `127.0.0.1:${local.port}` }))).code).to.equal('LISTEN_FAILED');
    });
  });

  describe('over HTTP only', () => {
    it('wants a lonedot at the other end', async () => {
      expect((await failure(connectSink('nonsense'))).message).to.contain('is no URL such as http://127.0.0.1:8025');
      expect((await failure(connectSink('http://127.0.0.1:1/'))).message).to.match(/^http:\/\/127\.0\.0\.1:1\/: /);
      const error = await failure(connectSink(`${local.http}nowhere`));
      expect([error.code, error.message]).to.deep.equal([
        'TRANSPORT_FAILED',
        `${local.http}nowhere/: it answered 404 there is nothing at this address`,
      ]);
    });

    it('logs in, by option or by URL', async () => {
      const sink = await startSink({ http: { uiAuth: ['ann:secret'] } });
      try {
        expect((await failure(connectSink(sink.http!))).message).to.contain('it wants a login');
        const one = await connectSink(sink.http!, { auth: { user: 'ann', pass: 'secret' } });
        const two = await connectSink(sink.http!.replace('//', '//ann:secret@'));
        await send(one, {});
        expect((await two.waitFor()).subject).to.equal('Hello');
        expect(two.http).not.to.contain('secret');
      } finally {
        await sink.close();
      }
    });

    it('lets many wait at the same time, without a warning', async () => {
      const warnings: string[] = [];
      const note = (warning: Error) => warnings.push(String(warning));
      process.on('warning', note);
      const remote = await connectSink(local.http!);
      const waits = Array.from({ length: 15 }, () => remote.waitFor({ subject: 'for all of them' }));
      await remote.cursor();
      await send(local, { subject: 'for all of them' });
      expect(new Set((await Promise.all(waits)).map(({ id }) => id)).size).to.equal(1);
      process.off('warning', note);
      expect(warnings).to.deep.equal([]);
    });

    it('closed, it waits no longer, and the sink goes on', async () => {
      const remote = await connectSink(local.http!);
      const waiting = failure(remote.waitFor());
      await remote.close();
      expect((await waiting).code).to.equal('CLOSED');
      await send(local, { subject: 'still here' });
      await local.waitFor({ subject: 'still here' });
    });
  });
});
