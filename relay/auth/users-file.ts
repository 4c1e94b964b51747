// The file of the users: a line `name:hashes` each, `#` for remarks. Here it is read and written; what a line means is
// said in auth/credentials.ts. Read anew when it changes, so that a new user need not wait for a restart.
import { constants } from 'node:fs';
import { access, chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { ChatError } from '../../src/errors.ts';
import { type Credentials, parseCredentials } from './credentials.ts';
import { isUserName } from './sasl.ts';
import { saslprep } from './saslprep.ts';

export interface UserLine {
  readonly name: string;
  /** What stands behind the colon. */
  readonly text: string;
}

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Splits at the first colon. Throws BAD_OPTION; the text never stands in the message. */
export function parseUserLine(line: string): UserLine {
  const colon = line.indexOf(':');
  if (colon === -1) throw new ChatError('BAD_OPTION', 'expected NAME:HASH');
  const name = checkUserName(line.slice(0, colon));
  return { name, text: line.slice(colon + 1) };
}

/** The name in its one form. Throws BAD_OPTION for one that no client could give, or no file hold. */
export function checkUserName(given: string): string {
  const name = saslprep(given);
  if (name === null || !isUserName(name) || name !== name.trim() || /^#|:/.test(name)) {
    throw new ChatError('BAD_OPTION', 'a user name has no colon, no control characters and no blanks at its ends');
  }
  return name;
}

/** The users of a file, by name. Throws BAD_OPTION with file and line; a missing file is an error as well. */
export async function readUsers(file: string): Promise<Map<string, Credentials>> {
  const users = new Map<string, Credentials>();
  for (const [index, line] of (await readLines(file)).entries()) {
    if (isRemark(line)) continue;
    try {
      const { name, text } = parseUserLine(line);
      if (users.has(name)) throw new ChatError('BAD_OPTION', `the user ${JSON.stringify(name)} is there twice`);
      users.set(name, parseCredentials(text));
    } catch (error) {
      throw new ChatError('BAD_OPTION', `${file}:${index + 1}: ${(error as Error).message}`, {}, error);
    }
  }
  return users;
}

/** Whether others than owner and group may read it: then its hashes can be guessed at by anyone on the machine. */
export async function isOpenToOthers(file: string): Promise<boolean> {
  return process.platform !== 'win32' && ((await stat(file)).mode & 0o007) !== 0;
}

/**
 * Changes the lines of the file, or makes it, in one step: a reader sees the old file or the new one. Rejects with
 * BAD_OPTION when somebody else is at it. Owner and group stay; whoever else could read it no longer can.
 */
export async function editUsers(file: string, change: (lines: string[]) => string[]): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const draft = `${target}.new`;
  const old = await stat(target).catch(() => null);
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // Made anew or not at all: the draft is the lock as well.
    handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isThere ? 'it is there: somebody else edits the users, or was broken off' : (error as Error).message;
    throw new ChatError('BAD_OPTION', `${draft} cannot be made: ${why}`, {}, error);
  }
  try {
    const lines = change(await readUserLines(target));
    await handle.writeFile(lines.map((line) => `${line}\n`).join(''));
    await handle.chmod(old ? old.mode & 0o660 : 0o600);
    if (old && old.uid !== process.getuid?.()) await chown(draft, old.uid, old.gid);
    await handle.sync();
    await handle.close();
    await rename(draft, target);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(draft, { force: true });
    throw error;
  }
}

/** The lines of the file as they are; none of one that is not there yet. */
export async function readUserLines(file: string): Promise<string[]> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  return isThere ? readLines(file) : [];
}

/** The name of a line; undefined for a remark or an empty line. */
export function nameOfLine(line: string): string | undefined {
  return isRemark(line) ? undefined : line.split(':', 1)[0];
}

function isRemark(line: string): boolean {
  return line.trim() === '' || line.startsWith('#');
}

async function readLines(file: string): Promise<string[]> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new Error('it is larger than 64 MB');
    const lines = (await readFile(file, 'utf8')).split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    return lines;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new ChatError('BAD_OPTION', `${file}: cannot be read: ${why}`, {}, error);
  }
}
