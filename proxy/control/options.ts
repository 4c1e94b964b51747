// The options of the control server.
import type { OptionSources, OptionTable, OptionValues } from '../../src/options.ts';
import { resolveOptions } from '../../src/options.ts';

export const CONTROL_OPTIONS = {
  listen: {
    type: 'address',
    short: 'l',
    default: 8474,
    describe: 'Where the HTTP API listens',
  },
  config: {
    type: 'path',
    short: 'c',
    otherwise: 'no proxies',
    describe: "Proxies to begin with: a JSON file in Toxiproxy's format, with or without toxics",
  },
  seed: {
    type: 'integer',
    otherwise: 'another one each time',
    describe: 'Makes toxicity, jitter and slices the same in each run',
  },
  strict: {
    type: 'boolean',
    default: false,
    describe: 'Behave like Toxiproxy 2.12 also where that is a defect',
  },
  'proxy-metrics': {
    type: 'boolean',
    default: false,
    describe: 'Serve /metrics with the bytes of each proxy',
  },
  'runtime-metrics': {
    type: 'boolean',
    default: false,
    describe: 'Serve /metrics with what the process does',
  },
  'connect-timeout': {
    type: 'duration',
    min: '1ms',
    default: '10s',
    describe: 'How long connecting to an upstream may take',
    group: 'Timeouts',
  },
  'drain-timeout': {
    type: 'duration',
    default: '10s',
    describe: 'How long open connections may go on after a stop signal',
    group: 'Timeouts',
  },
  'max-connections': {
    type: 'integer',
    zero: 'no limit',
    default: 10_000,
    describe: 'Most connections of a proxy at a time',
    group: 'Limits',
  },
  'max-held': {
    type: 'size',
    min: '64k',
    default: '16MB',
    describe: 'Most bytes that a latency holds on each way of a connection before the sender has to wait',
    group: 'Limits',
  },
} as const satisfies OptionTable;

export type ControlOptions = OptionValues<typeof CONTROL_OPTIONS>;

export function resolveControl(sources: OptionSources): ControlOptions {
  return resolveOptions(CONTROL_OPTIONS, sources);
}
