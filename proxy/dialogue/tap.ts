// Who gets all that is said on a connection as it was framed: whoever lets it pass, changes it, checks it.
import type { Kind } from '../profiles/profile.ts';
import type { SideName } from './event.ts';

export interface Tap {
  /** Nothing is to be told for now: what passes is framed as if nobody listened. */
  readonly isAsleep?: boolean;
  /** What it answers is for the journal. */
  framed(from: SideName, kind: Kind, bytes: Buffer, about: About): Remark | null;
  /** A frame is done with, and the next one has not begun. */
  between?(): void;
  /** From here on it cannot be framed any more. */
  broken?(from: SideName, why: string, offset: number): void;
  /** Bytes were said in the clear where TLS should begin, and go nowhere. */
  plaintext?(from: SideName, size: number, offset: number): void;
  /** All that was said before was framed. */
  ended(from: SideName): void;
}

export interface Remark {
  /** In place of what the profile remarks; '' for nothing. */
  readonly note?: string;
  /** The effects that have touched the frame. */
  readonly effects?: readonly string[];
}

/** What is known of a frame. */
export interface About {
  /** Of its first byte in the stream of its direction. */
  readonly offset: number;
  /** It goes on in the next one of its direction; its end may come without a byte. */
  readonly more: boolean;
  /** The message goes on behind it. */
  readonly part: boolean;
  /** Its length was announced. */
  readonly counted: boolean;
  /** It came before the word that it should have waited for. */
  readonly early: boolean;
  /** Requests that it makes, and the tag of the last one. */
  readonly asks: number;
  readonly tag: string | undefined;
}
