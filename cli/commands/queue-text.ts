// How the queue is written for people: times in relative words, sizes, columns that fit the terminal.
import type { PausedUpstream, RecipientState } from '../../relay/store/store.ts';
import type { Colour, Paint } from '../../src/colour.ts';
import { escapeControls } from '../../src/redact.ts';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
  readonly align?: 'right';
}

export const STATE_COLOURS: Readonly<Partial<Record<RecipientState, Colour>>> = {
  deferred: 'yellow',
  unknown: 'yellow',
  held: 'cyan',
  bounced: 'red',
  expired: 'red',
  delivered: 'green',
};

/** '45s', '12m', '3h', '5d': one unit is enough to see what is old. */
export function shortDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds}s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}

/** '12m ago', 'in 12m'. */
export function relativeTime(time: number, now: number): string {
  return time > now ? `in ${shortDuration(time - now)}` : `${shortDuration(now - time)} ago`;
}

/** '2026-11-22 09:00:01Z' */
export function shortTime(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')}Z`;
}

/** '512', '4.1k', '12M' */
export function shortSize(bytes: number): string {
  if (bytes < 1000) return String(bytes);
  const units = ['k', 'M', 'G'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

/** An address as it is written in mail, with nothing in it that a terminal obeys. */
export function addressText(address: string): string {
  return address === '' ? '<>' : escapeControls(address);
}

/** An upstream that is paused, and why; red when somebody has to see to it. */
export function pauseText({ upstream, until, why, alarm }: PausedUpstream, now: number, paint: Paint): string {
  const state = until > now ? `is paused for ${shortDuration(until - now)}` : 'is tried again with the next mail';
  const head = `${alarm ? 'ALARM: ' : ''}upstream ${escapeControls(upstream)} ${state}`;
  return `${paint(alarm ? 'red' : 'yellow', head)}: ${escapeControls(why)}`;
}

/** '1 recipient', '2 recipients' */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/**
 * Lines of columns, two blanks between them. The last column takes what is left of `width`; the one before it is cut
 * when otherwise nothing were left. Without a width nothing is cut.
 */
export function columns(rows: readonly (readonly Cell[])[], width: number | undefined, paint: Paint): string[] {
  const count = rows[0]?.length ?? 0;
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => [...row[i]!.text].length)));
  if (width !== undefined && count > 1) {
    const fixed = widths.slice(0, count - 2).reduce((sum, one) => sum + one + 2, 0);
    const room = Math.max(20, width - fixed - 2);
    widths[count - 2] = Math.min(widths[count - 2]!, Math.max(room - widths[count - 1]!, Math.ceil(room * 0.7)));
    widths[count - 1] = Math.max(0, room - widths[count - 2]!);
  }
  return rows.map((row) => {
    const cells = row.map(({ text, colour, align }, i) => {
      const shown = cut(text, widths[i]!);
      const blanks = ' '.repeat(Math.max(0, widths[i]! - [...shown].length));
      const painted = colour === undefined || shown === '' ? shown : paint(colour, shown);
      if (align === 'right') return blanks + painted;
      return i === count - 1 ? painted : painted + blanks;
    });
    return cells.join('  ').trimEnd();
  });
}
