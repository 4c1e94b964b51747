// The command line of sendmail, which programs have written for forty years: single letters, several behind one dash,
// their values right behind them or in the next word (-t, -ti, -fme@x.example, -f me@x.example, -oi). Long options are
// ours. What other sendmails know and what means nothing here is taken and ignored.
import { ChatError } from '../src/errors.ts';
import type { OptionTable } from '../src/options.ts';
import { type Arguments, spellingsOf } from './arguments.ts';

/** Letters with a value that mean nothing here: sendmail's own set-up, its queue, its debugging, DSN. */
const IGNORED_WITH_VALUE = 'ACBLNORVXdhp';
/** Letters without one. */
const IGNORED = 'GUmnx';
/** `-r` is an old name of `-f`. */
const RENAMED: ReadonlyMap<string, string> = new Map([['r', 'f']]);

/** The arguments; undefined when help is wanted. Throws BAD_OPTION. */
export function readSendmailArguments(table: OptionTable, args: readonly string[]): Arguments | undefined {
  const spellings = spellingsOf(table);
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  const set = (name: string, value: string): void => {
    flags.set(name, table[name]!.list ? [...(flags.get(name) ?? []), value] : [value]);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const take = (inWord: string, spelling: string): string => {
      if (inWord !== '') return inWord;
      const next = args[++i];
      if (next === undefined) throw new ChatError('BAD_OPTION', `${spelling} needs a value`);
      return next;
    };
    if (arg === '--help' || arg === '-h') return undefined;
    if (arg === '--') {
      positionals.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') positionals.push(arg);
    else if (arg.startsWith('--')) {
      const [spelling = '', ...value] = arg.split('=');
      const name = spellings.get(spelling);
      if (name === undefined) throw new ChatError('BAD_OPTION', `unknown option ${spelling}; see --help`);
      if (table[name]!.type === 'boolean') set(name, value.length === 0 ? 'true' : value.join('='));
      else set(name, value.length > 0 ? value.join('=') : take('', spelling));
    } else {
      for (let at = 1; at < arg.length; at++) {
        const letter = RENAMED.get(arg[at]!) ?? arg[at]!;
        const rest = arg.slice(at + 1);
        const name = spellings.get(`-${letter}`);
        if (name !== undefined && table[name]!.type === 'boolean') set(name, 'true');
        else if (name !== undefined) {
          set(name, take(rest, `-${letter}`));
          break;
        } else if (IGNORED_WITH_VALUE.includes(letter)) {
          take(rest, `-${letter}`);
          break;
        } else if (letter === 'e') break;
        else if (!IGNORED.includes(letter)) throw new ChatError('BAD_OPTION', `unknown option -${letter}; see --help`);
      }
    }
  }
  return { flags, positionals };
}
