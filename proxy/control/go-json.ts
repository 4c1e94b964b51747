// Reads JSON as Go's encoding/json does: the first value counts and what stands behind it is not looked at, and an error
// has the text that clients of Toxiproxy know. The result keeps what a struct decoder needs to know (go-decode.ts):
// numbers as they were written, and the order of keys.
import { type ApiError, refusal } from './api-error.ts';

export type GoValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly GoValue[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [key: string, value: GoValue])[] };

/** A tenth of what Go takes: deeper ones would be too much for the stack. */
const MAX_DEPTH = 1_000;
const END = -1;
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** The first value of a body. Throws ApiError: `bad request body: EOF`. */
export function parseGoJson(body: Buffer): GoValue {
  return new Parser(body).first();
}

class Parser {
  private readonly body: Buffer;
  private at = 0;
  private depth = 0;

  constructor(body: Buffer) {
    this.body = body;
  }

  first(): GoValue {
    this.skipSpace();
    if (this.at === this.body.length) throw refusal('badBody', 'EOF');
    return this.value();
  }

  private get byte(): number {
    return this.at < this.body.length ? this.body[this.at]! : END;
  }

  private skipSpace(): void {
    while (SPACE.has(this.byte)) this.at++;
  }

  private value(): GoValue {
    this.skipSpace();
    const char = String.fromCharCode(Math.max(this.byte, 0));
    if (char === '{') return this.nested(() => this.object());
    if (char === '[') return this.nested(() => this.array());
    if (char === '"') return { kind: 'string', value: this.string() };
    if (char === 't') return this.literal('true', { kind: 'bool', value: true });
    if (char === 'f') return this.literal('false', { kind: 'bool', value: false });
    if (char === 'n') return this.literal('null', { kind: 'null' });
    if (char === '-' || isDigit(this.byte)) return this.number();
    throw this.unexpected('looking for beginning of value');
  }

  private nested(read: () => GoValue): GoValue {
    if (++this.depth > MAX_DEPTH) throw refusal('badBody', 'exceeded max depth');
    this.at++;
    const value = read();
    this.depth--;
    this.at++;
    return value;
  }

  private object(): GoValue {
    const members: [string, GoValue][] = [];
    this.skipSpace();
    if (this.is('}')) return { kind: 'object', members };
    for (;;) {
      this.skipSpace();
      if (!this.is('"')) throw this.unexpected('looking for beginning of object key string');
      const key = this.string();
      this.skipSpace();
      if (!this.is(':')) throw this.unexpected('after object key');
      this.at++;
      members.push([key, this.value()]);
      this.skipSpace();
      if (this.is('}')) return { kind: 'object', members };
      if (!this.is(',')) throw this.unexpected('after object key:value pair');
      this.at++;
    }
  }

  private array(): GoValue {
    const items: GoValue[] = [];
    this.skipSpace();
    if (this.is(']')) return { kind: 'array', items };
    for (;;) {
      items.push(this.value());
      this.skipSpace();
      if (this.is(']')) return { kind: 'array', items };
      if (!this.is(',')) throw this.unexpected('after array element');
      this.at++;
    }
  }

  private string(): string {
    let text = '';
    let from = ++this.at;
    for (;;) {
      const { byte } = this;
      if (byte === 0x22) break;
      if (byte < 0x20) throw this.unexpected('in string literal');
      if (byte !== 0x5c) {
        this.at++;
        continue;
      }
      text += this.body.toString('utf8', from, this.at);
      this.at++;
      text += this.escape();
      from = this.at;
    }
    text += this.body.toString('utf8', from, this.at++);
    // Half a surrogate pair is no character.
    return text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
  }

  private escape(): string {
    const plain = ESCAPES[String.fromCharCode(Math.max(this.byte, 0))];
    if (plain === undefined && !this.is('u')) throw this.unexpected('in string escape code');
    this.at++;
    if (plain !== undefined) return plain;
    const from = this.at;
    for (; this.at < from + 4; this.at++) {
      if (!/[0-9a-fA-F]/.test(String.fromCharCode(Math.max(this.byte, 0)))) {
        throw this.unexpected('in \\u hexadecimal character escape');
      }
    }
    return String.fromCharCode(Number.parseInt(this.body.toString('latin1', from, this.at), 16));
  }

  private literal(word: string, value: GoValue): GoValue {
    for (const char of word) {
      if (!this.is(char)) throw this.unexpected(`in literal ${word} (expecting ${quoted(char.charCodeAt(0))})`);
      this.at++;
    }
    return value;
  }

  private number(): GoValue {
    const from = this.at;
    if (this.is('-')) this.at++;
    if (this.is('0')) this.at++;
    else this.digits('in numeric literal');
    if (this.is('.')) {
      this.at++;
      this.digits('after decimal point in numeric literal');
    }
    if (this.is('e') || this.is('E')) {
      this.at++;
      if (this.is('+') || this.is('-')) this.at++;
      this.digits('in exponent of numeric literal');
    }
    return { kind: 'number', text: this.body.toString('latin1', from, this.at) };
  }

  private digits(where: string): void {
    if (!isDigit(this.byte)) throw this.unexpected(where);
    while (isDigit(this.byte)) this.at++;
  }

  private is(char: string): boolean {
    return this.byte === char.charCodeAt(0);
  }

  private unexpected(where: string): ApiError {
    if (this.byte === END) return refusal('badBody', 'unexpected EOF');
    return refusal('badBody', `invalid character ${quoted(this.byte)} ${where}`);
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

const CONTROLS: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  39: "\\'",
  92: '\\\\',
};

/** A byte as Go quotes the character of that number. */
function quoted(byte: number): string {
  const isPrintable = (byte >= 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const hex = byte.toString(16).padStart(2, '0');
  const text = CONTROLS[byte] ?? (isPrintable ? String.fromCharCode(byte) : byte < 0x80 ? `\\x${hex}` : `\\u00${hex}`);
  return `'${text}'`;
}
