// Which lonedot the tests from end to end run: a build when there is a fresh one, else the sources.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const SOURCES = ['src', 'relay', 'proxy', 'web/server', 'cli'];

/** How to run it: what comes behind `node`. */
export const LONEDOT: readonly string[] = lonedot();

export interface Build {
  readonly node: readonly string[];
  remove(): Promise<void>;
}

/** A compiled one, for what must not be measured under the loader of the sources; made for the occasion if need be. */
export async function compiled(): Promise<Build> {
  if (LONEDOT.length === 1) return { node: LONEDOT, remove: async () => {} };
  const directory = mkdtempSync(join(tmpdir(), 'lonedot-build-'));
  const outDir = join(directory, 'dist');
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  // Its complaints are for the check; what it writes is all that is wanted here.
  spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.json'), '--outDir', outDir], { stdio: 'ignore' });
  const program = join(outDir, 'cli/lonedot.js');
  if (!existsSync(program)) throw new Error('the sources do not compile');
  // Packages, and the version, are looked for above the program.
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await cp(join(ROOT, 'package.json'), join(directory, 'package.json'));
  return { node: [program], remove: () => rm(directory, { recursive: true, force: true }) };
}

function lonedot(): readonly string[] {
  // Compiled tests have the compiled program beside them.
  if (extname(import.meta.filename) === '.js') return [join(ROOT, 'cli/lonedot.js')];
  const built = join(ROOT, 'dist/cli/lonedot.js');
  const isFresh = existsSync(built) && SOURCES.every((folder) => newest(join(ROOT, folder)) <= statSync(built).mtimeMs);
  return isFresh ? [built] : ['--import', 'tsx', join(ROOT, 'cli/lonedot.ts')];
}

function newest(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...names.filter((name) => name.endsWith('.ts')).map((name) => statSync(join(folder, name)).mtimeMs));
}
