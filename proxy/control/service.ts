// The control server as a whole: what the command line starts and stops.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { formatAddress } from '../../src/address.ts';
import { type Clock, realClock } from '../../src/clock.ts';
import { ChatError } from '../../src/errors.ts';
import type { Log } from '../../src/log.ts';
import { Random } from '../toxics/random.ts';
import { type ApiContext, answerApi } from './api.ts';
import { ApiError } from './api-error.ts';
import { parseGoJson } from './go-json.ts';
import { guardFor } from './guard.ts';
import { ControlServer } from './http-server.ts';
import { Metrics } from './metrics.ts';
import type { ControlOptions } from './options.ts';
import { Proxies } from './proxies.ts';
import { readProxies } from './proxy-json.ts';

export interface ControlService {
  /** The address of the API that is really bound. */
  readonly listen: string;
  /** The proxies of the config file. */
  readonly proxies: readonly { readonly name: string; readonly listen: string; readonly upstream: string }[];
  stop(drainMs: number): Promise<void>;
}

/** Rejects with ChatError BAD_OPTION for a bad config file, LISTEN_FAILED where nothing can listen. */
export async function startControl(
  options: ControlOptions,
  log: Log,
  clock: Clock = realClock,
): Promise<ControlService> {
  const { strict, maxHeld, connectTimeout } = options;
  const seed = options.seed ?? randomInt(2 ** 32);
  log.info('control.seed', { seed });
  const metrics = await Metrics.make({ proxy: options.proxyMetrics, runtime: options.runtimeMetrics });
  const proxies = new Proxies({
    clock,
    log,
    random: new Random(seed),
    strict,
    maxHeld,
    connectTimeout,
    maxConnections: options.maxConnections || Number.POSITIVE_INFINITY,
    ...(metrics ? { onTraffic: (...traffic) => metrics.count(...traffic) } : {}),
  });
  const context: ApiContext = { proxies, strict, metrics, guard: guardFor(options.listen) };
  const server = new ControlServer(options.listen, (request) => answerApi(request, context), clock);
  const listen = formatAddress(await server.listen());
  try {
    if (options.config !== undefined) await populateFrom(options.config, proxies, strict);
  } catch (error) {
    await Promise.all([server.stop(), proxies.drain(0)]);
    throw error;
  }
  return {
    listen,
    proxies: proxies.all.map(({ name, listen: bound, upstream }) => ({ name, listen: bound, upstream })),
    stop: async (drainMs) => {
      await Promise.all([server.stop(), proxies.drain(drainMs)]);
    },
  };
}

/** Toxiproxy writes a line into its log and goes on without proxies; here it is an error. */
async function populateFrom(file: string, proxies: Proxies, strict: boolean): Promise<void> {
  try {
    await proxies.populate(readProxies(parseGoJson(readFileSync(file)), strict), []);
  } catch (error) {
    const why = (error as Error).message.replace(/^bad request body/, 'not a list of proxies');
    const isListening = error instanceof ApiError && error.status === 500;
    throw new ChatError(isListening ? 'LISTEN_FAILED' : 'BAD_OPTION', `${file}: ${why}`, { file }, error);
  }
}
