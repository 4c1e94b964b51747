// What is attached: names and sizes in a line, images and text to look at without leaving the page. Nothing else is
// shown in the page: what a browser makes of a stranger's file is its own affair, in a page of its own.
import { useSignal } from '@preact/signals';
import * as api from '../api.ts';
import type { Attachment, Message } from '../api-types.ts';
import { size } from '../format.ts';
import { ask } from '../http.ts';
import { Button, CopyButton } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';

/** SVG is not among them: it is a document. */
const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)$/;
const TEXT = /^(?:text\/|message\/|application\/(?:json|xml|ics|x-ndjson|yaml))|\+(?:json|xml)$/;
const TEXT_SHOWN = 200_000;

export function Attachments({ mail }: { mail: Message }) {
  const shown = useSignal<string | null>(null);
  const all = [...mail.Attachments, ...mail.Inline];
  const part = all.find(({ PartID }) => PartID === shown.value);
  return (
    <div class="attachments">
      <ul aria-label="Attachments">
        {all.map((one) => (
          <li key={one.PartID}>
            <button
              type="button"
              class="attachment"
              aria-expanded={one.PartID === shown.value}
              title={`${one.ContentType}, ${size(one.Size)}`}
              onClick={() => {
                shown.value = one.PartID === shown.value ? null : one.PartID;
              }}
            >
              {IMAGE.test(one.ContentType) ? (
                <img src={api.thumbAddress(mail.ID, one.PartID)} alt="" width={36} height={24} loading="lazy" />
              ) : (
                <Icon name="clip" />
              )}
              <span class="name">{one.FileName}</span>
              <span class="dim">{size(one.Size)}</span>
              {mail.Inline.includes(one) && <span class="dim">inline</span>}
            </button>
          </li>
        ))}
      </ul>
      {part && (
        <Preview
          id={mail.ID}
          part={part}
          close={() => {
            shown.value = null;
          }}
        />
      )}
    </div>
  );
}

function Preview({ id, part, close }: { id: string; part: Attachment; close: () => void }) {
  const address = api.partAddress(id, part.PartID);
  const { SHA256 } = part.Checksums;
  return (
    <section class="preview" aria-label={`Preview of ${part.FileName}`}>
      <div class="pane-bar">
        <strong class="name">{part.FileName}</strong>
        <span class="dim">
          {part.ContentType}, {size(part.Size)}
        </span>
        <span class="space" />
        <a class="button quiet bare" href={address} target="_blank" rel="noopener noreferrer">
          <Icon name="open" />
          <span>Open</span>
        </a>
        <a class="button quiet bare" href={address} download={part.FileName}>
          <Icon name="download" />
          <span>Download</span>
        </a>
        <Button icon="close" label="Close the preview" kind="quiet" onClick={close} />
      </div>
      {IMAGE.test(part.ContentType) && <img class="preview-image" src={address} alt={part.FileName} />}
      {TEXT.test(part.ContentType) && <TextPreview key={part.PartID} id={id} part={part} />}
      <p class="checksum">
        <span class="dim">SHA-256</span> <code>{SHA256}</code> <CopyButton text={SHA256} label="Copy the checksum" />
      </p>
    </section>
  );
}

function TextPreview({ id, part }: { id: string; part: Attachment }) {
  const [text, again] = useLoaded(`${id}/${part.PartID}`, async (signal) => {
    const response = await ask(api.partAddress(id, part.PartID), { signal });
    return (await response.text()).slice(0, TEXT_SHOWN);
  });
  return (
    <Show of={text} what="preview" again={again}>
      {(shown) => (
        <pre class="preview-text scrolls" tabIndex={0} role="region" aria-label="Text of the attachment">
          {shown}
        </pre>
      )}
    </Show>
  );
}
