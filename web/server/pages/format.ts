// Times, sizes and addresses as people read them. Times are the server's local time: without script nobody knows the
// reader's, and on a developer's machine it is the same one.
import type { Parameter } from '../../../relay/store/store.ts';
import { escapeControls } from '../../../src/redact.ts';
import { html, type Markup } from '../html.ts';

const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;
/** C0 without tab and line ends, DEL, C1. */
const CONTROLS = /[^\P{Cc}\t\n\r]/gu;

/** `2026-11-22 08:46:32`. */
export function formatTime(ms: number): string {
  const at = new Date(ms);
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(pad).join('-');
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(pad).join(':')}`;
}

/** `UTC+01:00`, as it is at that time. */
export function formatZone(ms: number): string {
  const east = -new Date(ms).getTimezoneOffset();
  const minutes = Math.abs(east);
  return east === 0 ? 'UTC' : `UTC${east < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

export function timeElement(ms: number): Markup {
  return html`<time datetime="${new Date(ms).toISOString()}">${formatTime(ms)}</time>`;
}

/** `812 B`, `4.2 KB`, `31 MB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  // 1023.95 would be written as 1024.0.
  for (; value >= 1023.5 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** `1 message`, `1,204 messages`. */
export function formatCount(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** An address as one line of plain text: nothing invisible, and the null sender gets its brackets. */
export function addressText(address: string): string {
  return address === '' ? '<>' : escapeControls(address);
}

/** Isolated, so that a right-to-left address does not rearrange the line around it. */
export function addressElement(address: string): Markup {
  if (address === '') return html`<bdi title="The null sender: this mail is a bounce or a notice.">&lt;&gt;</bdi>`;
  const text = addressText(address);
  const domain = text.lastIndexOf('@') + 1;
  // Where a narrow column has to break it.
  return html`<bdi>${text.slice(0, domain)}<wbr>${text.slice(domain)}</bdi>`;
}

/** `SIZE=1000 SMTPUTF8`. */
export function parametersText(parameters: readonly Parameter[]): string {
  return parameters.map(([keyword, value]) => escapeControls(value === '' ? keyword : `${keyword}=${value}`)).join(' ');
}

/** A source as text: bytes that are not UTF-8, and controls that a page cannot hold, become visible replacements. */
export function sourceText(bytes: Buffer, isWhole: boolean): string {
  // Streaming, so that a character cut in two at the end is left away and not replaced.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: !isWhole });
  return text.replaceAll(CONTROLS, controlPicture);
}

function controlPicture(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
