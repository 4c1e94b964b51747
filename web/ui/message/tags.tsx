// Tags of a mail: shown in its head, edited in a dialog, for one mail or for many.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import * as api from '../api.ts';
import { find } from '../commands.ts';
import { plural } from '../format.ts';
import { tags as known, patch, rows, version } from '../list/mailbox.ts';
import { tellFailure } from '../notices.ts';
import { Button } from '../parts/button.tsx';
import { closeOverlay, Dialog, overlay } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { openMail, patchOpen } from './open-mail.ts';

export function TagLine({ id, tags }: { id: string; tags: readonly string[] }) {
  return (
    <div class="tag-line">
      {tags.map((tag) => (
        <button key={tag} type="button" class="tag" title="Show all with this tag" onClick={() => find(tagQuery(tag))}>
          {tag}
        </button>
      ))}
      <button
        type="button"
        class="tag add"
        onClick={() => {
          overlay.value = { name: 'tag', ids: [id] };
        }}
      >
        <Icon name="plus" />
        {tags.length === 0 ? 'Tag' : <span class="off-screen">Edit tags</span>}
      </button>
    </div>
  );
}

export function tagQuery(tag: string): string {
  return /[\s()"]/.test(tag) ? `tag:"${tag}"` : `tag:${tag}`;
}

function tagsOf(id: string): readonly string[] {
  const open = openMail.peek();
  return rows.get(id)?.Tags ?? (open.state === 'there' && open.mail.ID === id ? open.mail.Tags : []);
}

/** Of many mails: the tags that all of them have; what is added or taken away here is so for each. */
export function TagDialog({ ids }: { ids: readonly string[] }) {
  const common = tagsOf(ids[0]!).filter((tag) => ids.every((id) => tagsOf(id).includes(tag)));
  const tags = useSignal<readonly string[]>(common);
  const text = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const add = (): void => {
    const added = text.value
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean);
    tags.value = [...new Set([...tags.value, ...added])];
    text.value = '';
  };
  const save = async (): Promise<void> => {
    add();
    const lost = common.filter((tag) => !tags.value.includes(tag));
    closeOverlay();
    try {
      await Promise.all([...byTags(ids, tags.value, lost)].map(([, { of, next }]) => saveOne(of, next)));
    } catch (error) {
      tellFailure('Tags not kept', error);
    }
  };
  return (
    <Dialog title={ids.length === 1 ? 'Tags' : `Tags of ${plural(ids.length, 'mail')}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.value.trim() === '') void save();
          else add();
        }}
      >
        <div class="tag-line">
          {tags.value.length === 0 && (
            <span class="dim">{ids.length === 1 ? 'No tags' : 'No tag that all of them have'}</span>
          )}
          {tags.value.map((tag) => (
            <button
              key={tag}
              type="button"
              class="tag"
              aria-label={`Take away ${tag}`}
              onClick={() => {
                tags.value = tags.value.filter((other) => other !== tag);
              }}
            >
              {tag}
              <Icon name="close" />
            </button>
          ))}
        </div>
        <label class="field">
          <span>Add a tag</span>
          <input
            ref={input}
            type="text"
            list="known-tags"
            autocomplete="off"
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
        <datalist id="known-tags">
          {known.value.map((tag) => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
        <div class="dialog-foot">
          <Button onClick={closeOverlay}>Cancel</Button>
          <Button kind="main" onClick={() => void save()}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Mails that get the same tags, together: one request for each such group. */
function byTags(ids: readonly string[], wanted: readonly string[], lost: readonly string[]) {
  const groups = new Map<string, { of: string[]; next: readonly string[] }>();
  for (const id of ids) {
    const kept = tagsOf(id).filter((tag) => !lost.includes(tag));
    const next = [...new Set([...kept, ...wanted])].sort();
    const key = JSON.stringify(next);
    const group = groups.get(key);
    if (group) group.of.push(id);
    else groups.set(key, { of: [id], next });
  }
  return groups;
}

async function saveOne(ids: readonly string[], tags: readonly string[]): Promise<void> {
  await api.setTags(ids, tags);
  patch(ids, { Tags: tags });
  for (const id of ids) patchOpen(id, tags);
  known.value = [...new Set([...known.value, ...tags])].sort();
  version.value++;
}
