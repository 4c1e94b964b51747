// Our own routes for mails: pages with a cursor, one mail with its envelope and everything that was read of it, its
// parts of interest, and what changes or deletes mails.
import type { PageAsk, Selection } from '../../../relay/inbox/inbox.ts';
import { NO_MESSAGE } from '../answers.ts';
import type { Handler, Request, Web } from '../context.ts';
import { inboxOf, scopeOf, searchFrom, summaryFor, visibleIds } from '../frame/ask.ts';
import { Fields, readJson } from '../frame/body.ts';
import { Refusal } from '../frame/refusal.ts';
import { cleanTags } from '../mailpit/tags.ts';
import { findMessage, listMessages as listStored } from '../messages.ts';
import { DEFAULT_LIMIT, numberFrom } from '../query.ts';
import { contentJson, envelopeJson, storedSummaryJson, summaryJson } from './json.ts';

/** Newest first; `older` is the `before` of the next page, null at the end. */
export const listMessages: Handler = async (c, web) => {
  const limit = numberFrom(c.req.query('limit')) ?? DEFAULT_LIMIT;
  const before = numberFrom(c.req.query('before'));
  if (!web.inbox) return listStore(c, web, limit, before);
  const after = numberFrom(c.req.query('after'));
  const query = await searchFrom(c, web, c.req.query('query'));
  const ask: PageAsk = {
    ...scopeOf(c),
    ...(query ? { query } : {}),
    ...(before === undefined ? {} : { beforeSeq: before }),
    ...(after === undefined ? {} : { afterSeq: after }),
    // One more than asked for: whether there is a next page is known without counting.
    limit: limit + 1,
  };
  const { messages, ...counts } = await web.inbox.page(ask);
  const shown = messages.slice(0, limit);
  const older = messages.length > limit ? shown.at(-1)!.seq : null;
  return c.json({ messages: shown.map(summaryJson), older, cursor: await web.inbox.cursor(), ...counts });
};

export const searchMessages: Handler = (c, web) => {
  if ((c.req.query('query') ?? '').trim() === '') throw new Refusal(400, 'query is missing');
  return listMessages(c, web);
};

/** Marks nothing as read. */
export const getMessage: Handler = async (c, web) => {
  const id = web.inbox ? (await summaryFor(c, web)).id : (c.req.param('id') ?? '');
  const [stored, message] = await Promise.all([findMessage(web.store, id), web.inbox?.message(id)]);
  if (!stored) throw new Refusal(404, NO_MESSAGE);
  return c.json({ ...envelopeJson(stored), ...(message ? contentJson(message) : {}) });
};

export const deleteMessage: Handler = async (c, web) => {
  const id = c.req.param('id') ?? '';
  if (web.inbox) {
    const ids = await visibleIds(c, web, [id]);
    if (ids.length === 0 || (await web.inbox.delete({ ids })) === 0) throw new Refusal(404, NO_MESSAGE);
    return c.body(null, 204);
  }
  const message = await findMessage(web.store, id);
  // Deleted by somebody else in between is deleted, but not by this request.
  const deleted = message ? await web.store.delete([message.id]) : 0;
  if (deleted === 0) throw new Refusal(404, NO_MESSAGE);
  return c.body(null, 204);
};

/** All of the scope, all that match `query`, or those of `ids` in the body. */
export const deleteMessages: Handler = async (c, web) => {
  const deleted = await inboxOf(web).delete(await selectionFrom(c, web, new Fields(await readJson(c))));
  return c.json({ deleted });
};

/** `{ ids?, query?, read?, addTags?, removeTags? }`. */
export const changeMessages: Handler = async (c, web) => {
  const fields = new Fields(await readJson(c));
  const which = await selectionFrom(c, web, fields);
  const [add, remove] = [cleanTags(fields.texts('addTags')), cleanTags(fields.texts('removeTags'))];
  const isRead = fields.has('read') ? fields.flag('read') : undefined;
  if (isRead === undefined && add.length === 0 && remove.length === 0) {
    throw new Refusal(400, 'there is nothing to change: expected read, addTags or removeTags');
  }
  const inbox = inboxOf(web);
  const changed = [
    ...(isRead === undefined ? [] : [await inbox.setRead(which, isRead)]),
    ...(add.length === 0 ? [] : [await inbox.addTags(which, add)]),
    ...(remove.length === 0 ? [] : [await inbox.removeTags(which, remove)]),
  ];
  return c.json({ changed: Math.max(...changed) });
};

export const getHeaders: Handler = async (c, web) => {
  return c.json({ headers: (await mailOf(c, web)).headers });
};

export const getStructure: Handler = async (c, web) => {
  return c.json({ tree: (await mailOf(c, web)).tree });
};

export const getTranscript: Handler = async (c, web) => {
  const { id } = await summaryFor(c, web);
  return c.json({ lines: await inboxOf(web).transcript(id) });
};

export const listTags: Handler = async (c, web) => {
  return c.json({ tags: await inboxOf(web).tags(scopeOf(c)) });
};

async function mailOf(c: Request, web: Web) {
  const { id } = await summaryFor(c, web);
  const message = await inboxOf(web).message(id);
  if (!message) throw new Refusal(404, NO_MESSAGE);
  return message.mail;
}

async function selectionFrom(c: Request, web: Web, fields: Fields): Promise<Selection> {
  const text = c.req.query('query') ?? fields.text('query');
  if (fields.has('ids')) {
    if (text !== '') throw new Refusal(400, 'ids and query exclude each other');
    return { ids: await visibleIds(c, web, fields.texts('ids')) };
  }
  const query = await searchFrom(c, web, text);
  if (text !== '' && !query) throw new Refusal(400, 'the query is blank');
  return { ...scopeOf(c), ...(query ? { query } : {}) };
}

async function listStore(c: Request, web: Web, limit: number, before: number | undefined): Promise<Response> {
  const { messages, older } = await listStored(web.store, limit, before);
  return c.json({ messages: messages.map(storedSummaryJson), older });
}
