// Light or dark: what the system says, unless the reader has chosen. The choice is kept in this browser.
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'lonedot.theme';
const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const dark = matchMedia('(prefers-color-scheme: dark)');

export const theme = signal<Theme>(kept());
const isSystemDark = signal(dark.matches);
dark.addEventListener('change', () => {
  isSystemDark.value = dark.matches;
});

effect(() => {
  const isDark = theme.value === 'dark' || (theme.value === 'system' && isSystemDark.value);
  document.documentElement.setAttribute('data-theme', isDark ? 'dark' : 'light');
});

export function setTheme(next: Theme): void {
  theme.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
}

export function switchTheme(): void {
  setTheme(NEXT[theme.value]);
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === 'light' || found === 'dark' ? found : 'system';
  } catch {
    return 'system';
  }
}
