// The text of a mail, with its links to follow.
import { useSignal } from '@preact/signals';
import type { Message } from '../api-types.ts';
import { size } from '../format.ts';
import { Button, CopyButton } from '../parts/button.tsx';

const SHOWN = 200_000;
const LINK = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;

export function TextTab({ mail }: { mail: Message }) {
  const isWhole = useSignal(false);
  const { Text } = mail;
  if (Text.trim() === '') return <p class="pane nothing-here">This mail has no text.</p>;
  const shown = isWhole.value ? Text : Text.slice(0, SHOWN);
  return (
    <div class="pane">
      <div class="pane-bar">
        <span class="dim">{size(Text.length)}</span>
        <span class="space" />
        <CopyButton text={Text} label="Copy the text" />
      </div>
      <pre class="text scrolls" tabIndex={0} aria-label="The text of the mail" role="region">
        {linked(shown)}
      </pre>
      {shown.length < Text.length && (
        <div class="pane-foot">
          <Button
            onClick={() => {
              isWhole.value = true;
            }}
          >
            Show all of it
          </Button>
        </div>
      )}
    </div>
  );
}

function linked(text: string) {
  const out = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    out.push(text.slice(at, found.index));
    out.push(
      <a key={found.index} href={found[0]} target="_blank" rel="noopener noreferrer">
        {found[0]}
      </a>,
    );
    at = found.index + found[0].length;
  }
  out.push(text.slice(at));
  return out;
}
