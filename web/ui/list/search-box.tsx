// The search field: Enter or a short rest searches; the filters that can be meant are suggested while a word is written.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { overlay } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { go, route } from '../route.ts';
import { problem } from './mailbox.ts';
import { type Suggestion, suggestionsFor, takeSuggestion } from './suggestions.ts';
import { focusList, view } from './view.ts';

const REST_MS = 300;

export function SearchBox() {
  const input = useRef<HTMLInputElement>(null);
  const text = useSignal(route.value.query);
  const chosen = useSignal(-1);
  const isOpen = useSignal(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { query } = route.value;

  useEffect(() => {
    view.search = input.current;
  }, []);
  useEffect(() => {
    // Searched from elsewhere, or Back.
    if (query !== text.peek().trim()) text.value = query;
  }, [query, text]);

  const search = (): void => {
    clearTimeout(timer.current);
    const next = text.peek().trim();
    // A mail that is open stays open; pages give way to the result.
    const { view: now } = route.value;
    go(
      { query: next, ...(now === 'mail' || now === 'inbox' ? {} : { view: 'inbox' as const, id: '' }) },
      now === 'inbox' && query !== '' && next !== '',
    );
  };
  const write = (next: string): void => {
    text.value = next;
    chosen.value = -1;
    isOpen.value = true;
    clearTimeout(timer.current);
    timer.current = setTimeout(search, REST_MS);
  };
  const take = (one: Suggestion): void => {
    write(takeSuggestion(text.peek(), one.insert));
    input.current?.focus();
  };
  const shown = isOpen.value ? suggestionsFor(text.value) : [];

  const keyDown = (event: KeyboardEvent): void => {
    const { key } = event;
    if (key === 'ArrowDown' && shown.length > 0) chosen.value = (chosen.value + 1) % shown.length;
    else if (key === 'ArrowUp' && shown.length > 0)
      chosen.value = ((chosen.value + shown.length) % (shown.length + 1)) - 1;
    else if ((key === 'Enter' || key === 'Tab') && chosen.value >= 0) take(shown[chosen.value]!);
    else if (key === 'Enter') {
      isOpen.value = false;
      search();
      focusList();
    } else if (key === 'Escape') {
      if (shown.length > 0) isOpen.value = false;
      else if (text.value !== '') {
        write('');
        isOpen.value = false;
        search();
      } else input.current?.blur();
    } else return;
    event.preventDefault();
  };

  return (
    <search class="search">
      <div class="search-field">
        <Icon name="search" />
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Search mail"
          aria-expanded={shown.length > 0}
          aria-controls="suggestions"
          aria-autocomplete="list"
          aria-activedescendant={chosen.value >= 0 ? `suggestion-${chosen.value}` : undefined}
          aria-invalid={query !== '' && problem.value !== ''}
          placeholder="Search mail"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          enterkeyhint="search"
          value={text.value}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={keyDown}
          onFocus={() => {
            isOpen.value = true;
          }}
          onBlur={() => {
            isOpen.value = false;
          }}
        />
        {text.value !== '' ? (
          <Button
            icon="close"
            label="Clear the search"
            kind="quiet"
            onClick={() => {
              text.value = '';
              search();
            }}
          />
        ) : (
          <kbd>/</kbd>
        )}
        <Button
          icon="help"
          label="Help on searching"
          kind="quiet"
          onClick={() => {
            overlay.value = { name: 'search-help' };
          }}
        />
      </div>
      <div id="suggestions" class="suggestions" role="listbox" aria-label="Filters" hidden={shown.length === 0}>
        {shown.map((one, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys
          <div
            id={`suggestion-${index}`}
            key={one.insert}
            class="suggestion"
            role="option"
            aria-selected={index === chosen.value}
            // The field keeps the focus.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(one)}
          >
            <code>{one.insert}</code>
            <span>{one.title}</span>
          </div>
        ))}
      </div>
    </search>
  );
}
