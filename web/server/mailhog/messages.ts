// MailHog's routes for mails: v2's list and search, v1's one mail, download, delete and events. Lists hold whole mails,
// so they are written one mail at a time.
import type { InboxSummary } from '../../../relay/inbox/inbox.ts';
import { MESSAGE_ID } from '../../../relay/store/message-id.ts';
import type { Handler, Request, Web } from '../context.ts';
import { inboxOf, scopeOf, visibleIds } from '../frame/ask.ts';
import { Refusal } from '../frame/refusal.ts';
import { answerStream, encoded } from '../frame/stream.ts';
import { answerSource } from '../raw.ts';
import { contentOf, mailHogId, messageShape, storeId } from './message.ts';
import { matchesQuery, type SearchKind } from './search.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 250;
/** Summaries that are read at a time while everything is gone through. */
const STEP = 200;
const JSON_TYPE = { 'Content-Type': 'text/json' };

export const listMessages: Handler = async (c, web) => {
  const { start, limit } = windowOf(c);
  const { messages, matching } = await inboxOf(web).page({ ...scopeOf(c), start, limit });
  return answerList(c, web, { total: matching, start, found: messages });
};

export const searchMessages: Handler = async (c, web) => {
  const kind = c.req.query('kind');
  const query = c.req.query('query') ?? '';
  if ((kind !== 'from' && kind !== 'to' && kind !== 'containing') || query === '') return c.body('', 400);
  const { start, limit } = windowOf(c);
  const found: InboxSummary[] = [];
  let total = 0;
  for await (const summary of matching(c, web, kind, query)) {
    if (total >= start && found.length < limit) found.push(summary);
    total++;
  }
  return answerList(c, web, { total, start, found });
};

/** An unknown one is null, with 200. */
export const getMessage: Handler = async (c, web) => {
  const [id] = await visibleIds(c, web, [storeId(c.req.param('id') ?? '')]);
  return c.body((id && (await messageText(web, id))) || 'null', 200, JSON_TYPE);
};

export const deleteMessage: Handler = async (c, web) => {
  const ids = await visibleIds(c, web, [storeId(c.req.param('id') ?? '')]);
  const deleted = ids.length === 0 ? 0 : await inboxOf(web).delete({ ids });
  if (deleted === 0) throw new Refusal(500, 'there is no such message');
  return c.body('', 200, JSON_TYPE);
};

export const downloadMessage: Handler = async (c, web) => {
  return answerSource(c, web, await summaryIn(c, web), { 'Content-Type': 'message/rfc822' }, true);
};

/** As it stands in the mail, undecoded. */
export const downloadPart: Handler = async (c, web) => {
  const { id } = await summaryIn(c, web);
  const number = c.req.param('part') ?? '';
  const source = await sourceText(web, id);
  const part = /^\d{1,6}$/.test(number) ? contentOf(source ?? '', 0).MIME?.Parts[Number(number)] : undefined;
  if (!part) throw new Refusal(404, 'there is no such part');
  return c.body(part.Body, 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${id}-part-${number}"`,
  });
};

/** The JSON of a mail; null when it is gone. */
export async function messageText(web: Web, id: string): Promise<string | null> {
  const [message, source] = await Promise.all([web.store.get(id), sourceText(web, id)]);
  return message && source !== null ? JSON.stringify(messageShape(message, source)) : null;
}

export async function sourceText(web: Web, id: string): Promise<string | null> {
  const content = await web.store.content(id);
  if (!content) return null;
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

async function summaryIn(c: Request, web: Web): Promise<InboxSummary> {
  const id = storeId(c.req.param('id') ?? '');
  const found = MESSAGE_ID.test(id) ? await inboxOf(web).summary(id) : undefined;
  const { namespace } = scopeOf(c);
  if (!found || (namespace !== undefined && found.namespace !== namespace)) {
    throw new Refusal(404, `there is no message ${mailHogId(id)}`);
  }
  return found;
}

/** Newest first, until the client leaves. */
async function* matching(c: Request, web: Web, kind: SearchKind, query: string): AsyncGenerator<InboxSummary> {
  const inbox = inboxOf(web);
  const { signal } = c.req.raw;
  let before: { beforeSeq?: number } = {};
  for (;;) {
    const { messages } = await inbox.page({ ...scopeOf(c), ...before, limit: STEP });
    for (const summary of messages) {
      if (signal.aborted) return;
      if (await matchesQuery(web, summary, kind, query)) yield summary;
    }
    if (messages.length < STEP) return;
    before = { beforeSeq: messages.at(-1)!.seq };
  }
}

interface Found {
  readonly total: number;
  readonly start: number;
  readonly found: readonly InboxSummary[];
}

function answerList(c: Request, web: Web, { total, start, found }: Found): Promise<Response> {
  async function* texts(): AsyncGenerator<string> {
    // Counted before they are read: one that is deleted meanwhile must not be counted.
    const items = await present(web, found);
    yield `{"total":${total},"count":${items.length},"start":${start},"items":[`;
    for (const [i, { id }] of items.entries()) {
      const text = await messageText(web, id);
      yield `${i > 0 ? ',' : ''}${text ?? goneText(items[i]!)}`;
    }
    yield ']}';
  }
  return answerStream(c, web, encoded(texts()), JSON_TYPE);
}

async function present(web: Web, found: readonly InboxSummary[]): Promise<InboxSummary[]> {
  const known = await Promise.all(found.map(({ id }) => inboxOf(web).summary(id)));
  return known.filter((one) => one !== undefined);
}

/** Deleted while the list was written: what is known of it, without its content. */
function goneText({ id, sender, receivedAt, recipients, seq, size }: InboxSummary): string {
  const envelope = {
    id,
    seq,
    size,
    sender,
    receivedAt,
    helo: '',
    clientAddress: '',
    protocol: '',
    tls: '',
    authUser: '',
  };
  const to = recipients.map((address) => ({ address }) as never);
  return JSON.stringify(messageShape({ ...envelope, parameters: [], traits: [], recipients: to }, ''));
}

function windowOf(c: Request): { start: number; limit: number } {
  const number = (name: string) => {
    const text = c.req.query(name) ?? '';
    return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
  };
  return { start: number('start') ?? 0, limit: Math.min(number('limit') ?? DEFAULT_LIMIT, MAX_LIMIT) };
}
