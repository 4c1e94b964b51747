// What the web tests share: an application over some store, a way to fill stores, a log that can be read.
import { DiskSpace } from '../../relay/disk-space.ts';
import type { FaultRules } from '../../relay/faults/fault-rules.ts';
import type { Inbox } from '../../relay/inbox/inbox.ts';
import { MailStats } from '../../relay/mail-stats.ts';
import type { LaneView } from '../../relay/queue/lane.ts';
import { openTemporaryStore } from '../../relay/store/sqlite.ts';
import type { NewMessage, RouteKind, Settlement, Store } from '../../relay/store/store.ts';
import { parseAddress } from '../../src/address.ts';
import { type Clock, realClock } from '../../src/clock.ts';
import { type Log, type LogFields, silentLog } from '../../src/log.ts';
import { createApp } from '../../web/server/app.ts';
import type { App, Web } from '../../web/server/context.ts';
import type { WebLogin } from '../../web/server/frame/login.ts';
import { type WebOptions, webOptions } from '../../web/server/options.ts';

export interface AppSettings {
  readonly smtp?: readonly string[];
  readonly listen?: string;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly stats?: MailStats;
  readonly lanes?: readonly LaneView[];
  readonly readyQueueAge?: number;
  readonly space?: DiskSpace;
  readonly options?: Partial<WebOptions>;
  readonly inbox?: Inbox | null;
  readonly faults?: FaultRules | null;
  readonly release?: Web['release'];
  readonly ui?: string | null;
  readonly login?: WebLogin | null;
  readonly stopping?: AbortSignal;
}

export interface MailSettings extends Partial<Omit<NewMessage, 'recipients'>> {
  readonly to?: readonly string[];
  readonly route?: RouteKind;
  readonly content?: string | Buffer;
}

export type LogEntry = readonly [event: string, fields: LogFields | undefined];

export const RECEIVED_AT = Date.UTC(2026, 10, 22, 8, 46, 32, 123);

export function appOver(store: Store, settings: AppSettings = {}): App {
  const { smtp = ['127.0.0.1:1025'], listen = '8025', log = silentLog, clock = realClock } = settings;
  const { stats = new MailStats(), lanes = [], readyQueueAge = 0, space = new DiskSpace('.', 0, clock) } = settings;
  const mail = { store, stats, space, lanes: () => lanes };
  const options = webOptions({ listen: parseAddress(listen), readyQueueAge, ...settings.options });
  const { inbox = null, faults = null, release = null, ui = null, login = null } = settings;
  const stopping = settings.stopping ?? new AbortController().signal;
  const web: Web = {
    ...{ ...mail, smtp, options, log, clock, inbox, faults, release, ui, login, stopping },
    hub: () => Promise.reject(new Error('nobody listens in this test')),
  };
  return createApp(web);
}

/** A store whose methods are those given; any other one fails the test that calls it. */
export function storeWith(methods: Partial<Store>): Store {
  const handler: ProxyHandler<Partial<Store>> = {
    get(target, name) {
      const method = Reflect.get(target, name);
      if (method === undefined) throw new Error(`the store was asked for ${String(name)}`);
      return method;
    },
  };
  return new Proxy(methods, handler) as Store;
}

/** A store on a temporary database, closed and gone after the suite. */
export function temporaryStore(): { current: Store } {
  const holder = {} as { current: Store };
  before(async () => {
    holder.current = await openTemporaryStore();
  });
  beforeEach(async () => {
    const left = await holder.current.list(10_000);
    await holder.current.delete(left.map(({ id }) => id));
  });
  after(() => holder.current.close());
  return holder;
}

/** Stores a message and tells its id. */
export async function put(store: Store, settings: MailSettings = {}): Promise<string> {
  const {
    to = ['you@example.com'],
    route = 'capture',
    content = 'Subject: Hello\r\n\r\nIt works.\r\n',
    ...rest
  } = settings;
  const writer = store.begin();
  await writer.write(Buffer.from(content));
  await writer.commit({
    receivedAt: RECEIVED_AT,
    sender: 'me@example.com',
    parameters: [],
    helo: 'client.example.com',
    clientAddress: '192.0.2.1',
    protocol: 'ESMTP',
    tls: '',
    authUser: '',
    traits: [],
    ...rest,
    recipients: to.map((address) => ({ address, parameters: [], route })),
  });
  return writer.id;
}

/** Settles every recipient that is due, as the queue would. */
export async function settleAll(
  store: Store,
  result: Pick<Settlement, 'state' | 'nextAttempt' | 'attempt'>,
): Promise<void> {
  // Far in the future, so that what was deferred is due again.
  const claims = await store.claim('test', Date.now() + 1e11, 1, 1_000);
  const claimed = claims.flatMap(({ recipients }) => recipients);
  await store.settle(claimed.map(({ recipientId, fence }) => ({ recipientId, fence, ...result })));
}

export function recordingLog(): { log: Log; entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const add = (event: string, fields?: LogFields) => {
    entries.push([event, fields]);
  };
  return { log: { ...silentLog, error: add, warn: add }, entries };
}

/** The text of a page as a reader sees it: no tags, no style, one space for any white. */
export function visibleText(page: string): string {
  const body = page.slice(page.indexOf('<body>'));
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return body
    .replaceAll(/<wbr>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(\w+|#39);/g, (_, name: string) => entities[name]!)
    .replaceAll(/\s+/g, ' ')
    .trim();
}
