import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { ConfigShape } from '../../src/config-file.ts';
import { checkConfig, readConfig } from '../../src/config-file.ts';
import { configExample, configSchema } from '../../src/config-schema.ts';
import { ChatError } from '../../src/errors.ts';
import { jsonErrorPlace } from '../../src/json-place.ts';

const SHAPE = {
  one: {
    describe: 'One object',
    table: {
      'max-line': { type: 'integer', min: 1, default: 5, describe: 'A number' },
      wait: { type: 'duration', default: '5s', describe: 'A duration' },
      port: { type: 'address', describe: 'An address' },
      quick: { type: 'boolean', default: false, describe: 'A switch' },
      where: { type: 'url', protocols: ['smtp:'], required: true, example: 'smtp://u:p@h', describe: 'A URL' },
    },
  },
  many: {
    describe: 'Many objects',
    list: true,
    table: { name: { type: 'string', required: true, example: 'x', describe: 'A name' } },
  },
} as const satisfies ConfigShape;

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(ChatError);
    expect((error as ChatError).code).to.equal('BAD_OPTION');
    return (error as ChatError).message;
  }
  throw new Error('nothing was refused');
}

describe('checkConfig', () => {
  it('hands out sections with their paths', () => {
    const config = checkConfig({ $schema: 'x', one: { wait: '1s' }, many: [{ name: 'a' }, {}] }, 'f.json', SHAPE);
    expect(config.section('one')).to.deep.equal([{ path: 'f.json: one', values: { wait: '1s' } }]);
    expect(config.section('many').map(({ path }) => path)).to.deep.equal(['f.json: many[0]', 'f.json: many[1]']);
    expect(checkConfig({}, 'f.json', SHAPE).section('one')).to.deep.equal([]);
  });

  it('takes what is natural in JSON: numbers for numbers, ports and nothing, null for nothing', () => {
    const one = { maxLine: 7, wait: 0, port: 25, quick: true };
    expect(() => checkConfig({ one }, 'f', SHAPE)).not.to.throw();
    expect(() => checkConfig({ one: { port: null } }, 'f', SHAPE)).not.to.throw();
  });

  const cases: readonly (readonly [content: unknown, message: string])[] = [
    [[], 'f: expected an object, got a list'],
    [null, 'f: expected an object, got null'],
    ['one', 'f: expected an object, got a string'],
    [{ oen: {} }, 'f: unknown key "oen"; did you mean "one"?'],
    [{ other: {} }, 'f: unknown key "other"; known are $schema, one, many'],
    [JSON.parse('{"__proto__": {}}'), 'f: unknown key "__proto__"'],
    [{ one: 5 }, 'f: one: expected an object, got a number'],
    [{ many: {} }, 'f: many: expected a list of objects, got an object'],
    [{ many: [{}, []] }, 'f: many[1]: expected an object, got a list'],
    [{ many: [{ nmae: 'x' }] }, 'f: many[0]: unknown key "nmae"; did you mean "name"?'],
    [{ one: { 'max-line': 5 } }, 'f: one: unknown key "max-line"; did you mean "maxLine"?'],
    [{ one: { maxLine: '5' } }, 'f: one.maxLine: expected a whole number of at least 1, got "5"'],
    [{ one: { maxLine: 0 } }, 'f: one.maxLine: expected a whole number of at least 1, got "0"'],
    [{ one: { maxLine: 1.5 } }, 'f: one.maxLine: expected a whole number of at least 1, got "1.5"'],
    [{ one: { maxLine: null } }, 'f: one.maxLine: expected a whole number of at least 1, got null'],
    [{ one: { wait: 5 } }, 'f: one.wait: expected a duration such as 250ms, 60s, 5m, 1h or 5d, got "5"'],
    [{ one: { quick: 'yes' } }, 'f: one.quick: expected true or false, got "yes"'],
    [{ one: { quick: 1 } }, 'f: one.quick: expected true or false, got 1'],
    [{ one: { port: 70000 } }, 'f: one.port: "70000" is no address'],
    [{ one: { where: null } }, 'f: one.where: expected a URL such as smtp://host, got null'],
  ];
  for (const [content, message] of cases) {
    it(`refuses ${JSON.stringify(content)}`, () => {
      expect(refusal(() => checkConfig(content, 'f', SHAPE))).to.contain(message);
    });
  }

  it('does not repeat a URL with a password', () => {
    expect(refusal(() => checkConfig({ one: { where: 'ftp://u:secret@h' } }, 'f', SHAPE))).not.to.contain('secret');
  });
});

