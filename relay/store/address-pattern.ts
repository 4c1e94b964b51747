// The address patterns of a queue filter: `a@b.example`, `@b.example`, `*@*.example`, `<>`. They ignore case in both
// parts: an operator who looks for a mail does not know how its sender spelled it.

/** A function that tells whether an address, as stored (without brackets, '' for the null sender), is meant. */
export function addressMatcher(pattern: string): (address: string) => boolean {
  const wanted = (pattern === '<>' ? '' : pattern.startsWith('@') ? `*${pattern}` : pattern).toLowerCase();
  const parts = wanted.split('*');
  if (parts.length === 1) return (address) => address.toLowerCase() === wanted;
  const first = parts[0]!;
  const last = parts.at(-1)!;
  const between = parts.slice(1, -1);
  // Not a regular expression: a pattern with many stars would make one search for ever.
  return (address) => {
    const text = address.toLowerCase();
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
