// The log loads its library with the first record. A process that was out of descriptors by then could not load it, and
// ended of that, instead of telling.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { loaderFor } from '../cli/run.ts';

describe('a log whose first record comes when no file can be opened', () => {
  it('is written all the same', function () {
    if (process.platform === 'win32') return this.skip();
    const file = join(import.meta.dirname, '../../src/log.ts').replace(/\.ts$/, import.meta.filename.slice(-3));
    const script = `
      const { createLog } = await import(${JSON.stringify(file)});
      const { openSync } = await import('node:fs');
      try { for (;;) openSync('/dev/null'); } catch {}
      const log = createLog({ level: 'info', format: 'json' });
      log.warn('something.happened', { count: 1 });
      log.warn('something.else');
      await log.flush();
    `;
    const command = [process.execPath, ...loaderFor(file), '--input-type=module', '-e', script];
    const shell = ['-c', 'ulimit -n 90; exec "$@" 2>&1', 'sh', ...command];
    // A run that measures coverage would have to open a file for its report, and tell of its failure among the lines.
    const env = { ...process.env, NODE_V8_COVERAGE: '' };
    const lines = execFileSync('sh', shell, { encoding: 'utf8', timeout: 10_000, env }).trim().split('\n');
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).to.deep.equal(['something.happened', 'something.else']);
  });
});
