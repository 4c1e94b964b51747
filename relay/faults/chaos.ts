// Mailpit's chaos on top of the fault rules: three triggers, each a rule that answers a command with an error by chance.
// They stand behind all other rules, under ids of their own, so that both interfaces show what holds.
import { ChatError } from '../../src/errors.ts';
import type { Phase } from './fault-rule.ts';
import type { FaultRules } from './fault-rules.ts';

export interface ChaosTrigger {
  /** 400 to 599. */
  readonly ErrorCode: number;
  /** Per cent: 0 to 100; 0 is off. */
  readonly Probability: number;
}

/** As Mailpit's API shows and takes them. */
export interface ChaosTriggers {
  readonly Sender: ChaosTrigger;
  readonly Recipient: ChaosTrigger;
  readonly Authentication: ChaosTrigger;
}

type Name = keyof ChaosTriggers;

const TRIGGERS: Readonly<
  Record<Name, { readonly id: string; readonly phase: Phase; readonly code: number; text: string }>
> = {
  Sender: { id: 'chaos:sender', phase: 'mail', code: 451, text: 'Chaos: sender refused' },
  Recipient: { id: 'chaos:recipient', phase: 'rcpt', code: 451, text: 'Chaos: recipient refused' },
  Authentication: { id: 'chaos:authentication', phase: 'auth', code: 535, text: 'Chaos: login refused' },
};
const NAMES = Object.keys(TRIGGERS) as Name[];

export class Chaos {
  private readonly rules: FaultRules;
  /** Also of those that are off, which have no rule. */
  private codes: Record<Name, number> = { Sender: 451, Recipient: 451, Authentication: 535 };

  constructor(rules: FaultRules) {
    this.rules = rules;
  }

  get(): ChaosTriggers {
    const one = (name: Name): ChaosTrigger => ({
      ErrorCode: this.codes[name],
      Probability: Math.round((this.rules.get(TRIGGERS[name].id)?.probability ?? 0) * 100),
    });
    return { Sender: one('Sender'), Recipient: one('Recipient'), Authentication: one('Authentication') };
  }

  /**
   * Takes what came as JSON; keys in any case, as Mailpit does. A trigger that is left out is switched off. Throws
   * BAD_OPTION with one line, and changes nothing then.
   */
  set(given: unknown): ChaosTriggers {
    const triggers = readTriggers(given);
    for (const name of NAMES) {
      const { id, phase, text } = TRIGGERS[name];
      const { ErrorCode: code, Probability: percent } = triggers[name];
      this.codes[name] = code;
      this.rules.remove(id);
      if (percent > 0) {
        this.rules.add({ id, phase, reply: `${code} ${String(code)[0]}.7.0 ${text}`, probability: percent / 100 });
      }
    }
    return this.get();
  }
}

/** `Sender:451:5,Authentication:535:10` as Mailpit's option has it. Throws BAD_OPTION. */
export function parseChaosTriggers(text: string): Partial<ChaosTriggers> {
  const triggers: Partial<Record<Name, ChaosTrigger>> = {};
  for (const part of text.split(/[\s,]+/).filter((one) => one !== '')) {
    const [, word = '', code, percent] = /^([A-Za-z]+):(\d{1,6}):(\d{1,6})$/.exec(part) ?? [];
    const name = NAMES.find((one) => one.toLowerCase() === word.toLowerCase());
    if (name === undefined) {
      const form = 'TRIGGER:CODE:PER CENT such as Sender:451:5';
      throw bad(`${JSON.stringify(part.slice(0, 60))}: expected ${form}, with ${NAMES.join(', ')}`);
    }
    triggers[name] = { ErrorCode: Number(code), Probability: Number(percent) };
  }
  readTriggers(triggers);
  return triggers;
}

function readTriggers(given: unknown): ChaosTriggers {
  const all = fieldsOf(given, 'the triggers');
  const one = (name: Name): ChaosTrigger => {
    const value = all.get(name.toLowerCase());
    const fields = value === undefined || value === null ? new Map<string, unknown>() : fieldsOf(value, name);
    const code = fields.get('errorcode') ?? 0;
    return {
      // 0 is what a client of a typed language sends for a field that it does not set.
      ErrorCode: code === 0 ? TRIGGERS[name].code : within(code, 400, 599, `${name}: ErrorCode`),
      Probability: within(fields.get('probability') ?? 0, 0, 100, `${name}: Probability`),
    };
  };
  return { Sender: one('Sender'), Recipient: one('Recipient'), Authentication: one('Authentication') };
}

function fieldsOf(value: unknown, what: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${what}: expected an object`);
  return new Map(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]));
}

function within(value: unknown, min: number, max: number, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw bad(`${what}: expected a whole number from ${min} to ${max}`);
}

function bad(why: string): ChatError {
  return new ChatError('BAD_OPTION', `bad chaos: ${why}`);
}
