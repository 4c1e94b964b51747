#!/usr/bin/env node
// The program. Not more than a door: --version is answered before anything else is loaded, the rest is main.ts. Called by
// the name of sendmail (a link to it), it is `lonedot sendmail`.
import { basename } from 'node:path';
import { print } from './output.ts';
import { version } from './version.ts';

if (process.argv.includes('--version')) {
  await print(`${version()}\n`);
} else {
  const { main } = await import('./main.ts');
  const [, name = '', ...args] = process.argv;
  const isSendmail = /^(?:lonedot-)?sendmail(?:\.js)?$/.test(basename(name));
  process.exit(await main(isSendmail ? ['sendmail', ...args] : args));
}
