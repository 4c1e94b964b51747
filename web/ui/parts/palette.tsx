// The command palette: everything that can be done, found by a few letters of it, and the search itself.
import { useSignal } from '@preact/signals';
import { COMMANDS, type Command, find } from '../commands.ts';
import { keyTitle } from '../keys.ts';
import { tags } from '../list/mailbox.ts';
import { tagQuery } from '../message/tags.tsx';
import { closeOverlay, Dialog } from './dialog.tsx';

interface Entry {
  readonly title: string;
  readonly aside: string;
  readonly keys?: string;
  run(): void;
}

const SHOWN = 12;
const HIDDEN: ReadonlySet<Command> = new Set<Command>([COMMANDS.palette, COMMANDS.escape]);

export function Palette() {
  const text = useSignal('');
  const at = useSignal(0);
  const entries = entriesFor(text.value.trim());
  const chosen = Math.min(at.value, entries.length - 1);

  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    closeOverlay();
    // The dialog has given back the focus by then.
    queueMicrotask(() => entry.run());
  };
  const keyDown = (event: KeyboardEvent): void => {
    const { key } = event;
    if (key === 'ArrowDown') at.value = (chosen + 1) % entries.length;
    else if (key === 'ArrowUp') at.value = (chosen + entries.length - 1) % entries.length;
    else if (key === 'Enter') run(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Commands" kind="palette" bare>
      <input
        type="text"
        role="combobox"
        aria-label="Command"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={entries.length > 0 ? `command-${chosen}` : undefined}
        placeholder="What to do, or what to search for"
        spellcheck={false}
        autocomplete="off"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={keyDown}
      />
      <div id="commands" role="listbox" aria-label="Commands">
        {entries.map((entry, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys
          <div
            id={`command-${index}`}
            key={`${entry.aside} ${entry.title}`}
            role="option"
            class="command"
            aria-selected={index === chosen}
            onMouseMove={() => {
              at.value = index;
            }}
            onClick={() => run(entry)}
          >
            <span>{entry.title}</span>
            <span class="dim">{entry.aside}</span>
            {entry.keys && <kbd>{entry.keys}</kbd>}
          </div>
        ))}
      </div>
    </Dialog>
  );
}

function entriesFor(text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (title: string): boolean => words.every((word) => title.toLowerCase().includes(word));
  const commands = (Object.values(COMMANDS) as Command[])
    .filter((command) => !HIDDEN.has(command) && fits(`${command.title} ${command.group}`))
    .map((command) => ({
      title: command.title,
      aside: command.group,
      ...(command.keys ? { keys: keyTitle(command.keys[0]!) } : {}),
      run: command.run,
    }));
  if (words.length === 0) return commands.slice(0, SHOWN);
  const tagged = tags.value
    .filter((tag) => fits(`tag ${tag}`))
    .slice(0, 5)
    .map((tag) => ({ title: tag, aside: 'Tag', run: () => find(tagQuery(tag)) }));
  const search = { title: `Search for ${text}`, aside: 'Find', run: () => find(text) };
  return [...[...commands, ...tagged].slice(0, SHOWN), search];
}
