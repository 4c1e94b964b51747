// The effects of one proxy, in their order, with what each has counted. They may come and go while connections are open.

import type { SideName } from '../dialogue/event.ts';
import type { Kind } from '../profiles/profile.ts';
import { Random } from '../toxics/random.ts';
import { parseRule } from './parse.ts';
import type { Action, Rule } from './rule.ts';

/** One effect. */
export class Effect {
  readonly rule: Rule;
  /** How often it did something. */
  hits = 0;
  /** What it matched so far, over all connections. */
  matches = 0;
  private readonly random: Random;

  constructor(rule: Rule) {
    this.rule = rule;
    this.random = new Random(rule.seed ?? Math.floor(Math.random() * 0x1_0000_0000));
  }

  /** Whether it will never do anything again. */
  get isSpent(): boolean {
    return !this.rule.isEach && this.matches >= this.rule.last;
  }

  /** Chance, as one connection has it: what happens on it does not depend on the others. */
  randomOf(conn: number): Random {
    return this.random.fork(String(conn));
  }

  /** Counts anew. */
  forget(): void {
    this.hits = this.matches = 0;
  }
}

export class Effects {
  private list: readonly Effect[] = [];

  constructor(rules: readonly string[] = []) {
    for (const rule of rules) this.add(rule);
  }

  get all(): readonly Effect[] {
    return this.list;
  }

  /** Throws ChatError BAD_OPTION. */
  add(rule: string): Effect {
    const effect = new Effect(parseRule(rule));
    this.list = [...this.list, effect];
    return effect;
  }

  remove(effect: Effect): void {
    this.list = this.list.filter((one) => one !== effect);
  }

  clear(): void {
    this.list = [];
  }
}

/** What is looked at: a frame, or a piece of one. */
export interface Looked {
  readonly kind: Kind;
  /** As latin1, without its terminator; asked for only where a rule wants to know. */
  text(): string;
}

/** The effects as one connection has them. */
export class ConnectionEffects {
  private readonly effects: Effects;
  private readonly conn: number;
  /** Verbs stand behind a tag. */
  isTagged = false;
  private readonly counts = new Map<Effect, number>();
  private readonly randoms = new Map<Effect, Random>();

  constructor(effects: Effects, conn: number) {
    this.effects = effects;
    this.conn = conn;
  }

  /** Those that may still do something to what `from` says. */
  of(from: Rule['on']): Effect[] {
    const { conn } = this;
    return this.effects.all.filter(
      (effect) =>
        effect.rule.on === from &&
        conn >= effect.rule.firstConn &&
        conn <= effect.rule.lastConn &&
        !this.isSpent(effect),
    );
  }

  /** Those whose turn it is, counted. */
  match(from: SideName, looked: Looked): Effect[] {
    return this.of(from).filter((effect) => this.matches(effect.rule, looked) && this.hit(effect));
  }

  /** Those whose turn it is with this connection, counted. */
  connecting(): Effect[] {
    return this.of('connect').filter((effect) => this.hit(effect));
  }

  /** Whether something may be said in the server's place, for which its own words have to make room. */
  get answers(): boolean {
    return this.of('client').some(
      ({ rule }) => does(rule, 'answer') || (does(rule, 'rewrite') && rule.kinds.has('literal')),
    );
  }

  /** Whether contents are looked at line by line. */
  wantsLines(from: SideName): boolean {
    return this.of(from).some(({ rule }) => rule.kinds.has('body') && (rule.pattern !== null || does(rule, 'rewrite')));
  }

  /** Whether counted bytes of this kind may become more or fewer. */
  rewritesCounted(from: SideName, kind: Kind): boolean {
    return this.of(from).some(({ rule }) => does(rule, 'rewrite') && rule.kinds.has(kind));
  }

  random(effect: Effect): Random {
    let random = this.randoms.get(effect);
    if (!random) {
      random = effect.randomOf(this.conn);
      this.randoms.set(effect, random);
    }
    return random;
  }

  private isSpent(effect: Effect): boolean {
    return effect.isSpent || (effect.rule.isEach && (this.counts.get(effect) ?? 0) >= effect.rule.last);
  }

  private matches({ kinds, verb, pattern }: Rule, looked: Looked): boolean {
    if (!kinds.has(looked.kind)) return false;
    if (verb !== null && verbOf(looked.text(), this.isTagged) !== verb) return false;
    return pattern === null || pattern.test(looked.text());
  }

  private hit(effect: Effect): boolean {
    const { first, last, every, isEach, chance } = effect.rule;
    effect.matches++;
    const here = (this.counts.get(effect) ?? 0) + 1;
    this.counts.set(effect, here);
    const count = isEach ? here : effect.matches;
    if (count < first || count > last || (count - first) % every !== (every === 1 ? 0 : every - 1)) return false;
    if (chance < 1 && this.random(effect).unit() >= chance) return false;
    effect.hits++;
    return true;
  }
}

function does({ actions }: Rule, type: Action['type']): boolean {
  return actions.some((action) => action.type === type);
}

/** The first word; behind a tag the second, unless the first is one that stands for itself (`*`, `+`). */
function verbOf(text: string, isTagged: boolean): string {
  const [first = '', second = ''] = text.slice(0, 200).split(/[ \t-]/, 2);
  return (isTagged && first !== '+' ? second : first).toUpperCase();
}
