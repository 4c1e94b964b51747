// From the words on the command line to a running command: which command, which arguments, which config file, how to
// talk. Nothing here knows a particular command, and nothing exits: the result is the exit code.
import { ChatError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import { createLog } from '../src/log.ts';
import type { OptionSources, OptionTable } from '../src/options.ts';
import { resolveOptions } from '../src/options.ts';
import type { Arguments } from './arguments.ts';
import { readPlainArguments, splitCommand } from './arguments.ts';
import type { Command } from './command.ts';
import { COMMANDS, DEFAULT_COMMAND } from './command.ts';
import type { Config } from './config.ts';
import { describeFailure, exitCodeOf } from './failure.ts';
import { exitOnBugs } from './lifecycle.ts';
import type { Manner } from './options.ts';
import { COMMON_OPTIONS, CONFIG_OPTIONS, commonFor, LOG_OPTIONS, resolveManner } from './options.ts';
import { print } from './output.ts';
import type { Services } from './services.ts';
import { services as realServices } from './services.ts';

/** Runs the program; resolves with its exit code. */
export async function main(
  argv: readonly string[],
  services: Services = realServices,
  variables: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  // Until the options are known, a failure is told plainly.
  let manner: Manner = { level: 'info', format: 'text' };
  let log: Log | undefined;
  let command: Command | undefined;
  exitOnBugs(() => manner);
  try {
    const found = await findCommand(argv);
    command = found.command;
    if (command === undefined) return await printHelp((yargs) => yargs.programHelp(COMMON_OPTIONS));
    const running = command;
    const common = commonFor(command.table);
    const table = { ...command.table, ...common };
    const given = await readGiven(command, table, found.args);
    if (given === undefined) return await printHelp((yargs) => yargs.commandHelp(running, common));
    const sources: OptionSources = { flags: withPositionals(given, command.table), variables };
    manner = mannerSoFar(sources) ?? manner;
    const config = await loadConfig(sources, command);
    manner = resolveManner({ ...sources, file: config?.section('log')[0] });
    log = createLog(manner);
    const reread = () => loadConfig(sources, running);
    return await command.run({ sources, config, reread, services, log, manner });
  } catch (error) {
    await log?.flush();
    await print(describeFailure(error, manner), process.stderr);
    return command?.exitCodeOf?.(error) ?? exitCodeOf(error);
  }
}

/** Undefined when help is wanted. */
async function readGiven(
  command: Command,
  table: OptionTable,
  args: readonly string[],
): Promise<Arguments | undefined> {
  if (command.readArguments) return command.readArguments(table, args);
  return readPlainArguments(table, args) ?? (await import('./yargs.ts')).readArguments(table, args);
}

/** No command at all means help about the program when that is what is asked, and the default command otherwise. */
async function findCommand(
  argv: readonly string[],
): Promise<{ command: Command | undefined; args: readonly string[] }> {
  const { command: word, args } = splitCommand(argv, COMMON_OPTIONS);
  if (word === 'help') return args[0] === undefined ? { command: undefined, args } : findCommand([...args, '--help']);
  if (word === undefined && args.some((arg) => arg === '--help' || arg === '-h')) return { command: undefined, args };
  const name = word ?? DEFAULT_COMMAND;
  if (Object.hasOwn(COMMANDS, name)) return { command: await COMMANDS[name]!.load(), args };
  const { nearest } = await import('../src/nearest.ts');
  const known = Object.keys(COMMANDS);
  const meant = nearest(name, known);
  const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean "${meant}"?`;
  throw new ChatError('BAD_OPTION', `unknown command ${JSON.stringify(name)}; ${hint}`);
}

/** Arguments without a flag become values of the table's positional options, in their order; a last list takes the rest. */
function withPositionals({ flags, positionals }: Arguments, table: OptionTable): Map<string, readonly string[]> {
  const result = new Map(flags);
  const names = Object.keys(table).filter((name) => table[name]!.positional);
  for (const [index, text] of positionals.entries()) {
    const last = names.at(-1);
    const name = names[index] ?? (last !== undefined && table[last]!.list ? last : undefined);
    if (name === undefined) {
      const hint = Object.hasOwn(COMMANDS, text) ? '; the command comes first' : '';
      throw new ChatError('BAD_OPTION', `unexpected argument ${JSON.stringify(text)}${hint}`);
    }
    result.set(name, [...(result.get(name) ?? []), text]);
  }
  return result;
}

/** How to talk about a bad config file: by flags and variables alone, as far as they make sense. */
function mannerSoFar(sources: OptionSources): Manner | undefined {
  try {
    return resolveManner(sources);
  } catch {
    // Told in a moment, when the file's part is known as well.
    return undefined;
  }
}

async function loadConfig(sources: OptionSources, command: Command): Promise<Config | undefined> {
  if (commonFor(command.table) === LOG_OPTIONS) return undefined;
  const { config: file } = resolveOptions(CONFIG_OPTIONS, sources);
  if (file === undefined) {
    if (command.needsConfig) throw new ChatError('BAD_OPTION', '--config FILE is required (or LONEDOT_CONFIG)');
    return undefined;
  }
  const [{ readConfig }, { CONFIG_SHAPE }] = await Promise.all([
    import('../src/config-file.ts'),
    import('./config.ts'),
  ]);
  return readConfig(file, CONFIG_SHAPE);
}

async function printHelp(write: (yargs: typeof import('./yargs.ts')) => Promise<string>): Promise<number> {
  await print(`${await write(await import('./yargs.ts'))}\n`);
  return 0;
}
