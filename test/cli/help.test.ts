// What the program tells about itself.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from '../../cli/command.ts';
import { COMMON_OPTIONS } from '../../cli/options.ts';
import { commandHelp, programHelp } from '../../cli/yargs.ts';
import type { OptionTable } from '../../src/options.ts';
import { LONEDOT, Program, run } from './run.ts';

describe('lonedot --version', () => {
  it('prints the version of package.json and nothing else', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await run(['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('lonedot --help', () => {
  it('names every command with its summary', async () => {
    const help = await programHelp(COMMON_OPTIONS);
    for (const [name, { summary }] of Object.entries(COMMANDS)) {
      expect(help).to.match(new RegExp(`lonedot ${name} +${summary.replace(/[()]/g, '\\$&')}`));
    }
  });

  for (const [name, { load }] of Object.entries(COMMANDS)) {
    it(`tells every option of ${name}, how to write it, and its examples`, async () => {
      const command = await load();
      const help = (await commandHelp(command, COMMON_OPTIONS)).replaceAll(/\s+/g, ' ');
      const table: OptionTable = { ...command.table, ...COMMON_OPTIONS };
      for (const [option, { describe, positional, short, aliases = [] }] of Object.entries(table)) {
        const names = [
          ...(short === undefined ? [] : [`-${short}`]),
          ...[option, ...aliases].map((name) => `--${name}`),
        ];
        const flag = positional ? option.toUpperCase() : names.join(', ');
        expect(help).to.contain(`${flag} ${describe}`);
      }
      for (const [commandLine, what] of command.examples) expect(help).to.contain(`${commandLine} ${what}`);
    });
  }

  const asking: readonly (readonly [args: readonly string[], first: string])[] = [
    [['--help'], 'lonedot [command] [options]\n'],
    [['-h'], 'lonedot [command] [options]\n'],
    [['help'], 'lonedot [command] [options]\n'],
    [['relay', '--help'], 'lonedot relay --upstream URL [options]\n'],
    [['help', 'proxy'], 'lonedot proxy LISTEN UPSTREAM [options]\n'],
    [['sink', '-s', '1025', '-h'], 'lonedot [sink] [options]\n'],
  ];
  for (const [args, first] of asking) {
    it(`goes to stdout for ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout.startsWith(first)).to.equal(true);
    });
  }

  it('ends quietly when nobody reads on', async () => {
    const program = new Program(LONEDOT, ['--help']);
    program.child.stdout.destroy();
    const { code, stderr } = await program.result();
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });
});
