// Bytes as people read them on one line of a terminal: text where it is text, escapes for what a terminal would obey or
// hide, a hexdump for what is no text at all.
import { isUtf8 } from 'node:buffer';
import { escapeControls } from '../../src/redact.ts';

const ROW = 16;
const CONTROLS = /[\p{Cc}]/gu;
const CONTROLS_AND_HIGH = /[\p{Cc}\u0080-\u00ff]/gu;
const LETTERS: Readonly<Record<string, string>> = { '\t': '\\t', '\r': '\\r', '\n': '\\n' };

/** One line, without its terminator. */
export function lineText(bytes: Buffer): string {
  const isText = isUtf8(bytes);
  const text = bytes.toString(isText ? 'utf8' : 'latin1');
  return escapeControls(text.replace(isText ? CONTROLS : CONTROLS_AND_HIGH, escaped));
}

/** Whether a hexdump says more than text would: a NUL, or many control characters. */
export function isBinary(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 512);
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09 && byte !== 0x1b) controls++;
  }
  const odd = isUtf8(head) ? controls : controls + head.reduce((sum, byte) => sum + (byte >= 0x80 ? 1 : 0), 0);
  return odd * 10 > head.length * 3 || controls * 10 > head.length;
}

/** `00000000  16 03 01 02 00 01 00 01  fc 03 03 ...  |........ ...|`, one string a row. */
export function hexRows(bytes: Buffer, offset: number, most: number): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length && rows.length < most; at += ROW) {
    const row = [...bytes.subarray(at, at + ROW)];
    const pairs = row.map((byte) => byte.toString(16).padStart(2, '0'));
    const columns = `${pairs.slice(0, 8).join(' ').padEnd(23)}  ${pairs.slice(8).join(' ').padEnd(23)}`;
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${(offset + at).toString(16).padStart(8, '0')}  ${columns}  |${text}|`);
  }
  return rows;
}

export { ROW as BYTES_A_ROW };

function escaped(c: string): string {
  return LETTERS[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
