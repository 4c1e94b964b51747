// Reads what a request brings: bounded, and as JSON whose keys may be written in any case, since the clients of
// Mailpit and MailHog write them as they like (Go's decoder takes them all). A value of a wrong type is refused.
import type { Request } from '../context.ts';
import { Refusal } from './refusal.ts';

/** As Mailpit: only a mail that is to be sent may be larger. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

/** What is read of a body that is too large, so that its sender can hear the answer: who still writes does not read. */
const MAX_PASSED_OVER = 16 * 1024 * 1024;

/** Throws Refusal 413 for a body over the limit. */
export async function readBody(c: Request, limit = MAX_BODY_BYTES): Promise<Buffer> {
  const tooLarge = (): Refusal => new Refusal(413, `the body is larger than ${limit} bytes`);
  if (Number(c.req.header('content-length') ?? 0) > limit) throw tooLarge();
  const { body } = c.req.raw;
  if (body === null) return Buffer.alloc(0);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length <= limit) pieces.push(piece);
    else if (length > limit + MAX_PASSED_OVER) throw tooLarge();
  }
  if (length > limit) throw tooLarge();
  return Buffer.concat(pieces, length);
}

/** Undefined for an empty body. Throws Refusal 400 for what is no JSON. */
export async function readJson(c: Request, limit?: number): Promise<unknown> {
  const text = (await readBody(c, limit)).toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, `the body is no JSON: ${(error as Error).message}`);
  }
}

/** The fields of a JSON object, read by name and kind. What is absent or null is empty, as in Go. */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, where = '') {
    this.#where = where;
    if (value === undefined || value === null) this.#values = new Map();
    else if (typeof value !== 'object' || Array.isArray(value)) throw wrong(where || 'the body', 'an object');
    else this.#values = new Map(Object.entries(value).map(([key, one]) => [key.toLowerCase(), one]));
  }

  has(name: string): boolean {
    return (this.#values.get(name.toLowerCase()) ?? null) !== null;
  }

  text(name: string): string {
    return this.#read(name, 'a string', '', (value) => typeof value === 'string');
  }

  flag(name: string): boolean {
    return this.#read(name, 'true or false', false, (value) => typeof value === 'boolean');
  }

  number(name: string): number {
    return this.#read(name, 'a number', 0, (value) => typeof value === 'number' && Number.isFinite(value));
  }

  texts(name: string): readonly string[] {
    const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string');
    return this.#read<readonly string[]>(name, 'an array of strings', [], isTexts);
  }

  object(name: string): Fields {
    return new Fields(this.#values.get(name.toLowerCase()), this.#where + name);
  }

  objects(name: string): readonly Fields[] {
    const values = this.#read<readonly unknown[]>(name, 'an array of objects', [], Array.isArray);
    return values.map((value, i) => new Fields(value, `${this.#where}${name}[${i}].`));
  }

  /** Keys as written, with values that are strings. */
  dictionary(name: string): readonly (readonly [key: string, value: string])[] {
    const isDictionary = (value: unknown) =>
      typeof value === 'object' &&
      !Array.isArray(value) &&
      Object.values(value!).every((one) => typeof one === 'string');
    return Object.entries(this.#read<Record<string, string>>(name, 'an object of strings', {}, isDictionary));
  }

  #read<T>(name: string, kind: string, empty: T, isKind: (value: unknown) => boolean): T {
    const value = this.#values.get(name.toLowerCase()) ?? null;
    if (value === null) return empty;
    if (!isKind(value)) throw wrong(this.#where + name, kind);
    return value as T;
  }
}

function wrong(where: string, kind: string): Refusal {
  return new Refusal(400, `${where} must be ${kind}`);
}
