// The plan for one proxied address.
import type { View } from '../proxy/dialogue/dialogue.ts';
import { resolveProxy } from '../proxy/options.ts';
import { formatAddress } from '../src/address.ts';
import type { OptionSources } from '../src/options.ts';
import { changedOptions, type Fact, type Plan } from './plan.ts';

/** `view` shows the dialogue; without it nobody sees it. */
export function planProxy(
  sources: OptionSources,
  section = 'proxy',
  view?: (keepSecrets: boolean) => Promise<View>,
): Plan {
  const options = resolveProxy(sources);
  return {
    section,
    options,
    listens: [options.listen],
    facts: [fact(section, formatAddress(options.listen), formatAddress(options.upstream))],
    start: async (services, log) => {
      const views = view ? [await view(options.keepSecrets)] : [];
      const proxy = await services.startProxy(options, log, { views });
      return {
        facts: [fact(section, proxy.listen, proxy.upstream)],
        smtp: undefined,
        drainMs: options.drainTimeout,
        reload: (plans) => Promise.resolve(changedOptions(section, options, plans)),
        stop: async () => {
          await proxy.stop(options.drainTimeout);
          // Who watches has seen it.
          if (!view && proxy.lint && proxy.lint.total > 0)
            log.warn('lint.findings', { section, ...proxy.lint.findings });
        },
        exitCode: () => (proxy.lint && proxy.lint.total > 0 ? 1 : 0),
      };
    },
  };
}

function fact(section: string, address: string, upstream: string): Fact {
  const fields = { service: 'proxy', address, upstream };
  return { section, label: 'proxy', text: `${address} -> ${upstream}`, event: 'listening', fields };
}
