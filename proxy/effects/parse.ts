// Reads effects: `WHO [WHAT] [WHICH...]: ACTION[, ACTION...]`. What is wrong is said in one line, with the rule.
import { ChatError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { parseDuration, parseSize } from '../../src/option-types.ts';
import { KINDS, type Kind } from '../profiles/profile.ts';
import { type Action, LINES, type Rule } from './rule.ts';

const PLACES = ['client', 'server', 'connect'] as const;
const CONTENTS: Readonly<Record<string, readonly Kind[]>> = {
  body: ['body'],
  literal: ['literal'],
  header: ['header'],
};
const ENDS = ['close', 'reset'] as const;
const ACTIONS = [
  'delay',
  'throttle',
  'slice',
  'corrupt',
  'rewrite',
  'drop',
  'answer',
  'cut',
  'close',
  'reset',
  'refuse',
];
/** What can be done to a connection that is not made yet. */
const CONNECTING: ReadonlySet<string> = new Set(['delay', 'refuse', 'reset', 'answer']);
/** What takes a line away or makes another of it: contents only where they are named. */
const ABOUT_LINES: ReadonlySet<string> = new Set(['rewrite', 'drop', 'answer']);

class Reader {
  readonly rule: string;
  private rest: string;

  constructor(rule: string) {
    this.rule = rule;
    this.rest = rule.trim();
  }

  get isDone(): boolean {
    return this.rest === '';
  }

  fail(why: string): never {
    throw new ChatError('BAD_OPTION', `${why}, in the effect "${this.rule}"`);
  }

  /** What matches here, without the blanks behind it. */
  take(pattern: RegExp): RegExpExecArray | null {
    const found = new RegExp(`^(?:${pattern.source})`, pattern.flags).exec(this.rest);
    if (found) this.rest = this.rest.slice(found[0].length).trimStart();
    return found;
  }

  /** Everything that is left. */
  takeAll(): string {
    const all = this.rest;
    this.rest = '';
    return all;
  }

  expression(): RegExp | null {
    const found = this.take(/\/((?:[^\\/[]|\\.|\[(?:[^\]\\]|\\.)*\])+)\/([a-z]*)/);
    if (!found) return null;
    try {
      return new RegExp(found[1]!, found[2]!.replaceAll(/[gy]/g, ''));
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  /** The word that stands here, for a message. */
  get here(): string {
    return this.rest === '' ? 'nothing' : `"${/^\S+?(?=[:,]?(?:\s|$))/.exec(this.rest)?.[0] ?? this.rest}"`;
  }
}

/** Throws ChatError BAD_OPTION. */
export function parseRule(text: string): Rule {
  const reader = new Reader(text);
  const on = place(reader);
  const what = { kinds: null as readonly Kind[] | null, verb: null as string | null, pattern: null as RegExp | null };
  const which = {
    ...{ first: 1, last: Number.POSITIVE_INFINITY, every: 1, isEach: false },
    ...{ firstConn: 1, lastConn: Number.POSITIVE_INFINITY, chance: 1, seed: undefined as number | undefined },
  };
  while (!reader.take(/:/)) {
    let found: RegExpExecArray | null;
    if (reader.isDone) reader.fail('expected ":" and what to do');
    // biome-ignore lint/suspicious/noAssignInExpressions: a list of alternatives, each with what it has found
    if ((found = reader.take(/#(\d+)(-(\d*))?/))) [which.first, which.last] = range(found);
    // biome-ignore lint/suspicious/noAssignInExpressions: as above
    else if ((found = reader.take(/every\s+(\d+)/))) which.every = Number(found[1]);
    else if (reader.take(/each\b/)) which.isEach = true;
    // biome-ignore lint/suspicious/noAssignInExpressions: as above
    else if ((found = reader.take(/conn\s+(\d+)(-(\d*))?/))) [which.firstConn, which.lastConn] = range(found);
    // biome-ignore lint/suspicious/noAssignInExpressions: as above
    else if ((found = reader.take(/(\d+(?:\.\d+)?)%/))) which.chance = Number(found[1]) / 100;
    // biome-ignore lint/suspicious/noAssignInExpressions: as above
    else if ((found = reader.take(/seed\s+(\d+)/))) which.seed = Number(found[1]);
    else if (on === 'connect') reader.fail(`expected #N, every N, N%, conn N or ":", not ${reader.here}`);
    else readWhat(reader, what);
  }
  if (which.first < 1 || which.last < which.first || which.every < 1 || which.firstConn < 1 || which.chance > 1) {
    reader.fail('counting begins with 1, and chance ends with 100%');
  }
  const actions = readActions(reader, on, what.kinds);
  return {
    text: text.trim(),
    on,
    ...which,
    verb: what.verb,
    pattern: what.pattern,
    kinds: kinds(what, actions),
    actions,
  };
}

function place(reader: Reader): Rule['on'] {
  const found = reader.take(/(client|server|connect)\b/);
  if (found) return found[1] as Rule['on'];
  const word = /^[a-z]+/i.exec(reader.rule.trim())?.[0] ?? '';
  const meant = nearest(word, PLACES);
  reader.fail(`expected client, server or connect, not ${reader.here}${meant ? `: did you mean ${meant}?` : ''}`);
}

/** `#2`, `#2-4`, `#2-`. */
function range(found: RegExpExecArray): [number, number] {
  const first = Number(found[1]);
  if (found[2] === undefined) return [first, first];
  return [first, found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])];
}

function readWhat(
  reader: Reader,
  what: { kinds: readonly Kind[] | null; verb: string | null; pattern: RegExp | null },
): void {
  const content = what.kinds ? null : reader.take(/(body|literal|header)(?=[\s:])/);
  if (content) {
    what.kinds = CONTENTS[content[1]!]!;
    return;
  }
  const pattern = reader.expression();
  if (pattern && !what.pattern && !what.verb) what.pattern = pattern;
  else {
    const verb = pattern || what.verb || what.pattern ? null : reader.take(/[A-Za-z\d][\w.-]*|[+*](?=[\s:])/);
    if (!verb) reader.fail(`expected a verb, /a regular expression/, #N, every N, N% or ":", not ${reader.here}`);
    what.verb = verb[0].toUpperCase();
  }
}

function kinds(
  { kinds, verb, pattern }: { kinds: readonly Kind[] | null; verb: string | null; pattern: RegExp | null },
  actions: readonly Action[],
): ReadonlySet<Kind> {
  if (kinds) return new Set(kinds);
  if (verb || actions.some(({ type }) => ABOUT_LINES.has(type))) return new Set(LINES);
  return new Set(pattern ? [...LINES, 'raw'] : KINDS);
}

function readActions(reader: Reader, on: Rule['on'], kinds: readonly Kind[] | null): Action[] {
  const actions: Action[] = [];
  do {
    const name = reader.take(/[a-z]+/)?.[0] ?? '';
    if (!ACTIONS.includes(name)) {
      const meant = nearest(name, ACTIONS);
      const instead = name === '' ? reader.here : `"${name}"`;
      reader.fail(`expected ${ACTIONS.join(', ')}, not ${instead}${meant ? `: did you mean ${meant}?` : ''}`);
    }
    if (on === 'connect' && !CONNECTING.has(name)) reader.fail(`connect can be ${[...CONNECTING].join(', ')}`);
    if (on !== 'connect' && name === 'refuse') reader.fail('refuse is for connect');
    if (on === 'server' && name === 'answer')
      reader.fail('answer is for client and connect; for the server there is rewrite');
    if (name === 'answer' && kinds) reader.fail('answer is for lines, not for a content');
    actions.push(readAction(reader, name));
  } while (reader.take(/,/));
  if (!reader.isDone) reader.fail(`expected "," or the end, not ${reader.here}`);
  return actions;
}

function readAction(reader: Reader, name: string): Action {
  switch (name) {
    case 'delay':
      return { type: 'delay', ms: duration(reader) ?? reader.fail('delay needs a duration, such as 500ms or 2s') };
    case 'throttle': {
      const rate = parseSize(reader.take(/(\S+?)\/s(?=,|\s|$)/)?.[1] ?? '');
      if (!rate) reader.fail('throttle needs bytes a second, such as 10k/s');
      return { type: 'throttle', rate };
    }
    case 'slice':
      return { type: 'slice', ms: duration(reader) ?? 1 };
    case 'corrupt': {
      const count = Number(reader.take(/\d+/)?.[0] ?? 1);
      const at = reader.take(/at\s+(\d+)/)?.[1];
      return { type: 'corrupt', count, at: at === undefined ? null : Number(at) };
    }
    case 'cut': {
      const where = reader.take(/\d+|middle|crlf/)?.[0];
      if (where === undefined) reader.fail('cut needs a place: a number of bytes, middle or crlf');
      const then = reader.take(/then\s+([a-z]+)/)?.[1] ?? 'close';
      const end = ENDS.find((one) => one === then);
      if (!end) reader.fail(`behind "then" stands close or reset, not "${then}"`);
      return { type: 'cut', where: where === 'middle' || where === 'crlf' ? where : Number(where), end };
    }
    case 'rewrite': {
      const find = reader.expression();
      if (!find || !reader.take(/=>/)) reader.fail('rewrite needs /a regular expression/ => and a text');
      return { type: 'rewrite', find: new RegExp(find.source, `${find.flags}g`), to: unescaped(reader.takeAll()) };
    }
    case 'answer': {
      const text = unescaped(reader.takeAll());
      if (text === '') reader.fail('answer needs a text');
      return { type: 'answer', text };
    }
    default:
      return { type: name as 'drop' | 'close' | 'reset' | 'refuse' };
  }
}

function duration(reader: Reader): number | undefined {
  const text = reader.take(/\d[\w.]*/)?.[0];
  if (text === undefined) return undefined;
  return parseDuration(text) ?? reader.fail(`"${text}" is no duration such as 500ms or 2s`);
}

const LETTERS: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([\dA-Fa-f]{2})|([rnt0\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? LETTERS[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
