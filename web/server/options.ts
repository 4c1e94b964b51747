// The options of the web server, which runs beside a sink or a relay. The sink has it on, the relay off unless asked.
import type { OptionSources, OptionTable, OptionValues } from '../../src/options.ts';
import { resolveOptions } from '../../src/options.ts';

const LISTEN = {
  type: 'address',
  short: 'l',
  describe: 'Where to serve the web pages and the HTTP API',
  group: 'Listening',
} as const;

export const SINK_WEB_OPTIONS = {
  listen: { ...LISTEN, default: '127.0.0.1:8025', variables: ['MP_UI_BIND_ADDR'] },
} as const satisfies OptionTable;

export const RELAY_WEB_OPTIONS = {
  listen: { ...LISTEN, otherwise: 'off' },
  'ready-queue-age': {
    type: 'duration',
    zero: 'no limit',
    default: '0',
    describe: 'Age of the oldest waiting mail above which /readyz answers 503',
    group: 'Operation',
  },
} as const satisfies OptionTable;

export type WebOptions = OptionValues<typeof SINK_WEB_OPTIONS> & { readonly readyQueueAge?: number };

export function resolveSinkWeb(sources: OptionSources): WebOptions {
  return resolveOptions(SINK_WEB_OPTIONS, sources);
}

/** Undefined when no web server is wanted. */
export function resolveRelayWeb(sources: OptionSources): WebOptions | undefined {
  const { listen, ...others } = resolveOptions(RELAY_WEB_OPTIONS, sources);
  return listen === undefined ? undefined : { listen, ...others };
}
