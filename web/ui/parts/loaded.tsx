// What comes from the server and is shown when it is there: asked for again when what it depends on changes, dropped
// when it is not wanted any more.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { AskError, lineOf } from '../http.ts';
import { Button } from './button.tsx';

export type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly line: string; readonly status: number }
  | { readonly state: 'there'; readonly value: T };

/** `again` asks once more. While it does, what was there before with the same key stays. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): [Loaded<T>, again: () => void] {
  const [found, setFound] = useState<{ key: string; loaded: Loaded<T> }>({ key: '', loaded: { state: 'loading' } });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const set = (loaded: Loaded<T>): void => {
      if (!abort.signal.aborted) setFound({ key, loaded });
    };
    load(abort.signal).then(
      (value) => set({ state: 'there', value }),
      (error: unknown) =>
        set({ state: 'failed', line: lineOf(error), status: error instanceof AskError ? error.status : 0 }),
    );
    return () => abort.abort();
  }, [key, turn]);
  return [found.key === key ? found.loaded : { state: 'loading' }, () => setTurn((last) => last + 1)];
}

interface ShowProps<T> {
  readonly of: Loaded<T>;
  readonly what: string;
  readonly again?: () => void;
  readonly children: (value: T) => ComponentChildren;
}

export function Show<T>({ of, what, again, children }: ShowProps<T>) {
  if (of.state === 'there') return <>{children(of.value)}</>;
  if (of.state === 'failed') return <Failure what={what} line={of.line} {...(again ? { again } : {})} />;
  return (
    <p class="loading" role="status">
      Loading {what} …
    </p>
  );
}

export function Failure({ what, line, again }: { what: string; line: string; again?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p>
        <strong>No {what}.</strong> {line}
      </p>
      {again && <Button onClick={again}>Try again</Button>}
    </div>
  );
}
