// What would be published, as far as it can be told without installing it: .ci/tarball.sh does that.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';
import { expect } from 'chai';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: { readonly lonedot: string };
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const read = (file: string): string => readFileSync(file, 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as Locked & { readonly packages: Readonly<Record<string, Locked>> };

/** Files below a folder, with its name, that end so. */
function filesIn(folder: string, ending: string): string[] {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return found.filter((file) => file.endsWith(ending)).map((file) => join(folder, file));
}

describe('the package', () => {
  let packed: readonly string[];

  before(() => {
    // Packing makes everything executable that it names; what the build wrote is there already.
    const npm = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' });
    expect(npm.status, npm.stderr).to.equal(0);
    const [only] = JSON.parse(npm.stdout) as readonly [{ readonly files: readonly { readonly path: string }[] }];
    packed = only.files.map(({ path }) => path);
  });

  it('has every source file in its built form, with its types', () => {
    const sources = ['src', 'relay', 'proxy', 'web/server', 'cli', 'testing'].flatMap((folder) =>
      filesIn(folder, '.ts'),
    );
    const built = sources.flatMap((file) => ['.js', '.d.ts'].map((ending) => `dist/${file.replace(/\.ts$/, ending)}`));
    expect(packed).to.include.members(built);
  });

  it('has what people read, and the config files', () => {
    const expected = ['README.md', 'LICENSE', 'CHANGELOG.md', 'config.example.json', 'config.schema.json'];
    expect(packed).to.include.members(['package.json', ...expected]);
    expect(packed).to.include.members(filesIn('docs', '.md'));
  });

  it('has no sources, tests, measurements, maps or databases', () => {
    const wanted =
      /^(dist\/(src|relay|proxy|web|cli|testing|ui)\/.*\.(d\.ts|js|css|html|svg)(\.gz|\.br)?|docs\/.*\.(md|png|svg)|[^/]+\.(md|json)|LICENSE)$/;
    expect(packed.filter((path) => !wanted.test(path))).to.deep.equal([]);
  });

  it('exports files that it has and that load', async () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      const { types, default: file } = typeof target === 'string' ? { types: target, default: target } : target;
      expect(packed, name).to.include.members([types, file].map((path) => path.replace('./', '')));
    }
    const load = (name: string): Promise<object> => import(name);
    expect(await load(manifest.name)).to.include.keys('AsyncChat', 'Framer', 'SimpleProducer');
    expect(await load(`${manifest.name}/testing`)).to.include.keys('everySplit', 'startProxy');
  });

  it('imports its dependencies at run time, each of them, and nothing else', () => {
    const imported = new Set<string>();
    for (const file of packed.filter((path) => /^dist\/(?!ui\/).*\.js$/.test(path))) {
      for (const [, name] of read(file).matchAll(/(?:\bfrom |\b(?:import|require)\(|^import )'([^'.][^']*)'/gm)) {
        const owner = name!.split('/', name!.startsWith('@') ? 2 : 1).join('/');
        // Itself: in programs that it writes for others.
        if (!isBuiltin(owner) && owner !== manifest.name) imported.add(owner);
      }
    }
    expect([...imported]).to.have.members(Object.keys(manifest.dependencies));
  });

  it('has one version, which its program tells', () => {
    const program = manifest.bin.lonedot;
    expect(read(program)).to.match(/^#!\/usr\/bin\/env node\n/);
    const { stdout } = spawnSync(process.execPath, [resolve(program), '--version'], { encoding: 'utf8' });
    expect([stdout, lock.version, lock.packages['']?.version]).to.deep.equal([
      `${manifest.version}\n`,
      manifest.version,
      manifest.version,
    ]);
  });
});

describe('the lock file', () => {
  it('names no registry', () => {
    expect(read('package-lock.json')).not.to.contain('"resolved": "http');
  });

  it('has no package at run time that wants to run a script when it is installed', () => {
    const scripts = Object.entries(lock.packages).filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev);
    expect(scripts.map(([path]) => path)).to.deep.equal([]);
  });

  it('has at most 90 packages at run time, for all systems together', () => {
    const installed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev);
    expect(installed.length).to.be.within(1, 90);
  });
});
