// `lonedot queue list`: what waits, a line for each recipient.
import { reportMessage } from '../../relay/queue/queue-report.ts';
import {
  type Counts,
  type PausedUpstream,
  type QueueEntry,
  type QueueFilter,
  type QueueRecipient,
  RECIPIENT_STATES,
  type RecipientState,
  type Store,
} from '../../relay/store/store.ts';
import { type Paint, paintFor } from '../../src/colour.ts';
import { escapeControls } from '../../src/redact.ts';
import { print } from '../output.ts';
import { filterOf, hasFilter, type QueueArguments } from './queue-options.ts';
import {
  addressText,
  type Cell,
  columns,
  pauseText,
  plural,
  relativeTime,
  STATE_COLOURS,
  shortDuration,
  shortSize,
} from './queue-text.ts';

/** What a queue is asked for first: that which may still be delivered. */
const UNDONE: readonly RecipientState[] = ['queued', 'deferred', 'unknown', 'held'];
const DEFAULT_LIMIT = 100;
const PAGE = 500;
/** Time and count of an id; what follows tells apart programs, and is the same in nearly all lines. */
const SHORT_ID = 14;

const HEADINGS: readonly Cell[] = [
  ...['ID', 'AGE', 'SIZE', 'STATE', 'TRIES', 'NEXT', 'SENDER -> RECIPIENT', 'LAST REPLY'].map(
    (text, i): Cell => ({ text, colour: 'dim', ...(i === 1 || i === 2 || i === 4 ? { align: 'right' } : {}) }),
  ),
];

export async function listQueue(store: Store, ids: readonly string[], given: QueueArguments): Promise<number> {
  const now = Date.now();
  const filter: QueueFilter = {
    ...(given.all || ids.length > 0 ? {} : { states: UNDONE }),
    ...filterOf(given, now),
    ...(ids.length > 0 ? { ids } : {}),
  };
  const limit = given.limit || (given.limit === 0 || given.json ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
  const rows: (readonly Cell[])[] = [];
  let messages = 0;
  let last: number | undefined;
  let hasMore = false;
  for await (const page of pagesOf(store, filter, limit)) {
    hasMore = page.hasMore;
    messages += page.entries.length;
    last = page.entries.at(-1)?.seq ?? last;
    if (given.json) await print(page.entries.map((entry) => `${JSON.stringify(reportMessage(entry))}\n`).join(''));
    else for (const entry of page.entries) for (const one of entry.recipients) rows.push(rowOf(entry, one, now));
  }
  const isFiltered = hasFilter(given) || ids.length > 0;
  if (!given.json)
    await print(tableOf(rows, await store.counts(), await store.pauses(now), { isFiltered, hasMore, messages, now }));
  return messages === 0 && isFiltered ? 1 : 0;
}

/** Page by page, so that a long queue as JSON takes no memory. */
async function* pagesOf(
  store: Store,
  filter: QueueFilter,
  limit: number,
): AsyncGenerator<{ entries: QueueEntry[]; hasMore: boolean }> {
  let left = limit;
  let after: number | undefined;
  for (;;) {
    const wanted = Math.min(PAGE, left);
    const found = await store.queue(filter, wanted + 1, after);
    const entries = found.slice(0, wanted);
    yield { entries, hasMore: found.length > wanted };
    left -= entries.length;
    after = entries.at(-1)?.seq;
    if (found.length <= wanted || left <= 0) return;
  }
}

function tableOf(
  rows: readonly (readonly Cell[])[],
  counts: Counts,
  pauses: readonly PausedUpstream[],
  { isFiltered, hasMore, messages, now }: { isFiltered: boolean; hasMore: boolean; messages: number; now: number },
): string {
  const paint = paintFor(process.stdout);
  const lines: string[] = [];
  if (rows.length > 0) lines.push(...columns([HEADINGS, ...rows], process.stdout.columns, paint));
  else lines.push(isFiltered ? 'Nothing matches.' : 'Nothing waits.');
  if (hasMore) lines.push(paint('dim', `The oldest ${plural(messages, 'message')}; --limit 0 shows all.`));
  for (const pause of pauses) lines.push(pauseText(pause, now, paint));
  return `${[...lines, totals(counts, now, paint)].join('\n')}\n`;
}

/** All that is in the database, whatever was asked for. */
function totals({ recipients, oldestWaiting }: Counts, now: number, paint: Paint): string {
  const parts = RECIPIENT_STATES.filter((state) => recipients[state] !== undefined).map((state) => {
    const text = `${recipients[state]} ${state}`;
    const colour = STATE_COLOURS[state];
    return colour === undefined ? text : paint(colour, text);
  });
  const oldest = oldestWaiting === null ? '' : `; the oldest that waits came ${relativeTime(oldestWaiting, now)}`;
  return `${paint('dim', 'In all:')} ${parts.length === 0 ? 'no mail' : parts.join(', ')}${oldest}`;
}

function rowOf(entry: QueueEntry, one: QueueRecipient, now: number): Cell[] {
  return [
    { text: entry.id.slice(0, SHORT_ID) },
    { text: shortDuration(now - entry.receivedAt), align: 'right' },
    { text: shortSize(entry.size), align: 'right' },
    { text: one.state, colour: STATE_COLOURS[one.state] },
    { text: String(one.attempts), align: 'right' },
    { text: nextText(one, now) },
    { text: `${addressText(entry.sender)} -> ${addressText(one.address)}` },
    { text: escapeControls(one.lastReply ?? ''), colour: 'dim' },
  ];
}

function nextText({ busy, order, nextAttempt }: QueueRecipient, now: number): string {
  if (busy) return 'sending';
  if (order === 'bounce') return 'bounce';
  if (nextAttempt === null) return '-';
  return nextAttempt <= now ? 'due' : `in ${shortDuration(nextAttempt - now)}`;
}
