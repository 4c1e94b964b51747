// What can be done, in one table: keys, the command palette and the help on keys are made of it.
import * as api from './api.ts';
import { plural } from './format.ts';
import { deleteAll, deleteSoon, undo } from './list/deleting.ts';
import { patch, refresh, rows, total } from './list/mailbox.ts';
import { chooseAll, chosen, clear, cursor, isAll, target, toggle } from './list/selection.ts';
import { focusSearch, scrollToCursor } from './list/view.ts';
import { downloadMail, shownTabs } from './message/open-mail.ts';
import { tellFailure } from './notices.ts';
import { ask, overlay } from './parts/dialog.tsx';
import { go, route } from './route.ts';
import { setTheme, switchTheme } from './theme.ts';

export interface Command {
  readonly title: string;
  readonly group: 'Move' | 'Mail' | 'Choose' | 'Find' | 'Go to' | 'Page';
  /** As `KeyboardEvent.key` says; two in a row with a blank between. */
  readonly keys?: readonly string[];
  readonly run: () => void;
}

/** Many at once are not kept waiting for an undo: they are asked about. */
const UNDO_MAX = 1000;

export const COMMANDS = {
  next: { title: 'Next mail', group: 'Move', keys: ['j', 'ArrowDown'], run: () => move(1) },
  previous: { title: 'Previous mail', group: 'Move', keys: ['k', 'ArrowUp'], run: () => move(-1) },
  first: { title: 'Newest mail', group: 'Move', keys: ['g g', 'Home'], run: () => moveTo(0) },
  last: { title: 'Oldest mail', group: 'Move', keys: ['G', 'End'], run: () => moveTo(rows.length - 1) },
  open: { title: 'Open the mail', group: 'Move', keys: ['Enter', 'o'], run: openCursor },
  back: { title: 'Back to the list', group: 'Move', keys: ['u'], run: backToList },
  escape: { title: 'Close, or clear what is chosen', group: 'Move', keys: ['Escape'], run: stepBack },
  read: { title: 'Mark read or unread', group: 'Mail', keys: ['r'], run: () => void markOther() },
  delete: { title: 'Delete', group: 'Mail', keys: ['#', 'Delete'], run: deleteTarget },
  undo: { title: 'Undo the last delete', group: 'Mail', keys: ['z'], run: undo },
  tag: { title: 'Edit tags', group: 'Mail', keys: ['t'], run: editTags },
  release: { title: 'Release to a real recipient', group: 'Mail', keys: ['s'], run: () => openOverlay('release') },
  compare: { title: 'Compare with another mail', group: 'Mail', keys: ['c'], run: compare },
  download: { title: 'Download the mail (.eml)', group: 'Mail', run: () => withMail(downloadMail) },
  allRead: { title: 'Mark everything read', group: 'Mail', run: () => void mark({ search: route.value.query }, true) },
  deleteAll: { title: 'Delete everything', group: 'Mail', run: askDeleteAll },
  choose: { title: 'Choose or leave', group: 'Choose', keys: ['x'], run: () => cursor.value && toggle(cursor.value) },
  chooseAll: { title: 'Choose all', group: 'Choose', keys: ['*'], run: chooseAll },
  search: { title: 'Search', group: 'Find', keys: ['/'], run: focusSearch },
  searchHelp: { title: 'Help on searching', group: 'Find', run: () => openOverlay('search-help') },
  unread: { title: 'Show unread mail', group: 'Find', run: () => find('is:unread') },
  attachments: { title: 'Show mail with attachments', group: 'Find', run: () => find('has:attachment') },
  inbox: { title: 'Inbox', group: 'Go to', keys: ['g i'], run: () => find('') },
  namespaces: { title: 'Namespaces', group: 'Go to', keys: ['g n'], run: () => go({ view: 'namespaces' }) },
  faults: { title: 'Faults', group: 'Go to', keys: ['g f'], run: () => go({ view: 'faults' }) },
  firstMail: { title: 'How to send mail here', group: 'Go to', keys: ['g s'], run: () => go({ view: 'first-mail' }) },
  palette: { title: 'All commands', group: 'Page', keys: ['Ctrl+k'], run: () => openOverlay('palette') },
  keys: { title: 'Keys', group: 'Page', keys: ['?'], run: () => openOverlay('keys') },
  theme: { title: 'Switch between dark and light', group: 'Page', run: switchTheme },
  systemTheme: { title: 'Dark or light as the system is', group: 'Page', run: () => setTheme('system') },
  reload: { title: 'Look for mail again', group: 'Page', run: () => void refresh() },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;

export function find(query: string): void {
  go({ view: 'inbox', id: '', query });
}

function move(step: number): void {
  const at = rows.indexOf(cursor.value);
  moveTo(at < 0 ? 0 : at + step);
}

function moveTo(index: number): void {
  if (rows.length === 0) return;
  const at = Math.max(0, Math.min(rows.length - 1, index));
  void scrollToCursor(at).then(() => {
    const row = rows.at(at);
    if (!row) return;
    cursor.value = row.ID;
    // The open mail follows; without a step in the history for each.
    if (route.value.view === 'mail') go({ id: row.ID, tab: route.value.tab }, true);
  });
}

function openCursor(): void {
  if (cursor.value !== '' && rows.indexOf(cursor.value) >= 0) openMail(cursor.value);
}

export function openMail(id: string): void {
  cursor.value = id;
  go({ view: 'mail', id, other: '', tab: route.value.view === 'mail' ? route.value.tab : null });
}

export function backToList(): void {
  go({ view: 'inbox', id: '', other: '', tab: null });
}

function stepBack(): void {
  if (document.body.classList.contains('side-open')) document.body.classList.remove('side-open');
  else if (isAll.value || chosen.value.size > 0) clear();
  else if (route.value.view !== 'inbox') backToList();
  else if (route.value.query !== '') find('');
}

/** Shows the nth tab of the open mail, counted from 0. */
export function showTab(n: number): void {
  const tab = shownTabs.value[n];
  if (route.value.view === 'mail' && tab !== undefined) go({ tab }, true);
}

async function markOther(): Promise<void> {
  const which = target();
  if (which === null) return;
  const isRead = 'ids' in which && which.ids.every((id) => rows.get(id)?.Read !== false);
  await mark(which, !isRead);
}

export async function mark(which: api.Which, read: boolean): Promise<void> {
  if ('ids' in which) patch(which.ids, { Read: read });
  try {
    await api.setRead(which, read);
    if ('search' in which) await refresh();
  } catch (error) {
    tellFailure('Not marked', error);
    await refresh();
  }
}

export function deleteTarget(): void {
  const which = target();
  if (which === null) return;
  if ('search' in which) return askDeleteAll();
  const { ids } = which;
  if (ids.length > UNDO_MAX) {
    const title = `Delete ${plural(ids.length, 'mail')}?`;
    const run = (): void => void api.remove(which).then(refresh, (error) => tellFailure('Not deleted', error));
    return ask({ title, text: 'So many cannot be brought back.', action: 'Delete', run });
  }
  const { view, id } = route.value;
  const wasOpen = view === 'mail' && ids.includes(id);
  deleteSoon(ids);
  if (!wasOpen) return;
  // The next one takes its place, as it does under the cursor.
  if (cursor.value === '') backToList();
  else go({ id: cursor.value }, true);
}

export function askDeleteAll(): void {
  const { query } = route.value;
  const n = query === '' ? total.value : rows.length;
  if (n === 0) return;
  ask({
    title: `Delete ${plural(n, 'mail')}?`,
    text:
      query === ''
        ? 'The whole inbox is emptied. There is no way back.'
        : `All that match ${query} are deleted. There is no way back.`,
    action: n === 1 ? 'Delete it' : `Delete all ${n}`,
    run: () => {
      backToList();
      void deleteAll(query);
    },
  });
}

function editTags(): void {
  const which = target();
  if (which !== null && 'ids' in which) overlay.value = { name: 'tag', ids: which.ids };
}

function compare(): void {
  const ids = [...chosen.value];
  if (ids.length === 2) go({ view: 'compare', id: ids[1]!, other: ids[0]! });
  else
    withMail((id) => {
      overlay.value = { name: 'compare', id };
    });
}

function openOverlay(name: 'palette' | 'keys' | 'search-help' | 'release'): void {
  if (name === 'release')
    withMail((id) => {
      overlay.value = { name, id };
    });
  else overlay.value = { name };
}

/** With the one mail that is meant, if it is one. */
function withMail(run: (id: string) => void): void {
  const which = target();
  if (which !== null && 'ids' in which && which.ids.length === 1) run(which.ids[0]!);
}
