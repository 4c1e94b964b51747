// How others reach the list on the screen: its scroll box and its search field, which tell themselves here when they are
// drawn.

import { need, rows } from './mailbox.ts';
import { cursor } from './selection.ts';

interface ListView {
  /** Scrolls as little as it takes. */
  reveal(index: number): void;
  focus(): void;
}

export const view: { list: ListView | null; search: HTMLInputElement | null } = { list: null, search: null };

/** Brings a row into sight; resolves when it is loaded. */
export async function scrollToCursor(index: number): Promise<void> {
  view.list?.reveal(index);
  if (rows.at(index) === undefined) await need(Math.max(0, index - 30), Math.min(rows.length - 1, index + 30));
}

export function focusSearch(): void {
  view.search?.focus();
  view.search?.select();
}

export function focusList(): void {
  view.list?.focus();
  if (cursor.value === '') cursor.value = rows.at(0)?.ID ?? '';
}
