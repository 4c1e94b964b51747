// What handlers of the inbox ask for first: the inbox itself, the part of it that the request may see, a search, a mail.
import type { Inbox, InboxMessage, InboxSummary, Scope } from '../../../relay/inbox/inbox.ts';
import type { SearchQuery } from '../../../relay/inbox/search-query.ts';
import { MESSAGE_ID } from '../../../relay/store/message-id.ts';
import type { Request, Web } from '../context.ts';
import { Refusal } from './refusal.ts';

/** Mailpit's words, which its clients know. */
export const NOT_FOUND = '404 page not found';
export const MESSAGE_NOT_FOUND = 'Message not found';

export function inboxOf(web: Web): Inbox {
  if (!web.inbox) throw new Refusal(404, 'this server keeps no inbox');
  return web.inbox;
}

export function scopeOf(c: Request): Scope {
  const namespace = c.get('namespace');
  return namespace === undefined ? {} : { namespace };
}

/** Whether there is such a namespace. */
export async function isNamespace(web: Web, name: string): Promise<boolean> {
  return ((await web.inbox?.namespaces()) ?? []).some((one) => one.name === name);
}

/** Undefined for a blank one. Rejects with BAD_SEARCH for what is no search. */
export async function searchFrom(c: Request, web: Web, text: string | undefined): Promise<SearchQuery | undefined> {
  if (text === undefined || text.trim() === '') return undefined;
  const { parseSearch } = await import('../../../relay/inbox/search-language.ts');
  const timeZone = c.req.query('tz');
  return parseSearch(text, { now: web.clock.now(), ...(timeZone ? { timeZone } : {}) });
}

/** The mail with this id; `latest` is the newest that `query` matches. Throws Refusal 404 when there is none. */
export async function summaryFor(c: Request, web: Web, id = c.req.param('id') ?? ''): Promise<InboxSummary> {
  const inbox = inboxOf(web);
  if (id === 'latest') {
    const query = await searchFrom(c, web, c.req.query('query'));
    const found = await inbox.latest({ ...scopeOf(c), ...(query ? { query } : {}) });
    if (!found) throw new Refusal(404, MESSAGE_NOT_FOUND);
    return found;
  }
  const found = MESSAGE_ID.test(id) ? await inbox.summary(id) : undefined;
  if (!found || !isVisible(c, found)) throw new Refusal(404, NOT_FOUND);
  return found;
}

export async function messageFor(c: Request, web: Web, asked?: string): Promise<InboxMessage> {
  const { id } = await summaryFor(c, web, asked);
  const found = await inboxOf(web).message(id);
  if (!found) throw new Refusal(404, NOT_FOUND);
  return found;
}

/** Of these ids, those that are in the scope of the request. */
export async function visibleIds(c: Request, web: Web, ids: readonly string[]): Promise<string[]> {
  const inbox = inboxOf(web);
  const known = [...new Set(ids)].filter((id) => MESSAGE_ID.test(id));
  if (c.get('namespace') === undefined) return known;
  const found = await Promise.all(known.map((id) => inbox.summary(id)));
  return known.filter((_, i) => found[i] && isVisible(c, found[i]));
}

function isVisible(c: Request, { namespace }: InboxSummary): boolean {
  const asked = c.get('namespace');
  return asked === undefined || asked === namespace;
}
