import { expect } from 'chai';
import { ChatError } from '../../src/errors.ts';
import type { OptionRules, OptionType } from '../../src/option-types.ts';
import { OPTION_TYPES, parseDuration, parseSize } from '../../src/option-types.ts';
import type { OptionSources, OptionTable, OptionValues } from '../../src/options.ts';
import { configKey, resolveOptions, variableName } from '../../src/options.ts';

const TABLE = {
  'max-line': { type: 'size', default: '2k', describe: 'A limit', aliases: ['longest-line'] },
  level: { type: 'choice', choices: ['low', 'high'], default: 'low', describe: 'A choice', key: 'height' },
  hosts: { type: 'string', list: true, describe: 'A list', variables: ['OTHER_HOSTS'] },
  size: { type: 'size', describe: 'A size', zero: 'off', variables: [{ name: 'OTHER_SIZE', unit: 'MB' }] },
  quick: { type: 'boolean', default: false, describe: 'A switch' },
  name: { type: 'string', default: () => 'computed', describe: 'A computed default' },
  target: { type: 'url', protocols: ['smtp:'], required: true, example: 'smtp://h', describe: 'A required one' },
} as const satisfies OptionTable;

const TARGET = ['target', ['smtp://h']] as const;
const flags = (...entries: readonly (readonly [string, readonly string[]])[]) => new Map([TARGET, ...entries]);

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(ChatError);
    expect((error as ChatError).code).to.equal('BAD_OPTION');
    expect((error as ChatError).message).not.to.contain('\n');
    return (error as ChatError).message;
  }
  throw new Error('nothing was refused');
}

