// Many workers on one sink at the same time, each in a namespace of its own: none misses a mail, none sees another's, and
// none deletes another's. LONEDOT_LONG_TESTS makes it 100 mails each, 20 times.
import { expect } from 'chai';
import { createTransport } from 'nodemailer';
import { connectSink, type Namespace, type Sink, startSink } from '../../testing/index.ts';

const LONG = Boolean(process.env['LONEDOT_LONG_TESTS']);
const WORKERS = 20;
const MAILS = LONG ? 100 : 20;
const REPEATS = LONG ? 20 : 1;
/** The machine that runs this may have one core, and much else to do. */
const WAIT = { timeout: 60_000 };

describe('a sink that many workers share', function () {
  this.timeout(LONG ? 600_000 : 60_000);
  let local: Sink;
  let remote: Sink;

  before(async () => {
    local = await startSink({ http: true });
    remote = await connectSink(local.http!);
  });
  after(() => local?.close());

  for (let repeat = 1; repeat <= REPEATS; repeat++) {
    it(`${WORKERS} namespaces, ${WORKERS} workers, ${MAILS} mails each${REPEATS > 1 ? `, time ${repeat}` : ''}`, async () => {
      await local.clear();
      // Half of them as other processes would, over HTTP.
      const kept = await Promise.all(Array.from({ length: WORKERS }, (_, i) => work(i, i % 2 === 0 ? local : remote)));
      const all = kept.flat();
      expect((await local.mails()).map(({ subject }) => subject).sort()).to.deep.equal(
        all.flatMap(({ subjects }) => subjects).sort(),
      );
      await Promise.all(all.map(({ mine }) => mine.delete()));
      expect(await local.mails()).to.deep.equal([]);
    });
  }

  /** What it leaves. */
  async function work(worker: number, sink: Sink): Promise<{ mine: Namespace; subjects: string[] }> {
    const mine = await sink.namespace();
    const transport = createTransport({ ...mine.smtp, pool: true, maxConnections: 1 });
    const left: string[] = [];
    let last = 0;
    try {
      for (let i = 0; i < MAILS; i++) {
        // All have the same words; only the namespace tells whose it is. By login, and by address without one.
        const subject = `mail ${i}`;
        const text = `of worker ${worker}`;
        const byLogin = i % 3 !== 0;
        const to = byLogin ? 'user@example.com' : mine.address('user');
        const wanted = { subject: new RegExp(`^${subject}$`), after: last, ...WAIT };
        // Waiting begins before the mail is sent, or behind it.
        const early = i % 2 === 0 ? mine.waitFor(wanted) : null;
        const mail = { from: 'app@example.com', to, subject, text };
        if (byLogin) await transport.sendMail(mail);
        else await sendOnce(sink, mail);
        const found = await (early ?? mine.waitFor(wanted));
        expect([found.text.trim(), found.namespace, found.subject]).to.deep.equal([text, mine.name, subject]);
        last = found.seq;
        if (i % 4 === 3) await found.delete();
        else left.push(subject);
        if (i % 10 === 5) {
          const there = await mine.mails();
          expect(there.map((one) => one.subject)).to.deep.equal(left);
        }
        if (i === MAILS >> 1) expect(await mine.clear()).to.equal(left.splice(0).length);
      }
      const there = await mine.mails();
      expect(there.map((one) => [one.subject, one.text.trim()])).to.deep.equal(
        left.map((subject) => [subject, `of worker ${worker}`]),
      );
      await mine.expectNoMail({ subject: 'of nobody', quiet: 0 });
      return { mine, subjects: left };
    } finally {
      transport.close();
    }
  }

  async function sendOnce(sink: Sink, mail: object): Promise<void> {
    const transport = createTransport(sink.smtp);
    await transport.sendMail(mail);
    transport.close();
  }
});
