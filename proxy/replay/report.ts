// What a replay has shown, as text.

import type { RecordedConnection } from '../recording/read.ts';
import { lineText } from '../views/text.ts';
import { differences } from './differ.ts';
import type { Played } from './player.ts';

/** Lines of a message that are shown. */
const MOST_LINES = 5;

/** `differs`: something failed or, if `diff` is asked for, was answered differently. */
export function report(
  results: readonly (readonly [RecordedConnection, Played])[],
  diff: boolean,
): { readonly text: string; readonly differs: boolean } {
  let text = '';
  let count = 0;
  let failures = 0;
  for (const [{ conn }, played] of results) {
    const found = diff ? differences(played) : [];
    count += found.length;
    if (played.failure !== '') failures++;
    if (found.length > 0 || played.failure !== '') text += `connection ${conn}\n`;
    for (const { recorded, live } of found) text += lines('-', recorded) + lines('+', live);
    if (played.failure !== '') text += `  failed: ${played.failure}\n`;
  }
  const told = [`${results.length} connections replayed`];
  if (failures > 0) told.push(`${failures} failed`);
  if (diff) told.push(`${count} messages differ`);
  return { text: `${text}${told.join(', ')}\n`, differs: failures > 0 || count > 0 };
}

function lines(sign: string, message: string | null): string {
  if (message === null) return `  ${sign} (nothing)\n`;
  const all = message.replace(/\r?\n$/, '').split('\n');
  const shown = all
    .slice(0, MOST_LINES)
    .map((line) => `  ${sign} ${lineText(Buffer.from(line.replace(/\r$/, ''), 'latin1'))}\n`);
  return shown.join('') + (all.length > MOST_LINES ? `  ${sign} ... ${all.length - MOST_LINES} more lines\n` : '');
}
