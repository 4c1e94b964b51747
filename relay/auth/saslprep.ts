// SASLprep (RFC 4013): one form for names and passwords that people type in different ways, so that what they set on
// one keyboard works from another. Node has the Unicode tables; of the RFC, the check of mixed writing directions is
// left out: it refuses confusing texts, and two that are the same stay the same without it.

// Tables C.1.2 and B.1 of RFC 3454: spaces that become a space, and characters that become nothing.
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const NOTHING = /[\u00ad\u1806\u2060\ufeff]|\u034f|[\u180b-\u180d]|[\u200b-\u200d]|[\ufe00-\ufe0f]/gu;
// C.2 to C.9, in the words of today's Unicode: controls, formats, tags, private use, unassigned, surrogates, separators
// of lines, and what stands for something that is not there.
const PROHIBITED = /[\p{C}\p{Zl}\p{Zp}\ufffc\ufffd\u2ff0-\u2ffb]/u;

/** The prepared text; null when it may not be a name or a password. */
export function saslprep(text: string): string | null {
  // What is plain ASCII is prepared already.
  if (/^[ -~]*$/.test(text)) return text;
  const prepared = text.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
  return PROHIBITED.test(prepared) ? null : prepared;
}
