// Texts with stars that stand for anything. Not a regular expression: one with many stars could search for ever.

/** Whether the parts (a pattern, split at its stars) stand in the text in their order, the first at its beginning and the last at its end. */
export function holdsInOrder(parts: readonly string[], text: string): boolean {
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (parts.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let place = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, place);
    if (found === -1 || found + part.length > end) return false;
    place = found + part.length;
  }
  return true;
}
