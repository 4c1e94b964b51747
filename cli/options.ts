// The options that every command has: which config file, and how much to say.
import { ChatError } from '../src/errors.ts';
import type { LogFormat, LogLevel } from '../src/log.ts';
import type { OptionSources, OptionTable } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';

const GROUP = 'Everywhere';

export const CONFIG_OPTIONS = {
  config: {
    type: 'path',
    short: 'c',
    otherwise: 'none',
    describe: 'Config file in JSON',
    group: GROUP,
  },
} as const satisfies OptionTable;

export const LOG_OPTIONS = {
  verbose: {
    type: 'boolean',
    short: 'v',
    default: false,
    variables: ['MP_VERBOSE'],
    describe: 'Tell more, with stack traces of failures',
    group: GROUP,
  },
  quiet: {
    type: 'boolean',
    short: 'q',
    default: false,
    variables: ['MP_QUIET'],
    describe: 'Print nothing but errors',
    group: GROUP,
  },
  'log-format': {
    key: 'format',
    type: 'choice',
    choices: ['text', 'json'],
    default: 'text',
    describe: 'How the log on stderr and the start-up lines are written',
    group: GROUP,
  },
} as const satisfies OptionTable;

export const COMMON_OPTIONS = { ...CONFIG_OPTIONS, ...LOG_OPTIONS } as const satisfies OptionTable;

/** Those of a command: one that has a --config of its own reads a file of another kind, and no config file. */
export function commonFor(table: OptionTable): OptionTable {
  return Object.hasOwn(table, 'config') ? LOG_OPTIONS : COMMON_OPTIONS;
}

/** How the program talks, decided from the log options. */
export interface Manner {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export function resolveManner(sources: OptionSources): Manner {
  const { verbose, quiet, format } = resolveOptions(LOG_OPTIONS, sources);
  if (verbose && quiet) throw new ChatError('BAD_OPTION', '--verbose and --quiet exclude each other');
  return { level: verbose ? 'debug' : quiet ? 'error' : 'info', format };
}
