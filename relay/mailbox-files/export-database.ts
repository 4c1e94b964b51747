// The mail of a database, whether a lonedot runs on it or not.
import { setTimeout as pause } from 'node:timers/promises';
import { ChatError } from '../../src/errors.ts';
import type { Log } from '../../src/log.ts';
import { openSqliteInbox } from '../inbox/engine/sqlite-inbox.ts';
import type { Inbox, PageAsk } from '../inbox/inbox.ts';
import type { SearchQuery } from '../inbox/search-query.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { ExportMail } from './export.ts';

const PAGE = 500;
const LOOK_EVERY_MS = 100;
const STALLED_MS = 60_000;

/** Nothing is deleted, tagged or marked by looking. */
const SETTINGS = { limits: { max: 0, bytes: 0, ageMs: 0 }, tagRules: [], plusTags: true, headerTags: true };

export interface DatabaseExport {
  readonly mails: AsyncIterable<ExportMail>;
  close(): Promise<void>;
}

/** Captured mail, oldest first. Rejects with STORE_FAILED when it is no database of ours. */
export async function exportedFromDatabase(
  file: string,
  { query, namespace }: { query?: SearchQuery | undefined; namespace?: string | undefined },
  log: Log,
): Promise<DatabaseExport> {
  const store = await openSqliteStore({ file });
  // All of it can be had without reading a single mail.
  if (query === undefined && namespace === undefined) return { mails: allOf(store), close: () => store.close() };
  const inbox = openSqliteInbox(store, SETTINGS, log)!;
  const which = { ...(query ? { query } : {}), ...(namespace === undefined ? {} : { namespace }) };
  return {
    mails: found(store, inbox, which),
    close: async () => {
      await inbox.close();
      await store.close();
    },
  };
}

async function* allOf(store: Store): AsyncGenerator<ExportMail, void, undefined> {
  let after = 0;
  for (;;) {
    const entries = await store.queue({ states: ['captured'] }, PAGE, after);
    yield* contentsOf(store, entries);
    if (entries.length < PAGE) return;
    after = entries.at(-1)!.seq;
  }
}

async function* found(
  store: Store,
  inbox: Inbox,
  which: Partial<PageAsk>,
): AsyncGenerator<ExportMail, void, undefined> {
  await allIndexed(inbox, (await store.list(1))[0]?.seq ?? 0);
  let afterSeq = 0;
  for (;;) {
    const { messages } = await inbox.page({ ...which, limit: PAGE, oldestFirst: true, afterSeq });
    yield* contentsOf(store, messages);
    if (messages.length < PAGE) return;
    afterSeq = messages.at(-1)!.seq;
  }
}

async function* contentsOf(
  store: Store,
  messages: readonly Omit<ExportMail, 'content'>[],
): AsyncGenerator<ExportMail, void, undefined> {
  for (const { id, sender, receivedAt } of messages) {
    const content = await store.content(id);
    // Undefined: deleted since.
    if (content) yield { id, sender, receivedAt, content };
  }
}

/** What came without a server is indexed now; a search before that would not find it. */
async function allIndexed(inbox: Inbox, newest: number): Promise<void> {
  let indexed = await inbox.cursor();
  let since = performance.now();
  while (indexed < newest) {
    await pause(LOOK_EVERY_MS);
    const before = indexed;
    indexed = await inbox.cursor();
    if (indexed > before) since = performance.now();
    else if (performance.now() - since > STALLED_MS)
      throw new ChatError('STORE_FAILED', 'the inbox does not get on with reading its mail');
  }
}
