// Patterns of addresses as operators write them in routes and lists: `*@example.com`, `@example.com`, `a@b.c`,
// `*@*.example.com`, `postmaster`, `*`, and `<>` for the null sender. Case does not count, and a domain is the same in
// Unicode and in its ASCII form.
import { domainToASCII } from 'node:url';
import { holdsInOrder } from '../../src/wildcard.ts';

/** How a pattern is looked up: what is exact has a key in a table, only the rest is tried one by one. */
export type AddressPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'address'; readonly key: string }
  | { readonly kind: 'domain'; readonly key: string }
  | { readonly kind: 'wildcard'; readonly parts: readonly string[] };

/** An address in the form in which addresses are compared. The null path is ''. */
export function foldAddress(address: string): string {
  const folded = address.toLowerCase();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (!/[^\x00-\x7f]/.test(folded)) return folded;
  const at = folded.lastIndexOf('@');
  const domain = domainToASCII(folded.slice(at + 1));
  return domain === '' ? folded : folded.slice(0, at + 1) + domain;
}

/** What stands behind the last @ of a folded address; '' when there is none. */
export function domainOf(folded: string): string {
  const at = folded.lastIndexOf('@');
  return at === -1 ? '' : folded.slice(at + 1);
}

/** Reads one pattern; null when it is none. */
export function parseAddressPattern(text: string): AddressPattern | null {
  if (text === '*') return { kind: 'any' };
  if (text === '<>') return { kind: 'address', key: '' };
  if (/^postmaster$/i.test(text)) return { kind: 'address', key: 'postmaster' };
  const at = text.lastIndexOf('@');
  // A bare domain is refused rather than guessed: `example.com` may have been meant as either of two things.
  if (at === -1 || at === text.length - 1 || /[\s\p{Cc}]/u.test(text.slice(at))) return null;
  const local = text.slice(0, at);
  const domain = foldAddress(text.slice(at));
  if (local === '' || local === '*') {
    if (domain === '@*') return { kind: 'any' };
    return domain.includes('*') ? wildcard(`*${domain}`) : { kind: 'domain', key: domain.slice(1) };
  }
  if (/[\p{Cc}]/u.test(local)) return null;
  const folded = local.toLowerCase() + domain;
  return folded.includes('*') ? wildcard(folded) : { kind: 'address', key: folded };
}

export function matchesPattern(pattern: AddressPattern, folded: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'address':
      return folded === pattern.key;
    case 'domain':
      return domainOf(folded) === pattern.key;
    case 'wildcard':
      return holdsInOrder(pattern.parts, folded);
  }
}

function wildcard(folded: string): AddressPattern {
  return { kind: 'wildcard', parts: folded.split(/\*+/) };
}