describe('resolveOptions', () => {
  it('gives defaults, read like everything else', () => {
    const values = resolveOptions(TABLE, { flags: flags() });
    expect(values).to.deep.equal({
      maxLine: 2048,
      height: 'low',
      hosts: undefined,
      size: undefined,
      quick: false,
      name: 'computed',
      target: new URL('smtp://h'),
    });
  });

  it('infers a type from the table', () => {
    const values: OptionValues<typeof TABLE> = resolveOptions(TABLE, { flags: flags() });
    // These lines are a test for the compiler.
    const exact: {
      readonly maxLine: number;
      readonly height: 'low' | 'high';
      readonly hosts: readonly string[] | undefined;
      readonly size: number | undefined;
      readonly quick: boolean;
      readonly name: string;
      readonly target: URL;
    } = values;
    expect(exact).to.equal(values);
  });

  it('prefers the flag to the variable, the variable to the file, the file to the default', () => {
    const file = { path: 'config.json: part', values: { height: 'high', maxLine: 4096, name: 'file', hosts: 'one' } };
    const variables = { LONEDOT_MAX_LINE: '3k', LONEDOT_NAME: 'variable' };
    const values = resolveOptions(TABLE, { flags: flags(['name', ['flag']]), variables, file });
    expect(values).to.include({ name: 'flag', maxLine: 3072, height: 'high', quick: false });
    expect(values.hosts).to.deep.equal(['one']);
  });

  it('splits a variable for a list, and takes a list or one value from a file', () => {
    const variables = { LONEDOT_HOSTS: 'a, b\tc' };
    expect(resolveOptions(TABLE, { flags: flags(), variables }).hosts).to.deep.equal(['a', 'b', 'c']);
    const file = { path: 'f', values: { hosts: ['a', 'b'] } };
    expect(resolveOptions(TABLE, { flags: flags(), file }).hosts).to.deep.equal(['a', 'b']);
  });

  it('lets the last flag win where one value is wanted', () => {
    expect(resolveOptions(TABLE, { flags: flags(['name', ['a', 'b']]) }).name).to.equal('b');
  });

  it('knows variables of other programs, their units, and prefers its own', () => {
    const variables = { OTHER_HOSTS: 'x', OTHER_SIZE: '50' };
    expect(resolveOptions(TABLE, { flags: flags(), variables })).to.deep.include({
      hosts: ['x'],
      size: 50 * 1024 ** 2,
    });
    const both = { ...variables, LONEDOT_HOSTS: 'y', OTHER_SIZE: '50k' };
    expect(resolveOptions(TABLE, { flags: flags(), variables: both })).to.deep.include({ hosts: ['y'], size: 51_200 });
    const zero = { OTHER_SIZE: '0' };
    expect(resolveOptions(TABLE, { flags: flags(), variables: zero }).size).to.equal(0);
  });

  it('behind another prefix knows only the variables of that prefix', () => {
    const variables = { OTHER_HOSTS: 'x', LONEDOT_NAME: 'plain', LONEDOT_PART_NAME: 'part' };
    const values = resolveOptions(TABLE, { flags: flags(), variables, prefix: 'LONEDOT_PART_' });
    expect(values).to.include({ name: 'part', hosts: undefined });
  });

  it('takes an empty variable and a null in a file for nothing', () => {
    const sources: OptionSources = { flags: flags(), variables: { LONEDOT_NAME: '' } };
    expect(resolveOptions(TABLE, sources).name).to.equal('computed');
    const file = { path: 'f', values: { name: null, hosts: null } };
    expect(resolveOptions(TABLE, { flags: flags(), file })).to.include({ name: 'computed', hosts: undefined });
  });

  it('is not fooled by names that every object has', () => {
    const table = { constructor: { type: 'string', describe: 'A trap' } } as const satisfies OptionTable;
    expect(resolveOptions(table, { file: { path: 'f', values: {} } }).constructor).to.equal(undefined);
  });

  const refused: readonly (readonly [what: string, sources: OptionSources, message: string])[] = [
    ['a bad flag', { flags: flags(['max-line', ['long']]) }, '--max-line: expected a size such as 50MB, 64k or a'],
    ['a bad variable', { flags: flags(), variables: { LONEDOT_QUICK: 'maybe' } }, 'LONEDOT_QUICK: expected true or'],
    ['a variable that is an empty list', { flags: flags(), variables: { LONEDOT_HOSTS: ', ' } }, 'LONEDOT_HOSTS: exp'],
    [
      'a bad value in a file',
      { flags: flags(), file: { path: 'f.json: part', values: { height: 'mid' } } },
      'f.json: part.height: expected one of low, high, got "mid"',
    ],
    ['a null where there is a default', { flags: flags(), file: { path: 'f', values: { maxLine: null } } }, 'got null'],
    ['a list where one is wanted', { flags: flags(), file: { path: 'f', values: { name: ['a'] } } }, 'got a list'],
    ['an object in a list', { flags: flags(), file: { path: 'f', values: { hosts: [{}] } } }, 'got an object'],
    ['an empty list', { flags: flags(), file: { path: 'f', values: { hosts: [] } } }, 'expected at least one value'],
    ['a missing one', { flags: new Map() }, '--target is required (or LONEDOT_TARGET, or "target" in the config file)'],
    ['one that a file should have', { file: { path: 'f.json: part', values: {} } }, 'f.json: part.target is required'],
  ];
  for (const [what, sources, message] of refused) {
    it(`refuses ${what}`, () => {
      expect(refusal(() => resolveOptions(TABLE, sources))).to.contain(message);
    });
  }

  it('never repeats a URL that it refuses, nor a long value whole', () => {
    const secret = 'ftp://user:secret@host';
    expect(refusal(() => resolveOptions(TABLE, { flags: new Map([['target', [secret]]]) }))).not.to.contain('secret');
    const long = refusal(() => resolveOptions(TABLE, { flags: flags(['level', ['x'.repeat(1000)]]) }));
    expect(long.length).to.be.lessThan(200);
  });
});

describe('the names of an option', () => {
  it('are camelCase in files and capitals in variables', () => {
    expect(configKey('max-message-size', TABLE['max-line'])).to.equal('maxMessageSize');
    expect(configKey('level', TABLE.level)).to.equal('height');
    expect(variableName('max-line')).to.equal('LONEDOT_MAX_LINE');
  });
});

