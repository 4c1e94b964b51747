// What a toxic does to one direction of one connection. An effect looks at the first chunk of its queue and says how
// much of it may pass, at what time; the stage that owns it moves the bytes. No sockets, no timers, no queue here.

/** Bytes on their way. */
export interface Chunk {
  readonly bytes: Buffer;
  /** Milliseconds on the chain's clock: when it came, or when the last toxic let it go. */
  readonly at: number;
}

/**
 * How a direction ends: with the source's own end, with a toxic that closes the connection, or with one that resets it.
 * Like bytes it goes through what is left of the chain: a slow close behind a limit delays what the limit has closed.
 */
export type End = 'end' | 'closed' | 'reset';

/** Credit for time that was lost to a late timer or a busy machine: more would be a burst that no such link has. */
export const MAX_CREDIT_MS = 100;

/** A toxic at work. The defaults let everything through. */
export class Effect {
  /** From this time on it closes the connection, whatever comes. */
  closesAt = Number.POSITIVE_INFINITY;
  closesWith: 'closed' | 'reset' = 'closed';
  /** When `look` or `mayEnd` may have a better answer. */
  wakesAt = Number.POSITIVE_INFINITY;
  /** Whether bytes are dropped instead of passed, also while the other end takes none. */
  readonly swallows: boolean = false;
  /** Whether taking the toxic away closes the connection: what was dropped is missing in it. */
  readonly closesOnRemoval: boolean = false;

  /** A chunk, or the rest of one after a change of the toxic, is now the first. */
  begin(_chunk: Chunk, _now: number): void {}

  /** How many bytes of the first chunk may pass now; 0 for none before `wakesAt`. */
  look(chunk: Chunk, _now: number): number {
    return chunk.bytes.length;
  }

  /** So many bytes of the first chunk have passed; `isLast` if none of it is left. */
  passed(_length: number, _isLast: boolean, _now: number): void {}

  /** The time to write on a chunk that passes, for the next toxic. */
  stamp(chunk: Chunk): number {
    return chunk.at;
  }

  /** Everything has passed and the direction has ended: whether its end may pass. */
  mayEnd(_now: number): boolean {
    return true;
  }
}
