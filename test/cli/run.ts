// Runs the program as a process of its own, from the sources or from the build, whichever this test runs from.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { LONEDOT as PROGRAM } from '../e2e/support/build.ts';

const extension = extname(import.meta.filename);
/** What is run from its source needs the loader that runs this; the build must do without. */
export const loaderFor = (file: string): string[] => (file.endsWith('.ts') ? ['--import', 'tsx'] : []);

/** The build where it is fresh: it starts in a third of the time that the sources need. */
export const LONEDOT = PROGRAM.at(-1)!;
/** The same program with services that only pretend: see fake-program.ts. */
export const FAKE = join(import.meta.dirname, `fake-program${extension}`);

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Variables = Readonly<Record<string, string>>;

/** The environment without what would change the answers: options of this machine, colours of this terminal. */
function environment(variables: Variables): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(LONEDOT_|MP_|NO_COLOR|FORCE_COLOR|NODE_OPTIONS)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...variables };
}

export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  #ended = false;
  #wake = () => {};
  readonly #closed: Promise<number | null>;

  constructor(file: string, args: readonly string[], variables: Variables = {}) {
    this.child = spawn(process.execPath, [...loaderFor(file), file, ...args], { env: environment(variables) });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.#closed = once(this.child, 'close').then(([code]) => {
      this.#ended = true;
      this.#wake();
      return code as number | null;
    });
  }

  /** Resolves as soon as stdout and stderr together match; rejects when the program ends before. */
  async printed(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout + this.stderr)) {
      if (this.#ended) throw new Error(`ended without ${pattern}: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async result(): Promise<Result> {
    const code = await this.#closed;
    return { code, stdout: this.stdout, stderr: this.stderr };
  }
}

export function run(args: readonly string[], variables?: Variables, file = LONEDOT): Promise<Result> {
  return new Program(file, args, variables).result();
}
