// The MIME tree as it is.
import type { MimeNode } from '../../../relay/inbox/parsed-mail.ts';
import * as api from '../api.ts';
import { plural, size } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { Show, useLoaded } from '../parts/loaded.tsx';

export function StructureTab({ id }: { id: string }) {
  const [tree, again] = useLoaded(id, (signal) => api.structure(id, signal));
  return (
    <div class="pane scrolls" tabIndex={0} role="region" aria-label="Structure">
      <Show of={tree} what="structure" again={again}>
        {(root) => (
          <ul class="tree">
            <Node id={id} node={root} />
          </ul>
        )}
      </Show>
    </div>
  );
}

function Node({ id, node }: { id: string; node: MimeNode }) {
  const { partId, contentType, contentTypeHeader, encoding, disposition, fileName, contentId, children } = node;
  const isLeaf = children.length === 0;
  const facts = [
    encoding,
    disposition,
    contentId !== '' && `id ${contentId}`,
    isLeaf ? size(node.size) : plural(children.length, 'part'),
  ].filter(Boolean);
  return (
    <li>
      <div class="node" title={contentTypeHeader}>
        <span class="part-id">{partId || 'mail'}</span>
        <span class="type">{contentType}</span>
        {fileName !== '' && <span class="name">{fileName}</span>}
        <span class="dim">{facts.join(' · ')}</span>
        {isLeaf && partId !== '' && (
          <a
            class="button quiet bare"
            href={api.partAddress(id, partId)}
            download={fileName || `part-${partId}`}
            title="Download this part"
          >
            <Icon name="download" />
            <span class="off-screen">Download part {partId}</span>
          </a>
        )}
      </div>
      {!isLeaf && (
        <ul>
          {children.map((child) => (
            <Node key={child.partId} id={id} node={child} />
          ))}
        </ul>
      )}
    </li>
  );
}
