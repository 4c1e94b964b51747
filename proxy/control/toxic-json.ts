// Toxics on the wire: how one is ordered and changed, and how it is shown.
import { type Attributes, defaultAttributes, KINDS, type Kind } from '../toxics/kinds.ts';
import { DIRECTIONS, Toxic } from '../toxics/toxic.ts';
import { refusal } from './api-error.ts';
import { decodeArray, decodeStruct, type GoStruct, unfitField } from './go-decode.ts';
import { Float32 } from './go-encode.ts';
import type { GoValue } from './go-json.ts';

const WRAPPER: GoStruct = {
  name: 'ToxicWrapper',
  type: 'toxics.ToxicWrapper',
  fields: { attributes: 'any', name: 'string', type: 'string', stream: 'string', toxicity: 'float32' },
};
const CHANGE: GoStruct = {
  name: '',
  type: 'struct { Attributes interface {} "json:"attributes""; Toxicity float32 "json:"toxicity"" }',
  fields: { attributes: 'any', toxicity: 'float32' },
};

interface Given {
  readonly attributes?: GoValue;
  readonly name?: string;
  readonly type?: string;
  readonly stream?: string;
  readonly toxicity?: number;
}

/** The toxic that a body orders; `isTaken` knows the names that are. Throws ApiError 400 or 409. */
export function readToxic(body: GoValue, isTaken: (name: string) => boolean, strict: boolean): Toxic {
  const given: Given = decodeStruct(body, WRAPPER);
  const { type = '', stream = 'downstream', toxicity = 1, attributes: json } = given;
  // Go reads the body twice: before it knows the type, attributes are those of a toxic that has none.
  if (json && json.kind !== 'object' && json.kind !== 'null')
    throw unfitField(json, 'ToxicWrapper.attributes', 'toxics.NoopToxic');
  const direction = DIRECTIONS.find((each) => each === stream.toLowerCase());
  if (direction === undefined) throw refusal('badStream');
  const name = given.name || `${type}_${stream}`;
  if (!Object.hasOwn(KINDS, type)) throw refusal('badType');
  if (isTaken(name)) throw refusal('toxicExists');
  const attributes = readAttributes(json, KINDS[type]!, defaultAttributes(KINDS[type]!), strict);
  return new Toxic({ name, type, stream, direction, toxicity, attributes });
}

/** What a body changes in a toxic: attributes are merged into those it has. Throws ApiError 400. */
export function readChange(body: GoValue, toxic: Toxic, strict: boolean): Pick<Toxic, 'attributes' | 'toxicity'> {
  const { attributes, toxicity = toxic.toxicity }: Given = decodeStruct(body, CHANGE);
  return { attributes: readAttributes(attributes, toxic.kind, toxic.attributes, strict), toxicity };
}

/** The toxics that stand in the object of a proxy: ours, Toxiproxy does not look at them. */
export function readToxics(json: GoValue | undefined, strict: boolean): Toxic[] {
  if (json === undefined || strict) return [];
  const toxics = new Map<string, Toxic>();
  for (const item of decodeArray(json, '[]toxics.ToxicWrapper')) {
    const toxic = readToxic(item, (name) => toxics.has(name), strict);
    toxics.set(toxic.name, toxic);
  }
  return [...toxics.values()];
}

/** In the order of Toxiproxy. An attribute that only we know is left out unless it is set. */
export function showToxic({ attributes, name, type, stream, toxicity }: Toxic): object {
  const shown = Object.entries(attributes).filter(([, value]) => value !== false);
  return { attributes: Object.fromEntries(shown), name, type, stream, toxicity: new Float32(toxicity) };
}

function readAttributes(json: GoValue | undefined, kind: Kind, old: Attributes, strict: boolean): Attributes {
  if (json === undefined) return checked(kind, old);
  const known = Object.entries(kind.attributes).filter(([, type]) => !strict || type !== 'bool');
  const struct = {
    name: kind.struct,
    type: `toxics.${kind.struct}`,
    path: 'attributes.',
    fields: Object.fromEntries(known),
  };
  if (json.kind !== 'object' && json.kind !== 'null') throw unfitField(json, '.attributes', `toxics.${kind.struct}`);
  return checked(kind, { ...old, ...(decodeStruct(json, struct) as Attributes) });
}

function checked(kind: Kind, attributes: Attributes): Attributes {
  const why = kind.refusal?.(attributes);
  if (why !== undefined) throw refusal('badBody', why);
  return attributes;
}