describe('readConfig', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-config-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function read(content: string): unknown {
    const file = join(folder, 'f.json');
    writeFileSync(file, content);
    return readConfig(file, SHAPE).section('many');
  }

  it('reads a file, also with a byte order mark', () => {
    expect(read('\uFEFF{"many": [{"name": "x"}]}')).to.have.length(1);
  });

  it('tells where a file is not JSON, and nothing of what stands there', () => {
    const message = refusal(() => read('{\n  "one": {"where": "smtp://u:secret@h" "quick"\n'));
    expect(message).to.match(/f\.json:2:40: not valid JSON$/);
  });

  it('tells why a file cannot be read', () => {
    expect(refusal(() => readConfig(join(folder, 'none'), SHAPE))).to.match(
      /none: cannot be read: there is no such file$/,
    );
    expect(refusal(() => readConfig(folder, SHAPE))).to.match(/: cannot be read: it is a directory$/);
  });
});

describe('jsonErrorPlace', () => {
  for (const [text, line, column] of [
    ['', 1, 1],
    ['{', 1, 2],
    ['{"a": x}', 1, 7],
    ['{"a": 1,}', 1, 9],
    ['[1 2]', 1, 4],
    ['[1,\n 2,\n ]', 3, 2],
    ['{"a"\n  1}', 2, 3],
    ['{1: 2}', 1, 2],
    ['{} x', 1, 4],
    ['[1}', 1, 3],
    [']', 1, 1],
    [',', 1, 1],
    ['"a\nb"', 1, 1],
    ['01', 1, 2],
    ['[1.]', 1, 3],
  ] as const) {
    it(`of ${JSON.stringify(text)} is ${line}:${column}`, () => {
      expect(jsonErrorPlace(text)).to.deep.equal({ line, column });
    });
  }

  it('agrees with JSON.parse about what is JSON', () => {
    const parses = (text: string) => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:-+.0123eE\\u tfn\n\x7f'), maxLength: 12 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          noise,
          fc.json().map((text) => text.slice(1)),
        ),
        (text) => {
          expect(jsonErrorPlace(text) === undefined).to.equal(parses(text));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the schema and the example of a config file', () => {
  it('have every option, with what JSON may stand there', () => {
    const { properties } = configSchema(SHAPE, 'title') as {
      properties: Record<'one' | 'many', { properties?: unknown }>;
    };
    const { one, many } = properties;
    expect(one).to.deep.include({ description: 'One object', required: ['where'], additionalProperties: false });
    const options = one.properties as Record<'maxLine' | 'port' | 'where', Record<string, unknown>>;
    expect(options.maxLine).to.deep.equal({
      description: 'A number: a whole number of at least 1',
      default: 5,
      type: 'integer',
      minimum: 1,
    });
    expect(options.port).to.have.property('anyOf').that.deep.includes({ type: 'null' });
    expect(options.where).to.include({ type: 'string', pattern: '^(smtp:)//' });
    expect(many).to.have.property('type', 'array');
  });

  it('the example is itself a good config file', () => {
    const example = configExample(SHAPE, './schema.json');
    expect(example).to.deep.equal({
      $schema: './schema.json',
      one: { maxLine: 5, wait: '5s', port: null, quick: false, where: 'smtp://u:p@h' },
      many: [{ name: 'x' }],
    });
    expect(() => checkConfig(example, 'f', SHAPE)).not.to.throw();
  });
});
