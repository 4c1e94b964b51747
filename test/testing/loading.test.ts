// What `lonedot/testing` loads when it is imported: nothing that only some tests need, and nothing that is not installed
// with it.
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '../..');
/** The coverage run tests the compiled files, in which types are gone. */
const EXTENSION = import.meta.filename.endsWith('.ts') ? '.ts' : '.js';

/** The packages that a file imports before it runs, by itself or through others; with types, what its types need, too. */
function packagesOf(file: string, withTypes: boolean, seen = new Set<string>()): Set<string> {
  const found = new Set<string>();
  if (seen.has(file) || !existsSync(file)) return found;
  seen.add(file);
  for (const [, type, name] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (type )?(?:[^;'"]*? from )?'([^']+)';/gms,
  )) {
    if (type !== undefined && !withTypes) continue;
    if (!name!.startsWith('.')) found.add(name!.split('/')[0]!);
    else for (const one of packagesOf(join(dirname(file), name!), withTypes, seen)) found.add(one);
  }
  return found;
}

describe('importing lonedot/testing', () => {
  const entry = (name: string) => join(ROOT, 'testing', name + EXTENSION);
  const others = (names: Iterable<string>) => [...names].filter((name) => !isBuiltin(name)).sort();

  it('loads no web server, no parser and no mail client', () => {
    expect(others(packagesOf(entry('index'), false))).to.deep.equal([]);
  });

  if (EXTENSION === '.ts') {
    it('needs no types of chai, which only its own entry does', () => {
      expect(others(packagesOf(entry('index'), true))).not.to.include('chai');
      expect(others(packagesOf(entry('smtp-tester'), true))).not.to.include('chai');
      expect(others(packagesOf(entry('chai'), true))).to.include('chai');
    });
  }

  it('never loads chai itself', () => {
    expect(others(packagesOf(entry('chai'), false))).not.to.include('chai');
  });
});
