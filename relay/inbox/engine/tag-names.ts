// What a tag may be called, and the tags that a mail brings along.
import { ChatError } from '../../../src/errors.ts';
import type { StoredMail } from './mail-row.ts';

const MAX_TAG = 100;
/** Tags that one mail brings along. */
const MAX_BROUGHT = 100;
const FORBIDDEN = /[^\p{L}\p{M}\p{N}\-._@ ]/gu;

/** A tag as it is stored; throws BAD_TAG for one that cannot be. */
export function checkTag(text: string): string {
  const tag = text.replace(/\s+/g, ' ').trim();
  const isValid = tag !== '' && tag.length <= MAX_TAG && tag.replace(FORBIDDEN, '') === tag;
  if (isValid) return tag;
  const shown = JSON.stringify(text.length > MAX_TAG ? `${text.slice(0, MAX_TAG)}...` : text);
  throw new ChatError('BAD_TAG', `${shown} is no tag: 1 to ${MAX_TAG} letters, digits, blanks and - . _ @`);
}

/** `user+tag@x.example` brings `tag`; X-Tags what it says. What no tag may have is left out. */
export function broughtTags(
  { recipients }: Pick<StoredMail, 'recipients'>,
  headerTags: readonly string[],
  { plusTags, headerTags: takesHeader }: { readonly plusTags: boolean; readonly headerTags: boolean },
): string[] {
  const plus = plusTags ? recipients.flatMap((address) => /^[^+]+\+([^@]+)@[^@]*$/.exec(address)?.[1] ?? []) : [];
  const tags = new Map<string, string>();
  for (const text of [...(takesHeader ? headerTags : []), ...plus]) {
    const tag = text.replace(FORBIDDEN, '').replace(/\s+/g, ' ').trim().slice(0, MAX_TAG).trim();
    if (tag !== '' && tags.size < MAX_BROUGHT && !tags.has(tag.toLowerCase())) tags.set(tag.toLowerCase(), tag);
  }
  return [...tags.values()];
}