describe('the kinds of option', () => {
  const cases: readonly (readonly [type: OptionType, rules: OptionRules, good: [string, unknown][], bad: string[]])[] =
    [
      ['string', {}, [['a b', 'a b']], ['']],
      ['string', { pattern: { test: /^a+$/, says: 'as' } }, [['aa', 'aa']], ['b', '']],
      [
        'boolean',
        {},
        ['1 true yes on TRUE'.split(' '), '0 false no off'.split(' ')].flatMap((words, i) =>
          words.map((w) => [w, i === 0] as [string, unknown]),
        ),
        ['', '2', 'ja'],
      ],
      [
        'integer',
        { min: 1, max: 9 },
        [
          ['1', 1],
          ['9', 9],
          ['007', 7],
        ],
        ['0', '10', '-1', '1.5', '1e1', '0x1', '', ' 1', '99999999999999999999'],
      ],
      [
        'integer',
        { min: 5, zero: 'off' },
        [
          ['0', 0],
          ['5', 5],
        ],
        ['4'],
      ],
      [
        'number',
        { max: 1 },
        [
          ['0.5', 0.5],
          ['1', 1],
        ],
        ['1.1', '.5', '5.', '1e0', 'NaN', 'Infinity'],
      ],
      [
        'duration',
        { min: '1s', max: '1h' },
        [
          ['1s', 1000],
          ['1h', 3_600_000],
          ['1500ms', 1500],
        ],
        ['999ms', '61m', '60', '-1s', '1 s', '0', '1w'],
      ],
      [
        'duration',
        { zero: 'off' },
        [
          ['0', 0],
          ['0s', 0],
        ],
        [''],
      ],
      [
        'size',
        { min: '1k', zero: 'no limit' },
        [
          ['0', 0],
          ['1k', 1024],
          ['1024', 1024],
          ['50MB', 52_428_800],
        ],
        ['50', '-1', '1x'],
      ],
      [
        'address',
        {},
        [
          ['25', { kind: 'tcp', host: '127.0.0.1', port: 25 }],
          ['unix:/x', { kind: 'unix', path: '/x' }],
        ],
        [],
      ],
      ['choice', { choices: ['a', 'b'] }, [['a', 'a']], ['A', 'c', '']],
      ['url', { protocols: ['smtp:'] }, [['smtp://h', new URL('smtp://h')]], ['http://h', 'smtp:', 'smtp://', 'h', '']],
      [
        'url',
        { protocols: ['smtp:'], hostless: ['mx:', 'a+b:'] },
        [
          ['mx', new URL('mx:')],
          ['mx:?x=1', new URL('mx:?x=1')],
          ['a+b:/path', new URL('a+b:/path')],
          ['smtp://h', new URL('smtp://h')],
        ],
        ['smtp:', 'mx2', 'h', ''],
      ],
      ['path', {}, [['./x y', './x y']], ['', 'a\0b']],
    ];
  for (const [type, rules, good, bad] of cases) {
    it(`${type} ${JSON.stringify(rules)}`, () => {
      const kind = OPTION_TYPES[type];
      for (const [text, value] of good) expect(kind.read(text, rules), text).to.deep.equal(value);
      for (const text of bad) expect(kind.read(text, rules), text).to.equal(undefined);
    });
  }

  it('address tells what is wrong', () => {
    expect(
      refusal(() => resolveOptions({ a: { type: 'address', describe: '' } }, { flags: new Map([['a', [':25']]]) })),
    ).to.match(/^--a: ":25" is no address: .*; allowed are \[host:\]port/);
  });

  it('durations and sizes have units', () => {
    for (const [text, ms] of [
      ['250ms', 250],
      ['60s', 60_000],
      ['5m', 300_000],
      ['1.5h', 5_400_000],
      ['5d', 432_000_000],
    ] as const) {
      expect(parseDuration(text)).to.equal(ms);
    }
    for (const [text, bytes] of [
      ['64k', 65_536],
      ['64 KB', 65_536],
      ['1.5M', 1_572_864],
      ['1g', 1024 ** 3],
      ['7b', 7],
      ['7', 7],
    ] as const) {
      expect(parseSize(text)).to.equal(bytes);
    }
    expect(parseSize('9999999999G')).to.equal(undefined);
  });
});

describe('a secret', () => {
  const SECRETS = {
    user: { type: 'secret', list: true, pattern: { test: /^\w+:./, says: 'NAME:HASH' }, describe: 'Who may come in' },
  } as const satisfies OptionTable;

  it('is told from its neighbour by blanks: hashes hold commas', () => {
    const variables = { LONEDOT_USER: 'a:$x$i=1,r=2  b:y' };
    expect(resolveOptions(SECRETS, { variables }).user).to.deep.equal(['a:$x$i=1,r=2', 'b:y']);
  });

  it('is never shown, wherever it came from', () => {
    for (const sources of [
      { flags: new Map([['user', ['hunter2']]]) },
      { variables: { LONEDOT_USER: 'hunter2' } },
      { file: { path: 'relay', values: { user: ['hunter2'] } } },
    ] satisfies OptionSources[]) {
      const said = refusal(() => resolveOptions(SECRETS, sources));
      expect(said)
        .to.match(/expected NAME:HASH/)
        .and.not.to.contain('hunter2');
    }
  });
});
