// Between JavaScript's values and PostgreSQL's texts. Rows go in as arrays, a parameter for each column: a statement that
// takes a hundred mails costs hardly more than one that takes a single one.

/** Half of a surrogate pair, or NUL: what the database would refuse or not give back unchanged. */
const UNSTORABLE = /[\0\ud800-\udfff]/u;
const QUOTED = /["\\]/;
const EVERY_QUOTED = /["\\]/g;

/** Throws for what could not be stored as it is. */
export function checkStorable(text: string): void {
  if (UNSTORABLE.test(text)) throw new RangeError('a text with a NUL or half a character cannot be stored');
}

/** An array parameter of texts. */
export function texts(values: readonly (string | null)[]): string {
  let literal = '{';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) literal += ',';
    const value = values[i]!;
    if (value === null) literal += 'NULL';
    else literal += `"${QUOTED.test(value) ? value.replace(EVERY_QUOTED, '\\$&') : value}"`;
  }
  return `${literal}}`;
}

/** An array parameter of numbers or truth values. */
export function plain(values: readonly (number | boolean | null)[]): string {
  let literal = '{';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) literal += ',';
    literal += values[i] ?? 'NULL';
  }
  return `${literal}}`;
}

const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  17: (text) => Buffer.from(text.slice(2), 'hex'),
  20: Number,
  21: Number,
  23: Number,
  114: (text) => JSON.parse(text) as unknown,
};
const AS_TEXT = (text: string): unknown => text;

/** By the type's number in PostgreSQL's catalogue: bool, bytea, integers, json; all others stay texts. */
export function parsers(type: number): (text: string) => unknown {
  return PARSERS[type] ?? AS_TEXT;
}
