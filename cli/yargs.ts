// The only file that knows yargs: it reads the command lines that arguments.ts leaves alone, and writes --help.
// Loading it takes as long as starting Node, so nobody imports it before it is needed.
import yargs from 'yargs';
import { ChatError } from '../src/errors.ts';
import { nearest } from '../src/nearest.ts';
import { OPTION_TYPES } from '../src/option-types.ts';
import type { OptionDefinition, OptionTable } from '../src/options.ts';
import { configKey, variableName } from '../src/options.ts';
import type { Arguments } from './arguments.ts';
import { spellingsOf } from './arguments.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './command.ts';

const HELP = { type: 'boolean', short: 'h', describe: 'Show this help', group: 'Everywhere' } as const;
const VERSION = { type: 'boolean', describe: 'Show the version', group: 'Everywhere' } as const;

const PARSING = {
  'boolean-negation': true,
  'camel-case-expansion': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'strip-aliased': true,
} as const;

/** The arguments; undefined when help is wanted. Unknown options are refused with the nearest known one. */
export async function readArguments(table: OptionTable, args: readonly string[]): Promise<Arguments | undefined> {
  const flags: OptionTable = { ...flagsOf(table), help: HELP };
  const parser = newParser();
  for (const [name, definition] of Object.entries(flags)) {
    const type = definition.type === 'boolean' ? 'boolean' : 'string';
    parser.option(name, { type, alias: spellings(definition) });
  }
  const {
    _: positionals,
    $0: _script,
    help,
    ...given
  } = await parser.parse(args.map((arg) => plainSwitch(arg, flags)));
  if (help === true) return undefined;
  const result = new Map<string, string[]>();
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(flags, name)) throw unknownOption(name, flags);
    if (value === undefined) continue;
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    if (texts.includes('')) throw new ChatError('BAD_OPTION', `--${name} needs a value`);
    result.set(name, flags[name]!.list ? texts : texts.slice(-1));
  }
  return { flags: result, positionals: positionals.map(String) };
}

/** For yargs `--quiet=yes` and `--quiet=what` are both false, without a word: one is made plain, one is refused. */
function plainSwitch(arg: string, flags: OptionTable): string {
  const [spelling = '', ...value] = arg.split('=');
  const name = spellingsOf(flags).get(spelling);
  if (name === undefined || flags[name]!.type !== 'boolean' || value.length === 0) return arg;
  const answer = OPTION_TYPES.boolean.read(value.join('='), {});
  if (answer === undefined)
    throw new ChatError('BAD_OPTION', `--${name}: expected ${OPTION_TYPES.boolean.expects({})}`);
  return `${spelling}=${answer}`;
}

/** The text of `lonedot COMMAND --help`. */
export function commandHelp(command: Command, common: OptionTable): Promise<string> {
  const parser = newParser().usage(`lonedot ${command.usage}\n\n${command.description}`);
  for (const [name, definition] of Object.entries(command.table)) {
    if (definition.positional) parser.positional(name.toUpperCase(), { describe: definition.describe });
  }
  const own = flagsOf(command.table);
  describeOptions(parser, { ...own, ...common, help: HELP });
  const [sample] = Object.keys(own);
  const others = sample === undefined ? '' : otherSources(sample, own[sample]!);
  parser.epilogue(`${examples(command.examples)}${command.note === undefined ? others : `\n${command.note}`}`);
  return parser.getHelp();
}

/** The text of `lonedot --help`. */
export function programHelp(common: OptionTable): Promise<string> {
  const parser = newParser().usage(
    'lonedot [command] [options]\n\nA mail sink, a durable SMTP relay and a line-aware TCP proxy.',
  );
  for (const [name, { summary }] of Object.entries(COMMANDS)) parser.command(name, summary);
  describeOptions(parser, { ...common, version: VERSION, help: HELP });
  parser.epilogue(
    `${examples([
      ['lonedot', 'catch mail on port 1025, read it on http://127.0.0.1:8025/'],
      ['lonedot relay --upstream smtp://smtp.example.com:587', 'accept, store and forward'],
      ['lonedot proxy 1143 imap.example.com:143', 'stand between a client and its server'],
      ['lonedot serve -c lonedot.json', 'all of it from one config file'],
    ])}\nlonedot COMMAND --help tells the options of a command; lonedot sink --help those without a command.`,
  );
  return parser.getHelp();
}

/** By hand, because yargs breaks long command lines, which then cannot be copied. */
function examples(list: Command['examples']): string {
  return `Examples:\n${list.map(([commandLine, what]) => `  ${commandLine}\n      ${what}\n`).join('')}`;
}

function otherSources(name: string, definition: OptionDefinition): string {
  return (
    `\nEach option is also a variable and a key of its section in the config file: --${name} is ${variableName(name)} ` +
    `and "${configKey(name, definition)}". The flag wins over the variable, the variable over the file.`
  );
}

type Parser = ReturnType<typeof yargs>;

/** A yargs that only reads and describes: it prints nothing, exits never, and does not look at the locale. */
function newParser(): Parser {
  return yargs([])
    .scriptName('lonedot')
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .showHelpOnFail(false)
    .wrap(Math.min(process.stdout.columns ?? 100, 110))
    .parserConfiguration(PARSING)
    .fail((message, error) => {
      throw error ?? new ChatError('BAD_OPTION', message);
    });
}

/** Without types, which yargs would print behind every line: the descriptions say what is wanted. */
function describeOptions(parser: Parser, table: OptionTable): void {
  for (const [name, definition] of Object.entries(table)) {
    const { describe, group, zero, required, type, choices } = definition;
    const notes = [...(zero === undefined ? [] : [`0: ${zero}`]), ...(choices ? [choices.join(', ')] : [])];
    parser.option(name, {
      alias: spellings(definition),
      describe: notes.length > 0 ? `${describe} (${notes.join('; ')})` : describe,
      ...(group === undefined ? {} : { group: `${group}:` }),
      ...(type === 'boolean' ? {} : { defaultDescription: defaultText(definition) }),
      ...(required ? { demandOption: true } : {}),
    });
  }
}

function defaultText({ default: value, otherwise }: OptionDefinition): string | undefined {
  if (otherwise !== undefined) return otherwise;
  return value === undefined ? undefined : String(value);
}

function spellings({ short, aliases = [] }: OptionDefinition): string[] {
  return [...(short === undefined ? [] : [short]), ...aliases];
}

function flagsOf(table: OptionTable): OptionTable {
  return Object.fromEntries(Object.entries(table).filter(([, { positional }]) => !positional));
}

function unknownOption(name: string, table: OptionTable): ChatError {
  const known = Object.entries(table).flatMap(([option, { aliases = [] }]) => [option, ...aliases]);
  const meant = name.length > 1 ? nearest(name, known) : undefined;
  const hint = meant === undefined ? 'see --help for those there are' : `did you mean --${meant}?`;
  return new ChatError('BAD_OPTION', `unknown option ${name.length > 1 ? '--' : '-'}${name}; ${hint}`);
}
