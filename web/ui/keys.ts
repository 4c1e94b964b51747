// Keys: the commands' own, two in a row within a second, 1 to 7 for the tabs of a mail. Not while somebody writes, not
// under a dialog, and never in the way of the browser's own.
import { COMMANDS, type CommandName, showTab } from './commands.ts';
import { overlay } from './parts/dialog.tsx';

const SECOND_KEY_MS = 1000;
/** What these do on a focused control is the control's. */
const CONTROL_KEYS: ReadonlySet<string> = new Set(['Enter', ' ', 'ArrowDown', 'ArrowUp', 'Home', 'End', 'Delete']);

const BY_KEYS = new Map<string, CommandName>();
for (const name of Object.keys(COMMANDS) as CommandName[]) {
  const command = COMMANDS[name];
  if ('keys' in command) for (const keys of command.keys) BY_KEYS.set(keys, name);
}
const FIRST_KEYS = new Set([...BY_KEYS.keys()].filter((keys) => keys.includes(' ')).map((keys) => keys.split(' ')[0]!));

let first = '';
let timer: ReturnType<typeof setTimeout> | undefined;

export function startKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = commandOf(event);
    if (name === undefined) return;
    event.preventDefault();
    COMMANDS[name].run();
  });
}

function commandOf(event: KeyboardEvent): CommandName | undefined {
  const { key, ctrlKey, metaKey, altKey } = event;
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === 'k')
    return overlay.value === null ? 'palette' : undefined;
  if (ctrlKey || metaKey || altKey || overlay.value !== null || isWriting(event.target)) return undefined;
  if (CONTROL_KEYS.has(key) && isControl(event.target)) return undefined;
  const name = BY_KEYS.get(first === '' ? key : `${first} ${key}`) ?? BY_KEYS.get(key);
  clearTimeout(timer);
  const isFirst = first === '' && FIRST_KEYS.has(key);
  first = isFirst ? key : '';
  if (isFirst) timer = setTimeout(() => (first = ''), SECOND_KEY_MS);
  if (/^[1-9]$/.test(key)) showTab(Number(key) - 1);
  return isFirst ? undefined : name;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'));
}

function isControl(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest('button, a[href], summary, [role=tab], pre, .scrolls') !== null
  );
}

/** As people write them. */
export function keyTitle(keys: string): string {
  const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
  return keys
    .replace('Ctrl+', isMac ? '⌘' : 'Ctrl ')
    .replace('ArrowDown', '↓')
    .replace('ArrowUp', '↑')
    .replace('Escape', 'Esc')
    .replace(/\bk$/, (key) => (keys.startsWith('Ctrl') ? 'K' : key));
}
