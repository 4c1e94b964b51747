// The mailbox as the page knows it: the rows of what is searched for, counts and tags, kept up to date by live events.
// Only the rows that are looked at are loaded.
import { batch, effect, signal, untracked } from '@preact/signals';
import * as api from '../api.ts';
import type { LiveEvent, Summary } from '../api-types.ts';
import { lineOf } from '../http.ts';
import { route } from '../route.ts';
import { Rows } from './rows.ts';

/** Rows of one request. */
const PAGE = 100;
/** Between a change whose place is not known and the look at what it did. */
const SETTLE_MS = 150;

export const rows = new Rows<Summary>();
/** Counts up when the rows change: what is drawn of them reads it. */
export const version = signal(0);
export const loaded = signal(false);
/** Why the rows cannot be shown; '' when they can. */
export const problem = signal('');
/** All, whatever is searched for. */
export const total = signal(0);
export const unread = signal(0);
export const tags = signal<readonly string[]>([]);

/** Deleted ones whose rows are out already. */
const gone = new Set<string>();
const GONE_KEPT = 10_000;

let asking = new AbortController();
let pending: Promise<void> | null = null;
let wanted: { readonly from: number; readonly to: number } = { from: 0, to: PAGE - 1 };
let settling: ReturnType<typeof setTimeout> | undefined;

const query = (): string => untracked(() => route.value.query);
const changed = (): void => {
  version.value++;
};

/** Starts with the search of the address, and again with each other one. */
export function openMailbox(): void {
  let last: string | undefined;
  effect(() => {
    const { query: next } = route.value;
    if (next === last) return;
    last = next;
    untracked(() => {
      batch(() => {
        rows.reset(0);
        loaded.value = false;
        problem.value = '';
        changed();
      });
      wanted = { from: 0, to: PAGE - 1 };
      void refresh();
    });
  });
}

/** Looks at everything anew; what is shown stays until the answer comes. */
export async function refresh(): Promise<void> {
  clearTimeout(settling);
  settling = undefined;
  asking.abort();
  asking = new AbortController();
  pending = null;
  const { signal } = asking;
  const start = Math.max(0, Math.min(wanted.from, wanted.to - PAGE + 1));
  try {
    const list = await api.list(query(), start, PAGE, signal);
    batch(() => {
      rows.reset(list.messages_count);
      rows.place(start, list.messages, list.messages_count, 0);
      takeCounts(list);
      problem.value = '';
      loaded.value = true;
      changed();
    });
    void need(wanted.from, wanted.to);
  } catch (error) {
    if (signal.aborted) return;
    batch(() => {
      problem.value = lineOf(error);
      loaded.value = true;
      rows.reset(0);
      changed();
    });
  }
}

/** Loads what is missing between these two indexes. Resolves when it is there, or when it cannot be had. */
export async function need(from: number, to: number): Promise<void> {
  wanted = { from, to };
  // One request at a time; behind it, whatever is looked at then.
  while (pending !== null) await pending;
  const gap = rows.missing(from, to);
  if (gap === undefined) return;
  pending = load(gap.start, Math.max(gap.limit, PAGE)).finally(() => {
    pending = null;
  });
  await pending;
}

async function load(start: number, limit: number): Promise<void> {
  const { signal } = asking;
  const asked = rows.stored;
  // Some rows above what is looked at, too: the next look is often there.
  const first = Math.max(0, start - 10);
  try {
    const list = await api.list(query(), first, limit, signal);
    batch(() => {
      rows.place(first, list.messages, list.messages_count, asked);
      takeCounts(list);
      changed();
    });
  } catch (error) {
    if (!signal.aborted) problem.value = lineOf(error);
  }
}

function takeCounts(list: { total: number; unread: number; tags: readonly string[] | null }): void {
  total.value = list.total;
  unread.value = list.unread;
  tags.value = list.tags ?? [];
}

/** Many changes in a row are looked at once. */
function settle(): void {
  settling ??= setTimeout(() => void refresh(), SETTLE_MS);
}

/** What the server told, in order. */
export function heed(events: readonly LiveEvent[]): void {
  batch(() => {
    const fresh: Summary[] = [];
    const deleted = new Set<string>();
    for (const event of events) {
      if (event.Type === 'new') fresh.push(event.Data);
      else if (event.Type === 'delete') deleted.add(event.Data.ID);
      else if (event.Type === 'update') update(event.Data, fresh);
      else if (event.Type === 'stats') stats(event.Data);
      else if (event.Type === 'prune' || event.Type === 'truncate') settle();
    }
    if (fresh.length > 0) arrive(fresh);
    if (deleted.size > 0) forget(deleted);
    if (events.length > 0) changed();
  });
}

function arrive(fresh: readonly Summary[]): void {
  total.value += fresh.length;
  unread.value += fresh.filter(({ Read }) => !Read).length;
  const known = new Set(tags.value);
  const added = fresh.flatMap(({ Tags }) => Tags).filter((tag) => !known.has(tag));
  if (added.length > 0) tags.value = [...new Set([...known, ...added])].sort();
  // Whether it matches is for the server to say.
  if (query() !== '' || !loaded.value || !rows.arrive(fresh)) settle();
}

function update({ ID, Read, Tags }: { ID: string; Read?: boolean; Tags?: readonly string[] }, fresh: Summary[]): void {
  const change = { ...(Read === undefined ? {} : { Read }), ...(Tags === undefined ? {} : { Tags }) };
  const index = fresh.findIndex((one) => one.ID === ID);
  if (index >= 0) fresh[index] = { ...fresh[index]!, ...change };
  else {
    countRead(ID, Read);
    rows.patch(ID, change);
  }
  if (Tags?.some((tag) => !tags.value.includes(tag))) tags.value = [...new Set([...tags.value, ...Tags])].sort();
  // It may match no more, or now.
  if (query() !== '') settle();
}

function stats({ Total, Unread }: { Total: number; Unread: number }): void {
  total.value = Total;
  unread.value = Unread;
  // Something was missed, or is on its way: then the look behind the pause finds nothing to change.
  if (query() === '' && loaded.value && rows.stored !== Total) settle();
}

/** They are deleted. Told twice when the page did it itself: by the answer and by the event. */
export function forget(ids: ReadonlySet<string>): void {
  const news = new Set([...ids].filter((id) => !gone.has(id)));
  if (news.size === 0) return;
  if (gone.size > GONE_KEPT) gone.clear();
  for (const id of news) gone.add(id);
  if (!rows.remove(news)) settle();
  changed();
}

/** Of a row that is loaded; the others are in the server's next count. */
function countRead(id: string, read: boolean | undefined): void {
  const before = rows.get(id);
  if (before && read !== undefined && before.Read !== read) unread.value += read ? -1 : 1;
}

/** Shows at once what was asked of the server. */
export function patch(ids: readonly string[], change: Partial<Summary>): void {
  batch(() => {
    for (const id of ids) {
      countRead(id, change.Read);
      rows.patch(id, change);
    }
    changed();
  });
}

/** The rows between two indexes, loaded if need be. */
export async function idsBetween(one: number, other: number): Promise<string[]> {
  const [from, to] = one < other ? [one, other] : [other, one];
  const looked = wanted;
  for (let at = from; at <= to; at += PAGE) await need(at, Math.min(to, at + PAGE - 1));
  wanted = looked;
  const ids: string[] = [];
  for (let index = from; index <= to; index++) {
    const row = rows.at(index);
    if (row) ids.push(row.ID);
  }
  return ids;
}
