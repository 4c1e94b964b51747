// `lonedot check -c FILE`: what `serve` would do with a config file, without doing it.
import { printFacts } from '../announce.ts';
import type { Command } from '../command.ts';
import { planConfig } from '../config-plan.ts';
import { print } from '../output.ts';

export const check: Command = {
  usage: 'check --config FILE [options]',
  description:
    'Validates a config file and prints what lonedot serve would do with it. The exit code is 2 if it is bad.',
  examples: [['lonedot check -c lonedot.json', 'listeners, databases, and upstreams without their passwords']],
  table: {},
  needsConfig: true,
  run: async ({ sources, config, manner }) => {
    const plans = planConfig(config!, sources.variables ?? {});
    for (const plan of plans) await plan.check?.();
    if (manner.level === 'error') return 0;
    if (manner.format === 'text') await print(`${config!.file} is valid. lonedot serve would run:\n`);
    await printFacts(
      plans.flatMap((plan) => plan.facts),
      manner,
    );
    return 0;
  },
};
