// Webhooks: each new mail is told once it is taken, in its order, whatever happens to the receiver or to us.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { resolveSink } from '../../../relay/options.ts';
import { waitAfter, waitAsked } from '../../../relay/webhooks/backoff.ts';
import type { HookCursors } from '../../../relay/webhooks/cursors.ts';
import { hooksOf } from '../../../relay/webhooks/options.ts';
import { startWebhooks, type WebhookService } from '../../../relay/webhooks/service.ts';
import { signatureOf } from '../../../relay/webhooks/signature.ts';
import { FakeClock } from '../../../src/clock.ts';
import { ChatError } from '../../../src/errors.ts';
import { until } from '../../support/within.ts';
import { FakeInbox } from '../pop3/fake-inbox.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { HookReceiver } from './hook-receiver.ts';

/** The table in the store, which outlives the process. */
class Cursors implements HookCursors {
  readonly kept = new Map<string, number>();
  failures = 0;

  async hookCursor(hook: string): Promise<number | null> {
    return this.kept.get(hook) ?? null;
  }

  async setHookCursor(hook: string, seq: number): Promise<void> {
    if (this.failures-- > 0) throw new Error('the disk is full');
    this.kept.set(hook, seq);
  }

  get only(): number | undefined {
    return [...this.kept.values()][0];
  }
}

interface Started {
  readonly service: WebhookService;
  readonly clock: FakeClock;
  readonly log: RecordingLog;
}

