// Puts a JSON value into a struct as Go does: keys in any case, unknown ones ignored, null for "leave it", and a wrong
// type refused in Go's words. A struct is a table here: its name, and a type for each key.
import { type ApiError, refusal } from './api-error.ts';
import type { GoValue } from './go-json.ts';

export type GoType = 'string' | 'bool' | 'int' | 'int64' | 'float32';

export interface GoStruct {
  /** As it stands in messages; '' for one without a name. */
  readonly name: string;
  /** Where it is named as a whole: `toxiproxy.Proxy`. */
  readonly type: string;
  readonly fields: Readonly<Record<string, GoType | 'any'>>;
  /** Names of the fields around it, with a dot behind: `attributes.`. */
  readonly path?: string;
}

/** What was given, by the names of the table. Fields of type 'any' stay what they were in JSON. */
export type Given = Readonly<Record<string, string | number | boolean | GoValue>>;

const INTEGER_LIMITS = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const MAX_FLOAT32 = 3.4028235677973366e38;

/** Throws ApiError 400. */
export function decodeStruct(value: GoValue, struct: GoStruct): Given {
  if (value.kind === 'null') return {};
  if (value.kind !== 'object') throw unfit(value, `Go value of type ${struct.type}`);
  const given: Record<string, string | number | boolean | GoValue> = {};
  const names = Object.keys(struct.fields);
  for (const [key, member] of value.members) {
    const name = names.find((each) => each === key) ?? names.find((each) => each === key.toLowerCase());
    if (name === undefined) continue;
    const type = struct.fields[name]!;
    if (type === 'any') given[name] = member;
    else if (member.kind !== 'null') given[name] = decode(member, type, `${struct.name}.${struct.path ?? ''}${name}`);
  }
  return given;
}

/** Throws ApiError 400. */
export function decodeArray(value: GoValue, type: string): readonly GoValue[] {
  if (value.kind === 'null') return [];
  if (value.kind !== 'array') throw unfit(value, `Go value of type ${type}`);
  return value.items;
}

/** `json: cannot unmarshal string into Go struct field ToxicWrapper.attributes of type toxics.NoopToxic`. */
export function unfitField(value: GoValue, field: string, type: string): ApiError {
  return unfit(value, `Go struct field ${field} of type ${type}`);
}

function decode(value: GoValue, type: GoType, field: string): string | number | boolean {
  if (value.kind === 'string' && type === 'string') return value.value;
  if (value.kind === 'bool' && type === 'bool') return value.value;
  if (value.kind !== 'number' || type === 'string' || type === 'bool') throw unfitField(value, field, type);
  const number = type === 'float32' ? float32(value.text) : integer(value.text);
  if (number === undefined)
    throw refusal('badBody', cannot(`number ${value.text}`, `Go struct field ${field} of type ${type}`));
  return number;
}

function integer(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < INTEGER_LIMITS[0] || value > INTEGER_LIMITS[1] ? undefined : Number(value);
}

function float32(text: string): number | undefined {
  const value = Number(text);
  return Math.abs(value) > MAX_FLOAT32 ? undefined : Math.fround(value);
}

function unfit(value: GoValue, target: string): ApiError {
  return refusal('badBody', cannot(value.kind, target));
}

function cannot(what: string, target: string): string {
  return `json: cannot unmarshal ${what} into ${target}`;
}
