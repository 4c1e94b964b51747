// A plan is a service whose options are decided and which has not been started: `check` prints it, the others start it.
// This file knows plans in general; mail-plan.ts and proxy-plan.ts make them.
import { isDeepStrictEqual } from 'node:util';
import type { Address } from '../src/address.ts';
import type { Log } from '../src/log.ts';
import type { Services } from './services.ts';

/** One fact about a service: a line for people, an event with fields for programs. */
export interface Fact {
  /** The config section whose service it is about: sink, relay, proxies[0]. */
  readonly section: string;
  readonly label: string;
  readonly text: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Plan {
  readonly section: string;
  /** The values that were decided, for the service that is to take them over when it runs already. */
  readonly options: unknown;
  readonly listens: readonly Address[];
  /** As planned: a port 0 is still 0. */
  readonly facts: readonly Fact[];
  /** What can only be said by loading more than a start needs. Rejects with BAD_OPTION. */
  check?(): Promise<void>;
  start(services: Services, log: Log): Promise<Started>;
}

export interface Started {
  /** As it became: with the real ports. */
  readonly facts: readonly Fact[];
  /** Where a first mail can be sent to. */
  readonly smtp: string | undefined;
  readonly drainMs: number;
  /**
   * Takes over the options of plans that were made anew, as far as that is possible while it runs; resolves with what
   * needs a restart, each as `relay.smtp`. Rejects, with nothing changed, when something in them does not work.
   */
  reload(plans: readonly Plan[]): Promise<readonly string[]>;
  stop(): Promise<void>;
  /** Asked when it has stopped. Default: 0. */
  exitCode?(): number;
}

/** Starts plans one after the other; when one fails, those before it are stopped again. */
export async function startAll(plans: readonly Plan[], services: Services, log: Log): Promise<Started> {
  const started: Started[] = [];
  const stop = async () => {
    await Promise.all(started.map((service) => service.stop()));
  };
  try {
    for (const plan of plans) started.push(await plan.start(services, log));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    facts: started.flatMap((service) => service.facts),
    smtp: started.find((service) => service.smtp !== undefined)?.smtp,
    drainMs: Math.max(0, ...started.map((service) => service.drainMs)),
    reload: async (next) => {
      const restarts: string[] = [];
      for (const service of started) restarts.push(...(await service.reload(next)));
      const came = next.filter(({ section }) => !plans.some((one) => one.section === section));
      const went = plans.filter(({ section }) => !next.some((one) => one.section === section));
      return [...restarts, ...came.concat(went).map(({ section }) => section)];
    },
    stop,
    exitCode: () => Math.max(0, ...started.map((service) => service.exitCode?.() ?? 0)),
  };
}

/** The options in which a new plan for `section` differs, for services that take over none: `proxies[0].upstream`. */
export function changedOptions(section: string, options: object, plans: readonly Plan[]): string[] {
  const next = plans.find((one) => one.section === section)?.options as Readonly<Record<string, unknown>> | undefined;
  if (next === undefined) return [];
  const changed = Object.entries(options).filter(([key, value]) => !isDeepStrictEqual(value, next[key]));
  return changed.map(([key]) => `${section}.${key}`);
}
