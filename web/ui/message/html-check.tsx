// What mail clients make of the HTML, by the data of caniemail.com.
import * as api from '../api.ts';
import type { HtmlCheck, HtmlWarning } from '../api-types.ts';
import { Show, useLoaded } from '../parts/loaded.tsx';

export function HtmlCheckView({ id }: { id: string }) {
  const [found, again] = useLoaded<HtmlCheck>(id, (signal) => api.htmlCheck(id, signal));
  return (
    <section class="check">
      <h2>HTML in mail clients</h2>
      <Show of={found} what="result" again={again}>
        {({ Total, Warnings }) => (
          <>
            <Meter of={Total} title={`${percent(Total.Supported)} of what it uses is supported`} />
            <p class="dim">
              {percent(Total.Supported)} supported, {percent(Total.Partial)} in part, {percent(Total.Unsupported)} not;{' '}
              {Total.Tests} tests over {Total.Nodes} elements.
            </p>
            {[...(Warnings ?? [])]
              .sort((a, b) => b.Score.Unsupported - a.Score.Unsupported || b.Score.Partial - a.Score.Partial)
              .map((warning) => (
                <Warning key={warning.Slug} of={warning} />
              ))}
            <p class="dim">
              Data:{' '}
              <a href="https://www.caniemail.com/" target="_blank" rel="noopener noreferrer">
                caniemail.com
              </a>
            </p>
          </>
        )}
      </Show>
    </section>
  );
}

function Warning({ of }: { of: HtmlWarning }) {
  const bad = of.Results.filter(({ Support }) => Support !== 'yes');
  return (
    <details class="warning">
      <summary>
        <code>{of.Title}</code>
        <span class="dim">{of.Score.Found} ×</span>
        <Meter of={of.Score} title={`${percent(of.Score.Supported)} supported`} />
        <span class="number">{percent(of.Score.Supported)}</span>
      </summary>
      {of.Description !== '' && <p>{of.Description.replaceAll(/<[^>]*>/g, '')}</p>}
      <ul class="clients">
        {bad.map(({ Name, Platform, Support, NoteNumber, Version }) => (
          <li key={`${Name} ${Platform} ${Version}`}>
            <span class={`badge ${Support === 'no' ? 'error' : 'warning'}`}>{Support === 'no' ? 'no' : 'in part'}</span>{' '}
            {Name}{' '}
            <span class="dim">
              {Version} {NoteNumber !== '' && of.NotesByNumber[NoteNumber]}
            </span>
          </li>
        ))}
      </ul>
      <p>
        <a href={of.URL} target="_blank" rel="noopener noreferrer">
          More about it
        </a>
      </p>
    </details>
  );
}

function Meter({ of, title }: { of: { Supported: number; Partial: number }; title: string }) {
  return (
    <span class="meter" role="img" aria-label={title}>
      <span class="yes" style={{ width: `${of.Supported}%` }} />
      <span class="partial" style={{ width: `${of.Partial}%` }} />
    </span>
  );
}

function percent(value: number): string {
  return `${Math.round(value)} %`;
}
