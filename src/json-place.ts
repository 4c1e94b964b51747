// Where a text stops being JSON. JSON.parse tells it in words that differ between versions of Node, sometimes not at
// all, and quotes what stands around it, which may be a password. Used only after JSON.parse has refused a text.

const SPACE = /[ \t\r\n]*/y;
// Strings may hold DEL and the C1 controls, which \p{Cc} counts as controls as well.
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/u;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/u;
const TOKEN = new RegExp(`${STRING.source}|${NUMBER.source}|true|false|null|[{}[\\],:]`, 'uy');

/** Line and column, both from 1, of the first character that cannot be; undefined when `text` is JSON. */
export function jsonErrorPlace(text: string): { line: number; column: number } | undefined {
  const offset = errorOffset(text);
  if (offset === undefined) return undefined;
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** Walks the tokens with a stack of open brackets; `wants` says what may come next. */
function errorOffset(text: string): number | undefined {
  const open: string[] = [];
  let wants: 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' = 'value';
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    const start = SPACE.lastIndex;
    if (open.length === 0 && wants === ', or end') return start === text.length ? undefined : start;
    TOKEN.lastIndex = start;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return start;
    at = TOKEN.lastIndex;

    if (wants === ':') {
      if (token !== ':') return start;
      wants = 'value';
    } else if (token === ',') {
      if (wants !== ', or end') return start;
      wants = open.at(-1) === '{' ? 'key' : 'value';
    } else if (token === '}' || token === ']') {
      const matches = open.pop() === (token === '}' ? '{' : '[');
      if (!matches || (wants !== ', or end' && !wants.endsWith(token))) return start;
      wants = ', or end';
    } else if (wants === 'key' || wants === 'key or }') {
      if (!token.startsWith('"')) return start;
      wants = ':';
    } else if (wants === ', or end' || token === ':') {
      return start;
    } else if (token === '{' || token === '[') {
      open.push(token);
      wants = token === '{' ? 'key or }' : 'value or ]';
    } else {
      wants = ', or end';
    }
  }
}
