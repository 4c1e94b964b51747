// The list: as long as the mailbox, with only the rows in sight drawn. All rows are of one height, so that a place is a
// multiplication. The box has the focus, its active row is told by aria-activedescendant, and clicks are heard here once
// for all rows.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { COMMANDS, openMail } from '../commands.ts';
import { plural } from '../format.ts';
import { Failure } from '../parts/loaded.tsx';
import { go, route } from '../route.ts';
import { MailRow } from './mail-row.tsx';
import { loaded, need, problem, refresh, rows, total, version } from './mailbox.ts';
import { chosen, cursor, cursorIndex, extendTo, isAll, isChosen, toggle } from './selection.ts';
import { view } from './view.ts';

/** As in list.css. */
export const ROW_PX = 58;
/** Browsers draw no boxes that are much higher; longer lists are scrolled in bigger steps. */
const HEIGHT_MAX_PX = 15_000_000;
/** Rows that are drawn above and below those in sight. */
const MARGIN = 6;
/** Rows that are loaded above and below. */
const AHEAD = 40;

export function MailList() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  void version.value;
  const count = rows.length;
  const full = count * ROW_PX;
  const shown = Math.min(full, HEIGHT_MAX_PX);
  // How many pixels of the list one pixel of the scroll bar stands for.
  const scale = shown > height.value ? Math.max(1, (full - height.value) / (shown - height.value)) : 1;
  const offset = top.value * scale;
  const first = Math.max(0, Math.floor(offset / ROW_PX) - MARGIN);
  const last = Math.min(count - 1, Math.ceil((offset + height.value) / ROW_PX) + MARGIN);
  const isShowing = loaded.value && count > 0;

  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    height.value = current.clientHeight;
    const observer = new ResizeObserver(() => {
      height.value = current.clientHeight;
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, [isShowing, height]);

  // What the reader looks at stays where it is while mail comes in above it. At the top the new ones are what is looked at.
  const anchor = useRef({ id: '', index: 0 });
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    const { id, index } = anchor.current;
    const now = id === '' ? -1 : rows.indexOf(id);
    if (now >= 0 && now !== index && current.scrollTop > 0) {
      current.scrollTop += ((now - index) * ROW_PX) / scale;
      top.value = current.scrollTop;
    }
    const at = Math.min(count - 1, Math.ceil((current.scrollTop * scale) / ROW_PX));
    anchor.current = { id: rows.at(at)?.ID ?? '', index: at };
  });

  useEffect(() => {
    view.list = {
      focus: () => box.current?.focus(),
      reveal: (index) => {
        const { current } = box;
        if (current === null) return;
        const at = index * ROW_PX;
        const from = current.scrollTop * scale;
        if (at < from) current.scrollTop = at / scale;
        else if (at + ROW_PX > from + current.clientHeight) {
          current.scrollTop = (at + ROW_PX - current.clientHeight) / scale;
        }
        top.value = current.scrollTop;
      },
    };
  }, [scale, top]);

  useEffect(() => {
    if (loaded.value && count > 0) void need(first - AHEAD, last + AHEAD);
  }, [first, last, count, version.value]);

  useEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    top.value = 0;
  }, [route.value.query]);

  if (problem.value !== '' && count === 0) {
    return (
      <Failure what={route.value.query === '' ? 'list' : 'result'} line={problem.value} again={() => void refresh()} />
    );
  }
  if (!loaded.value) return <Skeleton />;
  if (count === 0) return <Nothing />;

  const drawn = [];
  const now = new Date();
  for (let index = first; index <= last; index++) {
    const row = rows.at(index);
    // Where it is scrolled in bigger steps, rows keep their distance to what is in sight.
    const y = scale === 1 ? index * ROW_PX : top.value + index * ROW_PX - offset;
    drawn.push(
      <MailRow
        key={row?.ID ?? `hole-${index}`}
        row={row}
        y={y}
        index={index}
        count={count}
        now={now}
        isActive={row !== undefined && row.ID === cursor.value}
        isOpen={row !== undefined && route.value.view === 'mail' && row.ID === route.value.id}
        isChosen={row !== undefined && isChosen(row.ID)}
      />,
    );
  }
  const active = cursorIndex.value;
  return (
    <div
      ref={box}
      class={`list scrolls${chosen.value.size > 0 || isAll.value ? ' choosing' : ''}`}
      role="listbox"
      tabIndex={0}
      aria-label={`Mails, ${plural(count, 'mail')}`}
      aria-multiselectable="true"
      aria-activedescendant={active >= first && active <= last ? `row-${cursor.value}` : undefined}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
      onFocus={() => {
        if (cursor.value === '') cursor.value = rows.at(0)?.ID ?? '';
      }}
      onMouseDown={(event) => {
        // A range of rows is meant, not a range of text.
        if (event.shiftKey) event.preventDefault();
      }}
      onClick={click}
      onKeyDown={keyDown}
    >
      <div class="list-all" role="presentation" style={{ height: `${shown}px` }}>
        {drawn}
      </div>
    </div>
  );
}

/** The keys that scroll a box by themselves, and that mean the rows here. */
const OWN_KEYS: Readonly<Record<string, () => void>> = {
  ArrowDown: COMMANDS.next.run,
  ArrowUp: COMMANDS.previous.run,
  Home: COMMANDS.first.run,
  End: COMMANDS.last.run,
  Enter: COMMANDS.open.run,
  ' ': COMMANDS.choose.run,
  Delete: COMMANDS.delete.run,
};

function keyDown(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const run = OWN_KEYS[event.key];
  if (run === undefined) return;
  event.preventDefault();
  run();
}

function click(event: MouseEvent): void {
  if (!(event.target instanceof Element)) return;
  const element = event.target.closest('[data-index]');
  if (element === null) return;
  const index = Number(element.getAttribute('data-index'));
  const row = rows.at(index);
  if (row === undefined) return;
  if (event.shiftKey) void extendTo(index);
  else if (event.ctrlKey || event.metaKey || event.target.closest('.choose') !== null) toggle(row.ID);
  else openMail(row.ID);
}

function Nothing() {
  const { query } = route.value;
  if (query !== '') {
    return (
      <div class="nothing">
        <h2>No mail matches</h2>
        <p>
          {total.value === 0 ? 'The inbox is empty.' : `There are ${plural(total.value, 'mail')} in all.`} New ones that
          match appear here.
        </p>
      </div>
    );
  }
  return (
    <div class="nothing">
      <h2>No mail yet</h2>
      <p>It appears here as soon as it is accepted.</p>
      <button type="button" class="link" onClick={() => go({ view: 'first-mail', id: '' })}>
        How to send the first mail
      </button>
    </div>
  );
}

function Skeleton() {
  return (
    <div class="list" aria-busy="true" role="status" aria-label="Loading the list">
      {Array.from({ length: 12 }, (_, index) => (
        <div class="row hole still" key={index}>
          <span class="bar" />
          <span class="bar long" />
        </div>
      ))}
    </div>
  );
}
