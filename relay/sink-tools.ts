// What a sink has for tests besides its inbox: faults, namespaces with logins, release. Loaded when everything listens,
// so that the first client is greeted no later for it; but faults of the options before, since they may strike it.
import type { Log } from '../src/log.ts';
import { planDelivery } from './delivery-plan.ts';
import type { Chaos } from './faults/chaos.ts';
import type { FaultRules } from './faults/fault-rules.ts';
import type { OpenFaults } from './faults/open-faults.ts';
import type { Inbox } from './inbox/inbox.ts';
import type { Namespaces } from './namespaces.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import { releasePolicy } from './options-release.ts';
import type { Release } from './release.ts';
import type { Security } from './security.ts';
import type { SmtpContext } from './smtp/session-context.ts';
import type { Store } from './store/store.ts';

export interface SinkTools {
  /** What goes wrong on purpose. */
  readonly faults: FaultRules | null;
  /** Mailpit's view of it, where that was asked for. */
  readonly chaos: Chaos | null;
  /** Null where there is no inbox. */
  readonly namespaces: Namespaces | null;
  /** Sends captured mail on; null without an upstream. */
  readonly release: Release | null;
}

/** A relay has none. */
export const NO_TOOLS: SinkTools = { faults: null, chaos: null, namespaces: null, release: null };

/** Null when the options ask for no faults. Rejects with BAD_OPTION. */
export async function firstFaults(
  options: SinkOptions | RelayOptions,
  context: Pick<SmtpContext, 'faults'>,
): Promise<OpenFaults | null> {
  if (options.mode !== 'sink' || (options.fault === undefined && options.chaosTriggers === undefined)) return null;
  return loadFaults(options, context);
}

/** Their logins may be out of order, which the log tells; the mail is not held up by that. */
export async function openTools(
  options: SinkOptions,
  parts: {
    readonly context: Pick<SmtpContext, 'faults'>;
    readonly injected: OpenFaults | null;
    readonly inbox: Inbox | null;
    readonly security: Security;
    readonly store: Store;
    readonly queued: () => void;
    readonly log: Log;
  },
): Promise<SinkTools> {
  const { context, injected, inbox, security, store, queued, log } = parts;
  const [{ faults, chaos }, release] = await Promise.all([
    injected ?? loadFaults(options, context),
    import('./release.ts'),
  ]);
  let namespaces: Namespaces | null = null;
  if (inbox !== null) {
    namespaces = new (await import('./namespaces.ts')).Namespaces(inbox, security.namespaces, faults);
    // A temporary database has none yet, and a start that asks its inbox has to wait for the inbox's thread.
    if (options.database !== undefined)
      await namespaces
        .refresh()
        .catch((error: Error) => log.error('namespaces.logins_failed', { error: error.message }));
  }
  const policy = policyOf(options);
  const possible = policy.upstream === '' ? null : new release.Release(policy, { store, queued, log });
  return { faults, chaos, namespaces, release: possible };
}

export function policyOf(options: SinkOptions) {
  return releasePolicy(options, planDelivery(options).upstreams[0]?.name ?? '');
}

async function loadFaults(options: SinkOptions, context: Pick<SmtpContext, 'faults'>): Promise<OpenFaults> {
  const { openFaults } = await import('./faults/open-faults.ts');
  return openFaults(options, (faults) => {
    context.faults = faults.isEmpty ? null : faults;
  });
}
