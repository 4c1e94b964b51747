// Option tables: one literal per subject says everything about its options, and whatever needs to know reads it:
// flags and --help, LONEDOT_* variables, the config file and its JSON Schema, defaults, and the TypeScript type.
// Knows no argv and no files: cli/ and config-file.ts bring what was given, resolveOptions() decides.
import { ChatError } from './errors.ts';
import type { OptionRules, OptionType, OptionTypeValues } from './option-types.ts';
import { OPTION_TYPES } from './option-types.ts';

export interface OptionDefinition extends OptionRules {
  readonly type: OptionType;
  /** One line, capitalised, without a full stop. */
  readonly describe: string;
  /** Heading in --help. */
  readonly group?: string;
  /** The key in config files and in the values, where it is not the name in camelCase. */
  readonly key?: string;
  readonly list?: true;
  /** What stands between the items of a list in a variable, where it is not blanks and commas. */
  readonly separator?: string;
  /** An argument without a flag; they are taken in the table's order. */
  readonly positional?: true;
  readonly required?: true;
  readonly short?: string;
  readonly aliases?: readonly string[];
  /** More variables, after LONEDOT_<NAME>; with `unit` a bare number gets that unit. */
  readonly variables?: readonly (string | { readonly name: string; readonly unit: string })[];
  /** As it would stand in a config file; a function when it depends on the machine. */
  readonly default?: boolean | number | string | readonly string[] | (() => string);
  /** What holds without a value, for --help: "off", "a temporary one", "the machine's name". */
  readonly otherwise?: string;
  /** A value for config.example.json, where there is no default. */
  readonly example?: string | readonly string[];
}

export type OptionTable = Readonly<Record<string, OptionDefinition>>;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;
type KeyOf<Name extends string, D> = D extends { readonly key: infer K extends string } ? K : CamelCase<Name>;
type Single<D extends OptionDefinition> = D extends { readonly type: 'choice'; readonly choices: readonly (infer C)[] }
  ? C
  : OptionTypeValues[D['type']];
type Value<D extends OptionDefinition> = D extends { readonly list: true } ? readonly Single<D>[] : Single<D>;
type Certain<D> = D extends { readonly default: unknown } | { readonly required: true } ? unknown : undefined;

/** The values of a table by config key. Options without a default that were not given are undefined. */
export type OptionValues<T extends OptionTable> = {
  readonly [Name in keyof T & string as KeyOf<Name, T[Name]>]: unknown extends Certain<T[Name]>
    ? Value<T[Name]>
    : Value<T[Name]> | undefined;
};

/** What was given, strongest first. Variables are looked up with `prefix` (LONEDOT_, or LONEDOT_RELAY_ under serve). */
export interface OptionSources {
  readonly flags?: ReadonlyMap<string, readonly string[]>;
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly prefix?: string;
  readonly file?: { readonly path: string; readonly values: Readonly<Record<string, unknown>> } | undefined;
}

export const VARIABLE_PREFIX = 'LONEDOT_';

/** 'max-recipients' -> 'maxRecipients', unless the definition names another key. */
export function configKey(name: string, definition: OptionDefinition): string {
  return definition.key ?? name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** 'max-recipients' -> 'LONEDOT_MAX_RECIPIENTS'. */
export function variableName(name: string, prefix = VARIABLE_PREFIX): string {
  return prefix + name.replaceAll('-', '_').toUpperCase();
}

/** Decides every option of a table: flag, variable, file, default. Throws BAD_OPTION with one clear line. */
export function resolveOptions<const T extends OptionTable>(table: T, sources: OptionSources): OptionValues<T> {
  const values: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(table)) {
    const key = configKey(name, definition);
    values[key] = fromFlag(name, definition, sources) ?? fromVariable(name, definition, sources);
    if (values[key] === undefined && sources.file && Object.hasOwn(sources.file.values, key)) {
      values[key] = readConfigValue(definition, sources.file.values[key], `${sources.file.path}.${key}`);
    }
    values[key] ??= defaultValue(definition);
    if (values[key] === undefined && definition.required)
      throw new ChatError('BAD_OPTION', missing(name, definition, sources));
  }
  return values as OptionValues<T>;
}

