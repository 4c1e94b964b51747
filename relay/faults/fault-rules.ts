// The rules of misbehaviour in their order: at each step of a session the first one that strikes is what happens, and
// those behind it are not asked. Each counts how often its conditions held and how often it struck. Chance comes from
// seeds, so that the same tests meet the same faults.
//
// The patterns, the seeds and the counters are one rule's own: adding another changes nothing for those that are there.
import { ChatError } from '../../src/errors.ts';
import { randomNumbers } from '../../src/random.ts';
import type { FaultDesk } from '../smtp/session-context.ts';
import { type Belonging, conditionsOf, type FaultFacts } from './fault-match.ts';
import { type FaultRule, type Phase, readFaultRule } from './fault-rule.ts';
import { type FaultySession, SessionFaults } from './session-faults.ts';

/** A rule with what it has done so far. */
export interface FaultRuleView extends FaultRule {
  /** How often its conditions held. */
  readonly matches: number;
  readonly hits: number;
}

interface Armed {
  readonly rule: FaultRule;
  readonly conditions: readonly ((facts: FaultFacts) => boolean)[];
  random: () => number;
  matches: number;
  hits: number;
}

const MAX_RULES = 1000;

export class FaultRules implements FaultDesk {
  private rules: Armed[] = [];
  private namespaces: readonly Belonging[] = [];
  private made = 0;
  private readonly changed: () => void;

  /** `changed` is called when there is a first rule, or none any more. */
  constructor(changed: () => void = () => {}) {
    this.changed = changed;
  }

  get isEmpty(): boolean {
    return this.rules.length === 0;
  }

  /** In their order; those of one namespace, or all. */
  list(namespace?: string): FaultRuleView[] {
    const wanted = namespace === undefined ? this.rules : this.rules.filter(({ rule }) => rule.namespace === namespace);
    return wanted.map(viewOf);
  }

  get(id: string): FaultRuleView | undefined {
    const found = this.rules.find(({ rule }) => rule.id === id);
    return found && viewOf(found);
  }

  /**
   * Puts these in the place of all, or of those of a namespace, to which they then belong. Throws BAD_OPTION, and changes
   * nothing then.
   */
  replace(given: readonly unknown[], namespace?: string): FaultRuleView[] {
    const kept = namespace === undefined ? [] : this.rules.filter(({ rule }) => rule.namespace !== namespace);
    const rules = [...kept];
    for (const one of given) rules.push(this.armed(scoped(one, namespace), rules));
    this.take(rules);
    return this.list(namespace);
  }

  /** Adds a rule, behind all others or at this place. Throws BAD_OPTION. */
  add(given: unknown, place = this.rules.length): FaultRuleView {
    const added = this.armed(given, this.rules);
    this.take(this.rules.toSpliced(place, 0, added));
    return viewOf(added);
  }

  /** False when there is none of this id. */
  remove(id: string): boolean {
    const rest = this.rules.filter(({ rule }) => rule.id !== id);
    if (rest.length === this.rules.length) return false;
    this.take(rest);
    return true;
  }

  /** Counts and chance begin anew: of one rule, or of all. False when there is none of this id. */
  reset(id?: string): boolean {
    const which = id === undefined ? this.rules : this.rules.filter(({ rule }) => rule.id === id);
    for (const one of which) {
      one.matches = 0;
      one.hits = 0;
      one.random = randomOf(one.rule);
    }
    return id === undefined || which.length > 0;
  }

  /** Which namespaces there are now. Rules of those that are gone go too. */
  setNamespaces(namespaces: readonly Belonging[]): void {
    const names = new Set(namespaces.map(({ name }) => name));
    const gone = this.namespaces.filter(({ name }) => !names.has(name)).map(({ name }) => name);
    this.namespaces = namespaces;
    if (gone.length > 0) this.take(this.rules.filter(({ rule }) => !gone.includes(rule.namespace ?? '')));
  }

  join(session: FaultySession): SessionFaults {
    return new SessionFaults(session, this);
  }

  /** The rule that strikes now; null for none. */
  find(phase: Phase, facts: () => FaultFacts): FaultRule | null {
    let known: FaultFacts | null = null;
    for (const one of this.rules) {
      if (one.rule.phase !== phase) continue;
      known ??= facts();
      const now = known;
      if (one.conditions.every((holds) => holds(now)) && strikes(one)) return one.rule;
    }
    return null;
  }

  private take(rules: Armed[]): void {
    if (rules.length > MAX_RULES) throw new ChatError('BAD_OPTION', `there can be at most ${MAX_RULES} fault rules`);
    const wasEmpty = this.rules.length === 0;
    this.rules = rules;
    if (wasEmpty !== (rules.length === 0)) this.changed();
  }

  private armed(given: unknown, others: readonly Armed[]): Armed {
    const isTaken = (id: string): boolean => others.some(({ rule }) => rule.id === id);
    let id: string;
    do id = `f${++this.made}`;
    while (isTaken(id));
    const rule = readFaultRule(given, id);
    if (isTaken(rule.id))
      throw new ChatError('BAD_OPTION', `bad fault rule: there is one with the id ${rule.id} already`);
    return {
      rule,
      conditions: conditionsOf(rule, () => this.namespaces),
      random: randomOf(rule),
      matches: 0,
      hits: 0,
    };
  }
}

/** Counts the match. */
function strikes(one: Armed): boolean {
  const { nth, every, probability, count } = one.rule;
  one.matches++;
  if (nth !== undefined && one.matches !== nth) return false;
  if (every !== undefined && one.matches % every !== 0) return false;
  if (probability !== undefined && one.random() >= probability) return false;
  if (count !== undefined && one.hits >= count) return false;
  one.hits++;
  return true;
}

function viewOf({ rule, matches, hits }: Armed): FaultRuleView {
  return { ...rule, matches, hits };
}

function scoped(given: unknown, namespace: string | undefined): unknown {
  if (namespace === undefined || typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  return { ...given, namespace };
}

/** Two rules of the same probability should not strike together: without a seed each has one made of its id (FNV-1a). */
function randomOf({ seed, id }: FaultRule): () => number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return randomNumbers(seed ?? hash);
}
