// A whole sink with its web server for tests: SMTP, store, inbox and HTTP in this process, on free ports.
import { resolveSink } from '../../relay/options.ts';
import { type MailService, startMail } from '../../relay/service.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { resolveSinkWeb, type WebOptions } from '../../web/server/options.ts';
import { startWeb, type WebService } from '../../web/server/server.ts';

/** What an answer says; the tests say what it must be. */
// biome-ignore lint/suspicious/noExplicitAny: no type would be checked by anything but these tests
export type Json = any;

export interface SinkSettings {
  /** As on the command line: `{ 'enable-chaos': 'true' }`. */
  readonly flags?: Readonly<Record<string, string | readonly string[]>>;
  readonly web?: Partial<WebOptions>;
  readonly ui?: string | null;
  readonly log?: Log;
}

export interface Sink {
  readonly mail: MailService;
  /** `http://127.0.0.1:1234/`. */
  readonly url: string;
  ask(path: string, init?: RequestInit): Promise<Response>;
  json<T = Json>(path: string, init?: RequestInit): Promise<T>;
  /** Stores a mail as if it had come by SMTP; its id. */
  put(mail?: PutMail): Promise<string>;
  stop(): Promise<void>;
}

export interface PutMail {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly user?: string;
  /** Lines; joined by CRLF. */
  readonly lines?: readonly string[];
  readonly content?: string | Buffer;
}

export const SIMPLE = [
  'From: Ann <ann@example.com>',
  'To: Bob <bob@example.com>',
  'Subject: Hello',
  'Message-ID: <1@example.com>',
  'Date: Sun, 22 Nov 2026 08:46:32 +0000',
  '',
  'It works.',
];

export async function startSink(settings: SinkSettings = {}): Promise<Sink> {
  const { flags = {}, web = {}, log = silentLog, ui = null } = settings;
  const given = new Map(Object.entries({ smtp: '127.0.0.1:0', ...flags }).map(([key, value]) => [key, [value].flat()]));
  const mail = await startMail(resolveSink({ flags: given }), log);
  let served: WebService;
  try {
    const listen = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
    served = await startWeb({ ...resolveSinkWeb({}), listen, ...web }, { ...mail, log, ui });
  } catch (error) {
    await mail.stop(0);
    throw error;
  }
  const ask = (path: string, init?: RequestInit) => fetch(new URL(path.replace(/^\//, ''), served.url), init);
  return {
    mail,
    url: served.url,
    ask,
    json: async (path, init) => {
      const answer = await ask(path, init);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as Json;
    },
    put: (one = {}) => putMail(mail, one),
    stop: async () => {
      await served.stop();
      await mail.stop(0);
    },
  };
}

/** Started before the suite, empty before each test, stopped behind the suite. */
export function sinkForSuite(settings: SinkSettings = {}): { current: Sink } {
  const holder = {} as { current: Sink };
  before(async () => {
    holder.current = await startSink(settings);
  });
  beforeEach(async () => {
    await holder.current.mail.inbox!.delete({});
  });
  after(() => holder.current?.stop());
  return holder;
}

async function putMail(mail: MailService, one: PutMail): Promise<string> {
  const { from = 'ann@example.com', to = ['bob@example.com'], user = '', lines = SIMPLE } = one;
  const writer = mail.store.begin();
  await writer.write(Buffer.from(one.content ?? lines.map((line) => `${line}\r\n`).join('')));
  await writer.commit({
    receivedAt: Date.now(),
    sender: from,
    parameters: [],
    helo: 'client.example.com',
    clientAddress: '192.0.2.1',
    protocol: 'ESMTP',
    tls: '',
    authUser: user,
    traits: [],
    recipients: to.map((address) => ({ address, parameters: [], route: 'capture' })),
  });
  mail.accepted({ id: writer.id, isWaiting: false, transcript: [] });
  return writer.id;
}
