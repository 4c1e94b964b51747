// Which rows are chosen, and where the cursor stands. "All" means all that match, loaded or not.
import { computed, effect, signal, untracked } from '@preact/signals';
import type * as api from '../api.ts';
import { route } from '../route.ts';
import { idsBetween, rows, version } from './mailbox.ts';

/** The mail that the keys are about; '' before the first move. */
export const cursor = signal('');
export const chosen = signal<ReadonlySet<string>>(new Set());
export const isAll = signal(false);
let anchor = '';

/** Where the cursor is now; -1 when it is on nothing that is loaded. */
export const cursorIndex = computed(() => {
  void version.value;
  return cursor.value === '' ? -1 : rows.indexOf(cursor.value);
});

export const chosenCount = computed(() => {
  void version.value;
  return isAll.value ? rows.length : chosen.value.size;
});

effect(() => {
  // Another search: what was chosen is not in sight any more.
  void route.value.query;
  untracked(clear);
});

export function clear(): void {
  isAll.value = false;
  if (chosen.value.size > 0) chosen.value = new Set();
}

export function isChosen(id: string): boolean {
  return isAll.value || chosen.value.has(id);
}

export function toggle(id: string): void {
  const next = new Set(isAll.value ? [] : chosen.value);
  isAll.value = false;
  if (!next.delete(id)) next.add(id);
  anchor = id;
  chosen.value = next;
}

/** Everything between the last one that was toggled (or the cursor) and this. */
export async function extendTo(index: number): Promise<void> {
  const from = rows.indexOf(anchor || cursor.value);
  const ids = await idsBetween(from < 0 ? index : from, index);
  isAll.value = false;
  chosen.value = new Set([...chosen.value, ...ids]);
}

export function chooseAll(): void {
  isAll.value = true;
  chosen.value = new Set();
}

/** What an action is about: what is chosen, else the open mail, else the cursor's; null when there is nothing. */
export function target(): api.Which | null {
  if (isAll.value) return { search: route.value.query };
  if (chosen.value.size > 0) return { ids: [...chosen.value] };
  const { view, id } = route.value;
  if (view === 'mail') return { ids: [id] };
  return cursor.value === '' || rows.indexOf(cursor.value) < 0 ? null : { ids: [cursor.value] };
}
