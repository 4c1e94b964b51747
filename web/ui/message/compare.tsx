// Two mails side by side in what they differ. What differs between any two mails (dates, ids, boundaries) is taken out by
// the server.
import * as api from '../api.ts';
import { backToList, openMail } from '../commands.ts';
import { person, whenFull } from '../format.ts';
import { rows, version } from '../list/mailbox.ts';
import type { Hunk } from '../own-types.ts';
import { Button } from '../parts/button.tsx';
import { closeOverlay, Dialog } from '../parts/dialog.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';
import { go, route } from '../route.ts';

const OFFERED = 30;
const SIGNS: Readonly<Record<Hunk['kind'], string>> = { same: ' ', added: '+', removed: '−' };

/** Which one to compare with: those on the list, the ones with the same subject first. */
export function CompareDialog({ id }: { id: string }) {
  void version.value;
  const subject = rows.get(id)?.Subject;
  const others = [];
  for (let index = 0; index < rows.length && others.length < 200; index++) {
    const row = rows.at(index);
    if (row !== undefined && row.ID !== id) others.push(row);
  }
  const alike = others.filter(({ Subject }) => Subject === subject);
  const offered = [...alike, ...others.filter(({ Subject }) => Subject !== subject)].slice(0, OFFERED);
  return (
    <Dialog title="Compare with" kind="wide">
      {offered.length === 0 && <p>There is no other mail on the list.</p>}
      <ul class="choices">
        {offered.map((row) => (
          <li key={row.ID}>
            <button
              type="button"
              onClick={() => {
                closeOverlay();
                go({ view: 'compare', id: row.ID, other: id });
              }}
            >
              <span class="subject">{row.Subject || '(no subject)'}</span>
              <span class="dim">
                {person(row.From)} · {whenFull(row.Created)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

export function ComparePage() {
  const { id, other } = route.value;
  const [found, again] = useLoaded(`${id} ${other}`, (signal) => api.compare(id, other, signal));
  return (
    <section class="mail compare" aria-label="Comparison">
      <div class="actions" role="toolbar" aria-label="Comparison">
        <Button icon="back" label="Back to the list" hint="u" kind="quiet" onClick={backToList} />
        <span class="space" />
        <Button onClick={() => go({ id: other, other: id }, true)}>Swap</Button>
      </div>
      <header class="mail-head">
        <h1>Comparison</h1>
        <Side sign="−" id={id} kind="removed" />
        <Side sign="+" id={other} kind="added" />
      </header>
      <div class="pane scrolls" tabIndex={0} role="region" aria-label="Differences">
        <Show of={found} what="comparison" again={again}>
          {({ same, headers, text, html, tree }) => (
            <>
              {same && <p class="verdict good check">They are the same, but for dates, ids and boundaries.</p>}
              <Part title="Headers" hunks={headers} />
              <Part title="Text" hunks={text} />
              <Part title="HTML" hunks={html} />
              <Part title="Structure" hunks={tree} />
            </>
          )}
        </Show>
      </div>
    </section>
  );
}

function Side({ sign, id, kind }: { sign: string; id: string; kind: string }) {
  void version.value;
  const row = rows.get(id);
  return (
    <p class="compared">
      <span class={`sign ${kind}`}>{sign}</span>{' '}
      <button type="button" class="link" onClick={() => openMail(id)}>
        {row?.Subject || id}
      </button>{' '}
      {row && <span class="dim">{whenFull(row.Created)}</span>}
    </p>
  );
}

function Part({ title, hunks }: { title: string; hunks: readonly Hunk[] }) {
  const isSame = hunks.every(({ kind }) => kind === 'same');
  return (
    <section class="check">
      <h2>
        {title} {isSame && <span class="dim">no difference</span>}
      </h2>
      {!isSame && (
        <pre class="diff">
          {hunks.map((hunk, index) => (
            <HunkView key={index} hunk={hunk} />
          ))}
        </pre>
      )}
    </section>
  );
}

function HunkView({ hunk: { kind, lines } }: { hunk: Hunk }) {
  return <span class={kind}>{lines.map((line) => `${SIGNS[kind]} ${line}\n`).join('')}</span>;
}
