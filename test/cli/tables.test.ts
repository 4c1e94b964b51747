// The option tables, and the files that are made from them.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from '../../cli/command.ts';
import { CONFIG_SHAPE } from '../../cli/config.ts';
import { planConfig } from '../../cli/config-plan.ts';
import { commonFor } from '../../cli/options.ts';
import { configFiles } from '../../cli/schema.ts';
import { checkConfig } from '../../src/config-file.ts';
import type { OptionTable } from '../../src/options.ts';
import { configKey, resolveOptions, variableName } from '../../src/options.ts';

describe('the option tables', () => {
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    it(`of ${name} give no flag, key or variable twice`, async () => {
      const { table } = await load();
      const common = commonFor(table);
      const entries = Object.entries<OptionTable[string]>({ ...table, ...common });
      expect(Object.keys(table).filter((option) => Object.hasOwn(common, option))).to.deep.equal([]);
      const flags = entries.flatMap(([option, { short, aliases = [] }]) => [
        option,
        ...(short ? [short] : []),
        ...aliases,
      ]);
      const keys = entries.map(([option, definition]) => configKey(option, definition));
      const variables = entries.flatMap(([option, { variables: others = [] }]) => [
        variableName(option),
        ...others.map((other) => (typeof other === 'string' ? other : other.name)),
      ]);
      for (const names of [flags, keys, variables]) expect(names).to.deep.equal([...new Set(names)]);
    });

    it(`of ${name} describe each option in one line and have sound defaults`, async () => {
      const { table } = await load();
      for (const [option, definition] of Object.entries(table)) {
        expect(definition.describe, option).to.match(/^[A-Z][^\n]{10,90}[^.\n]$/);
        expect(option).to.match(/^[a-z][a-z\d]*(-[a-z\d]+)*$/);
        const { required: _, ...optional } = definition;
        expect(() => resolveOptions({ [option]: optional }, {})).not.to.throw();
      }
    });
  }
});

describe('config.schema.json and config.example.json', () => {
  for (const [file, text] of Object.entries(configFiles())) {
    it(`${file} is what the tables say (npm run schema writes it)`, () => {
      expect(readFileSync(file, 'utf8')).to.equal(text);
    });
  }

  const example = JSON.parse(readFileSync('config.example.json', 'utf8')) as Record<string, Record<string, unknown>>;

  it('the example shows every option with its default', () => {
    for (const [name, { table }] of Object.entries(CONFIG_SHAPE)) {
      const section = [example[name]].flat()[0]!;
      for (const [option, definition] of Object.entries<OptionTable[string]>(table)) {
        const { default: value, example: sample } = definition;
        const shown = section[configKey(option, definition)];
        expect(shown, `${name}.${option}`).to.deep.equal(
          (typeof value === 'function' ? null : value) ?? sample ?? null,
        );
      }
      expect(Object.keys(section).length).to.equal(Object.keys(table).length);
    }
  });

  it('the example is a good config file, and starts everything', () => {
    const config = checkConfig(example, 'config.example.json', CONFIG_SHAPE);
    const sections = planConfig(config, {}).flatMap(({ facts }) => facts.map(({ section }) => section));
    expect([...new Set(sections)]).to.deep.equal(['sink', 'relay', 'proxies[0]', 'control']);
  });
});
