// Mail that leaves a sink: released by hand, or as a copy of what is captured. Through the real queue to a real upstream.
import { expect } from 'chai';
import { resolveSink } from '../../relay/options.ts';
import type { MailService } from '../../relay/service.ts';
import type { ChatError } from '../../src/errors.ts';
import { until } from '../support/within.ts';
import { contentOf } from './store/support.ts';
import { type SinkFlags, Sinks, sendMail } from './support/sinks.ts';
import { Upstream } from './support/upstream.ts';

/** Of a command as the upstream got it. */
function addressIn(command: string): string {
  return /<([^>]*)>/.exec(command)?.[1] ?? 'none';
}

describe('mail that leaves a sink', () => {
  const sinks = new Sinks();
  let upstream: Upstream;

  beforeEach(async () => {
    upstream = await Upstream.start();
  });
  afterEach(async () => {
    await sinks.close();
    await upstream.stop();
  });

  const start = (flags: SinkFlags = {}): Promise<MailService> => sinks.start({ upstream: upstream.url, ...flags });

  async function refusal(promise: Promise<unknown> | undefined): Promise<string> {
    const error = await Promise.resolve(promise).then(
      () => null,
      (one: ChatError) => one,
    );
    expect(error).to.have.property('code', 'RELEASE_REFUSED');
    return error!.message;
  }

  describe('by hand', () => {
    it('goes with the same bytes to the recipients that are named, and stays in the inbox', async () => {
      const mail = await start();
      const id = await sendMail(await sinks.client(mail));
      const copy = await mail.release!.release(id, ['Zoe <zoe@real.example>', 'yan@real.example', 'zoe@real.example']);
      await until(4000, () => upstream.mails.length === 1);
      const [got] = upstream.mails;
      expect([addressIn(got!.from), got!.to.map(addressIn)]).to.deep.equal([
        'a@x.example',
        ['zoe@real.example', 'yan@real.example'],
      ]);
      expect(got!.content).to.deep.equal(await contentOf(mail.store, id));
      expect(copy)
        .to.match(/^\w{22}$/)
        .and.not.equal(id);
      await until(4000, () => sinks.log.of('message.delivered').length === 2);
      const listed = await mail.store.list(10);
      expect(listed.map((one) => one.id)).to.deep.equal([id]);
      expect((await mail.inbox!.page({ limit: 10 })).messages.map((one) => one.id)).to.deep.equal([id]);
    });

    it('is in no inbox on its way, and can be seen in the queue', async () => {
      const mail = await start({ upstream: 'smtp://127.0.0.1:1' });
      const id = await sendMail(await sinks.client(mail));
      const copy = await mail.release!.release(id, ['zoe@real.example']);
      const [entry] = await mail.store.queue({ ids: [copy] }, 10);
      expect(entry!.recipients.map(({ address, route }) => [address, route])).to.deep.equal([
        ['zoe@real.example', 'relay'],
      ]);
      expect((await mail.inbox!.page({ limit: 10 })).messages.map((one) => one.id)).to.deep.equal([id]);
    });

    it('goes on after a restart', async () => {
      const first = await start({ upstream: 'smtp://127.0.0.1:1' });
      const id = await sendMail(await sinks.client(first));
      await first.release!.release(id, ['zoe@real.example']);
      await sinks.stop(first);
      await start({ 'retry-min': '1s', 'retry-max': '1s' });
      await until(10_000, () => upstream.mails.length === 1);
      expect(upstream.mails[0]!.to.map(addressIn)).to.deep.equal(['zoe@real.example']);
    });

    it('in pieces when it is long', async () => {
      const mail = await start();
      const content = `Subject: long\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(20_000)}`;
      const id = await sendMail(await sinks.client(mail), 'b@x.example', content);
      await mail.release!.release(id, ['zoe@real.example']);
      await until(10_000, () => upstream.mails.length === 1 && upstream.mails[0]!.accepted);
      expect(upstream.mails[0]!.content.equals(await contentOf(mail.store, id))).to.equal(true);
    });

    it('from another sender where that is asked for', async () => {
      const mail = await start({ 'smtp-relay-return-path': 'tests@x.example' });
      const id = await sendMail(await sinks.client(mail));
      await mail.release!.release(id, ['zoe@real.example']);
      await mail.release!.release(id, ['zoe@real.example'], '');
      await mail.release!.release(id, ['zoe@real.example'], 'me@x.example');
      await until(4000, () => upstream.mails.length === 3);
      expect(upstream.mails.map(({ from }) => addressIn(from)).sort()).to.deep.equal([
        '',
        'me@x.example',
        'tests@x.example',
      ]);
    });

    it('is refused with one line', async () => {
      const mail = await start({
        'smtp-relay-allowed-recipients': '@real\\.example$',
        'smtp-relay-blocked-recipients': '^ceo@',
      });
      const id = await sendMail(await sinks.client(mail));
      const { release } = mail;
      expect(await refusal(release!.release(id, []))).to.equal('nobody is named to release it to');
      expect(await refusal(release!.release(id, ['zoe']))).to.equal('"zoe" is no address');
      expect(await refusal(release!.release(id, ['a@real.example>\r\nRCPT TO:<b@x.example']))).to.match(
        /is no address$/,
      );
      expect(await refusal(release!.release(id, ['z@real.example', 'z@x.example']))).to.equal(
        'mail may not be released to z@x.example',
      );
      expect(await refusal(release!.release(id, ['CEO@real.example']))).to.match(/^mail may not be released/);
      expect(await refusal(release!.release(id, ['z@real.example'], 'nobody'))).to.equal('"nobody" is no address');
      expect(await refusal(release!.release('x'.repeat(22), ['z@real.example']))).to.equal('there is no such mail');
      expect((await mail.store.counts()).recipients).to.deep.equal({ captured: 1 });
    });

    it('is not there without an upstream', async () => {
      expect((await sinks.start()).release).to.equal(null);
    });
  });

  describe('as a copy', () => {
    async function inboxOf(mail: MailService): Promise<readonly (readonly string[])[]> {
      return (await mail.inbox!.page({ limit: 100, oldestFirst: true })).messages.map(({ recipients }) => recipients);
    }

    it('of everything, and is captured in the same commit', async () => {
      const mail = await start({ 'smtp-relay-all': 'true' });
      const id = await sendMail(await sinks.client(mail), ['b@x.example', 'c@x.example']);
      const states = (await mail.store.get(id))!.recipients.map(({ address, route }) => `${address} ${route}`);
      expect(states).to.deep.equal([
        ...['b@x.example capture', 'b@x.example relay'],
        ...['c@x.example capture', 'c@x.example relay'],
      ]);
      await until(4000, () => upstream.mails.length === 1);
      expect(upstream.mails[0]!.to.map(addressIn)).to.deep.equal(['b@x.example', 'c@x.example']);
      expect(upstream.mails[0]!.content).to.deep.equal(await contentOf(mail.store, id));
      expect(await inboxOf(mail)).to.deep.equal([['b@x.example', 'c@x.example']]);
    });

    for (const [how, flags] of [
      ['a regular expression', { 'smtp-relay-matching': '@(real|true)\\.example$' }],
      ['a route', { route: '@real.example=copy' }],
      ['all but what is not allowed', { 'smtp-relay-all': 'true', 'smtp-relay-blocked-recipients': '@test\\.' }],
    ] as const) {
      it(`of what matches: ${how}`, async () => {
        const mail = await start(flags);
        await sendMail(await sinks.client(mail), ['b@test.example', 'c@real.example']);
        await until(4000, () => upstream.mails.length === 1);
        expect(upstream.mails[0]!.to.map(addressIn)).to.deep.equal(['c@real.example']);
        expect(await inboxOf(mail)).to.deep.equal([['b@test.example', 'c@real.example']]);
      });
    }

    it('is trimmed like other mail when it is delivered, or has failed, and not before', async () => {
      const away = await start({ 'smtp-relay-all': 'true', upstream: 'smtp://127.0.0.1:1', max: '1' });
      for (let n = 0; n < 3; n++) await sendMail(await sinks.client(away));
      await sinks.stop(away);
      const mail = await start({ 'smtp-relay-all': 'true', max: '1', 'retry-min': '1s', 'retry-max': '1s' });
      await until(10_000, () => upstream.mails.length === 3);
      await until(4000, () => sinks.log.of('message.delivered').length === 3);
      await sendMail(await sinks.client(mail));
      await until(4000, () => upstream.mails.length === 4);
      let left = -1;
      for (const limit = Date.now() + 5000; Date.now() < limit && left !== 1; )
        left = (await mail.store.counts()).messages;
      expect(left).to.equal(1);
    });

    it('of a failure tells the inbox and not the world', async () => {
      await upstream.stop();
      upstream = await Upstream.start({
        answer: ({ phase, line }) => (phase === 'rcpt' && line.includes('gone') ? '550 5.1.1 No such user' : undefined),
      });
      const mail = await start({ 'smtp-relay-all': 'true' });
      await sendMail(await sinks.client(mail), 'gone@x.example');
      await until(4000, () => sinks.log.of('notice.queued').length === 1);
      const senders = async () => (await mail.store.list(10)).map(({ sender, recipients }) => [sender, ...recipients]);
      let found: string[][] = [];
      for (const limit = Date.now() + 5000; Date.now() < limit && found.length < 2; ) found = await senders();
      expect(found[0]).to.deep.equal(['', 'a@x.example']);
      expect(upstream.mails).to.deep.equal([]);
    });

    it('is not made for strangers, whose mail is captured', async () => {
      const mail = await start({ 'smtp-relay-all': 'true', 'relay-from': '192.0.2.1' });
      const id = await sendMail(await sinks.client(mail));
      expect((await mail.store.get(id))!.recipients.map(({ route }) => route)).to.deep.equal(['capture']);
    });
  });

  describe('by options', () => {
    const resolved = (flags: Readonly<Record<string, string>>, variables: Readonly<Record<string, string>> = {}) =>
      resolveSink({ flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])), variables });

    for (const [variables, url] of [
      [{ MP_SMTP_RELAY_HOST: 'mail.example', MP_SMTP_RELAY_PORT: '587' }, 'smtp://mail.example:587'],
      [{ MP_SMTP_RELAY_HOST: '::1', MP_SMTP_RELAY_TLS: 'true', MP_SMTP_RELAY_PORT: '465' }, 'smtps://[::1]:465'],
      [
        {
          MP_SMTP_RELAY_HOST: 'mail.example',
          MP_SMTP_RELAY_STARTTLS: 'yes',
          MP_SMTP_RELAY_ALLOW_INSECURE: '1',
          MP_SMTP_RELAY_AUTH: 'plain',
          MP_SMTP_RELAY_USERNAME: 'me@x.example',
          MP_SMTP_RELAY_PASSWORD: 'p/w:@ 1',
        },
        'smtp://me%40x.example:p%2Fw%3A%40%201@mail.example:25?auth=plain&tls=require&verify=no',
      ],
    ] as const) {
      it(`the upstream ${url}`, () => {
        expect(resolved({}, variables).upstream?.map(({ href }) => href)).to.deep.equal([url]);
      });
    }

    for (const [flags, says] of [
      [{ 'smtp-relay-all': 'true' }, 'smtp-relay-all needs an upstream'],
      [{ 'smtp-relay-matching': 'x' }, 'smtp-relay-matching needs an upstream'],
      [{ 'smtp-relay-matching': '(', upstream: 'smtp://a' }, 'smtp-relay-matching: it is no regular expression'],
      [{ 'smtp-relay-blocked-recipients': '(' }, 'smtp-relay-blocked-recipients: it is no regular expression'],
      [{ 'smtp-relay-host': 'a', 'smtp-relay-auth': 'plain' }, 'smtp-relay-auth needs smtp-relay-username'],
      [{ 'smtp-relay-host': 'a', upstream: 'smtp://b' }, 'upstream and smtp-relay-host exclude each other'],
      [{ 'smtp-relay-host': 'a:b:c' }, 'smtp-relay-host: "a:b:c" is no host'],
      [{ route: '@x.example=copy' }, 'there is no upstream to relay to'],
    ] as const) {
      it(`not ${JSON.stringify(flags)}`, () => {
        expect(() => resolved(flags))
          .to.throw(Error, says)
          .with.property('code', 'BAD_OPTION');
      });
    }
  });
});
