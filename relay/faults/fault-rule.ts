// One rule of misbehaviour: when it strikes and what it does, as it stands in JSON. Read and checked here; everything
// that cannot happen is refused with one line, so that a rule that stands there can strike.
import { ChatError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { parseDuration, parseSize } from '../../src/option-types.ts';
import { parseAddressPattern } from '../queue/address-pattern.ts';
import { parseListenerPattern } from './fault-match.ts';

/**
 * Where in a session: `connect` is the greeting, `tls` the handshake, `ehlo` is LHLO too, `data` is the first BDAT of a
 * message too, `content` is while it comes in, `dot` its end, `command` any command at all.
 */
export const PHASES = [
  ...['connect', 'tls', 'ehlo', 'helo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'content', 'dot'],
  ...['rset', 'noop', 'vrfy', 'help', 'quit', 'command'],
] as const as readonly Phase[];

export type Phase =
  | ('connect' | 'tls' | 'ehlo' | 'helo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'content' | 'dot')
  | ('rset' | 'noop' | 'vrfy' | 'help' | 'quit' | 'command');

/** Of the end of a message: not stored, or stored and never answered. Elsewhere `before`. */
export type When = 'before' | 'after';

/** All conditions that stand there must hold. At most one of reply, drop, reset, truncate, throttle, fail. */
export interface FaultRule {
  /** 1 to 64 letters, digits, `.`, `:`, `_`, `-`. */
  readonly id: string;
  readonly phase: Phase;
  /** Where the client connected to: `1025`, `127.0.0.1:1025`, `[::1]:1025`. */
  readonly listener?: string;
  /** A namespace that the session belongs to by its login, its listener's port, or a recipient. */
  readonly namespace?: string;
  /** Patterns of addresses as in routes: `a@b.example`, `@b.example`, `*@*.example`, `<>`. */
  readonly from?: string;
  readonly to?: string;
  /** The session has had at least so many commands before this one. */
  readonly afterCommands?: number;
  /** Only the match with this number, only every match with a multiple of it; counted from 1 over all sessions. */
  readonly nth?: number;
  readonly every?: number;
  /** From 0 to 1: how many of the matches, by chance from the seed. */
  readonly probability?: number;
  /** The same seed strikes the same matches. Without one it is made from the id. */
  readonly seed?: number;
  /** Strikes so often and no more. */
  readonly count?: number;
  /** Milliseconds before anything else happens. */
  readonly delay?: number;
  /** `451 4.3.0 Try later`, instead of what the session would have said; a 421 ends the session. */
  readonly reply?: string;
  /** Closes the connection without an answer; or with a reset. */
  readonly drop?: When;
  readonly reset?: When;
  /** Closes the connection when so many bytes of the content have come. */
  readonly truncate?: number;
  /** Reads the content with so many bytes a second. */
  readonly throttle?: number;
  /** The handshake fails with an alert. */
  readonly fail?: true;
}

type Action = 'delay' | 'reply' | 'drop' | 'reset' | 'truncate' | 'throttle' | 'fail';

export const MAX_DELAY_MS = 3_600_000;
const COMMAND: readonly Action[] = ['delay', 'reply', 'drop', 'reset'];
/** What can be done where. */
const ACTIONS: Readonly<Partial<Record<Phase, readonly Action[]>>> = {
  tls: ['fail', 'drop', 'reset'],
  content: ['delay', 'drop', 'reset', 'truncate', 'throttle'],
};
const SENDER_KNOWN: ReadonlySet<Phase> = new Set<Phase>(['mail', 'rcpt', 'data', 'content', 'dot']);
const RECIPIENT_KNOWN: ReadonlySet<Phase> = new Set<Phase>(['rcpt', 'data', 'content', 'dot']);

/** What each field may hold: `read` gives undefined for anything else. */
interface Field {
  readonly expects: string;
  read(value: unknown): unknown;
}

function text(pattern: RegExp, expects: string): Field {
  return { expects, read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined) };
}

function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Field {
  const isOne = (value: unknown): value is number => Number.isSafeInteger(value);
  return {
    expects:
      max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`,
    read: (value) => (isOne(value) && value >= min && value <= max ? value : undefined),
  };
}

/** A number, or a text with a unit. */
function measured(parse: (text: string) => number | undefined, max: number, expects: string): Field {
  return {
    expects,
    read: (value) => {
      const number = typeof value === 'string' ? parse(value) : value;
      return Number.isSafeInteger(number) && (number as number) > 0 && (number as number) <= max ? number : undefined;
    },
  };
}

const WHEN: Field = {
  expects: 'true, "before" or "after"',
  read: (value) => (value === true ? 'before' : value === 'before' || value === 'after' ? value : undefined),
};
const PATTERN: Field = {
  expects: 'an address or a pattern such as @example.com, *@*.example.com or <>',
  read: (value) => (typeof value === 'string' && value.length <= 512 && parseAddressPattern(value) ? value : undefined),
};
const REPLY = /^[45]\d\d(?: (?:[45]\.\d{1,3}\.\d{1,3}(?: |$))?[ -~]{0,400})?$/;

const FIELDS: { readonly [K in keyof Required<FaultRule>]: Field } = {
  id: text(/^[\w.:-]{1,64}$/, 'up to 64 letters, digits and . : _ -'),
  phase: text(/^/, 'a phase'),
  listener: {
    expects: 'a port or an address such as 1025, 127.0.0.1:1025 or [::1]:1025',
    read: (value) => {
      const given = typeof value === 'number' ? String(value) : value;
      return typeof given === 'string' && parseListenerPattern(given) ? given : undefined;
    },
  },
  namespace: text(/^[^\p{Cc}]{1,255}$/u, 'the name of a namespace'),
  from: PATTERN,
  to: PATTERN,
  afterCommands: whole(1),
  nth: whole(1),
  every: whole(1),
  probability: {
    expects: 'a number from 0 to 1',
    read: (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined),
  },
  seed: whole(0, 0xffffffff),
  count: whole(1),
  delay: measured(parseDuration, MAX_DELAY_MS, 'milliseconds, or a duration such as 500ms or 2s, up to 1h'),
  reply: text(REPLY, 'a code from 400 to 599, with or without a text, such as "451 4.3.0 Try later"'),
  drop: WHEN,
  reset: WHEN,
  truncate: measured(parseSize, Number.MAX_SAFE_INTEGER, 'bytes, or a size such as 10k'),
  throttle: measured(parseSize, Number.MAX_SAFE_INTEGER, 'bytes a second, or a size such as 10k'),
  fail: { expects: 'true', read: (value) => (value === true ? true : undefined) },
};

/** The names of the fields, in the order in which they are shown. */
export const RULE_FIELDS = Object.keys(FIELDS) as readonly (keyof FaultRule)[];

/** Checks a rule that came as JSON; `id` is given to one without. Throws BAD_OPTION with one line. */
export function readFaultRule(given: unknown, id: string): FaultRule {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw bad('expected an object');
  const found: Record<string, unknown> = { id };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(FIELDS, name)) throw bad(unknown(name, RULE_FIELDS, 'field'));
    // As good as not given: forms and clients of typed languages send them.
    if (value === null || value === undefined || value === false) continue;
    const field = FIELDS[name as keyof FaultRule];
    const read = field.read(value);
    if (read === undefined) throw bad(`${name}: expected ${field.expects}`);
    found[name] = read;
  }
  const rule = inOrder(found);
  checkTogether(rule);
  return rule;
}

function checkTogether(rule: FaultRule): void {
  const { phase } = rule;
  if (phase === undefined) throw bad(`phase is missing; one of ${PHASES.join(', ')}`);
  if (!PHASES.includes(phase)) throw bad(unknown(phase, PHASES, 'phase'));
  const actions = (['reply', 'drop', 'reset', 'truncate', 'throttle', 'fail'] as const).filter((one) => rule[one]);
  if (actions.length > 1) throw bad(`${actions.join(' and ')} exclude each other`);
  if (actions.length === 0 && rule.delay === undefined)
    throw bad('it does nothing; expected reply, delay, drop, reset, truncate, throttle or fail');
  const possible = ACTIONS[phase] ?? COMMAND;
  for (const action of [...actions, ...(rule.delay === undefined ? [] : (['delay'] as const))]) {
    if (!possible.includes(action))
      throw bad(`${action} is not possible at ${phase}; possible: ${possible.join(', ')}`);
  }
  if ((rule.drop === 'after' || rule.reset === 'after') && phase !== 'dot') throw bad('"after" is for dot only');
  if (rule.from !== undefined && !SENDER_KNOWN.has(phase)) throw bad(`from: at ${phase} no sender is known`);
  if (rule.to !== undefined && !RECIPIENT_KNOWN.has(phase)) throw bad(`to: at ${phase} no recipient is known`);
  if (rule.nth !== undefined && rule.every !== undefined) throw bad('nth and every exclude each other');
}

function inOrder(found: Readonly<Record<string, unknown>>): FaultRule {
  const entries = RULE_FIELDS.filter((name) => found[name] !== undefined).map((name) => [name, found[name]]);
  return Object.fromEntries(entries) as unknown as FaultRule;
}

function unknown(name: string, known: readonly string[], what: string): string {
  const meant = nearest(name, known);
  const hint = meant ? `did you mean "${meant}"?` : `known are ${known.join(', ')}`;
  return `unknown ${what} ${JSON.stringify(name.slice(0, 60))}; ${hint}`;
}

function bad(why: string): ChatError {
  return new ChatError('BAD_OPTION', `bad fault rule: ${why}`);
}
