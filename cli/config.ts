// The shape of a config file: which section holds which table. Loaded only when there is a file to read.
import { CONTROL_OPTIONS } from '../proxy/control/options.ts';
import { PROXY_OPTIONS } from '../proxy/options.ts';
import { RELAY_OPTIONS, SINK_OPTIONS } from '../relay/options.ts';
import type { ConfigFile, ConfigShape } from '../src/config-file.ts';
import { RELAY_WEB_OPTIONS, SINK_WEB_OPTIONS } from '../web/server/options.ts';
import { LOG_OPTIONS } from './options.ts';

export const CONFIG_SHAPE = {
  sink: { table: { ...SINK_OPTIONS, ...SINK_WEB_OPTIONS }, describe: 'A sink: accepts all mail, delivers none' },
  relay: { table: { ...RELAY_OPTIONS, ...RELAY_WEB_OPTIONS }, describe: 'A relay: accepts, stores and forwards mail' },
  proxies: { table: PROXY_OPTIONS, list: true, describe: 'Line-aware TCP proxies' },
  control: { table: CONTROL_OPTIONS, describe: 'A server with the HTTP API of Toxiproxy' },
  log: { table: LOG_OPTIONS, describe: 'What is logged, and how' },
} as const satisfies ConfigShape;

export type SectionName = keyof typeof CONFIG_SHAPE;
export type Config = ConfigFile<SectionName>;
