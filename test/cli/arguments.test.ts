// The quick reader and yargs: wherever the quick one answers, both answer the same.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Arguments } from '../../cli/arguments.ts';
import { readPlainArguments, splitCommand } from '../../cli/arguments.ts';
import { COMMON_OPTIONS } from '../../cli/options.ts';
import { readArguments } from '../../cli/yargs.ts';
import { PROXY_OPTIONS } from '../../proxy/options.ts';
import { SINK_OPTIONS } from '../../relay/options.ts';
import type { OptionTable } from '../../src/options.ts';

const TABLE: OptionTable = { ...SINK_OPTIONS, ...COMMON_OPTIONS };

function plain(answer: Arguments | undefined): unknown {
  return answer && { flags: Object.fromEntries(answer.flags), positionals: answer.positionals };
}

describe('readPlainArguments', () => {
  it('reads whole names, short and long, with their values', () => {
    const args = ['-s', '1025', '--smtp', '[::1]:25', '--max=7', '-q', '--smtp-max-recipients', '9', 'word'];
    const flags = { smtp: ['1025', '[::1]:25'], max: ['7'], quiet: ['true'], 'max-recipients': ['9'] };
    expect(plain(readPlainArguments(TABLE, args))).to.deep.equal({ flags, positionals: ['word'] });
  });

  for (const args of [
    ['--help'],
    ['--unknown'],
    ['-qv'],
    ['-s1025'],
    ['-s=1025'],
    ['--no-quiet'],
    ['-q', 'false'],
    ['--quiet=yes'],
    ['--max'],
    ['--max='],
    ['--max', '-1'],
    ['--', 'word'],
    ['-'],
  ]) {
    it(`leaves ${args.join(' ')} to yargs`, () => {
      expect(readPlainArguments(TABLE, args)).to.equal(undefined);
    });
  }

  it('does not take an argument that has no flag for a flag', () => {
    expect(readPlainArguments(PROXY_OPTIONS, ['--listen', '1143'])).to.equal(undefined);
  });

  it('answers like yargs wherever it answers', async () => {
    const names = Object.entries(TABLE).flatMap(([name, { short, aliases = [] }]) => [
      ...[name, ...aliases].map((long) => `--${long}`),
      ...(short === undefined ? [] : [`-${short}`]),
    ]);
    const value = fc.oneof(
      fc.constantFrom('1025', '127.0.0.1:1025', 'true', 'false', '0', '1e3', '0x10', '007', '.5', 'a=b', 'a,b', 'a b'),
      fc.constantFrom(
        '',
        '-',
        '--',
        '-1',
        '"quoted"',
        "'x'",
        'smtp://u:p@h:1',
        '--max',
        '[]',
        '{}',
        'null',
        '__proto__',
      ),
      fc.string({ maxLength: 6 }),
    );
    const name = fc.constantFrom(...names);
    const word = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(name, value) },
      { weight: 2, arbitrary: fc.tuple(fc.tuple(name, value).map(([n, v]) => `${n}=${v}`)) },
      { weight: 1, arbitrary: fc.tuple(fc.oneof(name, value)) },
    );
    let answered = 0;
    const lines = fc.array(word, { maxLength: 4 }).map((words) => words.flat());
    await fc.assert(
      fc.asyncProperty(lines, async (args) => {
        const quick = readPlainArguments(TABLE, args);
        if (quick === undefined) return;
        answered++;
        expect(plain(quick)).to.deep.equal(plain(await readArguments(TABLE, args)));
      }),
      { numRuns: 1500 },
    );
    expect(answered).to.be.greaterThan(100);
  });
});

describe('readArguments', () => {
  it('reads what the quick reader leaves to it', async () => {
    const args = ['-qs1025', '--max=7', '--no-verbose', '-d=x.db', '--', '--word'];
    const flags = { quiet: ['true'], smtp: ['1025'], max: ['7'], verbose: ['false'], database: ['x.db'] };
    expect(plain(await readArguments(TABLE, args))).to.deep.equal({ flags, positionals: ['--word'] });
  });

  it('reads switches with a word for true and false, and refuses other words', async () => {
    const args = ['--quiet=yes', '-v=off'];
    expect(plain(await readArguments(TABLE, args))).to.deep.include({ flags: { quiet: ['true'], verbose: ['false'] } });
    const refused = await readArguments(TABLE, ['-q=1025']).catch((error: Error) => error.message);
    expect(refused).to.equal('--quiet: expected true or false');
  });

  it('says when help is wanted', async () => {
    for (const args of [['--help'], ['-h'], ['-s', '1', '-qh']])
      expect(await readArguments(TABLE, args)).to.equal(undefined);
  });
});

describe('splitCommand', () => {
  for (const [line, command, rest] of [
    ['', undefined, ''],
    ['relay --upstream x', 'relay', '--upstream x'],
    ['-q relay -v', 'relay', '-q -v'],
    ['-c file relay', 'relay', '-c file'],
    ['--config=file --log-format json relay', 'relay', '--config=file --log-format json'],
    ['-s 1025', undefined, '-s 1025'],
    ['-c', undefined, '-c'],
  ] as const) {
    it(`finds ${command ?? 'no command'} in "lonedot ${line}"`, () => {
      const args = line.split(' ').filter((word) => word !== '');
      expect(splitCommand(args, COMMON_OPTIONS)).to.deep.equal({
        command,
        args: rest.split(' ').filter((word) => word !== ''),
      });
    });
  }
});
