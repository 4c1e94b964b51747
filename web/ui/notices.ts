// Short notices at the foot of the page, one at a time: what was done, with a way to undo it, or what failed.
import { signal } from '@preact/signals';
import { lineOf } from './http.ts';

export interface Notice {
  readonly text: string;
  readonly kind: 'done' | 'failed';
  readonly action?: { readonly title: string; run(): void };
}

const SHOWN_MS = 6000;

export const notice = signal<Notice | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

export function tell(text: string, action?: Notice['action'], ms = SHOWN_MS): void {
  show(action ? { text, kind: 'done', action } : { text, kind: 'done' }, ms);
}

export function tellFailure(what: string, error: unknown): void {
  show({ text: `${what}: ${lineOf(error)}`, kind: 'failed' }, SHOWN_MS * 2);
}

export function dismiss(): void {
  clearTimeout(timer);
  notice.value = null;
}

function show(next: Notice, ms: number): void {
  clearTimeout(timer);
  notice.value = next;
  timer = setTimeout(dismiss, ms);
}
