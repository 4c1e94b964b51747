// Faults as tests set them, whatever the back end: by the rules of relay/faults/.

import type { FaultRuleView } from '../../relay/faults/fault-rules.ts';
import { parseFault } from '../../relay/faults/short-form.ts';
import { ChatError } from '../../src/errors.ts';
import type { SinkBackend } from './backend.ts';
import type { Fault, Faults, NewFault } from './sink.ts';

export class FaultDesk implements Faults {
  readonly #backend: SinkBackend;
  readonly #namespace: string | undefined;

  constructor(backend: SinkBackend, namespace: string | undefined) {
    this.#backend = backend;
    this.#namespace = namespace;
  }

  async add(fault: NewFault): Promise<Fault> {
    const rule = typeof fault === 'string' ? parseFault(fault) : { ...fault };
    const { id } = await this.#backend.addFault(rule, this.#namespace);
    const view = () => this.#view(id);
    return { id, view, hits: async () => (await view()).hits, remove: () => this.#backend.removeFault(id) };
  }

  list(): Promise<readonly FaultRuleView[]> {
    return this.#backend.faults(this.#namespace);
  }

  clear(): Promise<void> {
    return this.#backend.clearFaults(this.#namespace);
  }

  async #view(id: string): Promise<FaultRuleView> {
    const found = (await this.list()).find((one) => one.id === id);
    if (found === undefined) throw new ChatError('CLOSED', `the fault ${id} is gone`);
    return found;
  }
}
