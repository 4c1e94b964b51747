// The version, from the package.json that this file was published with; read once, when somebody asks for it.
import { readFileSync } from 'node:fs';

let known: string | undefined;

export function version(): string {
  // Built files lie one folder deeper (dist/web/) than the sources (web/).
  const up = import.meta.url.endsWith('.ts') ? '../../../' : '../../../../';
  known ??= (JSON.parse(readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8')) as { version: string })
    .version;
  return known;
}
