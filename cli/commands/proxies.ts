// `lonedot proxies`: proxies that are made, broken and mended over HTTP, by the clients of Toxiproxy.
import { CONTROL_OPTIONS } from '../../proxy/control/options.ts';
import type { Command } from '../command.ts';
import { runPlans } from '../lifecycle.ts';
import { planControl } from '../proxies-plan.ts';

export const proxies: Command = {
  usage: 'proxies [options]',
  description:
    'Serves the HTTP API of Toxiproxy: its clients make proxies there, and add toxics (latency, bandwidth, slow_close, ' +
    'timeout, reset_peer, slicer, limit_data) that spoil their connections.',
  examples: [
    ['lonedot proxies', 'the API on http://127.0.0.1:8474/'],
    [
      'lonedot proxies --config toxiproxy.json --seed 7',
      'with proxies from the start, and the same chances in each run',
    ],
    [
      `curl -d '{"name":"redis","listen":"127.0.0.1:26379","upstream":"127.0.0.1:6379"}' localhost:8474/proxies`,
      'a proxy',
    ],
    [
      `curl -d '{"type":"latency","attributes":{"latency":500}}' localhost:8474/proxies/redis/toxics`,
      'its answers take half a second from now on',
    ],
  ],
  table: CONTROL_OPTIONS,
  run: (context) => runPlans(context, () => [planControl(context.sources)]),
};
