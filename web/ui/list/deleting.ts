// Deleting with a way back: rows disappear at once, the server is told some seconds later, or when the page is left.
import { batch, signal } from '@preact/signals';
import * as api from '../api.ts';
import { plural } from '../format.ts';
import { dismiss, tell, tellFailure } from '../notices.ts';
import { forget, rows, version } from './mailbox.ts';
import { chosen, clear, cursor } from './selection.ts';

export const UNDO_MS = 6000;

let waiting: ReadonlySet<string> = new Set();
let timer: ReturnType<typeof setTimeout> | undefined;
export const canUndo = signal(false);

addEventListener('pagehide', () => void finish(true));

export function deleteSoon(ids: readonly string[]): void {
  // What waited before is not undone any more.
  void finish();
  const index = rows.indexOf(cursor.value);
  batch(() => {
    waiting = new Set(ids);
    rows.hide(ids);
    if (ids.includes(cursor.value)) cursor.value = rows.at(Math.min(index, rows.length - 1))?.ID ?? '';
    chosen.value = new Set([...chosen.value].filter((id) => !waiting.has(id)));
    version.value++;
    canUndo.value = true;
  });
  timer = setTimeout(() => void finish(), UNDO_MS);
  tell(`${plural(ids.length, 'mail')} deleted`, { title: 'Undo', run: undo }, UNDO_MS);
}

export function undo(): void {
  if (waiting.size === 0) return;
  clearTimeout(timer);
  batch(() => {
    rows.show(waiting);
    waiting = new Set();
    version.value++;
    canUndo.value = false;
  });
  dismiss();
}

async function finish(isLeaving = false): Promise<void> {
  clearTimeout(timer);
  if (waiting.size === 0) return;
  const ids = waiting;
  waiting = new Set();
  canUndo.value = false;
  try {
    await api.remove({ ids: [...ids] }, isLeaving);
    forget(ids);
  } catch (error) {
    rows.show(ids);
    version.value++;
    tellFailure('Not deleted', error);
  }
}

/** Everything that matches, at once and for good: whoever calls this has asked. */
export async function deleteAll(search: string): Promise<void> {
  await finish();
  try {
    await api.remove({ search });
    clear();
    tell(search === '' ? 'All mails deleted' : 'Every mail that matched is deleted');
  } catch (error) {
    tellFailure('Not deleted', error);
  }
}
