// What the command line composes, and nothing of how it works. Each service is loaded when it is started:
// a proxy never loads the database, a quiet --help loads nothing. Tests hand in their own.
import type { ProxyOptions } from '../proxy/options.ts';
import type { RelayOptions, SinkOptions } from '../relay/options.ts';
import type { Store } from '../relay/store/store.ts';
import type { Log } from '../src/log.ts';
import type { WebOptions } from '../web/server/options.ts';

export interface MailService {
  /** The addresses that are really bound: a port 0 has become a number. */
  readonly smtp: readonly string[];
  readonly database: string;
  readonly store: Store;
  stop(drainMs: number): Promise<void>;
}

export interface ProxyService {
  readonly listen: string;
  readonly upstream: string;
  stop(drainMs: number): Promise<void>;
}

export interface WebService {
  readonly url: string;
  stop(): Promise<void>;
}

export interface WebDependencies {
  readonly store: Store;
  readonly smtp: readonly string[];
  readonly log: Log;
}

export interface Services {
  startMail(options: SinkOptions | RelayOptions, log: Log): Promise<MailService>;
  startProxy(options: ProxyOptions, log: Log): Promise<ProxyService>;
  startWeb(options: WebOptions, dependencies: WebDependencies): Promise<WebService>;
}

export const services: Services = {
  startMail: async (...args) => (await import('../relay/service.ts')).startMail(...args),
  startProxy: async (...args) => (await import('../proxy/service.ts')).startProxy(...args),
  startWeb: async (...args) => (await import('../web/server/server.ts')).startWeb(...args),
};
