// What handlers get: the request as hono shows it, and what the server was started with.
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { DiskSpace } from '../../relay/disk-space.ts';
import type { MailStats } from '../../relay/mail-stats.ts';
import type { LaneView } from '../../relay/queue/lane.ts';
import type { Store } from '../../relay/store/store.ts';
import type { Address } from '../../src/address.ts';
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';

/** What the web server shows of the mail server beside it. */
export interface MailView {
  readonly store: Store;
  readonly stats: MailStats;
  readonly space: DiskSpace;
  /** The upstreams and how they do; none where nothing is delivered. */
  lanes(): readonly LaneView[];
}

export interface Web extends MailView {
  /** Age of the oldest waiting mail above which /readyz says no; 0 for no limit. */
  readonly readyQueueAge: number;
  /** Where mail can be sent to, as the listeners are really bound. */
  readonly smtp: readonly string[];
  /** Where the web server was told to listen: a name in it is a name by which it may be called. */
  readonly listen: Address;
  readonly log: Log;
  readonly clock: Clock;
}

/** Without a socket, as tests call the application, there are none of the bindings, nor an object that has them. */
export interface WebEnv {
  Bindings: Partial<HttpBindings>;
}

export type App = Hono<WebEnv>;
export type Request = Context<WebEnv>;
export type Handler = (c: Request, web: Web) => Response | Promise<Response>;
