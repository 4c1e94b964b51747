// Where each hook stands, kept in the store: the seq of the last mail that it was told of, or that was not for it. Mail
// itself is in the inbox already, so this number is all that a crash must not lose. It is written behind each success: a
// crash in between tells one mail twice, and none never.
import { createHash } from 'node:crypto';
import type { HookOptions } from './options.ts';

export interface HookCursors {
  /** Null for a hook that is new. */
  hookCursor(name: string): Promise<number | null>;
  setHookCursor(name: string, seq: number): Promise<void>;
}

/** What a hook is known by: where it goes and which mail it wants. Hashed, since URLs may hold secrets. */
export function keyOf({ url, query }: HookOptions): string {
  return createHash('sha256').update(`${url.href}\n${query}`).digest('base64url').slice(0, 22);
}
