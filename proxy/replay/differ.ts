// Compares what was answered with what had been answered. What differs from one run to the next by its nature (times,
// identifiers, large numbers) is not looked at, nor are secrets.
import type { Message, Played } from './player.ts';

/** Each with what stands for it. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +\d{1,2} +\w{3} +\d{4}\b/g, '<date>'],
  [/\b\d{4}-\d{2}-\d{2}\b/g, '<date>'],
  [/\b\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: *(?:[+-]\d{4}|GMT|UTC|Z)\b)?/g, '<time>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '<address>'],
  // An identifier: long, and with a digit in it.
  [/(?<![\w.])(?=[\w.+/=-]*\d)[\w.+/=-]{10,}/g, '<id>'],
  [/\b\d{4,}\b/g, '<number>'],
];

/** One pair of messages that are not the same; null where there is none. */
export interface Difference {
  readonly recorded: string | null;
  readonly live: string | null;
}

export function differences({ recorded, live }: Played): Difference[] {
  const found: Difference[] = [];
  for (let i = 0; i < Math.max(recorded.length, live.length); i++) {
    const [before, now] = [textOf(recorded[i]), textOf(live[i])];
    if (before === null || now === null || steady(before) !== steady(now)) found.push({ recorded: before, live: now });
  }
  return found;
}

function textOf(message: Message | undefined): string | null {
  if (!message) return null;
  const { bytes, secrets } = message;
  let text = '';
  let from = 0;
  for (const secret of secrets) {
    text += `${bytes.toString('latin1', from, secret.from)}***`;
    from = secret.to;
  }
  return text + bytes.toString('latin1', from);
}

/** The same with a name in the place of everything that differs by its nature. */
export function steady(text: string): string {
  return VOLATILE.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), text);
}
