// The house rules that neither the linter nor the compiler checks: how long a file may be, that it says at its top what
// it is, who may end the process, and which file owns which package. Run by `npm run check`: `check-lengths.mjs [ROOT]`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT = 500;
const LONG = 300;

/** Each layer, and those it may import from besides itself. */
const LAYERS = {
  src: [],
  relay: ['src'],
  proxy: ['src'],
  'web/server': ['relay', 'proxy', 'src'],
  // Runs in the browser: it shares types only.
  'web/ui': ['relay'],
  testing: ['web/server', 'relay', 'proxy', 'src'],
  cli: ['testing', 'web/server', 'relay', 'proxy', 'src'],
};

/** Packages that one place hides from the rest, so that another can take their part. */
const OWNERS = [
  {
    package: /^nodemailer(\/|$)/,
    only: /^(relay\/upstream\/(upstream-connection|upstream-open|dkim)|web\/server\/mailpit\/compose)\.ts$/,
    where: 'relay/upstream/: upstream-connection.ts, upstream-open.ts and dkim.ts; web/server/mailpit/compose.ts',
  },
  { package: /^yargs(\/|$)/, only: /^cli\//, where: 'cli/' },
  { package: /^winston(\/|$)/, only: /^src\/log\.ts$/, where: 'src/log.ts' },
  { package: /^libsql(\/|$)/, only: /^relay\/store\//, where: 'relay/store/' },
  { package: /^pg(\/|$)/, only: /^relay\/store\/postgres\//, where: 'relay/store/postgres/' },
  { package: /^(hono|@hono\/[^/]+)(\/|$)/, only: /^web\//, where: 'web/' },
];

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const problems = [];
const long = [];
const files = Object.keys(LAYERS).flatMap(typeScriptIn);

for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8');
  const lines = text.trimEnd().split('\n');
  if (lines.length > LIMIT) problems.push(`${file}: ${lines.length} lines; the limit is ${LIMIT}`);
  else if (lines.length > LONG) long.push(`${file}: ${lines.length} lines`);
  const first = lines[0].startsWith('#!') ? lines[1] : lines[0];
  if (!/^(\/\/|\/\*) *\S/.test(first ?? '')) problems.push(`${file}:1: it does not begin by saying what it is`);
  checkCode(file, lines);
}

if (long.length > 0) console.warn(`Longer than ${LONG} lines, to be split when they grow:\n  ${long.join('\n  ')}`);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else {
  console.log(`${files.length} files keep the house rules.`);
}

function checkCode(file, lines) {
  for (const [index, line] of lines.entries()) {
    if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue;
    const place = `${file}:${index + 1}`;
    if (!file.startsWith('cli/') && /\bprocess\.(exit|reallyExit|abort)\b(?!Code)/.test(line)) {
      problems.push(`${place}: only cli/ ends the process`);
    }
    for (const [, specifier] of line.matchAll(/\b(?:from|import|require)\b\s*\(?\s*['"]([^'"]+)['"]/g)) {
      for (const owner of OWNERS) {
        if (owner.package.test(specifier) && !owner.only.test(file)) {
          problems.push(`${place}: ${specifier} is imported by ${owner.where} only`);
        }
      }
      if (!specifier.startsWith('.')) continue;
      const [from, to] = [layerOf(file), layerOf(posix.join(dirname(file), specifier))];
      if (to !== from && !LAYERS[from].includes(to)) {
        problems.push(`${place}: ${from}/ may import ${[from, ...LAYERS[from]].join(', ')}, not ${specifier}`);
      }
    }
  }
}

function layerOf(file) {
  return Object.keys(LAYERS).find((layer) => file.startsWith(`${layer}/`)) ?? 'none';
}

function typeScriptIn(folder) {
  try {
    const found = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort();
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
