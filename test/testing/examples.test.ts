// The examples of `lonedot/testing`, each run by its own runner as its header says.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { within } from '../support/within.ts';

const FOLDER = new URL('../../examples/testing/', import.meta.url);
/** The coverage run tests the compiled files. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const LOADER = EXTENSION === '.ts' ? ['--import', 'tsx'] : [];
const MOCHA = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const { CHROMIUM = '/usr/bin/chromium' } = process.env;

const file = (name: string): string => fileURLToPath(new URL(name + EXTENSION, FOLDER));

/** Everything that it prints, and how it ends. */
async function run(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, MOCHA_WORKER_ID: ___, ...env } = process.env;
  const child = spawn(process.execPath, [...args], {
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const code = await within(50_000, ended, 'the end of the example').catch((error: Error) => {
    child.kill();
    throw new Error(`${error.message}: ${output}`);
  });
  return { code, output };
}

describe('the examples of lonedot/testing', function () {
  this.timeout(60_000);

  it('are all here', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith(EXTENSION));
    const names = ['app', 'mocha-setup', 'sign-up.mocha', 'refused.mocha', 'node-test', 'playwright'];
    expect(files.sort()).to.deep.equal(names.map((name) => name + EXTENSION).sort());
  });

  it('run with mocha, in two workers', async () => {
    const files = [file('sign-up.mocha'), file('refused.mocha')];
    const options = [
      '--no-config',
      '--parallel',
      '--jobs',
      '2',
      '--timeout',
      '20000',
      '--require',
      file('mocha-setup'),
    ];
    const { code, output } = await run(...LOADER, MOCHA, ...options, ...files);
    expect(output).to.contain('3 passing');
    expect(code, output).to.equal(0);
  });

  it('run with node:test', async () => {
    const { code, output } = await run(...LOADER, '--test', file('node-test'));
    expect(output).to.match(/\bpass 4\n[\s\S]*\bfail 0\n/);
    expect(code, output).to.equal(0);
  });

  it('run with Playwright', async function () {
    if (!existsSync(CHROMIUM)) {
      console.log(`      skipped: there is no ${CHROMIUM}`);
      this.skip();
    }
    const { code, output } = await run(...LOADER, '--test', file('playwright'));
    expect(output).to.match(/\bpass 2\n[\s\S]*\bfail 0\n/);
    expect(code, output).to.equal(0);
  });
});
