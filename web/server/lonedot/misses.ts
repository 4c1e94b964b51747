// What to say when nobody sent what somebody waited for: which mails came, which of them were nearest, and what of the
// search they lack. `3 mails came, none has to:x@y` is found in seconds; `timed out` costs an afternoon.
import type { InboxSummary, Scope } from '../../../relay/inbox/inbox.ts';
import type { SearchQuery } from '../../../relay/inbox/search-query.ts';
import type { Web } from '../context.ts';
import { inboxOf } from '../frame/ask.ts';
import { summaryJson } from './json.ts';
import { queryText } from './query-text.ts';

interface MissesAsk {
  readonly scope: Scope;
  /** The search as it was written. */
  readonly asked: string;
  readonly query: SearchQuery | undefined;
  readonly after: number;
  readonly count: number;
  readonly found: number;
}

/** The newest that are compared. */
const COMPARED = 50;
const SHOWN = 5;

export async function missesOf(web: Web, ask: MissesAsk) {
  const inbox = inboxOf(web);
  const { scope, query, after } = ask;
  const terms = query === undefined ? [] : query.kind === 'all' ? query.of : [query];
  const window = { ...scope, afterSeq: after, limit: COMPARED };
  const { messages, matching: came } = await inbox.page(window);
  // Which of them has which part of the search; each part is one question to the index.
  const having = await Promise.all(
    terms.map(async (term) => {
      const page = await inbox.page({ ...window, query: term });
      return { text: queryText(term), ids: new Set(page.messages.map(({ id }) => id)), matching: page.matching };
    }),
  );
  const misses = messages
    .map((message) => ({
      message,
      lacks: having.filter(({ ids }) => !ids.has(message.id)).map(({ text }) => text),
    }))
    .filter(({ lacks }) => lacks.length > 0)
    // A stable sort: among equals the newest stays first.
    .sort((a, b) => a.lacks.length - b.lacks.length)
    .slice(0, SHOWN);
  return {
    error: line(ask, came, having, misses[0]),
    came,
    misses: misses.map(({ message, lacks }) => ({ message: summaryJson(message), lacks })),
  };
}

interface Having {
  readonly text: string;
  readonly matching: number;
}

function line(ask: MissesAsk, came: number, having: readonly Having[], nearest: Miss | undefined): string {
  const { asked, count, found } = ask;
  if (found > 0) return `${found} of ${count} mails came that match ${asked || 'everything'}`;
  if (came === 0) return `no mail came${ask.after > 0 ? ' since the cursor' : ''}`;
  const mails = came === 1 ? '1 mail came' : `${came} mails came`;
  const nobody = having.filter(({ matching }) => matching === 0).map(({ text }) => text);
  if (nobody.length > 0) return `${mails}, none has ${nobody.join(' or ')}`;
  const { message, lacks } = nearest ?? {};
  const near = message ? `; the nearest, ${JSON.stringify(message.subject)}, lacks ${lacks!.join(' and ')}` : '';
  return `${mails}, none has all of ${asked}${near}`;
}

interface Miss {
  readonly message: InboxSummary;
  readonly lacks: readonly string[];
}
