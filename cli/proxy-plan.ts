// The plan for one proxied address.
import { resolveProxy } from '../proxy/options.ts';
import { formatAddress } from '../src/address.ts';
import type { OptionSources } from '../src/options.ts';
import type { Fact, Plan } from './plan.ts';

export function planProxy(sources: OptionSources, section = 'proxy'): Plan {
  const options = resolveProxy(sources);
  return {
    section,
    listens: [options.listen],
    facts: [fact(section, formatAddress(options.listen), formatAddress(options.upstream))],
    start: async (services, log) => {
      const proxy = await services.startProxy(options, log);
      return {
        facts: [fact(section, proxy.listen, proxy.upstream)],
        smtp: undefined,
        drainMs: options.drainTimeout,
        stop: () => proxy.stop(options.drainTimeout),
      };
    },
  };
}

function fact(section: string, address: string, upstream: string): Fact {
  const fields = { service: 'proxy', address, upstream };
  return { section, label: 'proxy', text: `${address} -> ${upstream}`, event: 'listening', fields };
}
