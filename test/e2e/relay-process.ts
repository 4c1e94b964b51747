// A relay as a process of its own, from the build, with a database of its own; and a client that speaks SMTP to it in
// the plainest way, so that a test knows which bytes it sent.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from '../cli/run.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** In a compiled test the program is compiled beside it; otherwise the suite has built it into dist. */
const beside = fileURLToPath(new URL('../../cli/lonedot.js', import.meta.url));
export const BUILT = existsSync(beside) ? beside : join(root, 'dist/cli/lonedot.js');

export class RelayProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'lonedot-e2e-'));
  readonly database = join(this.folder, 'queue.db');
  program!: Program;
  port = 0;
  private readonly args: readonly string[];

  constructor(...args: readonly string[]) {
    this.args = args;
  }

  /** Starts it, or starts it anew on the same database. */
  async start(): Promise<void> {
    this.program = new Program(BUILT, ['relay', '-s', '127.0.0.1:0', '-d', this.database, ...this.args]);
    await this.program.printed(/^smtp +127\.0\.0\.1:\d+$/m);
    this.port = Number(/^smtp +127\.0\.0\.1:(\d+)$/m.exec(this.program.stdout)?.[1]);
  }

  async kill(): Promise<void> {
    this.program.child.kill('SIGKILL');
    await this.program.result();
  }

  /** The most memory it ever had, in MB. */
  peakMb(): number {
    const status = readFileSync(`/proc/${this.program.child.pid}/status`, 'latin1');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One SMTP connection, a command at a time. */
export class Client {
  readonly socket: Socket;
  private text = '';
  private wake = (): void => {};
  private over = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (data) => {
      this.text += data.toString('latin1');
      this.wake();
    });
    for (const event of ['error', 'close', 'end'] as const) {
      this.socket.on(event, () => {
        this.over = true;
        this.wake();
      });
    }
  }

  /** The next whole reply; rejects when the connection ends before. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.text)?.[0];
      if (whole !== undefined) {
        this.text = this.text.slice(whole.length);
        return whole;
      }
      if (this.over) throw new Error('the connection ended');
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async say(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`, 'latin1');
    return this.reply();
  }

  async hello(): Promise<void> {
    await this.reply();
    await this.say('EHLO client.example');
  }

  /** Sends one mail as it stands on the wire, its end mark included; the reply to its end. */
  async mail(to: string, wire: Buffer | string): Promise<string> {
    await this.say('MAIL FROM:<a@x.example>');
    await this.say(`RCPT TO:<${to}>`);
    await this.say('DATA');
    this.socket.write(wire);
    return this.reply();
  }
}

/** Runs a client program; what it printed when it ended well, otherwise an error with what it printed. */
export function run(command: string, args: readonly string[], input: string | Buffer = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += String(data)));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(printed) : reject(new Error(`${command}: ${code}: ${printed}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
