// Builds the program once before the suite: the end-to-end tests run what users get, not what a loader makes of it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export function mochaGlobalSetup(): void {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the build failed');
}
