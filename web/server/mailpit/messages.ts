// Mailpit's routes for many mails: list, search, mark, delete. Numbers that are none fall back as they do there.
import type { InboxPage, PageAsk } from '../../../relay/inbox/inbox.ts';
import type { Handler, Request } from '../context.ts';
import { inboxOf, scopeOf, searchFrom, visibleIds } from '../frame/ask.ts';
import { Fields, readBody, readJson } from '../frame/body.ts';
import { Refusal } from '../frame/refusal.ts';
import { listShape } from './shapes.ts';

const DEFAULT_LIMIT = 50;
const NO_QUERY = 'Error: no search query';

export const listMessages: Handler = async (c, web) => {
  const { start, limit, before } = windowOf(c);
  // Here, and only here, none means all.
  const window = limit === 0 ? { limit: Number.POSITIVE_INFINITY } : { start, limit };
  const page = await inboxOf(web).page({ ...scopeOf(c), ...before, ...window });
  // Without a search all of the inbox counts, also with `before`.
  const counted = { ...page, matching: page.total, matchingUnread: page.unread };
  return c.json(listShape(counted, start));
};

export const searchMessages: Handler = async (c, web) => {
  const query = await searchFrom(c, web, c.req.query('query'));
  if (!query) throw new Refusal(400, NO_QUERY);
  const { start, limit, before } = windowOf(c);
  const ask: PageAsk = { ...scopeOf(c), ...before, query, start, limit: Math.max(limit, 1) };
  const page = await inboxOf(web).page(ask);
  const shown: InboxPage = limit === 0 ? { ...page, messages: [] } : page;
  return c.json(listShape(shown, start));
};

export const setReadStatus: Handler = async (c, web) => {
  const inbox = inboxOf(web);
  const given = await readJson(c);
  if (given === undefined) throw new Refusal(400, 'the body is empty; expected {"Read": true}');
  const fields = new Fields(given);
  const [read, ids, search] = [fields.flag('Read'), fields.texts('IDs'), fields.text('Search')];
  if (ids.length > 0 && search !== '') {
    throw new Refusal(400, 'You may specify either IDs or a search query, not both');
  }
  if (ids.length > 0) await inbox.setRead({ ids: await visibleIds(c, web, ids) }, read);
  else {
    const query = await searchFrom(c, web, search);
    // Blank, but given: not the same as none, which means all.
    if (search !== '' && !query) throw new Refusal(400, NO_QUERY);
    await inbox.setRead({ ...scopeOf(c), ...(query ? { query } : {}) }, read);
  }
  return c.text('ok');
};

/** MailHog has this route as well, and answers with nothing. */
export const deleteMessages: Handler = async (c, web) => {
  const ids = idsIn(await readBody(c));
  if (ids.length === 0) await inboxOf(web).delete(scopeOf(c));
  else await inboxOf(web).delete({ ids: await visibleIds(c, web, ids) });
  return isMailHogClient(c) ? c.body('', 200, { 'Content-Type': 'text/json' }) : c.text('ok');
};

export const deleteSearch: Handler = async (c, web) => {
  const query = await searchFrom(c, web, c.req.query('query'));
  if (!query) throw new Refusal(400, NO_QUERY);
  await inboxOf(web).delete({ ...scopeOf(c), query });
  return c.text('ok');
};

/** What is no JSON counts as nothing, as in Mailpit; JSON of another shape is refused, which deletes nothing. */
function idsIn(body: Buffer): readonly string[] {
  let given: unknown;
  try {
    given = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  return new Fields(given).texts('IDs');
}

/** MailHog's client for Node reads any body as JSON and sends neither of these; programs that know Mailpit send one. */
function isMailHogClient(c: Request): boolean {
  return c.req.header('accept') === undefined && c.req.header('user-agent') === undefined;
}

function windowOf(c: Request) {
  const start = wholeNumber(c.req.query('start')) ?? 0;
  const limit = wholeNumber(c.req.query('limit')) ?? DEFAULT_LIMIT;
  const before = timeFrom(c.req.query('before'));
  return { start, limit, before: before === undefined ? {} : { before } };
}

/** Undefined for what is none: negative, broken or absent. */
function wholeNumber(text: string | undefined): number | undefined {
  const number = Number(text);
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

/** Milliseconds since the epoch, or any date that says its zone. */
function timeFrom(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const number = wholeNumber(text) ?? Date.parse(text);
  return Number.isNaN(number) || number === 0 ? undefined : number;
}
