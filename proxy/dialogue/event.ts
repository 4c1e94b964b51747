// What happens on a proxied connection, as those see it who watch, record or replay it. Plain data.
import type { Kind } from '../profiles/profile.ts';

/** What stands in the place of each byte of a secret: offsets, lengths and counts stay what they were. */
export const MASK = '*';

/** What an event is about besides frames. */
export type Happening =
  | {
      readonly type: 'open';
      readonly client: string;
      readonly upstream: string;
      readonly protocol: string;
      /** It carries data for this connection (FTP). */
      readonly of?: number;
    }
  /** A direction has ended in order: its bytes are all there. */
  | { readonly type: 'end'; readonly from: SideName }
  | { readonly type: 'close'; readonly bytesUp: number; readonly bytesDown: number; readonly error: string }
  /** What is spoken was not given, and was found out by the words of `from`. */
  | { readonly type: 'protocol'; readonly from: SideName; readonly protocol: string }
  | { readonly type: 'note'; readonly from: SideName; readonly text: string }
  /** The linter has found something in what `from` said; `offset` is of the frame. */
  | {
      readonly type: 'finding';
      readonly from: SideName;
      readonly check: string;
      readonly text: string;
      readonly offset: number;
    }
  /** All that the linter has found, at the end. */
  | { readonly type: 'lint'; readonly findings: Readonly<Record<string, number>> };

export type SideName = 'client' | 'server';

interface Placed {
  readonly seq: number;
  readonly conn: number;
  /** Milliseconds since the epoch, with a fraction. */
  readonly time: number;
}

/** A frame, or a piece of one that is too long to be kept whole. */
export interface FrameEvent extends Placed {
  readonly type: 'frame';
  readonly from: SideName;
  readonly kind: Kind;
  /** Of its first byte in the stream of its direction. */
  readonly offset: number;
  /** Exactly what passed, the terminator included, but for secrets. */
  readonly bytes: Buffer;
  /** How many bytes at the end are the terminator. */
  readonly terminator: number;
  /** Which bytes are secret. */
  readonly secret: { readonly from: number; readonly to: number } | null;
  /** Milliseconds since the request that it answers, in the frame that ends the answer. */
  readonly latency: number | null;
  /** `seq` of the request's last frame. */
  readonly answers: number | null;
  /** The frame goes on in the next event of its direction. */
  readonly more: boolean;
  /** The frame is whole, and the message goes on. */
  readonly part: boolean;
  /** Cut because it was longer than what is kept. */
  readonly truncated: boolean;
  /** No terminator has come: a prompt, or the end of the stream. */
  readonly open: boolean;
  /** The effects that have touched it, as they were written. */
  readonly effects?: readonly string[];
}

export type DialogueEvent = FrameEvent | (Placed & Happening);
