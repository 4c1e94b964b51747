// The rules between the folders fire: each is broken once in a small tree of its own, for the linter with the project's
// configuration and for the script beside it. A rule that matches nothing would pass for ever.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';

const ONE = '// One.\nexport const one = 1;\n';
const importing = (what: string): string =>
  `// Two.\nimport { one } from '${what}';\n\nexport const two = one + one;\n`;

/** Each file with its text; it stands for one broken rule, or for none. */
const TREE: Readonly<Record<string, string>> = {
  'src/one.ts': ONE,
  'relay/one.ts': ONE,
  'proxy/one.ts': ONE,
  'web/server/one.ts': ONE,
  'cli/one.ts': ONE,
  'src/upwards.ts': importing('../relay/one.ts'),
  'relay/sideways.ts': importing('../proxy/one.ts'),
  'relay/store/sideways.ts': importing('../../proxy/one.ts'),
  'relay/upwards.ts': importing('../web/server/one.ts'),
  'proxy/sideways.ts': importing('../relay/one.ts'),
  'proxy/upwards.ts': importing('../cli/one.ts'),
  'web/server/upwards.ts': importing('../../cli/one.ts'),
  'relay/downwards.ts': importing('../src/one.ts'),
  'cli/downwards.ts': importing('../web/server/one.ts'),
  'src/cycle-a.ts': "// A.\nimport { b } from './cycle-b.ts';\n\nexport const a = (): number => b();\n",
  'src/cycle-b.ts': "// B.\nimport { a } from './cycle-a.ts';\n\nexport const b = (): number => a();\n",
  'src/bare.ts': 'export const bare = 1;\n',
  'src/long.ts': `// Long.\n${'export {};\n'.repeat(500)}`,
  'src/longish.ts': `// Longish.\n${'export {};\n'.repeat(300)}`,
  'src/exit.ts': '// Exits.\nprocess.exit(1);\n',
  'src/exit-code.ts': '// Does not exit: process.exit(1) is for cli/.\nprocess.exitCode = 1;\n',
  'cli/exit.ts': '#!/usr/bin/env node\n// May.\nprocess.exit(0);\n',
  'relay/upstream/upstream.ts':
    "// A.\nimport type Connection from 'nodemailer/lib/smtp-connection';\n\nexport type C = Connection;\n",
  'relay/upstream/upstream-connection.ts':
    "// B.\nimport type Connection from 'nodemailer/lib/smtp-connection';\n\nexport type C = Connection;\n",
  'src/words.ts': "// A.\nimport yargs from 'yargs';\n\nexport const words = yargs;\n",
  'relay/log.ts': "// A.\nexport const log = await import('winston');\n",
  'relay/queue/queue.ts': "// A.\nimport Libsql from 'libsql';\n\nexport const queue = Libsql;\n",
  'relay/store/sqlite.ts': "// B.\nimport Libsql from 'libsql';\n\nexport const sqlite = Libsql;\n",
  'cli/web.ts':
    "// A.\nimport { serve } from '@hono/node-server';\nimport { Hono } from 'hono/tiny';\n\nserve(new Hono());\n",
};

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string | { readonly file: string } };
}

describe('the rules between the folders', () => {
  let folder: string;
  let found: ReadonlySet<string>;
  let script: ReturnType<typeof spawnSync>;
  let told: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lint-'));
    for (const [file, text] of Object.entries(TREE)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    cpSync('biome.json', join(folder, 'biome.json'));
    const biome = resolve('node_modules/.bin/biome');
    const lint = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const { diagnostics } = JSON.parse(lint.stdout) as { diagnostics: readonly Diagnostic[] };
    found = new Set(
      diagnostics.map(({ category, location: { path } }) => {
        return `${typeof path === 'string' ? path : path.file} ${category.split('/').at(-1)}`;
      }),
    );
    script = spawnSync(process.execPath, [resolve('scripts/check-lengths.mjs'), folder], { encoding: 'utf8' });
    told = `${script.stdout}${script.stderr}`;
  });
  after(() => rmSync(folder, { recursive: true }));

  const broken = [
    ['src/ knows no relay/', 'src/upwards.ts', 'src/ may import src, not ../relay/one.ts'],
    ['relay/ knows no proxy/', 'relay/sideways.ts', 'relay/ may import relay, src, not ../proxy/one.ts'],
    ['relay/store/ knows no proxy/', 'relay/store/sideways.ts', 'relay/ may import relay, src, not ../../proxy/one.ts'],
    ['relay/ knows no web/', 'relay/upwards.ts', 'relay/ may import relay, src, not ../web/server/one.ts'],
    ['proxy/ knows no relay/', 'proxy/sideways.ts', 'proxy/ may import proxy, src, not ../relay/one.ts'],
    ['proxy/ knows no cli/', 'proxy/upwards.ts', 'proxy/ may import proxy, src, not ../cli/one.ts'],
    ['web/ knows no cli/', 'web/server/upwards.ts', 'not ../../cli/one.ts'],
  ] as const;
  for (const [rule, file, line] of broken) {
    it(`${rule}: the linter and the script say so`, () => {
      expect([...found]).to.include(`${file} noRestrictedImports`);
      expect(told).to.match(new RegExp(`^${file}:2: .*${line.replaceAll('.', '\\.')}$`, 'm'));
    });
  }

  it('everybody may import downwards', () => {
    for (const file of ['relay/downwards.ts', 'cli/downwards.ts']) {
      expect([...found].filter((each) => each.startsWith(file))).to.deep.equal([]);
      expect(told).not.to.contain(file);
    }
  });

  it('an import cycle is an error of the linter', () => {
    expect([...found]).to.include.members(['src/cycle-a.ts noImportCycles', 'src/cycle-b.ts noImportCycles']);
  });

  const own = [
    ['a file says what it is', 'src/bare.ts:1: it does not begin by saying what it is'],
    ['a file has at most 500 lines', 'src/long.ts: 501 lines; the limit is 500'],
    ['only cli/ ends the process', 'src/exit.ts:2: only cli/ ends the process'],
    [
      'nodemailer has its places',
      'relay/upstream/upstream.ts:2: nodemailer/lib/smtp-connection is imported by relay/upstream/: upstream-connection.ts, upstream-open.ts and dkim.ts; web/server/mailpit/compose.ts only',
    ],
    ['yargs has one place', 'src/words.ts:2: yargs is imported by cli/ only'],
    ['winston has one place', 'relay/log.ts:2: winston is imported by src/log.ts only'],
    ['libsql has one place', 'relay/queue/queue.ts:2: libsql is imported by relay/store/ only'],
    ['the HTTP server has one place', 'cli/web.ts:2: @hono/node-server is imported by web/ only'],
    ['and so has its framework', 'cli/web.ts:3: hono/tiny is imported by web/ only'],
  ] as const;
  for (const [rule, line] of own) {
    it(`${rule}: the script says so`, () => {
      expect(told.split('\n')).to.include(line);
    });
  }

  it('the script fails for these reasons and no others', () => {
    expect(script.status).to.equal(1);
    expect(told.match(/^\S+:(\d+:)? /gm)).to.have.length(broken.length + own.length);
  });

  it('a file of more than 300 lines is only named', () => {
    expect(told).to.contain('  src/longish.ts: 301 lines\n');
  });
});
