// The header of a mail or of a part: where it ends, its fields, and the parameters of structured ones (RFC 2045 5.1, with
// the continuations and charsets of RFC 2231). Broken headers are read as far as they make sense.
import { decodeHeaderBytes, decodeHeaderText, decodeText } from './mime-body.ts';

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;
const COLON = 58;
const DASH = 45;
const TILDE = 126;
const MBOX_MARK = Buffer.from('From ');
/** Longer values are cut before they are taken apart. */
const MAX_STRUCTURED = 16 * 1024;
/** Sections of one parameter (RFC 2231 3). */
const MAX_SECTIONS = 100;

/** How much of a header is kept; the rest is passed over. */
export interface HeaderLimits {
  readonly fields: number;
  readonly bytes: number;
}

export interface RawField {
  /** As written. */
  readonly name: string;
  /** Unfolded (RFC 5322 2.2.3), as written otherwise, without the blanks around it. */
  readonly raw: string;
  /** Where it stands. */
  readonly start: number;
}

export interface HeaderBlock {
  readonly fields: readonly RawField[];
  /** Behind the empty line, or where the first line stands that is none of a header. */
  readonly bodyStart: number;
  /** Whether the empty line is there. */
  readonly isClosed: boolean;
  /** Where lines begin that are no fields. */
  readonly broken: readonly number[];
}

/** `endsAt` tells whether a line that begins with two dashes is a delimiter of an open multipart. */
export function readHeader(
  bytes: Buffer,
  from: number,
  limits: HeaderLimits,
  endsAt: (start: number, end: number) => boolean,
): HeaderBlock {
  const fields: RawField[] = [];
  const broken: number[] = [];
  /** The field that is being read: its end is known when the next line is. */
  let field = -1;
  let colon = -1;
  let at = from;
  const finish = (end: number) => {
    if (field === -1) return;
    if (fields.length < limits.fields && end - from <= limits.bytes) fields.push(rawField(bytes, field, colon, end));
    field = -1;
  };
  const result = (bodyStart: number, isClosed: boolean): HeaderBlock => ({ fields, bodyStart, isClosed, broken });

  if (isMboxLine(bytes, at)) at = lineEnd(bytes, at);
  while (at < bytes.length) {
    const next = lineEnd(bytes, at);
    const first = bytes[at];
    if (first === LF || (first === CR && bytes[at + 1] === LF)) {
      finish(at);
      return result(next, true);
    }
    if (first === SPACE || first === TAB) {
      if (field === -1 && broken.length === 0) return result(at, false);
    } else if (first === DASH && bytes[at + 1] === DASH && endsAt(at, next)) {
      finish(at);
      return result(at, false);
    } else {
      finish(at);
      colon = endOfName(bytes, at, next);
      if (colon !== -1) field = at;
      // One stray line between fields is passed over; anything else is text that came without an empty line before it.
      else if (fields.length > 0 && next < bytes.length && endOfName(bytes, next, lineEnd(bytes, next)) !== -1) {
        if (broken.length < 100) broken.push(at);
      } else return result(at, false);
    }
    at = next;
  }
  finish(at);
  return result(bytes.length, false);
}