/** Whether a config file may say null for "not given": where nothing, or the machine, is the default. */
export function mayBeNull({ default: value, required }: OptionDefinition): boolean {
  return !required && (value === undefined || typeof value === 'function');
}

/** Reads one value of a config file; undefined for a null that may be. */
export function readConfigValue(definition: OptionDefinition, value: unknown, where: string): unknown {
  if (value === null && mayBeNull(definition)) return undefined;
  const { json, onlyJson } = OPTION_TYPES[definition.type];
  const items = definition.list && Array.isArray(value) ? value : [value];
  const texts = items.map((item: unknown) => {
    if ((typeof item === 'string' && !onlyJson) || typeof item === json) return String(item);
    throw refused(definition, item, where);
  });
  return readTexts(definition, texts, where);
}

function fromFlag(name: string, definition: OptionDefinition, { flags }: OptionSources): unknown {
  const texts = flags?.get(name);
  if (texts === undefined) return undefined;
  return readTexts(definition, texts, definition.positional ? name.toUpperCase() : `--${name}`);
}

function fromVariable(name: string, definition: OptionDefinition, sources: OptionSources): unknown {
  const { variables = {}, prefix = VARIABLE_PREFIX } = sources;
  // The other names belong to other programs' single service; behind a section's prefix they would be ambiguous.
  const others = prefix === VARIABLE_PREFIX ? (definition.variables ?? []) : [];
  for (const variable of [variableName(name, prefix), ...others]) {
    const { name: key, unit } = typeof variable === 'string' ? { name: variable, unit: '' } : variable;
    const text = variables[key];
    // `docker compose` sets variables that were left out to nothing.
    if (text === undefined || text === '') continue;
    // Hashes hold commas.
    const between = definition.separator ?? (definition.type === 'secret' ? /\s+/ : /[\s,]+/);
    const texts = definition.list ? text.split(between).filter((part) => part.trim() !== '') : [text];
    return readTexts(
      definition,
      texts.map((part) => (/^[1-9]\d*$/.test(part) ? part + unit : part)),
      key,
    );
  }
  return undefined;
}

function defaultValue(definition: OptionDefinition): unknown {
  const { default: value } = definition;
  if (value === undefined) return undefined;
  return readConfigValue(definition, typeof value === 'function' ? value() : value, 'default');
}

function readTexts(definition: OptionDefinition, texts: readonly string[], where: string): unknown {
  const values = texts.map((text) => readText(definition, text, where));
  if (values.length === 0) throw new ChatError('BAD_OPTION', `${where}: expected at least one value`);
  // Like everywhere on the command line, the last one wins where one is wanted.
  return definition.list ? values : values.at(-1);
}

function readText(definition: OptionDefinition, text: string, where: string): unknown {
  let value: unknown;
  try {
    value = OPTION_TYPES[definition.type].read(text, definition);
  } catch (error) {
    if (error instanceof ChatError) throw new ChatError('BAD_OPTION', `${where}: ${error.message}`, {}, error);
    throw error;
  }
  if (value === undefined) throw refused(definition, text, where);
  return value;
}

function refused(definition: OptionDefinition, given: unknown, where: string): ChatError {
  const kind = OPTION_TYPES[definition.type];
  const list = definition.list && typeof given === 'object' ? ', or a list of such' : '';
  const expected = `${where}: expected ${kind.expects(definition)}${list}`;
  if (given === '') return new ChatError('BAD_OPTION', `${expected}, got nothing`);
  if (kind.secret && typeof given === 'string') return new ChatError('BAD_OPTION', expected);
  return new ChatError('BAD_OPTION', `${expected}, got ${shown(given)}`);
}

/** A refused value as one short line; what is nested in it stays out. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function missing(name: string, definition: OptionDefinition, { flags, prefix, file }: OptionSources): string {
  const key = configKey(name, definition);
  const expected = `expected ${OPTION_TYPES[definition.type].expects(definition)}`;
  if (!flags) return `${file?.path ?? 'config'}.${key} is required: ${expected}`;
  if (definition.positional) return `${name.toUpperCase()} is missing: ${expected}`;
  return `--${name} is required (or ${variableName(name, prefix)}, or "${key}" in the config file): ${expected}`;
}
