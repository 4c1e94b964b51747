#!/usr/bin/env node
// Start-up: `lonedot --version`, and spawn to the SMTP banner, against what an empty Node program and an empty net
// server need. Milliseconds, wall clock, interleaved.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { interleave, ratio, summary, table } from './lib.mjs';
import { freePort, here } from './processes.mjs';

const lonedot = here('../dist/cli/lonedot.js');
const folder = mkdtempSync(join(tmpdir(), 'lonedot-bench-'));

function toExit(args) {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn('node', args, { stdio: 'ignore' });
    child.once('exit', (code) => (code === 0 ? resolve(performance.now() - begun) : reject(new Error(`exit ${code}`))));
  });
}

async function toBanner(command) {
  const port = await freePort();
  const begun = performance.now();
  const child = spawn('node', command(port), { stdio: 'ignore' });
  const banner = await new Promise((resolve, reject) => {
    const deadline = Date.now() + 20_000;
    const attempt = () => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('error', () => (Date.now() > deadline ? reject(new Error('no banner')) : setTimeout(attempt, 1)));
      socket.once('data', () => {
        socket.destroy();
        resolve(performance.now() - begun);
      });
    };
    attempt();
  });
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  return banner;
}

const versions = await interleave(
  [
    { name: 'node, empty program', run: () => toExit(['-e', '0']) },
    { name: 'lonedot --version', run: () => toExit([lonedot, '--version']) },
  ],
  { rounds: 11 },
);
table('a program that says its version', versions, 'ms');
const banners = await interleave(
  [
    { name: 'node, empty net server', run: () => toBanner((port) => [here('peers/empty.mjs'), port]) },
    {
      name: 'lonedot relay',
      run: () =>
        toBanner((port) => [
          lonedot,
          'relay',
          '-s',
          `127.0.0.1:${port}`,
          '--upstream',
          'smtp://127.0.0.1:9',
          '-d',
          join(folder, `${port}.db`),
          '-q',
        ]),
    },
    {
      name: 'lonedot sink',
      run: () => toBanner((port) => [lonedot, 'sink', '-s', `127.0.0.1:${port}`, '-l', '127.0.0.1:0', '-q']),
    },
  ],
  { rounds: 11 },
);
table('spawn to the SMTP banner', banners, 'ms');
ratio(
  'lonedot --version against an empty program',
  versions.get('lonedot --version').median / versions.get('node, empty program').median,
  1.8,
  'less',
);
for (const name of ['relay', 'sink']) {
  ratio(
    `lonedot ${name} to the banner against an empty net server`,
    banners.get(`lonedot ${name}`).median / banners.get('node, empty net server').median,
    1.8,
    'less',
  );
}
summary();
rmSync(folder, { recursive: true, force: true });
