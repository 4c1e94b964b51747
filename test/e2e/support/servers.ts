// Servers of Debian's for the tests of the proxy, and how its clients are run. Each server is a process of the test with a folder and a port of its own on
// loopback; nothing of the system's is used.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSelfSigned } from '../../../src/self-signed.ts';
import { within } from '../../support/within.ts';
import { freePort } from './postfix.ts';

const START_MS = 15_000;
export const USER = 'alice';
export const PASSWORD = 'correct-horse';

/** What has to be there, and which of Debian's packages has it. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/sbin/dovecot': 'dovecot-imapd',
  '/usr/lib/dovecot/pop3': 'dovecot-pop3d',
  '/usr/lib/python3/dist-packages/pyftpdlib': 'python3-pyftpdlib',
  '/usr/bin/redis-server': 'redis-server',
  '/usr/bin/redis-cli': 'redis-server',
  '/usr/bin/python3': 'python3',
  '/usr/bin/swaks': 'swaks',
  '/usr/bin/curl': 'curl',
  '/usr/bin/tshark': 'tshark',
};

/** Skips a test, and says why, where a program is missing. */
export function needs(context: Mocha.Context, ...files: readonly string[]): void {
  const missing = files.find((file) => !existsSync(file));
  if (missing === undefined) return;
  context.test!.title += ` (skipped: there is no ${missing}; Debian's package ${PROGRAMS[missing]} has it)`;
  context.skip();
}

/** What a client prints, on both streams, and how it ended. */
export async function output(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await within(25_000, once(child, 'close'), `the end of ${command}`)) as [number | null];
  return `${text}(${code})`;
}

type Service = 'imap' | 'pop3' | 'ftp' | 'redis';
type Ports = Readonly<Partial<Record<Service, number>>>;

export class Server {
  /** By service. */
  readonly ports: Ports;
  readonly folder: string;
  private readonly child: ChildProcess;
  private output = '';

  private constructor(ports: Ports, folder: string, command: readonly string[]) {
    this.ports = ports;
    this.folder = folder;
    const [program, ...args] = command;
    this.child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder, detached: true });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
  }

  /** `prepare` writes what the server needs into its folder, and answers with the command. */
  static async start(
    services: readonly Service[],
    prepare: (folder: string, ports: Ports) => Promise<readonly string[]>,
  ): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'lonedot-server-'));
    await chmod(folder, 0o755);
    const ports: Partial<Record<Service, number>> = {};
    for (const service of services) ports[service] = await freePort();
    const server = new Server(ports, folder, await prepare(folder, ports));
    try {
      for (const port of Object.values(ports)) await server.listens(port);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      // With all that it has started; asked politely, Dovecot takes five seconds.
      process.kill(-this.child.pid!, 'SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private async listens(port: number): Promise<void> {
    for (const end = Date.now() + START_MS; ; ) {
      const socket = connect(port, '127.0.0.1');
      const isThere = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      if (isThere) return;
      const isOver = this.child.exitCode !== null || Date.now() > end;
      if (isOver) throw new Error(`${this.child.spawnfile} does not listen: ${this.output}`);
      await new Promise((resume) => setTimeout(resume, 50));
    }
  }
}

/** IMAP and POP3 with STARTTLS, for one user without mail. It starts only as root. */
export function startDovecot(): Promise<Server> {
  return Server.start(['imap', 'pop3'], async (folder, { imap, pop3 }) => {
    const { key, certificate } = makeSelfSigned(['localhost']);
    await writeFile(join(folder, 'tls.pem'), key + certificate, { mode: 0o600 });
    await mkdir(join(folder, 'mail'), { mode: 0o777 });
    await chmod(join(folder, 'mail'), 0o777);
    await writeFile(join(folder, 'dovecot.conf'), dovecotConf(folder, imap!, pop3!));
    return ['/usr/sbin/dovecot', '-F', '-c', join(folder, 'dovecot.conf')];
  });
}

/** FTP with its files in `files`. A server by IPv6 can be reached by IPv4 too. */
export function startFtp(host = '127.0.0.1'): Promise<Server> {
  return Server.start(['ftp'], async (folder, { ftp }) => {
    await mkdir(join(folder, 'files'));
    const where = ['-i', host, '-p', String(ftp), '-d', join(folder, 'files')];
    return ['/usr/bin/python3', '-W', 'ignore', '-m', 'pyftpdlib', '-w', ...where, '-u', USER, '-P', PASSWORD];
  });
}

export function startRedis(): Promise<Server> {
  return Server.start(['redis'], async (_folder, { redis }) => {
    const settings = ['--port', String(redis), '--bind', '127.0.0.1', '--requirepass', PASSWORD];
    return ['/usr/bin/redis-server', ...settings, '--save', '', '--appendonly', 'no'];
  });
}

function dovecotConf(folder: string, imap: number, pop3: number): string {
  const login = (service: string, port: number) => `
service ${service}-login {
  inet_listener ${service} {
    address = 127.0.0.1
    port = ${port}
  }
  inet_listener ${service}s {
    port = 0
  }
}`;
  return `protocols = imap pop3
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
ssl = yes
ssl_cert = <${folder}/tls.pem
ssl_key = <${folder}/tls.pem
disable_plaintext_auth = no
mail_location = maildir:~
first_valid_uid = 1
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${folder}/mail
}
${login('imap', imap)}
${login('pop3', pop3)}
`;
}
