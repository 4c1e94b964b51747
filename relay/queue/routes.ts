// What happens to a recipient: captured, relayed and by which upstreams, thrown away, or refused. The operator's rules
// in their order, the first that matches; asked at RCPT and again at each attempt, so a change reaches queued mail.
//
// A sink may relay a copy of what it captures: `copy`.
//
//     --route '*@real.example=relay:main,spare'  --route '<>>*=discard'  --route 'old@x.example=reject:550 5.1.6 Moved'
import { ChatError } from '../../src/errors.ts';
import type { Reply } from '../smtp/replies.ts';
import { reply } from '../smtp/replies.ts';
import { type AddressPattern, domainOf, foldAddress, matchesPattern, parseAddressPattern } from './address-pattern.ts';

export type Route =
  | { readonly kind: 'capture' }
  | { readonly kind: 'discard' }
  /** The upstreams' names in the order in which they are tried. `keeps`: it is captured as well. */
  | { readonly kind: 'relay'; readonly upstreams: readonly string[]; readonly keeps?: true }
  | { readonly kind: 'reject'; readonly reply: Reply };

type Relayed = Extract<Route, { kind: 'relay' }>;

export interface RoutesOptions {
  /** In the operator's words, in order: PATTERN=ACTION. */
  readonly rules: readonly string[];
  /** The names of all upstreams, in order of preference: where `relay` without names goes. */
  readonly upstreams: readonly string[];
  /** What happens to a recipient that no rule names; a predicate tells of which of them a copy is relayed. */
  readonly otherwise: 'relay' | 'capture' | ((recipient: string) => boolean);
}

/** A rule whose recipient matches already: what is left to look at is the sender. */
interface Rule {
  readonly place: number;
  readonly sender: AddressPattern;
  readonly route: Route;
}

const CAPTURE: Route = { kind: 'capture' };
const REFUSED = reply(550, '5.7.1', 'Mail to this address is refused');
const FORMS =
  'PATTERN=ACTION, such as *@example.com=relay, where ACTION is capture, discard, relay, copy, reject or relay:NAME';

export class Routes {
  /** All that a `relay` of these routes can mean: one list of upstreams each, none twice. */
  readonly relays: readonly (readonly string[])[];
  /** To all upstreams, in order of preference. */
  readonly all: Route;
  private readonly otherwise: (recipient: string) => Route;
  private readonly isEmpty: boolean;
  private readonly byAddress = new Map<string, Rule[]>();
  private readonly byDomain = new Map<string, Rule[]>();
  private readonly rest: (Rule & { readonly recipient: AddressPattern })[] = [];

  /** Throws ChatError BAD_OPTION with one line that quotes the bad rule. */
  constructor({ rules, upstreams, otherwise }: RoutesOptions) {
    const all: Relayed = { kind: 'relay', upstreams };
    this.all = all;
    const copied: Route = { ...all, keeps: true };
    const rest = otherwise === 'relay' ? all : CAPTURE;
    const mayCopy = typeof otherwise === 'function' ? otherwise : null;
    this.otherwise = mayCopy === null ? () => rest : (recipient) => (mayCopy(recipient) ? copied : rest);
    this.isEmpty = rules.length === 0;
    const relays = new Map<string, readonly string[]>();
    const note = (route: Route): void => {
      if (route.kind === 'relay') relays.set(route.upstreams.join('\n'), route.upstreams);
    };
    for (const [place, text] of rules.entries()) {
      const { sender, recipient, route } = parseRule(text, all, upstreams);
      note(route);
      const rule = { place, sender, route };
      if (recipient.kind === 'address') add(this.byAddress, recipient.key, rule);
      else if (recipient.kind === 'domain') add(this.byDomain, recipient.key, rule);
      else this.rest.push({ ...rule, recipient });
    }
    note(rest);
    // Where not everything is relayed, copies are, and what is released by hand.
    if (otherwise !== 'relay' && upstreams.length > 0) note(all);
    this.relays = [...relays.values()];
  }

  /** Both addresses as they stand in the envelope, without brackets; '' is the null sender. */
  find(sender: string, recipient: string): Route {
    if (this.isEmpty) return this.otherwise(recipient);
    const from = foldAddress(sender);
    const to = foldAddress(recipient);
    const exact = this.byAddress.get(to)?.find((rule) => matchesPattern(rule.sender, from));
    const domain = this.byDomain.get(domainOf(to))?.find((rule) => matchesPattern(rule.sender, from));
    let first = earlier(exact, domain);
    for (const rule of this.rest) {
      if (first && rule.place > first.place) break;
      if (matchesPattern(rule.recipient, to) && matchesPattern(rule.sender, from)) {
        first = rule;
        break;
      }
    }
    return first?.route ?? this.otherwise(recipient);
  }
}