export interface Structured {
  /** What stands before the parameters, in lower case. */
  readonly value: string;
  /** By their names in lower case; the first of two with one name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** `text/plain; charset="utf-8"`. */
export function parseStructured(text: string): Structured {
  const [head = '', ...rest] = segments(text.slice(0, MAX_STRUCTURED));
  const parameters = new Map<string, string>();
  const extended = new Map<string, Section[]>();
  for (const segment of rest) {
    const equals = segment.indexOf('=');
    if (equals === -1) continue;
    const name = segment.slice(0, equals).trim().toLowerCase();
    const value = unquote(segment.slice(equals + 1).trim());
    const [, base, index, star] = /^([^*]+)\*(?:(\d{1,3})(\*?))?$/.exec(name) ?? [];
    if (base === undefined) {
      if (!parameters.has(name)) parameters.set(name, decodeHeaderText(value));
      continue;
    }
    const sections = extended.get(base) ?? [];
    if (sections.length < MAX_SECTIONS)
      sections.push({ index: Number(index ?? 0), value, isEncoded: index === undefined || star === '*' });
    extended.set(base, sections);
  }
  // RFC 5987 and 2231: who writes both forms means the extended one.
  for (const [name, sections] of extended) parameters.set(name, joinSections(sections));
  return { value: head.trim().toLowerCase(), parameters };
}

/** A value without its comments (RFC 5322 3.2.2). */
export function withoutComments(text: string): string {
  return segments(text.slice(0, MAX_STRUCTURED)).join(';').trim();
}

interface Section {
  readonly index: number;
  readonly value: string;
  readonly isEncoded: boolean;
}

function joinSections(sections: readonly Section[]): string {
  let charset = '';
  const parts = [...sections]
    .sort((a, b) => a.index - b.index)
    .map(({ value, isEncoded }, place) => {
      if (!isEncoded) return Buffer.from(value);
      const mark = place === 0 ? /^([^']*)'[^']*'/.exec(value) : null;
      if (mark !== null) charset = mark[1]!;
      return percentDecode(mark === null ? value : value.slice(mark[0].length));
    });
  return decodeText(Buffer.concat(parts), charset === '' ? 'utf-8' : charset);
}

function percentDecode(text: string): Buffer {
  const parts = text.split(/%([0-9a-fA-F]{2})/);
  return Buffer.concat(parts.map((part, i) => (i % 2 === 1 ? Buffer.from(part, 'hex') : Buffer.from(part))));
}

/** Cuts at the semicolons that stand in no quotes, and takes comments away. */
function segments(text: string): string[] {
  const found: string[] = [];
  let segment = '';
  let quoted = false;
  let isBalanced = true;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '\\' && quoted) {
      segment += char + (text[++at] ?? '');
      continue;
    }
    if (char === '"') quoted = !quoted;
    if (!quoted && char === ';') {
      found.push(segment);
      segment = '';
      continue;
    }
    // `filename=Invoice(1).pdf` has no comment in it: one stands where a blank could.
    if (!quoted && char === '(' && isBalanced && (!segment.includes('=') || /\s$/.test(segment.slice(-1)))) {
      const end = endOfComment(text, at);
      if (end > 0) {
        at = end - 1;
        continue;
      }
      // What does not close here does not close further on either.
      isBalanced = false;
    }
    segment += char;
  }
  found.push(segment);
  return found;
}

/** Behind the closing parenthesis; 0 when there is none. */
function endOfComment(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at + 1;
  }
  return 0;
}

function unquote(text: string): string {
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)/.exec(text);
  return quoted === null ? text : quoted[1]!.replace(/\\([\s\S])/g, '$1');
}

function rawField(bytes: Buffer, start: number, colon: number, end: number): RawField {
  const name = bytes.toString('latin1', start, colon).trimEnd();
  const raw = decodeHeaderBytes(bytes.subarray(colon + 1, end))
    .replace(/\r?\n/g, '')
    .replace(/\r/g, ' ')
    .trim();
  return { name, raw, start };
}

function isMboxLine(bytes: Buffer, at: number): boolean {
  return bytes.length - at > MBOX_MARK.length && bytes.subarray(at, at + MBOX_MARK.length).equals(MBOX_MARK);
}

/** Where the next line begins. */
export function lineEnd(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(LF, from);
  return end === -1 ? bytes.length : end + 1;
}

/** Where the colon behind a field's name stands, -1 when the line does not begin with a name (RFC 5322 3.6.8). */
function endOfName(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! > SPACE && bytes[at]! <= TILDE && bytes[at] !== COLON) at++;
  const end = at;
  while (at < to && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return end > from && at < to && bytes[at] === COLON ? at : -1;
}
