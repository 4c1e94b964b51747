// Files that Node loads before the program (`node --import FILE`), to do to it what the world may do to it and no test can
// do from outside: set its clock, let its disk fail. Written for the occasion, so that nothing of it is in the program.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { until } from '../../support/within.ts';
import type { Program } from './program.ts';

/** A clock that can be set: the time of day is ahead by some milliseconds, and timers run as ever. */
export class SettableClock {
  /** What comes behind `node`, in front of the program. */
  readonly node: readonly string[];
  private readonly file: string;

  private constructor(file: string, preload: string) {
    this.file = file;
    this.node = ['--import', pathToFileURL(preload).href];
  }

  /** `ahead`: how far off it is when a program starts. */
  static async make(directory: string, ahead = 0): Promise<SettableClock> {
    const file = join(directory, `clock-${ahead}`);
    const preload = join(directory, `clock-${ahead}.mjs`);
    await writeFile(file, String(ahead));
    await writeFile(preload, CLOCK.replace('FILE', JSON.stringify(file)));
    return new SettableClock(file, preload);
  }

  /** Sets it in a running program, and returns when it is set. For programs that start later, too. */
  async set(ahead: number, ...programs: Program[]): Promise<void> {
    await writeFile(this.file, String(ahead));
    for (const program of programs) {
      const before = program.log('test.clock').length;
      program.child.kill('SIGUSR2');
      await until(5000, () => program.log('test.clock').length > before, 'the setting of the clock');
    }
  }
}

/** What a disk can do instead of a commit. */
export type DiskFault = 'io-error' | 'read-only';

/** A disk that fails when it is told to, under the database thread of a compiled program. */
export class FaultyDisk {
  readonly node: readonly string[];
  private readonly file: string;

  private constructor(file: string, preload: string) {
    this.file = file;
    this.node = ['--import', pathToFileURL(preload).href];
  }

  /** `program`: the compiled one, that of Build.node. */
  static async make(directory: string, program: string): Promise<FaultyDisk> {
    const file = join(directory, 'disk');
    const preload = join(directory, 'disk.mjs');
    const module = pathToFileURL(join(dirname(program), '../relay/store/sqlite-database.js')).href;
    await writeFile(file, '');
    await writeFile(preload, DISK.replace('FILE', JSON.stringify(file)).replace('MODULE', JSON.stringify(module)));
    return new FaultyDisk(file, preload);
  }

  /** From the next commit on. */
  async fail(how: DiskFault): Promise<void> {
    await writeFile(this.file, how);
  }

  async heal(): Promise<void> {
    await writeFile(this.file, '');
  }
}

const DISK = `
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (!isMainThread) {
  const { Database } = await import(MODULE);
  const { begin, commit } = Database.prototype;
  const fault = () => readFileSync(FILE, 'utf8');
  const error = (code, rawCode, text) => Object.assign(new Error(text), { code, rawCode });
  Database.prototype.begin = function () {
    if (fault() === 'read-only') throw error('SQLITE_READONLY', 8, 'attempt to write a readonly database');
    return begin.call(this);
  };
  Database.prototype.commit = function () {
    if (fault() === 'io-error') throw error('SQLITE_IOERR_FSYNC', 1034, 'disk I/O error');
    return commit.call(this);
  };
}
`;

const CLOCK = `
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) {
  const Machine = Date;
  const read = () => Number(readFileSync(FILE, 'utf8'));
  let ahead = read();
  globalThis.Date = class extends Machine {
    constructor(...given) {
      if (given.length === 0) super(Machine.now() + ahead);
      else super(...given);
    }
    static now() {
      return Machine.now() + ahead;
    }
  };
  process.on('SIGUSR2', () => {
    ahead = read();
    process.stderr.write(JSON.stringify({ event: 'test.clock', ahead }) + '\\n');
  });
}
`;
