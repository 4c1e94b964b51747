// What the command line composes, and nothing of how it works. Each service is loaded when it is started:
// a proxy never loads the database, a quiet --help loads nothing. Tests hand in their own.
import type { ControlOptions } from '../proxy/control/options.ts';
import type { ControlService } from '../proxy/control/service.ts';
import type { View } from '../proxy/dialogue/dialogue.ts';
import type { ProxyOptions } from '../proxy/options.ts';
import type { RelayOptions, SinkOptions } from '../relay/options.ts';
import type { Log } from '../src/log.ts';
import type { MailView } from '../web/server/context.ts';
import type { WebOptions } from '../web/server/options.ts';

export interface MailService extends MailView {
  /** The addresses that are really bound: a port 0 has become a number. */
  readonly smtp: readonly string[];
  readonly smtps: readonly string[];
  readonly lmtp: readonly string[];
  readonly pop3?: readonly string[];
  readonly pop3s?: readonly string[];
  readonly database: string;
  /** Takes over what can change while it runs; resolves with the keys of those that cannot. */
  reload(options: SinkOptions | RelayOptions): Promise<string[]>;
  stop(drainMs: number): Promise<void>;
}

export interface ProxyService {
  readonly listen: string;
  readonly upstream: string;
  /** What the linter has found. */
  readonly lint?: { readonly total: number; readonly findings: Readonly<Record<string, number>> } | undefined;
  stop(drainMs: number): Promise<void>;
}

export interface WebService {
  readonly url: string;
  stop(): Promise<void>;
}

export interface WebDependencies extends MailView {
  readonly smtp: readonly string[];
  readonly log: Log;
}

export interface Services {
  startMail(options: SinkOptions | RelayOptions, log: Log): Promise<MailService>;
  startProxy(options: ProxyOptions, log: Log, setting: { readonly views: readonly View[] }): Promise<ProxyService>;
  startControl(options: ControlOptions, log: Log): Promise<ControlService>;
  startWeb(options: WebOptions, dependencies: WebDependencies): Promise<WebService>;
}

export const services: Services = {
  startMail: async (...args) => (await import('../relay/service.ts')).startMail(...args),
  startProxy: async (...args) => (await import('../proxy/service.ts')).startProxy(...args),
  startControl: async (...args) => (await import('../proxy/control/service.ts')).startControl(...args),
  startWeb: async (...args) => (await import('../web/server/server.ts')).startWeb(...args),
};
