// What handlers get: the request as hono shows it, and what the server was started with.
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { DiskSpace } from '../../relay/disk-space.ts';
import type { Chaos } from '../../relay/faults/chaos.ts';
import type { FaultRules } from '../../relay/faults/fault-rules.ts';
import type { Inbox } from '../../relay/inbox/inbox.ts';
import type { MailStats } from '../../relay/mail-stats.ts';
import type { Namespaces } from '../../relay/namespaces.ts';
import type { LaneView } from '../../relay/queue/lane.ts';
import type { Release } from '../../relay/release.ts';
import type { AcceptedMail } from '../../relay/smtp/session-context.ts';
import type { Store } from '../../relay/store/store.ts';
import type { HookView } from '../../relay/webhooks/webhook.ts';
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { WebLogin } from './frame/login.ts';
import type { LiveHub } from './live/hub.ts';
import type { WebOptions } from './options.ts';
import type { Route } from './routes.ts';

/** What the web server shows of the mail server beside it. */
export interface MailView {
  readonly store: Store;
  readonly stats: MailStats;
  readonly space: DiskSpace;
  /** The upstreams and how they do; none where nothing is delivered. */
  lanes(): readonly LaneView[];
  /** Null where mail only passes through. */
  readonly inbox?: Inbox | null;
  /** The database's file, or its URL without secrets; '' for a temporary one. */
  readonly database?: string;
  /** Bytes; 0 for no limit. */
  readonly maxMessageSize?: number;
  readonly faults?: FaultRules | null;
  /** To be told of mail that was stored by another way than SMTP. */
  accepted?(mail: AcceptedMail): void;
  /** Mailpit's view of the faults; null where that was not asked for. */
  readonly chaos?: Chaos | null;
  readonly namespaces?: Namespaces | null;
  readonly release?: Release | null;
  /** The webhooks and how they do. */
  webhooks?(): readonly HookView[];
}

export interface Web extends MailView {
  /** Where mail can be sent to, as the listeners are really bound. */
  readonly smtp: readonly string[];
  readonly options: WebOptions;
  readonly log: Log;
  readonly clock: Clock;
  /** Null when nobody has to log in. */
  readonly login: WebLogin | null;
  /** Aborted when the server stops: who waits for mail is answered then. */
  readonly stopping: AbortSignal;
  /** The folder of the built page; null when there is none. */
  readonly ui: string | null;
  /** Made when somebody listens. */
  hub(): Promise<LiveHub>;
}

export interface WebEnv {
  /** Without a socket, as tests call the application, there are none of the bindings, nor an object that has them. */
  Bindings: Partial<HttpBindings>;
  Variables: { namespace: string | undefined; webroot: string; routes: readonly Route[] };
}

export type App = Hono<WebEnv>;
export type Request = Context<WebEnv>;
export type Handler = (c: Request, web: Web) => Response | Promise<Response>;
