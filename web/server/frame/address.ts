// Addresses as people write them into JSON: bare, or with a name in front.

const NAMED = /^(?:"[^"\\\p{Cc}]*"|[^<>"\p{Cc}]*?)\s*<([^<>]*)>$/u;
const BARE = /^(?:"[^"\\\p{Cc}]+"|[^\s@<>()[\],;:"\\\p{Cc}]+)@[^\s@<>()[\],;:"\\\p{Cc}]+$/u;

/** `a@b.example` of that or of `A <a@b.example>`; null for what is neither. */
export function bareAddress(text: string): string | null {
  const address = (NAMED.exec(text.trim())?.[1] ?? text).trim();
  return address.length <= 320 && BARE.test(address) ? address : null;
}
