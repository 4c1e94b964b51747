// From a recipient's domain to the hosts that take its mail (RFC 5321 5.1): MX records in their order, the domain itself
// where there are none, nobody where it says so (RFC 7505). Asks a resolver and opens no connection.
import { Resolver } from 'node:dns/promises';
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { realClock } from '../../src/clock.ts';
import { madeHere, type Outcome } from './outcome.ts';

/** The part of node:dns/promises that is used. Rejects with an error whose `code` is that of c-ares. */
export interface MxResolver {
  resolveMx(domain: string): Promise<readonly { readonly exchange: string; readonly priority: number }[]>;
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
}

export type MxAnswer =
  /** Names, or the one address of an address literal, best first. */
  | { readonly hosts: readonly string[]; readonly isLiteral: boolean }
  /** Nobody there takes mail, or nobody says who does. */
  | { readonly outcome: Outcome };

/** There is no such name. c-ares says ENOTFOUND for NXDOMAIN and ENODATA for a name without such records. */
const NO_NAME = 'ENOTFOUND';
const NO_RECORD = 'ENODATA';

/** Answers of the last minutes: mail to one domain comes in bursts. */
const CACHE_MS = 5 * 60_000;
const MAX_CACHED = 1000;
/** So many hosts of a domain are tried at most; more than a handful only prolongs the wait for its mail. */
const MAX_HOSTS = 10;

interface Cached<T> {
  readonly value: T;
  readonly until: number;
}

export interface MxLookupOptions {
  /** Our own name: where mail for others must not be sent. */
  readonly hostname: string;
  readonly resolver?: MxResolver;
  readonly now?: () => number;
}

export class MxLookup {
  private readonly hostname: string;
  private readonly resolver: MxResolver;
  private readonly now: () => number;
  private readonly hosts = new Map<string, Cached<readonly (readonly string[])[]>>();
  private readonly addresses = new Map<string, Cached<readonly string[]>>();

  constructor({ hostname, resolver, now = realClock.steady }: MxLookupOptions) {
    this.hostname = plain(hostname);
    // Its own limits: c-ares tries each server for 5 s, and again twice as long.
    this.resolver = resolver ?? new Resolver({ timeout: 5_000, tries: 3 });
    this.now = now;
  }

  /** Never rejects. */
  async find(domain: string): Promise<MxAnswer> {
    const literal = addressIn(domain);
    if (literal !== undefined) return { hosts: [literal], isLiteral: true };
    const name = plain(domain);
    if (name === '' || domain.startsWith('[')) return failed('5.1.2', `${domain} is no domain`);
    const kept = recall(this.hosts, name, this.now());
    // Equals take turns (RFC 5321 5.1), anew for each mail.
    if (kept) return { hosts: kept.flatMap(shuffled).slice(0, MAX_HOSTS), isLiteral: false };
    let ranks: (readonly string[])[];
    try {
      const records = await this.resolver.resolveMx(name);
      // RFC 7505 3: one record that names nobody.
      if (records.length > 0 && records.every(({ exchange }) => exchange === '' || exchange === '.')) {
        return failed('5.1.10', `${domain} takes no mail (null MX)`);
      }
      const exchanges = records.map(({ exchange, priority }) => ({ name: plain(exchange), priority }));
      ranks = ranksOf(exchanges.filter((one) => one.name !== ''));
      if (records.length > 0 && ranks.length === 0) return failed('5.4.4', `${domain} names no usable host`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === NO_NAME) return failed('5.1.2', `${domain} does not exist`);
      if (code !== NO_RECORD) return unsure(domain, error as NodeJS.ErrnoException);
      ranks = [];
    }
    if (ranks.length === 0) ranks = [[name]];
    // Who is named there ourselves takes the place of a backup: only what is better may be given the mail.
    const own = ranks.findIndex((rank) => rank.includes(this.hostname));
    if (own === 0) return failed('5.4.6', `mail for ${domain} comes back to ${this.hostname}`);
    if (own > 0) ranks = ranks.slice(0, own);
    keep(this.hosts, name, ranks, this.now());
    return { hosts: ranks.flatMap(shuffled).slice(0, MAX_HOSTS), isLiteral: false };
  }

  /** Addresses of a host in random order, those of both families by turns. Rejects with the error of a resolver in trouble. */
  async addressesOf(host: string): Promise<readonly string[]> {
    const kept = recall(this.addresses, host, this.now());
    if (kept) return kept;
    const [six, four] = await Promise.all([
      this.resolver.resolve6(host).catch(nothing),
      this.resolver.resolve4(host).catch(nothing),
    ]);
    if (four instanceof Error && six instanceof Error) throw four;
    const [sixes, fours] = [six, four].map((one) => (one instanceof Error ? [] : shuffled(one))) as [
      string[],
      string[],
    ];
    if (sixes.length + fours.length === 0 && (four instanceof Error || six instanceof Error))
      throw four instanceof Error ? four : six;
    const found = sixes.length > fours.length ? byTurns(sixes, fours) : byTurns(fours, sixes);
    if (found.length > 0) keep(this.addresses, host, found, this.now());
    return found;
  }
}

/** An address literal (RFC 5321 4.1.3): `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
function addressIn(domain: string): string | undefined {
  const [, text = ''] = /^\[(.*)\]$/.exec(domain) ?? [];
  const six = /^IPv6:/i.test(text) ? text.slice(5) : '';
  return isIPv4(text) ? text : isIPv6(six) && !six.includes('%') ? six : undefined;
}

/** In the form in which names are compared and asked for: ASCII, lower case, without the dot of the root. */
function plain(name: string): string {
  return domainToASCII(name.replace(/\.$/, '')).toLowerCase();
}

/** The names of equal preference together, best first; each name once, where it is best. */
function ranksOf(exchanges: readonly { readonly name: string; readonly priority: number }[]): string[][] {
  const sorted = exchanges.toSorted((a, b) => a.priority - b.priority);
  const seen = new Set<string>();
  const ranks = new Map<number, string[]>();
  for (const { name, priority } of sorted) {
    if (seen.has(name)) continue;
    seen.add(name);
    const rank = ranks.get(priority);
    if (rank) rank.push(name);
    else ranks.set(priority, [name]);
  }
  return [...ranks.values()];
}

/** No such records is an answer; everything else is none. */
function nothing(error: NodeJS.ErrnoException): readonly string[] | Error {
  return error.code === NO_NAME || error.code === NO_RECORD ? [] : error;
}

function failed(status: string, text: string): MxAnswer {
  return { outcome: madeHere('failed', status, text) };
}

function unsure(domain: string, { code, message }: NodeJS.ErrnoException): MxAnswer {
  return { outcome: madeHere('deferred', '4.4.3', `no answer from DNS for ${domain}: ${code ?? message}`) };
}

function shuffled<T>(list: readonly T[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

function byTurns<T>(first: readonly T[], second: readonly T[]): T[] {
  return first.flatMap((one, i) => (second[i] === undefined ? [one] : [one, second[i]]));
}

function recall<T>(cache: Map<string, Cached<T>>, key: string, now: number): T | undefined {
  const kept = cache.get(key);
  return kept && now < kept.until ? kept.value : undefined;
}

function keep<T>(cache: Map<string, Cached<T>>, key: string, value: T, now: number): void {
  cache.delete(key);
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value!);
  cache.set(key, { value, until: now + CACHE_MS });
}
