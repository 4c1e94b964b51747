// The header of a message that comes in pieces: its fields, where they stand, and the rest of the message behind it. For
// what has to know the header before anything is sent on (recipients, missing fields); the body is never held.
import { addressParser } from 'postal-mime';

/** A field as it stands in the header: `block[start, end)`, continuation lines and the last line end included. */
export interface HeadField {
  /** Lower case. */
  readonly name: string;
  /** Unfolded, without blanks around it; bytes that are no UTF-8 become U+FFFD. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface Head {
  /** All fields, without the empty line behind them; empty when the message begins with something else. */
  readonly block: Buffer;
  readonly fields: readonly HeadField[];
  /** Whether an empty line stands behind it, as it should. */
  readonly isEnded: boolean;
  /** What stands behind the header, beginning with the empty line if there is one. */
  readonly rest: AsyncIterable<Buffer>;
}

/** More than servers take for a header. */
export const MAX_HEAD_BYTES = 1024 * 1024;

const LF = 10;
const CR = 13;
const FIELD_NAME = /^([!-9;-~]+)[ \t]*:/;
/** A line without a colon in so many bytes is no field. */
const NAME_BYTES = 998;

export class HeadTooLong extends Error {
  readonly code = 'EHEADER';

  constructor() {
    super(`the header is longer than ${MAX_HEAD_BYTES} bytes`);
    this.name = 'HeadTooLong';
  }
}

/** Reads as far as the header goes. Rejects with HeadTooLong, or with what the source rejects with. */
export async function readHead(source: AsyncIterable<Buffer>): Promise<Head> {
  const iterator = source[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  let held: Buffer = Buffer.alloc(0);
  let scanned = 0;
  for (;;) {
    const { done, value } = await iterator.next();
    if (!done) pieces.push(value);
    const size = held.length + pieces.reduce((sum, one) => sum + one.length, 0);
    // A header that comes in many small pieces is not looked through anew for each of them.
    if (!done && size < 2 * scanned && size < MAX_HEAD_BYTES) continue;
    held = Buffer.concat([held, ...pieces.splice(0)]);
    const end = endOfHead(held, done === true);
    if (end !== undefined) {
      if (end > MAX_HEAD_BYTES) throw new HeadTooLong();
      const block = held.subarray(0, end);
      const isEnded = held[end] === LF || held[end] === CR;
      return { block, fields: fieldsOf(block), isEnded, rest: joined(held.subarray(end), done ? null : iterator) };
    }
    scanned = held.length;
    if (held.length > MAX_HEAD_BYTES) throw new HeadTooLong();
  }
}

/** Every address in the fields of these names, groups resolved, in their order and each once. `To: root` is one, too. */
export function addressesIn(fields: readonly HeadField[], names: ReadonlySet<string>): string[] {
  const found = fields
    .filter(({ name }) => names.has(name))
    .flatMap(({ value }) => addressParser(value, { flatten: true }))
    .map(({ name, address }) => address?.trim() || (/^[\w.+-]+$/.test(name) ? name : ''));
  return [...new Set(found)].filter((address) => address !== '' && !/[\p{Cc}<>]/u.test(address));
}

/** Where the header ends; undefined while that is still to come. */
function endOfHead(bytes: Buffer, isAll: boolean): number | undefined {
  for (let at = 0; ; ) {
    const lf = bytes.indexOf(LF, at);
    const end = lf < 0 ? bytes.length : lf + 1;
    if (lf < 0 && !isAll && (bytes.length - at < NAME_BYTES || isFieldLine(bytes, at, end, at === 0))) return undefined;
    if (end === at || !isFieldLine(bytes, at, end, at === 0)) return at;
    at = end;
  }
}

/** A line that begins a field, or goes on with one. */
function isFieldLine(bytes: Buffer, start: number, end: number, isFirst: boolean): boolean {
  const first = bytes[start];
  if (first === 32 || first === 9) return !isFirst;
  if (first === LF || first === CR) return false;
  return FIELD_NAME.test(bytes.toString('latin1', start, Math.min(end, start + NAME_BYTES)));
}

function fieldsOf(block: Buffer): HeadField[] {
  const starts: number[] = [];
  for (let at = 0; at < block.length; ) {
    if (block[at] !== 32 && block[at] !== 9) starts.push(at);
    const lf = block.indexOf(LF, at);
    at = lf < 0 ? block.length : lf + 1;
  }
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? block.length;
    const text = block.toString('utf8', start, end);
    const colon = text.indexOf(':');
    const value = text
      .slice(colon + 1)
      .replaceAll(/\r?\n/g, '')
      .trim();
    return { name: text.slice(0, colon).trim().toLowerCase(), value, start, end };
  });
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer> | null): AsyncGenerator<Buffer, void, undefined> {
  if (first.length > 0) yield first;
  if (rest === null) return;
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
