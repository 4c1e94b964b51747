// Reads a config file and checks all of it against the option tables, also the sections that nobody asks for:
// a mistake is told when the file is read, with its path, and not when that section is first used.
import { readFileSync } from 'node:fs';
import { ChatError } from './errors.ts';
import { jsonErrorPlace } from './json-place.ts';
import { nearest } from './nearest.ts';
import type { OptionTable } from './options.ts';
import { configKey, readConfigValue } from './options.ts';

/** One top-level key of the file: an object with a table's options, or a list of such objects. */
export interface ConfigSection {
  readonly table: OptionTable;
  readonly describe: string;
  readonly list?: true;
}

export type ConfigShape = Readonly<Record<string, ConfigSection>>;

/** One checked object of the file; `path` is for messages: `lonedot.json: proxies[0]`. */
export interface ConfigValues {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface ConfigFile<Name extends string = string> {
  readonly file: string;
  /** The objects of a section: none when it is absent, at most one unless it is a list. */
  section(name: Name): readonly ConfigValues[];
}

/** Reads and checks `file`. Every failure is a ChatError BAD_OPTION with one line. */
export function readConfig<const S extends ConfigShape>(file: string, shape: S): ConfigFile<keyof S & string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ChatError('BAD_OPTION', `${file}: cannot be read: ${reason(error)}`, { file }, error);
  }
  return checkConfig(parseJson(text, file), file, shape);
}

/** Checks what a config file holds: unknown keys and wrong values are refused with their path. */
export function checkConfig<const S extends ConfigShape>(
  content: unknown,
  file: string,
  shape: S,
): ConfigFile<keyof S & string> {
  const sections = new Map<string, ConfigValues[]>();
  const root = object(content, file);
  refuseUnknown(root, file, ['$schema', ...Object.keys(shape)]);
  for (const [name, { table, list }] of Object.entries(shape)) {
    if (!Object.hasOwn(root, name)) continue;
    const path = `${file}: ${name}`;
    const items = list ? array(root[name], path) : [root[name]];
    sections.set(
      name,
      items.map((item, index) => section(item, list ? `${path}[${index}]` : path, table)),
    );
  }
  return { file, section: (name) => sections.get(name) ?? [] };
}

function section(content: unknown, path: string, table: OptionTable): ConfigValues {
  const values = object(content, path);
  const keys = Object.entries(table).map(([name, definition]) => [configKey(name, definition), definition] as const);
  refuseUnknown(
    values,
    path,
    keys.map(([key]) => key),
  );
  for (const [key, definition] of keys) {
    if (Object.hasOwn(values, key)) readConfigValue(definition, values[key], `${path}.${key}`);
  }
  return { path, values };
}

function refuseUnknown(values: Record<string, unknown>, path: string, known: readonly string[]): void {
  for (const key of Object.keys(values)) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    const hint = meant ? `did you mean "${meant}"?` : `known are ${known.join(', ')}`;
    throw new ChatError('BAD_OPTION', `${path}: unknown key ${JSON.stringify(key)}; ${hint}`, { key });
  }
}

function object(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ChatError('BAD_OPTION', `${path}: expected an object, got ${kindOf(value)}`);
}

function array(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ChatError('BAD_OPTION', `${path}: expected a list of objects, got ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function parseJson(text: string, file: string): unknown {
  // Editors on Windows like to begin a file with a byte order mark.
  const content = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(content);
  } catch {
    // The message of JSON.parse quotes the file, which may hold passwords: only the place is told.
    const place = jsonErrorPlace(content);
    throw new ChatError('BAD_OPTION', `${file}${place ? `:${place.line}:${place.column}` : ''}: not valid JSON`, {
      file,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}
