// The header fields in their order: decoded, or as they are written.
import { useSignal } from '@preact/signals';
import * as api from '../api.ts';
import { Button } from '../parts/button.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';

export function HeadersTab({ id }: { id: string }) {
  const [fields, again] = useLoaded(id, (signal) => api.headers(id, signal));
  const filter = useSignal('');
  const isRaw = useSignal(false);
  return (
    <div class="pane">
      <div class="pane-bar">
        <input
          type="text"
          class="filter"
          placeholder="Filter"
          aria-label="Filter the fields"
          value={filter.value}
          onInput={(event) => {
            filter.value = event.currentTarget.value;
          }}
        />
        <span class="space" />
        <Button
          kind="quiet"
          pressed={isRaw.value}
          onClick={() => {
            isRaw.value = !isRaw.value;
          }}
        >
          As written
        </Button>
      </div>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Header fields">
        <Show of={fields} what="header fields" again={again}>
          {(all) => {
            const word = filter.value.trim().toLowerCase();
            const shown = all.filter(({ name, value }) => `${name}: ${value}`.toLowerCase().includes(word));
            if (shown.length === 0)
              return (
                <p class="nothing-here">{word === '' ? 'This mail has no header.' : 'No field has this in it.'}</p>
              );
            return (
              <table class="fields">
                <tbody>
                  {shown.map(({ name, raw, value }, index) => (
                    <tr key={index}>
                      <th scope="row">{name}</th>
                      <td>{isRaw.value ? raw : value}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            );
          }}
        </Show>
      </div>
    </div>
  );
}
