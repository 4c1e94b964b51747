// The plan for the control server with Toxiproxy's HTTP API.
import { resolveControl } from '../proxy/control/options.ts';
import { formatAddress } from '../src/address.ts';
import type { OptionSources } from '../src/options.ts';
import { changedOptions, type Fact, type Plan } from './plan.ts';

const SECTION = 'control';

export function planControl(sources: OptionSources): Plan {
  const options = resolveControl(sources);
  return {
    section: SECTION,
    options,
    listens: [options.listen],
    facts: [apiFact(formatAddress(options.listen))],
    start: async (services, log) => {
      const control = await services.startControl(options, log);
      return {
        facts: [apiFact(control.listen), ...control.proxies.map(proxyFact)],
        smtp: undefined,
        drainMs: options.drainTimeout,
        reload: (plans) => Promise.resolve(changedOptions(SECTION, options, plans)),
        stop: () => control.stop(options.drainTimeout),
      };
    },
  };
}

function apiFact(address: string): Fact {
  const url = address.startsWith('unix:') ? address : `http://${address}/`;
  return { section: SECTION, label: 'api', text: url, event: 'listening', fields: { service: 'control', url } };
}

function proxyFact({ name, listen, upstream }: { name: string; listen: string; upstream: string }): Fact {
  const fields = { service: 'proxy', name, address: listen, upstream };
  return { section: SECTION, label: name, text: `${listen} -> ${upstream}`, event: 'proxying', fields };
}
