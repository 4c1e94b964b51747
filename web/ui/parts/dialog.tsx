// Dialogs over the page: the browser's own, which keep the focus inside, close with Esc and give the focus back. One at
// a time, by name, so that keys and buttons open the same one.
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Button } from './button.tsx';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button says that does it. */
  readonly action: string;
  run(): void;
}

export type Overlay =
  | { readonly name: 'palette' | 'keys' | 'search-help' }
  | { readonly name: 'ask'; readonly question: Question }
  | { readonly name: 'release'; readonly id: string }
  | { readonly name: 'tag'; readonly ids: readonly string[] }
  | { readonly name: 'compare'; readonly id: string };

export const overlay = signal<Overlay | null>(null);

export function closeOverlay(): void {
  overlay.value = null;
}

export function ask(question: Question): void {
  overlay.value = { name: 'ask', question };
}

interface DialogProps {
  readonly title: string;
  readonly kind?: string;
  /** Without a bar that shows the title. */
  readonly bare?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, kind = '', bare = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before anything is drawn: what is typed next is for the dialog already.
  useLayoutEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => current?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it; the key that does is Esc
    <dialog
      ref={dialog}
      class={`dialog ${kind}`}
      aria-label={title}
      onClose={closeOverlay}
      onClick={(event) => {
        if (event.target === dialog.current) closeOverlay();
      }}
    >
      <div class="dialog-body">
        {!bare && (
          <header class="dialog-head">
            <h2>{title}</h2>
            <Button icon="close" label="Close" hint="Esc" kind="quiet" onClick={closeOverlay} />
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}

export function AskDialog({ question: { title, text, action, run } }: { question: Question }) {
  return (
    <Dialog title={title}>
      <p>{text}</p>
      <div class="dialog-foot">
        <Button onClick={closeOverlay}>Cancel</Button>
        <Button
          kind="danger"
          onClick={() => {
            closeOverlay();
            run();
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
