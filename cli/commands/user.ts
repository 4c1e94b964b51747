// `lonedot user`: looks after the file of those who may log in. A running server reads it again when it has changed.
// Passwords come from the terminal or from stdin, never from the command line, which everybody on the machine can read.
import { makeCredentials } from '../../relay/auth/credentials.ts';
import { checkUserName, editUsers, nameOfLine, readUserLines, readUsers } from '../../relay/auth/users-file.ts';
import { ChatError } from '../../src/errors.ts';
import { type OptionTable, type OptionValues, resolveOptions } from '../../src/options.ts';
import type { Command, Context } from '../command.ts';
import { print } from '../output.ts';
import { askNewPassword, readPassword } from '../password.ts';

const ACTIONS = ['list', 'add', 'passwd', 'remove', 'hash'] as const;

const FILE_OPTIONS = {
  users: { type: 'path', describe: 'File of the users, as lonedot relay --users has it', group: 'Users' },
} as const satisfies OptionTable;

const ARGUMENTS = {
  action: {
    type: 'choice',
    positional: true,
    choices: ACTIONS,
    default: 'list',
    describe: `One of ${ACTIONS.join(', ')}`,
  },
  name: { type: 'string', positional: true, describe: 'Name of the user, often a mail address' },
  'password-stdin': {
    type: 'boolean',
    default: false,
    describe: 'Read the password from stdin instead of asking for it',
    group: 'Users',
  },
  scram: {
    type: 'boolean',
    default: true,
    describe: 'Keep what AUTH SCRAM-SHA-256 needs too; --no-scram keeps only the scrypt hash',
    group: 'Users',
  },
  'cram-md5': {
    type: 'boolean',
    default: false,
    describe: 'Keep what AUTH CRAM-MD5 needs too: weak, and as good as the password for that',
    group: 'Users',
  },
  json: { type: 'boolean', default: false, describe: 'Print the list as JSON, a line for each user', group: 'Users' },
} as const satisfies OptionTable;

type Given = OptionValues<typeof ARGUMENTS>;

export const user: Command = {
  usage: 'user [ACTION] [NAME] [options]',
  description: `Looks after the file of those who may log in. A running server reads it again within a second.

  list           the users and what is kept of their passwords; without an action, too
  add NAME       a new user; makes the file if need be
  passwd NAME    another password for a user
  remove NAME    a user less
  hash NAME      print the line for --user or a config file, and change nothing

Passwords are hashed with scrypt, and for SCRAM-SHA-256 with PBKDF2.`,
  examples: [
    ['lonedot user add alice --users users', 'asks for the password'],
    ['pwgen 20 1 | lonedot user passwd alice --users users --password-stdin', 'takes it from another program'],
    ['lonedot relay --users users --upstream smtp://smtp.example.com', 'the relay that lets them in'],
  ],
  table: { ...ARGUMENTS, ...FILE_OPTIONS },
  run: async (context) => {
    // From the command line alone: a variable named LONEDOT_NAME is meant for something else.
    const { flags = new Map() } = context.sources;
    const given = resolveOptions(ARGUMENTS, { flags });
    if (given.action === 'list') return list(fileOf(context), given);
    const name = checkUserName(required(given));
    if (given.action === 'hash') {
      await print(`${await newLine(name, given)}\n`);
      return 0;
    }
    const said = await change(fileOf(context), given.action, name, given);
    if (context.manner.level !== 'error') await print(`${said}\n`);
    return 0;
  },
};

function fileOf({ sources, config }: Context): string {
  const file = config?.section('relay')[0] ?? config?.section('sink')[0];
  const { users } = resolveOptions(FILE_OPTIONS, { ...sources, file });
  if (users === undefined) throw new ChatError('BAD_OPTION', '--users FILE is required (or LONEDOT_USERS)');
  return users;
}

function required({ action, name }: Given): string {
  if (name === undefined) throw new ChatError('BAD_OPTION', `user ${action} needs the name of a user`);
  return name;
}

async function change(file: string, action: 'add' | 'passwd' | 'remove', name: string, given: Given): Promise<string> {
  const shown = JSON.stringify(name);
  const find = (lines: readonly string[]): number => {
    const at = lines.findIndex((line) => nameOfLine(line) === name);
    if (action === 'add' && at >= 0) throw new ChatError('BAD_OPTION', `${file}: the user ${shown} is there already`);
    if (action !== 'add' && at < 0) throw new ChatError('BAD_OPTION', `${file}: there is no user ${shown}`);
    return at;
  };
  // Before anybody types a password in vain, and again when the file is ours.
  find(await readUserLines(file));
  const line = action === 'remove' ? [] : [await newLine(name, given)];
  await editUsers(file, (lines) => {
    const at = find(lines);
    return at < 0 ? [...lines, ...line] : lines.toSpliced(at, 1, ...line);
  });
  if (action === 'passwd') return `${shown} has a new password`;
  return action === 'add' ? `${shown} is added to ${file}` : `${shown} is removed from ${file}`;
}

async function newLine(name: string, { passwordStdin, scram, cramMd5 }: Given): Promise<string> {
  const password = passwordStdin ? await readPassword(process.stdin) : await askNewPassword(name);
  return `${name}:${await makeCredentials(password, { scram, cramMd5 })}`;
}

async function list(file: string, { name, json }: Given): Promise<number> {
  if (name !== undefined) throw new ChatError('BAD_OPTION', 'user list takes no name');
  for (const [one, { scrypt, scram, cramMd5, plain, sha1 }] of await readUsers(file)) {
    const kept = { scrypt, 'scram-sha-256': scram, 'cram-md5': cramMd5, plain, sha1 };
    const kinds = Object.entries(kept).flatMap(([kind, value]) => (value === null ? [] : [kind]));
    await print(json ? `${JSON.stringify({ name: one, kept: kinds })}\n` : `${one}  ${kinds.join(' ')}\n`);
  }
  return 0;
}
