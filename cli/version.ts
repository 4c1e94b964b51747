// The version, from the package.json that this file was published with.
import { readFileSync } from 'node:fs';

export function version(): string {
  // Built files lie one folder deeper (dist/cli/) than the sources (cli/).
  const up = import.meta.url.endsWith('.ts') ? '../' : '../../';
  const manifest = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
