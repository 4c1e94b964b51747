// PostgreSQL as a process of the test: its own data directory, its own port on loopback, nothing of the system's. Debian
// keeps its programs outside of PATH; root may not run it, so for root it runs as the user that Debian made for it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from '../../e2e/support/postfix.ts';

const DEBIAN = '/usr/lib/postgresql';
const START_MS = 30_000;
const PASSWORD = 'Tr0ub4dor/&3';
const ENV: { PATH?: string } = process.env;
const run = promisify(execFile);

/** Where its programs are; null when it is not installed. */
function programs(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(ENV.PATH ?? '').split(delimiter)];
  return places.find((place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres'))) ?? null;
}

/** Why it cannot run here; null when it can. */
function postgresMissing(): string | null {
  return programs() === null ? "there is no PostgreSQL (Debian's package postgresql)" : null;
}

export interface ServerOptions {
  /** false: what is written need not survive a loss of power, as in tests that are about something else. Default true. */
  readonly synced?: boolean;
}

export class PostgresServer {
  readonly port: number;
  readonly folder: string;
  readonly #synced: boolean;
  #child: ChildProcess | null = null;
  #databases = 0;

  private constructor(folder: string, port: number, synced: boolean) {
    this.folder = folder;
    this.port = port;
    this.#synced = synced;
  }

  static async start({ synced = true }: ServerOptions = {}): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'lonedot-postgres-'));
    const server = new PostgresServer(folder, await freePort(), synced);
    try {
      await server.#initialise();
      await server.restart();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Of a database that is there: by default the one in which databases are made. */
  url(database = 'postgres'): string {
    return `postgres://tester:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.port}/${database}`;
  }

  get password(): string {
    return PASSWORD;
  }

  /** The process that all others are children of. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** Makes a new, empty database; gives its URL. */
  async newDatabase(): Promise<string> {
    const name = `test${++this.#databases}`;
    await this.ask(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Rows that a query gives, by a connection of its own. */
  async ask(sql: string, url = this.url()): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts it again after halt(); resolves when it answers. */
  async restart(): Promise<void> {
    const settings = [
      ...['listen_addresses=127.0.0.1', `port=${this.port}`, 'unix_socket_directories=', 'max_connections=200'],
      ...['logging_collector=off', 'log_min_messages=fatal', `fsync=${this.#synced ? 'on' : 'off'}`],
    ].flatMap((setting) => ['-c', setting]);
    const [program, ...rest] = await this.#asItsUser(
      join(programs()!, 'postgres'),
      '-D',
      join(this.folder, 'data'),
      ...settings,
    );
    const child = spawn(program!, rest, { stdio: 'ignore', cwd: this.folder });
    this.#child = child;
    const end = performance.now() + START_MS;
    for (;;) {
      try {
        await this.ask('SELECT 1');
        return;
      } catch (error) {
        if (child.exitCode !== null || performance.now() > end) throw new Error(`PostgreSQL does not answer: ${error}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Ends it at once, as a crash would: what is not in its log is lost, and it recovers at the next start. */
  async halt(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGQUIT');
    await ended;
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #initialise(): Promise<void> {
    const secret = join(this.folder, 'password');
    await writeFile(secret, PASSWORD);
    if (process.getuid?.() === 0) {
      const [uid, gid] = await userId();
      for (const path of [this.folder, secret]) await chown(path, uid, gid);
    }
    const [program, ...rest] = await this.#asItsUser(
      ...[join(programs()!, 'initdb'), '-D', join(this.folder, 'data'), '-U', 'tester', '-E', 'UTF8', '--locale=C'],
      ...['--auth=scram-sha-256', `--pwfile=${secret}`, '--no-sync'],
    );
    await run(program!, rest, { cwd: this.folder });
  }

  /** It ends with this process, whatever that dies of. */
  async #asItsUser(...command: string[]): Promise<string[]> {
    if (process.getuid?.() !== 0) return command;
    const [uid, gid] = await userId();
    return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--pdeathsig=QUIT', ...command];
  }
}

/** Of the user `postgres`. */
async function userId(): Promise<[uid: number, gid: number]> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith('postgres:'));
  if (!line) throw new Error('there is no user postgres to run PostgreSQL as');
  const [, , uid, gid] = line.split(':');
  return [Number(uid), Number(gid)];
}

/** A server for the tests of the suite under way; `isOld`: one from which mail is claimed (nothing is right after its start). */
export function postgresForSuite({ isOld = false } = {}): { readonly server: PostgresServer } {
  let server: PostgresServer | undefined;
  before(async function () {
    this.timeout(60_000);
    skipWithoutPostgres(this);
    server = await PostgresServer.start({ synced: false });
    if (isOld) await new Promise((resolve) => setTimeout(resolve, 3000));
  });
  after(() => server?.stop());
  return {
    get server() {
      return server!;
    },
  };
}

/** Skips a test, or those of a suite, where there is no PostgreSQL, and says so. */
export function skipWithoutPostgres(test: Mocha.Context): void {
  const missing = postgresMissing();
  if (missing === null) return;
  process.stdout.write(`    skipped: ${missing}\n`);
  test.skip();
}
