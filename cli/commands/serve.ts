// `lonedot serve -c FILE`: every service that a config file names, in one process.
import type { Command } from '../command.ts';
import { planConfig } from '../config-plan.ts';
import { runPlans } from '../lifecycle.ts';

export const serve: Command = {
  usage: 'serve --config FILE [options]',
  description:
    'Runs the sink, the relay and the proxies that a config file names. ' +
    'Variables carry the section: LONEDOT_RELAY_UPSTREAM, LONEDOT_SINK_SMTP.',
  examples: [
    ['lonedot serve -c lonedot.json', 'run it'],
    ['lonedot check -c lonedot.json', 'only look whether it would run'],
  ],
  table: {},
  needsConfig: true,
  run: (context) => runPlans(context, (config) => planConfig(config!, context.sources.variables ?? {})),
};
