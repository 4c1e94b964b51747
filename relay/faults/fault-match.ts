// Whether the conditions of a rule hold, with its patterns read once. What only chance and counting decide is in
// fault-rules.ts.
import { isIPv6 } from 'node:net';
import type { Namespace } from '../inbox/inbox.ts';
import { type AddressPattern, foldAddress, matchesPattern, parseAddressPattern } from '../queue/address-pattern.ts';
import type { FaultRule, Phase } from './fault-rule.ts';

/** What is known of a session at the moment. */
export interface FaultFacts {
  /** Where the client connected to; '' and 0 for a unix socket. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Commands so far, the one that is about to be answered not counted. */
  readonly commands: number;
  readonly user: string;
  /** Null before MAIL. */
  readonly sender: string | null;
  /** At RCPT the one that is named there, later all of them. */
  readonly recipients: readonly string[];
}

/** How a namespace knows what is its own. */
export type Belonging = Pick<Namespace, 'name' | 'recipients' | 'users' | 'ports' | 'expiresAt'>;

type Condition = (facts: FaultFacts) => boolean;

/** All conditions of a rule but chance and counting. `namespaceOf` is asked anew each time: they come and go. */
export function conditionsOf(rule: FaultRule, namespaces: () => readonly Belonging[]): readonly Condition[] {
  const { listener, namespace, from, to, afterCommands } = rule;
  const conditions: Condition[] = [];
  if (afterCommands !== undefined) conditions.push(({ commands }) => commands >= afterCommands);
  if (listener !== undefined) {
    const { host, port } = parseListenerPattern(listener)!;
    conditions.push((facts) => facts.localPort === port && (host === null || facts.localAddress === host));
  }
  if (from !== undefined) {
    const pattern = parseAddressPattern(from)!;
    conditions.push(({ sender }) => sender !== null && matchesPattern(pattern, foldAddress(sender)));
  }
  if (to !== undefined) conditions.push(oneOf([parseAddressPattern(to)!]));
  if (namespace !== undefined) {
    conditions.push((facts) => {
      const one = namespaces().find(({ name }) => name === namespace);
      return one !== undefined && belongs(one, facts);
    });
  }
  return conditions;
}

function belongs({ users, ports, recipients, expiresAt }: Belonging, facts: FaultFacts): boolean {
  if (expiresAt !== null && Date.now() >= expiresAt) return false;
  if (facts.user !== '' && users.includes(facts.user)) return true;
  if (ports.includes(facts.localPort)) return true;
  return recipients.length > 0 && oneOf(recipients.flatMap((text) => parseAddressPattern(text) ?? []))(facts);
}

function oneOf(patterns: readonly AddressPattern[]): Condition {
  return ({ recipients }) =>
    recipients.some((address) => {
      const folded = foldAddress(address);
      return patterns.some((pattern) => matchesPattern(pattern, folded));
    });
}

/** A host of null is any. Null when the text is neither a port nor an IP address with one. */
export function parseListenerPattern(text: string): { readonly host: string | null; readonly port: number } | null {
  const match = /^(?:(\[[\da-f:.]+\]|[\d.]+|localhost|\*):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535) return null;
  const host = match[1]?.replace(/^\[|\]$/g, '').toLowerCase();
  if (host !== undefined && match[1]!.startsWith('[') && !isIPv6(host)) return null;
  // Whoever listens on all of them, or on a name, is reached under another address.
  const isAny = host === undefined || ['*', 'localhost', '0.0.0.0', '::'].includes(host);
  return { host: isAny ? null : host, port };
}

/** What a command line is to the rules; null for none of their verbs. */
export function phaseOfVerb(line: string): Phase | null {
  const space = line.search(/[ \t]/);
  return VERBS.get((space === -1 ? line : line.slice(0, space)).toUpperCase()) ?? null;
}

const VERBS: ReadonlyMap<string, Phase> = new Map<string, Phase>([
  ['EHLO', 'ehlo'],
  ['LHLO', 'ehlo'],
  ['HELO', 'helo'],
  ['STARTTLS', 'starttls'],
  ['MAIL', 'mail'],
  ['RCPT', 'rcpt'],
  ['DATA', 'data'],
  ['BDAT', 'data'],
  ['RSET', 'rset'],
  ['NOOP', 'noop'],
  ['VRFY', 'vrfy'],
  ['HELP', 'help'],
  ['QUIT', 'quit'],
]);
