// Splits a command line into flags and arguments by the option tables. Reads only what is beyond doubt: whole names of
// known options, each with its value. Everything else (mistakes, --help, -qs1025, --no-x, --) is left to yargs, which
// takes about as long to load as all of Node; a test holds both to the same answers.
import type { OptionTable } from '../src/options.ts';

/** What stood on the command line: the texts of each option by its name, and the arguments without a flag. */
export interface Arguments {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

export interface CommandLine {
  /** Undefined when the first word is no command's place: options of the default command, or nothing. */
  readonly command: string | undefined;
  readonly args: readonly string[];
}

/** Finds the command: the first word, after options that every command has. */
export function splitCommand(argv: readonly string[], common: OptionTable): CommandLine {
  const spellings = spellingsOf(common);
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (!arg.startsWith('-')) return { command: arg, args: argv.toSpliced(i, 1) };
    const name = spellings.get(arg.split('=', 1)[0]!);
    if (name === undefined) break;
    if (common[name]!.type !== 'boolean' && !arg.includes('=')) i++;
  }
  return { command: undefined, args: argv };
}

/** The arguments, or undefined when something needs a closer look. */
export function readPlainArguments(table: OptionTable, args: readonly string[]): Arguments | undefined {
  const spellings = spellingsOf(table);
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith('-')) {
      positionals.push(arg);
      continue;
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1;
    const name = spellings.get(equals < 0 ? arg : arg.slice(0, equals));
    if (name === undefined) return undefined;
    const isSwitch = table[name]!.type === 'boolean';
    let value: string | undefined;
    if (equals >= 0) value = arg.slice(equals + 1);
    else if (!isSwitch) value = args[++i];
    // yargs takes the word after a switch for its value when it is one of these.
    else value = /^(true|false)$/.test(args[i + 1] ?? '') ? undefined : 'true';
    if (isSwitch && value !== 'true' && value !== 'false') return undefined;
    // An empty value, or one that looks like an option, is rather a forgotten one. Quotes are cut by yargs.
    if (value === undefined || value === '' || /^[-"']/.test(value)) return undefined;
    // Where one value is wanted, the last one wins.
    flags.set(name, table[name]!.list ? [...(flags.get(name) ?? []), value] : [value]);
  }
  return { flags, positionals };
}

/** Every way to write each flag: `--name`, `--alias`, `-x`. */
export function spellingsOf(table: OptionTable): Map<string, string> {
  const spellings = new Map<string, string>();
  for (const [name, { positional, short, aliases = [] }] of Object.entries(table)) {
    if (positional) continue;
    for (const long of [name, ...aliases]) spellings.set(`--${long}`, name);
    if (short !== undefined) spellings.set(`-${short}`, name);
  }
  return spellings;
}
