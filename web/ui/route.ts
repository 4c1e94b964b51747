// Where the reader is: in the address behind the #, so that the page works under any base path without the server's
// help, and Back, reload and bookmarks do what they should.
//   #/            #/?q=is:unread      #/mail/ID/source?q=...      #/compare/ID/ID      #/faults
import { signal } from '@preact/signals';

export const TABS = ['html', 'text', 'headers', 'structure', 'source', 'smtp', 'checks'] as const;
export type Tab = (typeof TABS)[number];

export type View = 'inbox' | 'mail' | 'compare' | 'namespaces' | 'faults' | 'first-mail';

export interface Route {
  readonly view: View;
  /** The open mail; '' when none is. */
  readonly id: string;
  /** What it is compared with. */
  readonly other: string;
  /** Null: the best one of this mail. */
  readonly tab: Tab | null;
  readonly query: string;
}

const PAGES: ReadonlySet<string> = new Set(['namespaces', 'faults', 'first-mail']);

export const route = signal<Route>(parseHash(location.hash));

addEventListener('hashchange', () => {
  route.value = parseHash(location.hash);
});

/** `replace` leaves no step for Back. */
export function go(change: Partial<Route>, replace = false): void {
  const next = { ...route.value, ...change };
  const hash = formatHash(next);
  if (replace) history.replaceState(null, '', hash);
  else if (hash !== location.hash) history.pushState(null, '', hash);
  route.value = next;
}

export function formatHash({ view, id, other, tab, query }: Route): string {
  const search = query === '' ? '' : `?${new URLSearchParams({ q: query })}`;
  return `#/${pathOf(view, id, other, tab)}${search}`;
}

function pathOf(view: View, id: string, other: string, tab: Tab | null): string {
  if (view === 'inbox') return '';
  if (view === 'compare') return `compare/${encodeURIComponent(id)}/${encodeURIComponent(other)}`;
  if (view === 'mail') return `mail/${encodeURIComponent(id)}${tab === null ? '' : `/${tab}`}`;
  return view;
}

export function parseHash(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const query = new URLSearchParams(search).get('q') ?? '';
  const [first = '', id = '', last = ''] = path.split('/').map(decode);
  const none = { id: '', other: '', tab: null, query };
  if (first === 'mail' && id !== '')
    return { ...none, view: 'mail', id, tab: TABS.find((tab) => tab === last) ?? null };
  if (first === 'compare' && id !== '' && last !== '') return { ...none, view: 'compare', id, other: last };
  if (PAGES.has(first)) return { ...none, view: first as View };
  return { ...none, view: 'inbox' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
