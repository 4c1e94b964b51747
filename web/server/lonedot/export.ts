// Mails as files: one as .eml, all of a selection as an mbox or as a tar of .eml files. Streamed: an inbox of any size
// costs no more memory than one piece of one mail.
import type { InboxSummary, PageAsk } from '../../../relay/inbox/inbox.ts';
import type { Handler, Web } from '../context.ts';
import { inboxOf, scopeOf, searchFrom, summaryFor } from '../frame/ask.ts';
import { answerStream } from '../frame/stream.ts';
import { answerSource } from '../raw.ts';
import { tarOf } from './tar.ts';

/** A mail of the selection, with its bytes. */
export type Exported = InboxSummary & { readonly content: AsyncIterable<Buffer> };

const STEP = 100;

export const exportMessage: Handler = async (c, web) => {
  return answerSource(c, web, await summaryFor(c, web), { 'Content-Type': 'message/rfc822' }, true);
};

/** Oldest first; `query` chooses. */
export const exportMessages: Handler = async (c, web) => {
  const query = await searchFrom(c, web, c.req.query('query'));
  const mails = selected(web, { ...scopeOf(c), ...(query ? { query } : {}) });
  const isMbox = (c.req.query('format') ?? 'mbox') === 'mbox';
  const { mboxOf } = await import('../../../relay/mailbox-files/mbox-write.ts');
  return answerStream(c, web, nonEmpty(isMbox ? mboxOf(mails) : tarOf(mails)), {
    'Content-Type': isMbox ? 'application/mbox' : 'application/x-tar',
    'Content-Disposition': `attachment; filename="lonedot.${isMbox ? 'mbox' : 'tar'}"`,
  });
};

async function* selected(web: Web, ask: Omit<PageAsk, 'limit'>): AsyncGenerator<Exported> {
  const inbox = inboxOf(web);
  // Up to here; what comes meanwhile is for the next time.
  const last = await inbox.cursor();
  let afterSeq = 0;
  for (;;) {
    const { messages } = await inbox.page({ ...ask, afterSeq, oldestFirst: true, limit: STEP });
    for (const summary of messages) {
      if (summary.seq > last) return;
      const content = await web.store.content(summary.id);
      if (content) yield { ...summary, content };
    }
    if (messages.length < STEP) return;
    afterSeq = messages.at(-1)!.seq;
  }
}

/** A stream that is asked for its next piece must be given one. */
async function* nonEmpty(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) if (piece.length > 0) yield piece;
}
