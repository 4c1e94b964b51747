// The shapes around the framer: what it tells of a frame, what it calls, what it can be told.
import type { Clock } from './clock.ts';
import type { OverlongPolicy } from './terminator.ts';

export interface FrameInfo {
  /** Bytes of the frame, without its terminator; of a truncated one, the bytes that were delivered. */
  readonly length: number;
  /** Where the frame began: bytes fed before its first. */
  readonly offset: number;
  /** The byte string that ended it (the very array that was given to setTerminator); null for a count or a cut. */
  readonly terminator: Uint8Array | null;
  /** The frame passed `maxFrame`: there was more of it. */
  readonly truncated: boolean;
  /** When the latest chunk was fed, milliseconds since the epoch. */
  readonly receivedAt: number;
}

export interface FrameSink {
  /** A piece of the frame: chunk[start, end). A view: copy what you keep (a kept view holds the whole chunk). */
  slice(chunk: Buffer, start: number, end: number): void;
  /** The frame is complete. While a returned promise is pending nothing more is delivered. */
  terminator(info: FrameInfo): void | PromiseLike<void>;
  /** The frame passed `maxFrame` under 'error' or 'discard'. Once a frame. */
  overlong?(info: FrameInfo): void;
}

export interface FramerOptions {
  /** Default limit of a frame in bytes. Default: none, since the framer itself keeps nothing of a frame. */
  maxFrame?: number;
  /** Default policy for longer ones. Default: 'error'. */
  overlong?: OverlongPolicy;
  /** Frames delivered before other work gets a turn. Default: no limit. */
  framesPerTurn?: number;
  clock?: Clock;
  /** Takes what a callback threw or rejected with, instead of feed(); delivery then goes on with the next frame. */
  onError?(error: unknown): void;
  /** Runs each turn of the loop: a place to gather what the callbacks of one turn send. Must call `run` once. */
  turn?(run: () => void): void;
  /** Called when delivery stops: everything is consumed, or held, or paused. */
  onIdle?(): void;
}

export interface FramerStats {
  /** Bytes fed. */
  bytes: number;
  /** Frames completed, truncated ones included. */
  frames: number;
  /** Pieces delivered. */
  pieces: number;
  /** The longest frame. */
  longest: number;
  /** Bytes held back now, because they may begin a terminator. */
  held: number;
  /** Frames that passed their limit. */
  overlong: number;
  /** Runs of the loop, and how many of them stopped at `framesPerTurn`. */
  turns: number;
  yields: number;
}
