// Postfix as a process of the test: its own folder, its own port on loopback, nothing of the system's. Passes all mail on
// to one port, so that a test sees what came through a real server. Needs root, as Postfix does.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/within.ts';

const MASTER = '/usr/lib/postfix/sbin/master';
const START_MS = 15_000;

/** Why it cannot run here; null when it can. */
export function postfixMissing(): string | null {
  if (!existsSync(MASTER)) return "there is no Postfix (Debian's package postfix)";
  return process.getuid?.() === 0 ? null : 'Postfix starts only as root';
}

export class Postfix {
  readonly port: number;
  private readonly folder: string;
  private readonly child: ChildProcess;

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.port = port;
    this.folder = folder;
    this.child = child;
  }

  /** `next`: the port on 127.0.0.1 that all mail goes on to. `settings` are lines of main.cf. */
  static async start(next: number, settings: Readonly<Record<string, string>> = {}): Promise<Postfix> {
    const folder = await mkdtemp(join(tmpdir(), 'lonedot-postfix-'));
    await chmod(folder, 0o755);
    for (const one of ['etc', 'spool', 'data']) await mkdir(join(folder, one));
    execFileSync('chown', ['postfix', join(folder, 'data')]);
    const port = await freePort();
    const main = { ...mainCf(folder, next), ...settings };
    const text = Object.entries(main).map(([name, value]) => `${name} = ${value}\n`);
    await writeFile(join(folder, 'etc/main.cf'), text.join(''));
    await writeFile(join(folder, 'etc/master.cf'), masterCf(port));
    execFileSync('postfix', ['-c', join(folder, 'etc'), 'check'], { stdio: 'ignore' });
    const child = spawn(MASTER, ['-c', join(folder, 'etc'), '-d'], { stdio: 'ignore' });
    const postfix = new Postfix(port, folder, child);
    let listens = false;
    const look = setInterval(() => {
      const socket = connect(port, '127.0.0.1', () => {
        listens = true;
        socket.destroy();
      }).on('error', () => {});
    }, 100);
    try {
      await until(START_MS, () => listens || child.exitCode !== null, 'Postfix to listen');
      if (!listens) throw new Error(`Postfix ended: ${await postfix.log()}`);
    } catch (error) {
      await postfix.stop();
      throw error;
    } finally {
      clearInterval(look);
    }
    return postfix;
  }

  log(): Promise<string> {
    return readFile(join(this.folder, 'log'), 'utf8').catch(() => '(no log)');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function mainCf(folder: string, next: number): Record<string, string> {
  return {
    compatibility_level: '3.6',
    queue_directory: join(folder, 'spool'),
    data_directory: join(folder, 'data'),
    maillog_file: join(folder, 'log'),
    maillog_file_prefixes: folder,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: 'postfix.test',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    alias_maps: '',
    alias_database: '',
    disable_dns_lookups: 'yes',
    relayhost: `[127.0.0.1]:${next}`,
    // What is refused behind it comes back to the test at once.
    minimal_backoff_time: '2s',
    maximal_backoff_time: '4s',
    queue_run_delay: '2s',
  };
}

function masterCf(port: number): string {
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    'proxymap unix - - n - - proxymap',
    ...['bounce', 'defer', 'trace'].map((name) => `${name} unix - - n - 0 bounce`),
    ...['error', 'retry'].map((name) => `${name} unix - - n - - error`),
  ];
  return `${services.join('\n')}\n`;
}