describe('webhooks', () => {
  let receiver: HookReceiver;
  let inbox: FakeInbox;
  let cursors: Cursors;
  const running: Started[] = [];

  beforeEach(async () => {
    receiver = await HookReceiver.start();
    inbox = new FakeInbox();
    cursors = new Cursors();
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ service }) => service.stop()));
    receiver.close();
  });

  function start(more = '', flags: Record<string, string> = {}, newest = 0): Started {
    const given = { 'webhook-url': `${receiver.url}${more}`, 'webhook-limit': '0', ...flags };
    const options = resolveSink({ flags: new Map(Object.entries(given).map(([name, value]) => [name, [value]])) });
    const [clock, log] = [new FakeClock(Date.now()), new RecordingLog()];
    const parts = { inbox: inbox.inbox, cursors, newest, log, clock, dice: () => 1 };
    const one = { service: startWebhooks(options, parts), clock, log };
    running.push(one);
    return one;
  }

  /** Lets a crash happen: nothing more is told, and what was kept stays. */
  async function crash({ service }: Started): Promise<void> {
    running.splice(0);
    await service.stop();
  }

  /** Moves the clock whenever the hook waits for it, until that holds. */
  async function advancing({ clock }: Started, holds: () => boolean, stepMs = 1000): Promise<void> {
    await until(8000, () => {
      if (holds()) return true;
      clock.advance(stepMs);
      return false;
    });
  }

  it('tells a new mail as Mailpit does', async () => {
    start();
    const { id, receivedAt } = inbox.add('Subject: x\r\n\r\n');
    await until(2000, () => receiver.received.length === 1);
    const [{ method, path, headers, body }] = receiver.received as [(typeof receiver.received)[0]];
    expect([method, path]).to.deep.equal(['POST', '/hook']);
    expect(headers).to.include({
      'content-type': 'application/json; charset=utf-8',
      'x-lonedot-event': 'new',
      'x-lonedot-message': id,
      'x-lonedot-attempt': '1',
    });
    expect(headers).to.not.have.property('x-lonedot-signature');
    expect(JSON.parse(body)).to.deep.equal({
      ID: id,
      MessageID: '1@x',
      Read: false,
      From: { Name: 'A', Address: 'a@x.example' },
      To: [{ Name: '', Address: 'b@x.example' }],
      Cc: [],
      Bcc: [],
      ReplyTo: [],
      Subject: 'mail 1',
      Created: new Date(receivedAt).toISOString(),
      Username: '',
      Tags: ['one'],
      Size: 14,
      Attachments: 0,
      Snippet: 'text',
    });
  });

  it('tells many in their order, and nothing of what was there before', async () => {
    for (let n = 1; n <= 3; n++) inbox.add('old');
    const { service } = start('', {}, 3);
    for (let n = 4; n <= 60; n++) inbox.add('new');
    await until(5000, () => receiver.received.length === 57);
    expect(receiver.subjects).to.deep.equal(Array.from({ length: 57 }, (_, i) => `mail ${i + 4}`));
    await until(2000, () => cursors.only === 60);
    expect(service.views()).to.deep.equal([
      { name: new URL(receiver.url).origin, delivered: 57, failures: 0, givenUp: 0, trouble: '' },
    ]);
  });

  it('tries again until it is taken, and tells nothing else meanwhile', async () => {
    receiver.answer = (n) => (n < 3 ? 500 : 200);
    const started = start();
    inbox.add('1');
    inbox.add('2');
    await advancing(started, () => receiver.received.length === 5);
    expect(receiver.subjects).to.deep.equal(['mail 1', 'mail 1', 'mail 1', 'mail 1', 'mail 2']);
    const attempts = receiver.received.map(({ headers }) => headers['x-lonedot-attempt']);
    expect(attempts).to.deep.equal(['1', '2', '3', '4', '1']);
    const waits = started.log.of('webhook.failed').map(({ fields }) => [fields['error'], fields['againInMs']]);
    expect(waits).to.deep.equal([
      ['it answered 500', 1000],
      ['it answered 500', 2000],
      ['it answered 500', 4000],
    ]);
  });

  for (const [what, answer, error] of [
    ['resets the connection', (response) => response.socket?.resetAndDestroy(), /ECONNRESET|socket hang up/],
    ['closes it without an answer', (response) => response.socket?.destroy(), /ECONNRESET|socket hang up/],
    ['answers what is no HTTP', (response) => response.socket?.end('hello\r\n\r\n'), /Parse Error|HPE/],
    ['sends somewhere else', (response) => response.writeHead(302, { Location: '/elsewhere' }).end(), /answered 302/],
    ['is not allowed', (response) => response.writeHead(401).end(), /answered 401/],
  ] as readonly (readonly [string, Exclude<ReturnType<HookReceiver['answer']>, number>, RegExp])[]) {
    it(`survives a receiver that ${what}`, async () => {
      receiver.answer = (n) => (n === 0 ? answer : 200);
      const started = start();
      inbox.add('1');
      await advancing(started, () => cursors.only === 1);
      expect(receiver.received.map(({ path }) => path)).to.deep.equal(['/hook', '/hook']);
      expect(String(started.log.of('webhook.failed')[0]!.fields['error'])).to.match(error);
    });
  }

  it('waits for an answer no longer than it may take, and for the rest of one not at all', async () => {
    receiver.answer = (n) => {
      if (n === 0) return () => {};
      // A status, and then a body without end.
      return (response) => {
        response.writeHead(200);
        const drip = (): unknown => response.destroyed || response.write('x'.repeat(65_536), drip);
        drip();
      };
    };
    const started = start('', { 'webhook-timeout': '150ms' });
    inbox.add('1');
    await advancing(started, () => cursors.only === 1);
    expect(started.log.of('webhook.failed')[0]!.fields['error']).to.equal('no answer within 150 ms');
  });

  it('waits as long as a busy receiver asks for', async () => {
    receiver.answer = (n) => (n === 0 ? (response) => response.writeHead(429, { 'Retry-After': '30' }).end() : 200);
    const started = start();
    inbox.add('1');
    await advancing(started, () => cursors.only === 1);
    expect(started.log.of('webhook.failed')[0]!.fields['againInMs']).to.equal(30_000);
  });

  it('goes on after a crash where it was, and loses none', async () => {
    receiver.answer = (n) => (n === 2 ? () => {} : 200);
    const first = start();
    for (let n = 1; n <= 5; n++) inbox.add(String(n));
    await until(3000, () => receiver.received.length === 3);
    // In the middle of the third.
    await crash(first);
    inbox.add('6');
    receiver.answer = () => 200;
    start('', {}, 6);
    await until(3000, () => cursors.only === 6);
    expect(receiver.subjects).to.deep.equal([1, 2, 3, 3, 4, 5, 6].map((n) => `mail ${n}`));
  });

  it('tells one twice rather than not at all when its place cannot be kept', async () => {
    const started = start();
    await until(2000, () => cursors.only === 0);
    cursors.failures = 1;
    inbox.add('1');
    await advancing(started, () => cursors.only === 1);
    expect(receiver.subjects).to.deep.equal(['mail 1', 'mail 1']);
    expect(started.log.levels('webhook.store_failed')).to.deep.equal(['error']);
  });

  it('gives up what the receiver refuses for its own sake, and goes on with the next', async () => {
    receiver.answer = (n) => (n < 5 ? 422 : 200);
    const started = start();
    inbox.add('1');
    inbox.add('2');
    await advancing(started, () => cursors.only === 2);
    expect(receiver.subjects).to.deep.equal([...Array(5).fill('mail 1'), 'mail 2']);
    expect(started.log.of('webhook.given_up').map(({ level, fields }) => [level, fields['attempts']])).to.deep.equal([
      ['error', 5],
    ]);
    expect(started.service.views()[0]).to.include({ delivered: 1, failures: 5, givenUp: 1, trouble: '' });
  });

  it('gives up what is too old behind a failure, and tries what is old once at first', async () => {
    receiver.answer = (n) => (n === 0 ? 500 : 200);
    const old = Date.now() - 2 * 86_400_000;
    inbox.add({ content: '1', receivedAt: old });
    inbox.add({ content: '2', receivedAt: old });
    inbox.add({ content: '3', receivedAt: Date.now() + 3_600_000 });
    const started = start('', { 'webhook-expire': '1d' });
    await advancing(started, () => cursors.only === 3);
    expect(receiver.subjects).to.deep.equal(['mail 1', 'mail 3']);
    expect(started.log.levels('webhook.given_up')).to.deep.equal(['error', 'error']);
  });

  it('tells only what its search finds', async () => {
    start('#query=yes');
    for (const content of ['yes', 'no', 'no', 'yes!', 'no']) inbox.add(content);
    await until(3000, () => cursors.only === 5);
    expect(receiver.subjects).to.deep.equal(['mail 1', 'mail 4']);
    expect(receiver.received[0]!.path).to.equal('/hook');
  });

  it('sends the mail itself, signed, in pieces', async () => {
    const mail = `Subject: x\r\n\r\n${'\xff\x00.\r\n'.repeat(5000)}`;
    const { clock } = start('#include=raw&secret=s%2Bt');
    inbox.add(mail);
    await until(3000, () => receiver.received.length === 1);
    const [{ headers, body, isWhole }] = receiver.received as [(typeof receiver.received)[0]];
    expect([body === mail, isWhole, headers['content-type']]).to.deep.equal([true, true, 'message/rfc822']);
    const t = Math.floor(clock.now() / 1000);
    const v1 = createHmac('sha256', 's+t').update(`${t}.`).update(Buffer.from(mail, 'latin1')).digest('hex');
    expect(headers['x-lonedot-signature']).to.equal(`t=${t},v1=${v1}`);
  });

  it('signs with the key of all hooks where a URL names none', async () => {
    start('', { 'webhook-secret': 'k' });
    inbox.add('x');
    await until(3000, () => receiver.received.length === 1);
    const { headers, body } = receiver.received[0]!;
    const [, t, v1] = /^t=(\d+),v1=([\da-f]{64})$/.exec(String(headers['x-lonedot-signature']))!;
    expect(v1).to.equal(createHmac('sha256', 'k').update(`${t}.${body}`).digest('hex'));
  });

  it('skips a mail that is gone by then', async () => {
    start('#include=raw');
    inbox.add('1');
    const content = inbox.content.bind(inbox);
    inbox.content = async (id) => (id.endsWith('1') ? undefined : content(id));
    inbox.add('2');
    await until(3000, () => cursors.only === 2);
    expect(receiver.received.map(({ body }) => body)).to.deep.equal(['2']);
  });

  it('keeps to its limit', async () => {
    const { clock } = start('', { 'webhook-limit': '2' });
    for (let n = 0; n < 3; n++) inbox.add('x');
    await until(2000, () => cursors.only === 1);
    for (const n of [2, 3]) {
      clock.advance(490);
      await new Promise((turn) => setImmediate(turn));
      expect(receiver.received.length).to.equal(n - 1);
      clock.advance(10);
      await until(2000, () => cursors.only === n);
    }
  });

  it('waits for what is not read yet', async () => {
    const started = start();
    inbox.add({ content: 'x', parsed: false });
    await advancing(started, () => started.clock.now() > Date.now() + 5000);
    expect(receiver.received.length).to.equal(0);
    inbox.mails = inbox.mails.map((one) => ({ ...one, parsed: true }));
    await advancing(started, () => cursors.only === 1);
    expect(receiver.subjects).to.deep.equal(['mail 1']);
  });

  it('stops at once, whatever it waits for', async () => {
    receiver.answer = () => () => {};
    const started = start();
    inbox.add('1');
    await until(2000, () => receiver.received.length === 1);
    const begin = performance.now();
    await crash(started);
    expect(performance.now() - begin).to.be.lessThan(1000);
    expect(cursors.only).to.equal(0);
  });

  it('logs no path and no key: they are secrets', async () => {
    receiver.answer = (n) => (n === 0 ? 500 : 200);
    const started = start('/token-17#secret=hush');
    inbox.add('1');
    await advancing(started, () => cursors.only === 1);
    expect(JSON.stringify([started.log.records, started.service.views(), [...cursors.kept]])).to.not.match(
      /token|hush/,
    );
  });

  it('survives a receiver that is not there', async () => {
    const started = start();
    receiver.close();
    inbox.add('1');
    await advancing(started, () => started.log.records.length > 2);
    expect(started.service.views()[0]!.trouble).to.match(/ECONNREFUSED/);
    expect(started.service.views()[0]!.delivered).to.equal(0);
  });
});

