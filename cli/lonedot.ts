#!/usr/bin/env node
// The program. Not more than a door: --version is answered before anything else is loaded, the rest is main.ts.
import { print } from './output.ts';
import { version } from './version.ts';

if (process.argv.includes('--version')) {
  await print(`${version()}\n`);
} else {
  const { main } = await import('./main.ts');
  process.exit(await main(process.argv.slice(2)));
}
