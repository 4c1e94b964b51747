#!/usr/bin/env node
// What is measured here, one script after the other: `node bench/run.mjs [--write] [NAME...]` (all of them take some twenty
// minutes). With --write the output goes into bench/RESULTS.md, that of the others stays. The build has to be fresh:
// `npm run build`.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { here } from './processes.mjs';

const SCRIPTS = ['framing', 'socket', 'startup', 'sink', 'relay', 'scale', 'inbox', 'proxy'];
const RESULTS = here('RESULTS.md');
const HEAD = `# Results

Contestants take turns in one run; figures are medians of at least five rounds after two warm-ups. Only the
ratios mean anything on another machine. Made by \`node bench/run.mjs --write\`.
`;

const named = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const unknown = named.find((name) => !SCRIPTS.includes(name));
if (unknown !== undefined) {
  console.error(`there is no bench/${unknown}.mjs to run; there are ${SCRIPTS.join(', ')}`);
  process.exit(2);
}
const parts = writtenParts();
for (const script of named.length > 0 ? named : SCRIPTS) {
  console.log(`# ${script}`);
  const { stdout, status } = spawnSync('node', [here(`${script}.mjs`)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout);
  if (status !== 0) process.exit(1);
  const machine = `Node ${process.version}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}.`;
  parts.set(script, `${machine}\n\n\`\`\`\n${stdout.trim().replaceAll('\n## ', '\n')}\n\`\`\`\n`);
  // Each at once: what comes later may fail.
  if (process.argv.includes('--write')) write();
}

function write() {
  const sections = SCRIPTS.filter((name) => parts.has(name)).map(
    (name) => `## bench/${name}.mjs\n\n${parts.get(name)}`,
  );
  writeFileSync(RESULTS, [HEAD, ...sections].join('\n'));
}

function writtenParts() {
  const sections = readFileSync(RESULTS, 'utf8').split(/^## bench\/(\w+)\.mjs\n\n/m);
  const written = new Map();
  for (let i = 1; i < sections.length; i += 2) written.set(sections[i], `${sections[i + 1].trimEnd()}\n`);
  return written;
}
