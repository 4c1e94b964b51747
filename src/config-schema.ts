// The JSON Schema and the example of a config file, made from the same tables that read it. Not loaded by the program:
// a script writes both files, a test compares them with the tables.
import type { ConfigShape } from './config-file.ts';
import type { OptionType } from './option-types.ts';
import { OPTION_TYPES } from './option-types.ts';
import type { OptionDefinition, OptionTable } from './options.ts';
import { configKey, mayBeNull } from './options.ts';

type Schema = Record<string, unknown>;

/** One row per kind: what JSON may stand there. The ranges of durations and sizes cannot be said in JSON Schema. */
const KIND_SCHEMAS: { readonly [T in OptionType]: (definition: OptionDefinition) => Schema } = {
  string: ({ pattern }) =>
    pattern ? { type: 'string', pattern: pattern.test.source } : { type: 'string', minLength: 1 },
  boolean: () => ({ type: 'boolean' }),
  integer: (definition) => ({ type: 'integer', ...range(definition) }),
  number: (definition) => ({ type: 'number', ...range(definition) }),
  duration: () => ({ oneOf: [{ type: 'string', pattern: '^(0|\\d+(\\.\\d+)?(ms|s|m|h|d))$' }, { const: 0 }] }),
  size: () => ({
    oneOf: [
      { type: 'string', pattern: '^\\d+(\\.\\d+)? ?([kKmMgG][bB]?|[bB])?$' },
      { type: 'integer', minimum: 0 },
    ],
  }),
  address: () => ({
    oneOf: [
      { type: 'string', minLength: 1 },
      { type: 'integer', minimum: 0, maximum: 65535 },
    ],
  }),
  choice: ({ choices }) => ({ enum: choices }),
  url: ({ protocols = [], hostless = [] }) => ({ type: 'string', pattern: urlPattern(protocols, hostless) }),
  path: () => ({ type: 'string', minLength: 1 }),
  secret: ({ pattern }) =>
    pattern ? { type: 'string', pattern: pattern.test.source } : { type: 'string', minLength: 1 },
};

function urlPattern(protocols: readonly string[], hostless: readonly string[]): string {
  const withHost = `(${protocols.join('|')})//`;
  if (hostless.length === 0) return `^${withHost}`;
  return `^(${[withHost, ...hostless.map((protocol) => `${protocol.slice(0, -1).replace('+', '\\+')}(:|$)`)].join('|')})`;
}

function range({ min, max, zero }: OptionDefinition): Schema {
  const least = zero === undefined ? min : 0;
  return { ...(least === undefined ? {} : { minimum: least }), ...(max === undefined ? {} : { maximum: max }) };
}

/** The schema of one option's value in a config file. */
function optionSchema(definition: OptionDefinition): Schema {
  const { describe, default: value, otherwise, list } = definition;
  const expected = OPTION_TYPES[definition.type].expects(definition);
  const single = KIND_SCHEMAS[definition.type](definition);
  const any = list ? { oneOf: [{ type: 'array', items: single, minItems: 1 }, single] } : single;
  return {
    description: `${describe}${otherwise ? ` (default: ${otherwise})` : ''}: ${expected}`,
    ...(value === undefined || typeof value === 'function' ? {} : { default: value }),
    ...(mayBeNull(definition) ? { anyOf: [any, { type: 'null' }] } : any),
  };
}

function tableSchema(table: OptionTable): Schema {
  const entries = Object.entries(table);
  const required = entries.filter(([, d]) => d.required).map(([name, d]) => configKey(name, d));
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(entries.map(([name, d]) => [configKey(name, d), optionSchema(d)])),
  };
}

/** The JSON Schema (draft 2020-12) of config files of this shape. */
export function configSchema(shape: ConfigShape, title: string): Schema {
  const sections = Object.entries(shape).map(([name, { table, describe, list }]) => {
    const item = tableSchema(table);
    return [name, { description: describe, ...(list ? { type: 'array', items: item } : item) }];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    additionalProperties: false,
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(sections) },
  };
}

/** Every option with its default; required ones with their example, null where nothing is the default. */
export function configExample(shape: ConfigShape, schema: string): Schema {
  const sections = Object.entries(shape).map(([name, { table, list }]) => {
    const values = Object.fromEntries(
      Object.entries(table).map(([option, d]) => [configKey(option, d), exampleValue(d)]),
    );
    return [name, list ? [values] : values];
  });
  return { $schema: schema, ...Object.fromEntries(sections) };
}

function exampleValue({ default: value, example }: OptionDefinition): unknown {
  return (typeof value === 'function' ? undefined : value) ?? example ?? null;
}
