// A search in a long text: how many, which one, next and previous. Matches are marked by ranges (CSS highlights) and not
// by elements, so that a megabyte of text stays one node; where the browser has none, the match is selected.
import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo } from 'preact/hooks';
import { number } from '../format.ts';
import { Button } from '../parts/button.tsx';

const MATCHES_MAX = 5000;
const hasHighlights = 'highlights' in CSS;

export function FindBar({ within, text }: { within: RefObject<HTMLElement | null>; text: string }) {
  const word = useSignal('');
  const at = useSignal(0);
  const found = useMemo(() => matches(text, word.value), [text, word.value]);
  const shown = found.length === 0 ? -1 : ((at.value % found.length) + found.length) % found.length;

  useLayoutEffect(() => {
    const node = within.current?.firstChild;
    if (!(node instanceof Text)) return;
    const ranges = found.map((start) => rangeOf(node, start, word.value.length));
    const current = ranges[shown];
    if (hasHighlights) {
      CSS.highlights.set('found', new Highlight(...ranges));
      CSS.highlights.set('found-here', new Highlight(...(current ? [current] : [])));
    } else if (current) {
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(current);
    }
    if (current && within.current) reveal(within.current, current);
    return () => {
      if (!hasHighlights) return;
      CSS.highlights.delete('found');
      CSS.highlights.delete('found-here');
    };
  }, [found, shown, within, word]);

  const step = (by: number): void => {
    at.value = shown + by;
  };
  const count = found.length >= MATCHES_MAX ? `${number(MATCHES_MAX)}+` : number(found.length);
  return (
    <div class="find">
      <input
        type="text"
        class="filter"
        placeholder="Find"
        aria-label="Find in the source"
        spellcheck={false}
        autocomplete="off"
        value={word.value}
        onInput={(event) => {
          word.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') event.currentTarget.blur();
          else return;
          event.preventDefault();
        }}
      />
      <span class="dim found-count" role="status">
        {word.value === '' ? '' : found.length === 0 ? 'none' : `${number(shown + 1)} of ${count}`}
      </span>
      <Button
        icon="up"
        label="Previous match"
        hint="Shift Enter"
        kind="quiet"
        disabled={found.length === 0}
        onClick={() => step(-1)}
      />
      <Button
        icon="down"
        label="Next match"
        hint="Enter"
        kind="quiet"
        disabled={found.length === 0}
        onClick={() => step(1)}
      />
    </div>
  );
}

function matches(text: string, word: string): number[] {
  const found: number[] = [];
  if (word === '') return found;
  // Places in the text are wanted: a pattern without case, because lower case may be longer than what it is made of.
  const pattern = new RegExp(word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
  for (const { index } of text.matchAll(pattern)) {
    found.push(index);
    if (found.length >= MATCHES_MAX) break;
  }
  return found;
}

function rangeOf(node: Text, start: number, length: number): Range {
  const range = new Range();
  range.setStart(node, start);
  range.setEnd(node, Math.min(node.length, start + length));
  return range;
}

function reveal(box: HTMLElement, range: Range): void {
  const place = range.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  if (place.top < frame.top || place.bottom > frame.bottom) box.scrollTop += place.top - frame.top - frame.height / 2;
}
