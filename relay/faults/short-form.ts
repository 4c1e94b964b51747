// Fault rules as people type them: `rcpt to=*@x.example reply="451 4.7.1 Later" every=3`, the phase first, or JSON.
import { ChatError } from '../../src/errors.ts';
import type { FaultRule } from './fault-rule.ts';

const NUMBERS: ReadonlySet<string> = new Set<keyof FaultRule>([
  ...(['afterCommands', 'nth', 'every', 'seed', 'count', 'delay', 'truncate', 'throttle'] as const),
]);
/** `name`, `name=value` or `name="a value"`, up to the next blank. */
const WORD = /\s*([A-Za-z][\w-]*)(?:=(?:"([^"]*)"|([^\s"]+)))?(?=\s|$)/y;

/** What the text says, unchecked: as it would stand in JSON. Throws BAD_OPTION for one that says nothing. */
export function parseFault(text: string): Record<string, unknown> {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return parseObject(trimmed);
  const rule: Record<string, unknown> = {};
  WORD.lastIndex = 0;
  while (WORD.lastIndex < trimmed.length) {
    const at = WORD.lastIndex;
    const match = WORD.exec(trimmed);
    if (!match) throw bad(`expected name=value at ${JSON.stringify(trimmed.slice(at, at + 30).trim())}`);
    const [, word = '', quoted, bare] = match;
    const value = quoted ?? bare;
    const isPhase = at === 0 && value === undefined;
    const name = isPhase ? 'phase' : word.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(rule, name)) throw bad(`${name} stands there twice`);
    rule[name] = isPhase ? word : readValue(name, value);
  }
  if (trimmed === '') throw bad('it is empty');
  return rule;
}

function readValue(name: string, value: string | undefined): unknown {
  if (value === undefined) return true;
  if (value === 'true') return true;
  if (NUMBERS.has(name) && /^\d+$/.test(value)) return Number(value);
  if (name === 'probability' && /^\d+(?:\.\d+)?%?$/.test(value)) {
    return value.endsWith('%') ? Number(value.slice(0, -1)) / 100 : Number(value);
  }
  return value;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw bad('it begins like JSON and is none');
  }
}

function bad(why: string): ChatError {
  return new ChatError('BAD_OPTION', `bad fault rule: ${why}`);
}