function add(table: Map<string, Rule[]>, key: string, rule: Rule): void {
  const there = table.get(key);
  if (there) there.push(rule);
  else table.set(key, [rule]);
}

function earlier(a: Rule | undefined, b: Rule | undefined): Rule | undefined {
  return a && b ? (a.place < b.place ? a : b) : (a ?? b);
}

function parseRule(
  text: string,
  all: Relayed,
  upstreams: readonly string[],
): { sender: AddressPattern; recipient: AddressPattern; route: Route } {
  // The first `=` that an action follows: an address and a reply may hold others.
  const match = /^(.+?)=\s*(capture|discard|relay|copy|reject)(?:\s*:(.*))?$/is.exec(text.trim());
  if (!match) throw bad(text, `expected ${FORMS}`);
  const [, patterns, action, argument] = match as unknown as [string, string, string, string | undefined];
  const { sender, recipient } = parsePatterns(text, patterns.trim());
  return { sender, recipient, route: parseAction(text, action.toLowerCase(), argument?.trim(), all, upstreams) };
}

function parsePatterns(text: string, patterns: string): { sender: AddressPattern; recipient: AddressPattern } {
  // `<>` holds the separator itself, and so may a quoted local part.
  const split = /^(<>|(?:"(?:\\.|[^"\\])*"|[^">])+)>(.+)$/s.exec(patterns);
  const [from, to] = split ? [split[1]!.trim(), split[2]!.trim()] : ['*', patterns];
  const sender = parseAddressPattern(from);
  const recipient = to === '<>' ? null : parseAddressPattern(to);
  const wrong = !sender ? from : !recipient ? to : null;
  if (!sender || !recipient)
    throw bad(text, `${JSON.stringify(wrong)} is no pattern; expected a@b.c, @example.com, *@*.example.com, * or <>`);
  return { sender, recipient };
}

function parseAction(
  text: string,
  action: string,
  argument: string | undefined,
  all: Relayed,
  upstreams: readonly string[],
): Route {
  if (action === 'reject') return { kind: 'reject', reply: argument ? parseReply(text, argument) : REFUSED };
  if (action === 'relay' || action === 'copy') {
    if (upstreams.length === 0) throw bad(text, 'there is no upstream to relay to');
    const route: Relayed = argument === undefined ? all : { ...all, upstreams: parseNames(text, argument, upstreams) };
    return action === 'copy' ? { ...route, keeps: true } : route;
  }
  if (argument !== undefined) throw bad(text, `nothing may follow ${action}`);
  return action === 'capture' ? CAPTURE : { kind: 'discard' };
}

function parseNames(text: string, argument: string, upstreams: readonly string[]): string[] {
  const names = [...new Set(argument.split(',').map((name) => name.trim()))];
  for (const name of names) {
    if (!upstreams.includes(name))
      throw bad(text, `no upstream is named ${JSON.stringify(name)}; there are: ${upstreams.join(', ')}`);
  }
  return names;
}

function parseReply(text: string, argument: string): Reply {
  const match = /^([45]\d\d)(?: +([45]\.\d{1,3}\.\d{1,3}))?(?: +(.+))?$/.exec(argument);
  const [, code, status, said] = match ?? [];
  if (!code || (status && status[0] !== code[0]))
    throw bad(text, 'a reply is written as 550 5.7.1 text, with a code from 400 to 599');
  return reply(Number(code), status ?? `${code[0]}.7.1`, said ?? REFUSED.text.toString());
}

function bad(text: string, why: string): ChatError {
  return new ChatError('BAD_OPTION', `bad route ${JSON.stringify(text)}: ${why}`);
}

/** The domains to which anyone may send, as `example.com` or `*.example.com`. */
export class DomainList {
  private readonly patterns: readonly AddressPattern[];

  /** Throws ChatError BAD_OPTION. */
  constructor(domains: readonly string[]) {
    this.patterns = domains.map((text) => {
      const pattern = parseAddressPattern(text.includes('@') ? text : `@${text}`);
      if (!pattern || pattern.kind === 'address')
        throw new ChatError(
          'BAD_OPTION',
          `${JSON.stringify(text)} is no domain; expected example.com or *.example.com`,
        );
      return pattern;
    });
  }

  /** Whether the address belongs to one of them. */
  has(address: string): boolean {
    if (this.patterns.length === 0) return false;
    const folded = foldAddress(address);
    return this.patterns.some((pattern) => matchesPattern(pattern, folded));
  }
}
