// The real program as a process of its own, for tests from end to end: started, asked for its port, killed, measured.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { socketTransport } from '../../../src/transport.ts';
import { Client } from '../../relay/support/client.ts';
import { within } from '../../support/within.ts';
import { LONEDOT } from './build.ts';

const START_MS = 15_000;
export interface RunOptions {
  /** What comes behind `node`. Default: LONEDOT. */
  readonly node?: readonly string[];
  /** A command that the program's own is appended to: `prlimit --fsize=1000000`. */
  readonly under?: readonly string[];
  readonly uid?: number;
}

export class Program {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  /** The exit code, or the signal; with the end of all output. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(args: readonly string[], options: RunOptions = {}) {
    const { node = LONEDOT, under = [], uid } = options;
    const [file, ...rest] = [...under, process.execPath, ...node, ...args, '--log-format', 'json'];
    const kept = Object.entries(process.env).filter(([name]) => !/^(LONEDOT_|MP_|NODE_OPTIONS|NODE_V8)/.test(name));
    this.child = spawn(file!, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: Object.fromEntries(kept),
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = once(this.child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  }

  /** Starts it and waits until it listens. */
  static async start(args: readonly string[], options?: RunOptions): Promise<Program> {
    const program = new Program(args, options);
    await program.printed(/"event":"listening".*\n/);
    return program;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The address of its SMTP port. */
  get port(): number {
    return Number(/"service":"smtp","address":"[\d.]+:(\d+)"/.exec(this.stdout)?.[1]);
  }

  /** A client that has read the greeting. */
  async client(): Promise<Client> {
    const client = new Client(socketTransport(connect({ port: this.port, host: '127.0.0.1', noDelay: true })));
    const greeting = await client.reply();
    if (!greeting.startsWith('220 ')) throw new Error(`greeted with ${greeting}`);
    return client;
  }

  async printed(pattern: RegExp): Promise<void> {
    const seen = (): boolean => pattern.test(this.stdout + this.stderr);
    const wait = async (): Promise<void> => {
      while (!seen()) {
        const more = [this.child.stdout!, this.child.stderr!].map((stream) => once(stream, 'data').then(() => false));
        const isOver = await Promise.race([...more, this.ended.then(() => true)]);
        if (isOver && !seen()) throw new Error(`ended without ${pattern}:\n${this.stdout}${this.stderr}`);
      }
    };
    await within(START_MS, wait(), `${pattern} in the output`);
  }

  /** The records of its log. */
  log(event: string): Record<string, unknown>[] {
    return this.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((record) => (record as { event?: unknown }).event === event);
  }

  /** The most memory it ever had, in MB; 0 where the system does not tell. */
  peakMegabytes(): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  async stop(): Promise<number | NodeJS.Signals> {
    this.child.kill('SIGTERM');
    return within(15_000, this.ended, 'the end of the program');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
