// The plans for everything that a config file names: what `serve` starts and `check` prints.
import { formatAddress } from '../src/address.ts';
import type { ConfigValues } from '../src/config-file.ts';
import { ChatError } from '../src/errors.ts';
import type { OptionSources } from '../src/options.ts';
import { VARIABLE_PREFIX } from '../src/options.ts';
import type { Config } from './config.ts';
import { planRelay, planSink } from './mail-plan.ts';
import type { Plan } from './plan.ts';
import { planControl } from './proxies-plan.ts';
import { planProxy } from './proxy-plan.ts';

/** Several services share one environment, so a variable names its section: LONEDOT_RELAY_UPSTREAM. */
export function planConfig(config: Config, variables: NodeJS.ProcessEnv): Plan[] {
  const sources = (file: ConfigValues, prefix: string): OptionSources => ({ variables, prefix, file });
  const plans = [
    ...config.section('sink').map((file) => planSink(sources(file, `${VARIABLE_PREFIX}SINK_`))),
    ...config.section('relay').map((file) => planRelay(sources(file, `${VARIABLE_PREFIX}RELAY_`))),
    // There may be many proxies: no variable could say which one it means.
    ...config.section('proxies').map((file, index) => planProxy({ file }, `proxies[${index}]`)),
    ...config.section('control').map((file) => planControl(sources(file, `${VARIABLE_PREFIX}CONTROL_`))),
  ];
  if (plans.length === 0) {
    throw new ChatError(
      'BAD_OPTION',
      `${config.file}: nothing to start: it has neither "sink", "relay", "proxies" nor "control"`,
    );
  }
  refuseSharedAddresses(plans, config.file);
  return plans;
}

/** Two services on one address: told now, by name, instead of "in use" when half of them run. */
function refuseSharedAddresses(plans: readonly Plan[], file: string): void {
  const owners = new Map<string, string>();
  for (const { section, listens } of plans) {
    for (const address of listens) {
      if (address.kind === 'tcp' && address.port === 0) continue;
      const text = formatAddress(address);
      const owner = owners.get(text);
      if (owner !== undefined) {
        throw new ChatError('BAD_OPTION', `${file}: ${owner} and ${section} both listen on ${text}`);
      }
      owners.set(text, section);
    }
  }
}
