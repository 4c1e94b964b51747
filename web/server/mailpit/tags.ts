// Mailpit's routes for tags.
import type { Handler } from '../context.ts';
import { inboxOf, scopeOf, visibleIds } from '../frame/ask.ts';
import { Fields, readJson } from '../frame/body.ts';
import { Refusal } from '../frame/refusal.ts';

export const listTags: Handler = async (c, web) => {
  const tags = await inboxOf(web).tags(scopeOf(c));
  return c.json(tags.map(({ tag }) => tag));
};

export const setTags: Handler = async (c, web) => {
  const fields = new Fields(await readJson(c));
  const tags = cleanTags(fields.texts('Tags'));
  const ids = fields.texts('IDs');
  if (ids.length > 0) await inboxOf(web).setTags(await visibleIds(c, web, ids), tags);
  return c.text('ok');
};

export const renameTag: Handler = async (c, web) => {
  const tag = c.req.param('tag') ?? '';
  const [name] = cleanTags([new Fields(await readJson(c)).text('Name')]);
  if (name === undefined) throw new Refusal(400, 'the new name of the tag is empty');
  await checkTag(c, web, tag);
  await inboxOf(web).renameTag(tag, name);
  return c.text('ok');
};

export const deleteTag: Handler = async (c, web) => {
  const tag = c.req.param('tag') ?? '';
  await checkTag(c, web, tag);
  await inboxOf(web).deleteTag(tag);
  return c.text('ok');
};

/** Trimmed, one space for any white, without empty ones. What may stand in a tag the inbox knows. */
export function cleanTags(tags: readonly string[]): string[] {
  return [...new Set(tags.map((tag) => tag.trim().replaceAll(/\s+/g, ' ')).filter((tag) => tag !== ''))];
}

async function checkTag(...[c, web, tag]: [...Parameters<Handler>, string]): Promise<void> {
  if (c.get('namespace') !== undefined) throw new Refusal(400, 'tags are renamed and deleted for the whole inbox only');
  const tags = await inboxOf(web).tags();
  if (!tags.some((one) => one.tag.toLowerCase() === tag.toLowerCase())) {
    throw new Refusal(400, `tag not found: ${tag}`);
  }
}
