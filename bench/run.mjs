#!/usr/bin/env node
// Everything that is measured here, one script after the other: `node bench/run.mjs [--write]` (about a quarter of an hour).
// With --write the output becomes bench/RESULTS.md. The build has to be fresh: `npm run build`.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { here } from './processes.mjs';

const parts = [];
for (const script of ['framing', 'socket', 'startup', 'sink', 'relay', 'scale', 'inbox', 'proxy']) {
  console.log(`# ${script}`);
  const { stdout, status } = spawnSync('node', [here(`${script}.mjs`)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout);
  if (status !== 0) process.exit(1);
  parts.push(`## bench/${script}.mjs\n\n\`\`\`\n${stdout.trim().replaceAll('\n## ', '\n')}\n\`\`\`\n`);
}
if (process.argv.includes('--write')) {
  const machine = `Node ${process.version}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}.`;
  const head =
    '# Results\n\nContestants take turns in one run; figures are medians of at least five rounds after two warm-ups. Only the\nratios mean anything on another machine.';
  writeFileSync(
    here('RESULTS.md'),
    `${head} ${machine} Made by \`node bench/run.mjs --write\`.\n\n${parts.join('\n')}`,
  );
}
