#!/usr/bin/env node
// Our proxy while everything is framed into the ring of the latest events and nobody reads them, as when a web page could
// be opened at any time: `framed-proxy.mjs PORT UPSTREAM_PORT PROFILE`.
import { Journal } from '../dist/proxy/dialogue/journal.js';
import { resolveProxy } from '../dist/proxy/options.js';
import { startProxy } from '../dist/proxy/service.js';

const [port, upstream, protocol] = process.argv.slice(2);
const flags = { listen: `127.0.0.1:${port}`, upstream: `127.0.0.1:${upstream}`, protocol };
const options = resolveProxy({ flags: new Map(Object.entries(flags).map(([name, text]) => [name, [text]])) });
const quiet = () => {};
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet, child: () => log, flush: async () => {} };
await startProxy(options, log, { journal: new Journal() });