describe('the signature of webhooks', () => {
  it('is verified by the code in docs/tools.md', async () => {
    const page = readFileSync('docs/tools.md', 'utf8');
    const code = /```js\n([\s\S]*?)```/.exec(page)![1]!;
    const { isOurs } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      isOurs(header: string | undefined, body: Buffer, secret: string, now?: number): boolean;
    };
    const body = Buffer.from('{"Subject":"\u00fc"}');
    const header = await signatureOf('key', 1_795_359_600_123, [body.subarray(0, 3), body.subarray(3)]);
    expect(header).to.match(/^t=1795359600,v1=[\da-f]{64}$/);
    expect(isOurs(header, body, 'key', 1_795_359_700)).to.equal(true);
    expect(isOurs(header, body, 'other', 1_795_359_700)).to.equal(false);
    expect(isOurs(header, Buffer.from('{}'), 'key', 1_795_359_700)).to.equal(false);
    expect(isOurs(header, body, 'key', 1_795_360_000)).to.equal(false);
    expect(isOurs(undefined, body, 'key')).to.equal(false);
  });
});

describe('the options of webhooks', () => {
  const hooks = (...urls: readonly string[]) => hooksOf(resolveSink({ flags: new Map([['webhook-url', urls]]) }));

  it('reads what stands behind the #, and sends none of it', () => {
    const [one, two] = hooks(
      'https://u:p@a.example/x?y=1#query=to%3Abob%20-x&include=raw&secret=s',
      'http://b.example',
    );
    expect({ ...one, search: one!.search !== undefined, url: one!.url.href }).to.deep.equal({
      url: 'https://u:p@a.example/x?y=1',
      name: 'https://a.example',
      query: 'to:bob -x',
      search: true,
      include: 'raw',
      secret: 's',
    });
    expect({ ...two, url: two!.url.href }).to.deep.include({ url: 'http://b.example/', query: '', include: 'summary' });
  });

  for (const [url, why] of [
    ['https://a.example#includes=raw', 'https://a.example: unknown parameter "includes" behind the #'],
    ['https://a.example#include=all', 'include is one of summary, message, raw'],
    ['https://a.example#query=nothing%3Ax', 'webhook-url: https://a.example: query: '],
    ['https://a.example#secret=', 'secret is empty'],
    ['https://a.example#query=a&query=b', 'query stands there twice'],
    ['ftp://a.example/', '--webhook-url: expected a URL such as http://host or https://host'],
    ['a.example', '--webhook-url: expected a URL'],
  ] as const) {
    it(`refuses ${url}`, () => expect(() => hooks(url)).to.throw(ChatError, why));
  }
});

describe('the waits of webhooks', () => {
  it('double up to five minutes, with half of them left to chance', () => {
    expect([1, 2, 3, 9, 10, 1000].map((n) => waitAfter(n, () => 1))).to.deep.equal([
      1000, 2000, 4000, 256_000, 300_000, 300_000,
    ]);
    expect(waitAfter(3, () => 0)).to.equal(2000);
  });

  for (const [header, ms] of [
    [undefined, undefined],
    ['30', 30_000],
    ['0', 1000],
    ['999999', 300_000],
    ['soon', undefined],
    ['Sun, 22 Nov 2026 15:00:10 GMT', 10_000],
  ] as const) {
    it(`are ${ms} for Retry-After: ${header}`, () => {
      expect(waitAsked(header, Date.UTC(2026, 10, 22, 15, 0, 0))).to.equal(ms);
    });
  }
});
