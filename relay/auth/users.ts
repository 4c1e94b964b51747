// Who may log in: users from the options, and those of a file that is read anew when it changes. What goes wrong at
// the start is told to whoever started the program; what goes wrong later is logged, and the users stay as they were.
import { ChatError } from '../../src/errors.ts';
import { FileWatch } from '../../src/file-watch.ts';
import type { Log } from '../../src/log.ts';
import type { KnownUsers } from './authenticator.ts';
import { type Credentials, decoy, isWeak, parseCredentials } from './credentials.ts';
import { parseScrypt } from './scrypt-hash.ts';
import { isOpenToOthers, parseUserLine, readUsers } from './users-file.ts';

export interface UserSources {
  /** Each `name:hashes`. */
  readonly lines: readonly string[];
  readonly file: string | undefined;
  /** Passwords that are not hashed, or hardly: a sink takes them, where nothing is behind the door. */
  readonly allowWeak: boolean;
}

type Table = ReadonlyMap<string, Credentials>;

export class Users implements KnownUsers {
  private readonly given: Table;
  private readonly sources: UserSources;
  private readonly log: Log;
  private readonly watch: FileWatch | null;
  private table: Table;
  private reading: Promise<void> | null = null;
  decoy: Credentials = decoy(UNKNOWN);
  hasCramMd5 = false;
  hasScram = false;

  /** Rejects with BAD_OPTION when a line or the file cannot be read. */
  static async open(sources: UserSources, log: Log): Promise<Users> {
    const given = new Map<string, Credentials>();
    for (const line of sources.lines) {
      const { name, text } = parseUserLine(line);
      if (given.has(name)) throw new ChatError('BAD_OPTION', `user: ${JSON.stringify(name)} is there twice`);
      given.set(name, checked(name, parseCredentials(text), sources));
    }
    const users = new Users(sources, given, log);
    users.take(await users.readFile());
    return users;
  }

  private constructor(sources: UserSources, given: Table, log: Log) {
    this.sources = sources;
    this.given = given;
    this.table = given;
    this.log = log;
    this.watch = sources.file === undefined ? null : new FileWatch([sources.file]);
  }

  get isEmpty(): boolean {
    return this.table.size === 0;
  }

  find(name: string): Credentials | null {
    return this.table.get(name) ?? null;
  }

  /** Reads the file again if it has changed. Never rejects. */
  async refresh(): Promise<void> {
    if (this.watch?.hasChanged()) this.reading ??= this.reread();
    await this.reading;
  }

  /** Reads it at the next occasion, without waiting for the second between two looks. */
  lookSoon(): void {
    this.watch?.lookSoon();
  }

  private async reread(): Promise<void> {
    try {
      this.take(await this.readFile());
      this.log.info('users.reloaded', { file: this.sources.file, users: this.table.size });
    } catch (error) {
      this.log.error('users.reload_failed', { error: (error as Error).message });
    } finally {
      this.reading = null;
    }
  }

  private async readFile(): Promise<Table> {
    const { file } = this.sources;
    if (file === undefined) return new Map();
    const found = await readUsers(file);
    for (const [name, credentials] of found) {
      checked(name, credentials, this.sources);
      if (this.given.has(name)) {
        throw new ChatError('BAD_OPTION', `${file}: the user ${JSON.stringify(name)} is among the options as well`);
      }
    }
    if (await isOpenToOthers(file)) this.log.warn('users.readable_by_others', { file });
    return found;
  }

  private take(found: Table): void {
    // Credentials that are the same stay the same object: what was remembered of them stays good.
    const kept = [...found].map(([name, fresh]) => {
      const old = this.table.get(name);
      return [name, old && isSame(old, fresh) ? old : fresh] as const;
    });
    this.table = new Map([...this.given, ...kept]);
    const all = [...this.table.values()];
    this.decoy = decoy(all[0] ?? UNKNOWN);
    this.hasCramMd5 = all.some((one) => one.cramMd5 !== null);
    this.hasScram = all.some((one) => one.scram !== null || one.plain !== null);
  }
}

/** The work of a check while there are no users yet. */
const UNKNOWN: Credentials = {
  scrypt: parseScrypt(`$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`),
  scram: null,
  cramMd5: null,
  sha1: null,
  plain: null,
};

function checked(name: string, credentials: Credentials, { allowWeak }: UserSources): Credentials {
  if (allowWeak || !isWeak(credentials)) return credentials;
  throw new ChatError(
    'BAD_OPTION',
    `the password of the user ${JSON.stringify(name)} is not hashed; lonedot user hash makes what belongs there`,
  );
}

function isSame(a: Credentials, b: Credentials): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
