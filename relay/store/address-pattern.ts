// The address patterns of a queue filter: `a@b.example`, `@b.example`, `*@*.example`, `<>`. They ignore case in both
// parts: an operator who looks for a mail does not know how its sender spelled it.
import { holdsInOrder } from '../../src/wildcard.ts';

/** A function that tells whether an address, as stored (without brackets, '' for the null sender), is meant. */
export function addressMatcher(pattern: string): (address: string) => boolean {
  const wanted = (pattern === '<>' ? '' : pattern.startsWith('@') ? `*${pattern}` : pattern).toLowerCase();
  const parts = wanted.split('*');
  return (address) => holdsInOrder(parts, address.toLowerCase());
}
