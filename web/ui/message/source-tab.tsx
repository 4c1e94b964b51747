// The source: the mail as it came, or its HTML, or its text, with a search in it. Of a long mail only its beginning is
// fetched; the rest is for a download.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import * as api from '../api.ts';
import type { Message } from '../api-types.ts';
import { size } from '../format.ts';
import { Button, CopyButton } from '../parts/button.tsx';
import { type Loaded, Show, useLoaded } from '../parts/loaded.tsx';
import { FindBar } from './find-bar.tsx';

const SHOWN_BYTES = 1_000_000;

interface Beginning {
  readonly text: string;
  readonly isWhole: boolean;
}

/** HTML and text came with the mail. */
const NOT_ASKED: Loaded<Beginning> = { state: 'there', value: { text: '', isWhole: true } };

type Kind = 'raw' | 'html' | 'text';

export function SourceTab({ mail }: { mail: Message }) {
  const kind = useSignal<Kind>('raw');
  const kinds: readonly (readonly [Kind, string])[] = [
    ['raw', 'Mail'],
    ...(mail.HTML === '' ? [] : [['html', 'HTML'] as const]),
    ...(mail.Text === '' ? [] : [['text', 'Text'] as const]),
  ];
  const [raw, again] = useLoaded(mail.ID, (signal) => beginning(mail.ID, signal));
  const body = useRef<HTMLPreElement>(null);
  const text =
    kind.value === 'html' ? mail.HTML : kind.value === 'text' ? mail.Text : raw.state === 'there' ? raw.value.text : '';
  const isCut = kind.value === 'raw' && raw.state === 'there' && !raw.value.isWhole;

  useEffect(() => {
    body.current?.scrollTo(0, 0);
  }, [kind.value]);

  return (
    <div class="pane">
      <div class="pane-bar">
        <div class="group" role="group" aria-label="Source of">
          {kinds.map(([id, title]) => (
            <Button
              key={id}
              kind="quiet"
              pressed={kind.value === id}
              onClick={() => {
                kind.value = id;
              }}
            >
              {title}
            </Button>
          ))}
        </div>
        <FindBar within={body} text={text} />
        <span class="space" />
        <CopyButton text={text} label="Copy what is shown" />
        <a
          class="button quiet bare"
          href={api.rawAddress(mail.ID)}
          target="_blank"
          rel="noopener noreferrer"
          title="The bytes as they came"
        >
          <span>Raw</span>
        </a>
      </div>
      {isCut && (
        <p class="strip">
          The first {size(SHOWN_BYTES)} of {size(mail.Size)}.{' '}
          <a href={api.rawAddress(mail.ID, true)}>Download the mail</a>
        </p>
      )}
      <Show of={kind.value === 'raw' ? raw : NOT_ASKED} what="source" again={again}>
        {() => (
          <pre class="source scrolls" ref={body} tabIndex={0} role="region" aria-label="Source">
            {text}
          </pre>
        )}
      </Show>
    </div>
  );
}

async function beginning(id: string, signal: AbortSignal): Promise<Beginning> {
  const response = await api.raw(id, signal);
  const reader = response.body!.getReader();
  // What is no UTF-8 shows as such; nothing is guessed.
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), isWhole: true };
    const rest = SHOWN_BYTES - bytes;
    text += decoder.decode(value.subarray(0, rest), { stream: true });
    bytes += value.length;
    if (bytes > SHOWN_BYTES) {
      await reader.cancel();
      return { text, isWhole: false };
    }
  }
}
