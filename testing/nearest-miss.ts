// What comes nearest to a pattern that nobody has said: the same by the other side, the same before, the same but for
// capitals, or the line that has most of its letters.
import type { DialogueEvent } from '../proxy/dialogue/event.ts';
import type { ExpectOptions } from './dialogue.ts';
import { Lines } from './lines.ts';

export interface Miss {
  readonly text: string;
  readonly why: string;
}

export function nearestMiss(
  pattern: RegExp,
  events: readonly DialogueEvent[],
  { direction, connection }: ExpectOptions,
  cursor: number,
): Miss | null {
  const wanted = pairsOf(lettersOf(pattern));
  const anyCase = new RegExp(pattern.source, pattern.flags.includes('i') ? pattern.flags : `${pattern.flags}i`);
  const lines = new Lines();
  let best: (Miss & { score: number }) | null = null;
  for (const event of events) {
    if (event.type !== 'frame') continue;
    for (const text of lines.of(event)) {
      let miss = { text, why: `from the ${event.from}`, score: likeness(wanted, text) };
      if (pattern.test(text)) {
        if (connection !== undefined && event.conn !== connection)
          miss = { text, why: `on connection ${event.conn}`, score: 3 };
        else if (direction !== undefined && event.from !== direction)
          miss = { text, why: `but the ${event.from} says it`, score: 4 };
        else if (event.seq < cursor) miss = { text, why: 'which an earlier expectation has found or passed', score: 5 };
      } else if (anyCase.test(text)) miss = { text, why: `but for capitals, from the ${event.from}`, score: 2 };
      if (miss.score > 0 && (best === null || miss.score >= best.score)) best = miss;
    }
  }
  return best;
}

/** What is left of a pattern without its signs. */
function lettersOf({ source }: RegExp): string {
  return source.replaceAll(/\\[bBdDsSwW]|\\x..|[\^$.*+?()[\]{}|\\]/g, '');
}

function pairsOf(text: string): Set<string> {
  const lower = text.slice(0, 200).toLowerCase();
  return new Set(Array.from({ length: Math.max(0, lower.length - 1) }, (_, at) => lower.slice(at, at + 2)));
}

/** From 0 to 1: how many of the pairs of letters both have. */
function likeness(wanted: ReadonlySet<string>, text: string): number {
  if (wanted.size === 0) return 0;
  const there = pairsOf(text);
  let shared = 0;
  for (const pair of wanted) if (there.has(pair)) shared++;
  return (2 * shared) / (wanted.size + there.size);
}
