// What an effect is: what it matches, and what it then does. Plain data, as parse.ts reads it from a line such as
// `client DATA #1: answer 451 4.3.0 come later`. docs/proxy-effects.md has the grammar.
import type { SideName } from '../dialogue/event.ts';
import type { Kind } from '../profiles/profile.ts';

export type Action =
  /** Goes on so much later, and everything behind it too. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Bytes a second. */
  | { readonly type: 'throttle'; readonly rate: number }
  /** In pieces that end at every edge of a line's end, so many milliseconds apart. */
  | { readonly type: 'slice'; readonly ms: number }
  /** Flips a bit in each of `count` bytes, chosen by chance, or in those from `at` on. */
  | { readonly type: 'corrupt'; readonly count: number; readonly at: number | null }
  | { readonly type: 'rewrite'; readonly find: RegExp; readonly to: string }
  /** Takes it away: the other side never hears of it. */
  | { readonly type: 'drop' }
  /** Takes it away, and answers in the server's place. */
  | { readonly type: 'answer'; readonly text: string }
  /** Passes its beginning, and ends the connection there. */
  | { readonly type: 'cut'; readonly where: number | 'middle' | 'crlf'; readonly end: 'close' | 'reset' }
  /** Ends the connection before it. */
  | { readonly type: 'close' }
  | { readonly type: 'reset' }
  /** Of a connection: closed before the upstream is asked. */
  | { readonly type: 'refuse' };

export interface Rule {
  /** As it was written. */
  readonly text: string;
  readonly on: SideName | 'connect';
  /** The kinds of frames that it looks at. */
  readonly kinds: ReadonlySet<Kind>;
  /** In capitals. */
  readonly verb: string | null;
  readonly pattern: RegExp | null;
  /** Which of those that match, from 1. */
  readonly first: number;
  readonly last: number;
  readonly every: number;
  /** Whether they are counted anew in each connection. */
  readonly isEach: boolean;
  /** Numbers of connections. */
  readonly firstConn: number;
  readonly lastConn: number;
  /** From 0 to 1. */
  readonly chance: number;
  /** Undefined: another one each time. */
  readonly seed: number | undefined;
  readonly actions: readonly Action[];
}

/** What has the shape of a line. */
export const LINES: readonly Kind[] = ['command', 'reply', 'line', 'header', 'secret'];
