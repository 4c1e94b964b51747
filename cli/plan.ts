// A plan is a service whose options are decided and which has not been started: `check` prints it, the others start it.
// This file knows plans in general; mail-plan.ts and proxy-plan.ts make them.
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
  readonly listens: readonly Address[];
  /** As planned: a port 0 is still 0. */
  readonly facts: readonly Fact[];
  start(services: Services, log: Log): Promise<Started>;
}

export interface Started {
  /** As it became: with the real ports. */
  readonly facts: readonly Fact[];
  /** Where a first mail can be sent to. */
  readonly smtp: string | undefined;
  readonly drainMs: number;
  stop(): Promise<void>;
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
    stop,
  };
}
