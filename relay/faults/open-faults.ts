// The fault rules of a sink from its options. Apart, so that a sink loads none of this before it listens, unless faults
// are asked for.

import { ChatError } from '../../src/errors.ts';
import type { SinkOptions } from '../options.ts';
import { Chaos, parseChaosTriggers } from './chaos.ts';
import { FaultRules } from './fault-rules.ts';
import { parseFault } from './short-form.ts';

export interface OpenFaults {
  readonly faults: FaultRules;
  /** Null unless it was asked for. */
  readonly chaos: Chaos | null;
}

export type FaultOptions = Pick<SinkOptions, 'fault' | 'enableChaos' | 'chaosTriggers'>;

/** `changed` is called when there is a first rule, or none any more. Throws BAD_OPTION, with the rule. */
export function openFaults(options: FaultOptions, changed: (faults: FaultRules) => void = () => {}): OpenFaults {
  const faults: FaultRules = new FaultRules(() => changed(faults));
  for (const text of options.fault ?? []) {
    try {
      faults.add(parseFault(text));
    } catch (error) {
      throw new ChatError('BAD_OPTION', `fault ${JSON.stringify(text)}: ${(error as Error).message}`, {}, error);
    }
  }
  const { enableChaos, chaosTriggers } = options;
  const chaos = enableChaos || chaosTriggers !== undefined ? new Chaos(faults) : null;
  if (chaosTriggers !== undefined) chaos?.set(parseChaosTriggers(chaosTriggers));
  return { faults, chaos };
}
