// What must not be in a log: passwords, and control characters with which a peer could forge lines.
// Pure functions from values to values that are safe to write.

const HIDDEN = '***';
const MAX_TEXT = 2000;
const MAX_DEPTH = 5;
const MAX_ITEMS = 50;

const SECRET_NAME =
  /^auth$|^pass$|authorization|password|passphrase|passwd|secret|token|credential|cookie|api[-_]?key/i;
// `scheme://user:password@`, also when the password holds an unencoded slash; digits and a slash are a port and a path.
const URL_PASSWORD = /([a-z][a-z\d+.-]{0,15}:\/\/[^\s/?#:@]*):(?!\d+[/?#])[^\s"'<>]*@/gi;
// What an upstream's URL may hold besides: a secret as a parameter, or a password in the address of a proxy.
const URL_PARAMETER = /([?&](?:client-secret|refresh-token|access-token|password)=)[^&#\s"'<>]+/gi;
const ENCODED_PASSWORD = /(%3a%2f%2f[^&#\s"'<>]*?%3a)[^&#\s"'<>]*(?=%40)/gi;
// RFC 4954: AUTH PLAIN may carry the password on the command line.
const AUTH_ARGUMENT = /^(\s*AUTH\s+\S+\s+)\S+/i;
// C0, DEL, C1, line separators, and marks that reorder or hide what stands on a terminal's line.
const UNSAFE = /[\p{Cc}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** `smtp://user:password@host` -> `smtp://user:***@host`, anywhere in a text; and secrets among its parameters. */
export function maskUrls(text: string): string {
  if (!text.includes('://')) return text;
  return text
    .replaceAll(URL_PARAMETER, `$1${HIDDEN}`)
    .replaceAll(ENCODED_PASSWORD, `$1${HIDDEN}`)
    .replaceAll(URL_PASSWORD, `$1:${HIDDEN}@`);
}

/** Writes control characters as \u escapes, so that one record stays one line and a terminal obeys nobody. */
export function escapeControls(text: string): string {
  return text.replaceAll(UNSAFE, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}

/** A copy of a record without secrets, with plain values only: what JSON can say. */
export function redact(fields: Readonly<Record<string, unknown>>, withStacks = false): Record<string, unknown> {
  return redactObject(fields, withStacks, 0);
}

function redactObject(fields: object, withStacks: boolean, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields).slice(0, MAX_ITEMS)) {
    if (value === undefined) continue;
    // What is empty is no secret, and its absence is worth knowing.
    const secret = SECRET_NAME.test(key) && value !== null && value !== '' && typeof value !== 'boolean';
    result[key] = secret ? HIDDEN : redactValue(value, withStacks, depth);
  }
  return result;
}

function redactValue(value: unknown, withStacks: boolean, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'object':
      break;
    default:
      return redactText(String(value));
  }
  if (value === null) return null;
  if (value instanceof Error) return redactError(value, withStacks);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  // Bytes come from the wire: commands are latin1 at most.
  if (value instanceof Uint8Array) return redactText(Buffer.from(value.subarray(0, MAX_TEXT + 1)).toString('latin1'));
  if (depth >= MAX_DEPTH) return '[nested]';
  if (value instanceof Set || Array.isArray(value)) {
    return [...value].slice(0, MAX_ITEMS).map((item) => redactValue(item, withStacks, depth + 1));
  }
  return redactObject(value instanceof Map ? Object.fromEntries(value) : value, withStacks, depth + 1);
}

function redactError(error: Error, withStacks: boolean): string {
  const { code } = error as { code?: unknown };
  const named = typeof code === 'string' && !error.message.includes(code) ? `${code}: ${error.message}` : error.message;
  return redactText(withStacks && error.stack ? error.stack : named);
}

function redactText(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}... (${text.length} characters)` : text;
  return maskUrls(short).replace(AUTH_ARGUMENT, `$1${HIDDEN}`);
}
