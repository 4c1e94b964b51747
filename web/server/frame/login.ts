// Who may open the pages and the API: HTTP's Basic login (RFC 7617) against an htpasswd file, lines of an option, or
// both. Understood are bcrypt, what `lonedot user` writes, {SHA}, and passwords as they stand; the last two only where
// they may be (a sink). A password that was right is remembered as a keyed hash, since bcrypt costs 50 ms each time.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AuthFailures } from '../../../relay/auth/failures.ts';
import type { Clock } from '../../../src/clock.ts';
import { ChatError } from '../../../src/errors.ts';
import { FileWatch } from '../../../src/file-watch.ts';
import type { Log } from '../../../src/log.ts';

export interface LoginOptions {
  /** A line `user:hash` each. */
  readonly uiAuthFile?: string | undefined;
  /** The same, one user each. */
  readonly uiAuth?: readonly string[] | undefined;
  /** Passwords that are not hashed, or hardly. */
  readonly allowWeakPasswords: boolean;
}

type Check = (password: string) => Promise<boolean>;

const BCRYPT = /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/;
const MAX_FAILURES = 50;

export class WebLogin {
  readonly #options: LoginOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #failures: AuthFailures;
  readonly #watch: FileWatch | null;
  readonly #key = randomBytes(32);
  /** By user: what the right password was when it was last seen. */
  readonly #right = new Map<string, Buffer>();
  #users: ReadonlyMap<string, Check>;
  /** One password at a time: guessing must not take the processor from the mail. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Null when nobody has to log in. Rejects with BAD_OPTION, without the secrets. */
  static async open(options: LoginOptions, log: Log, clock: Clock): Promise<WebLogin | null> {
    if (options.uiAuthFile === undefined && !options.uiAuth?.length) return null;
    return new WebLogin(options, await readUsers(options), log, clock);
  }

  private constructor(options: LoginOptions, users: ReadonlyMap<string, Check>, log: Log, clock: Clock) {
    this.#options = options;
    this.#users = users;
    this.#log = log;
    this.#clock = clock;
    this.#failures = new AuthFailures(MAX_FAILURES, clock);
    this.#watch = options.uiAuthFile === undefined ? null : new FileWatch([options.uiAuthFile], clock);
  }

  /** `header` is the Authorization field. A wrong password is answered late, later each time. */
  async check(header: string | undefined, address: string): Promise<'known' | 'unknown' | 'locked'> {
    const given = credentialsIn(header);
    if (given === null) return 'unknown';
    await this.#refresh();
    const { user, password } = given;
    const mark = createHmac('sha256', this.#key).update(`${user}\0${password}`).digest();
    const right = this.#right.get(user);
    if (right && timingSafeEqual(right, mark)) return 'known';
    if (this.#failures.isLockedOut(address)) return 'locked';
    if (await this.#isRight(user, password)) {
      this.#right.set(user, mark);
      return 'known';
    }
    this.#log.warn('web.login_failed', { user, address });
    await this.#wait(this.#failures.add(address));
    return 'unknown';
  }

  #isRight(user: string, password: string): Promise<boolean> {
    const known = this.#users.get(user);
    // The time of the answer must not tell which users there are: any user's check stands in for a missing one.
    const check = known ?? this.#users.values().next().value;
    const answer = this.#turn.then(async () => (await check?.(password)) === true && known !== undefined);
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #refresh(): Promise<void> {
    if (!this.#watch?.hasChanged()) return;
    try {
      this.#users = await readUsers(this.#options);
      this.#right.clear();
    } catch (error) {
      this.#log.error('web.users_not_read', { error, effect: 'the users stay as they were' });
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimeout(resolve, ms);
    });
  }
}

function credentialsIn(header: string | undefined): { user: string; password: string } | null {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

async function readUsers(options: LoginOptions): Promise<Map<string, Check>> {
  const users = new Map<string, Check>();
  for (const line of options.uiAuth ?? []) await addLine(users, line, 'ui-auth', options);
  const { uiAuthFile } = options;
  if (uiAuthFile === undefined) return users;
  for (const [i, line] of linesOf(uiAuthFile).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    await addLine(users, line, `${uiAuthFile}:${i + 1}`, options);
  }
  // Nobody could log in, and that is hardly what was meant.
  if (users.size === 0) throw new ChatError('BAD_OPTION', `ui-auth-file: there is no user in ${uiAuthFile}`);
  return users;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new ChatError('BAD_OPTION', `ui-auth-file: ${file} cannot be read: ${why}`, {}, error);
  }
}

async function addLine(users: Map<string, Check>, line: string, where: string, options: LoginOptions): Promise<void> {
  const colon = line.indexOf(':');
  const refuse = (why: string) => new ChatError('BAD_OPTION', `${where}: ${why}`);
  if (colon < 1) throw refuse('expected USER:HASH');
  const user = line.slice(0, colon);
  if (users.has(user)) throw refuse(`the user ${JSON.stringify(user)} is there twice`);
  users.set(user, await checkFor(line.slice(colon + 1).trim(), options, refuse));
}

async function checkFor(text: string, options: LoginOptions, refuse: (why: string) => ChatError): Promise<Check> {
  if (text.startsWith('$2')) {
    if (!BCRYPT.test(text)) throw refuse('the bcrypt hash is damaged');
    // PHP and Apache write 2y for what others call 2b.
    const hash = text.replace(/^\$2[xy]?\$/, '$2b$');
    return async (password) => (await import('bcryptjs')).compare(password, hash);
  }
  if (/^\$apr1\$|^\$1\$/.test(text)) throw refuse('MD5 is too weak for a password; use bcrypt (htpasswd -B)');
  const { isWeak, matches, parseCredentials } = await import('../../../relay/auth/credentials.ts');
  let credentials: ReturnType<typeof parseCredentials>;
  try {
    credentials = parseCredentials(text);
  } catch (error) {
    throw refuse(`${(error as Error).message}, or bcrypt ($2b$...)`);
  }
  if (isWeak(credentials) && !options.allowWeakPasswords) {
    throw refuse('a relay takes no plain or {SHA} passwords; use bcrypt (htpasswd -B)');
  }
  return (password) => matches(password, credentials);
}
