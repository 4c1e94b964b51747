// The open mail: loaded once for all of its tabs, which of them it has, and what is done with it from elsewhere.
import { computed, effect, signal, untracked } from '@preact/signals';
import * as api from '../api.ts';
import type { Message } from '../api-types.ts';
import { AskError, lineOf } from '../http.ts';
import { patch, rows } from '../list/mailbox.ts';
import { route, TABS, type Tab } from '../route.ts';

export type OpenMail =
  | { readonly state: 'none' }
  | { readonly state: 'loading'; readonly id: string }
  | { readonly state: 'failed'; readonly id: string; readonly line: string; readonly isGone: boolean }
  | { readonly state: 'there'; readonly id: string; readonly mail: Message };

export const openMail = signal<OpenMail>({ state: 'none' });

export const shownTabs = computed<readonly Tab[]>(() => {
  const open = openMail.value;
  if (open.state !== 'there') return TABS;
  return TABS.filter((tab) => tab !== 'html' || open.mail.HTML !== '');
});

/** The tab that is asked for, if this mail has it; else the best it has. */
export const shownTab = computed<Tab>(() => {
  const { tab } = route.value;
  return tab !== null && shownTabs.value.includes(tab) ? tab : shownTabs.value[0]!;
});

let asking = new AbortController();

export function followOpenMail(): void {
  const id = computed(() => (route.value.view === 'mail' ? route.value.id : ''));
  effect(() => {
    const next = id.value;
    untracked(() => void load(next));
  });
}

export async function load(id: string): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  if (id === '') {
    openMail.value = { state: 'none' };
    return;
  }
  openMail.value = { state: 'loading', id };
  try {
    const mail = await api.message(id, signal);
    if (signal.aborted) return;
    // `latest` stands for one.
    openMail.value = { state: 'there', id, mail };
    if (rows.get(mail.ID)?.Read === false) patch([mail.ID], { Read: true });
  } catch (error) {
    if (signal.aborted) return;
    const isGone = error instanceof AskError && error.status === 404;
    openMail.value = { state: 'failed', id, line: lineOf(error), isGone };
  }
}

/** Tags changed, here or elsewhere. */
export function patchOpen(id: string, tags: readonly string[]): void {
  const open = openMail.value;
  if (open.state === 'there' && open.mail.ID === id) openMail.value = { ...open, mail: { ...open.mail, Tags: tags } };
}

export function downloadMail(id: string): void {
  const link = document.createElement('a');
  link.href = api.rawAddress(id, true);
  link.download = `${id}.eml`;
  link.click();
}
