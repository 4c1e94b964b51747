// The bar over the list: how much there is, and what can be done with what is chosen.
import { askDeleteAll, COMMANDS, deleteTarget, mark } from '../commands.ts';
import { number, plural } from '../format.ts';
import { Button } from '../parts/button.tsx';
import { overlay } from '../parts/dialog.tsx';
import { go, route } from '../route.ts';
import { loaded, rows, unread, version } from './mailbox.ts';
import { chooseAll, chosen, chosenCount, clear, isAll, target } from './selection.ts';

export function Toolbar() {
  const count = chosenCount.value;
  return (
    <div class="toolbar" role="toolbar" aria-label="Mails">
      {count > 0 ? <ChosenBar count={count} /> : <PlainBar />}
    </div>
  );
}

function ChosenBar({ count }: { count: number }) {
  const ids = [...chosen.value];
  const markChosen = (read: boolean): void => {
    const which = target();
    if (which !== null) void mark(which, read);
  };
  return (
    <>
      <Button icon="close" label="Choose none" hint="Esc" kind="quiet" onClick={clear} />
      <span class="count">{number(count)} chosen</span>
      {!isAll.value && count < rows.length && (
        <button type="button" class="link" onClick={chooseAll}>
          All {number(rows.length)}
        </button>
      )}
      <span class="space" />
      {ids.length === 2 && (
        <Button
          icon="compare"
          label="Compare the two"
          hint="c"
          kind="quiet"
          onClick={() => go({ view: 'compare', id: ids[1]!, other: ids[0]! })}
        />
      )}
      {!isAll.value && (
        <Button
          icon="tag"
          label="Edit tags"
          hint="t"
          kind="quiet"
          onClick={() => {
            overlay.value = { name: 'tag', ids };
          }}
        />
      )}
      <Button icon="read" label="Mark read" kind="quiet" onClick={() => markChosen(true)} />
      <Button icon="unread" label="Mark unread" kind="quiet" onClick={() => markChosen(false)} />
      <Button icon="trash" label="Delete" hint="#" kind="quiet" onClick={deleteTarget} />
    </>
  );
}

function PlainBar() {
  void version.value;
  const { query } = route.value;
  const all = !loaded.value ? '' : query === '' ? plural(rows.length, 'mail') : `${number(rows.length)} found`;
  return (
    <>
      <span class="count" role="status">
        {all}
        {loaded.value && query === '' && unread.value > 0 && <span class="dim">, {number(unread.value)} unread</span>}
      </span>
      <span class="space" />
      <Button
        icon="read"
        label={query === '' ? 'Mark everything read' : 'Mark all found read'}
        kind="quiet"
        disabled={rows.length === 0}
        onClick={COMMANDS.allRead.run}
      />
      <Button
        icon="trash"
        label={query === '' ? 'Delete everything' : 'Delete all found'}
        kind="quiet"
        disabled={rows.length === 0}
        onClick={askDeleteAll}
      />
    </>
  );
}
