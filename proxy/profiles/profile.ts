// What a profile is: the knowledge of one protocol that the proxy needs to show its dialogue. A profile says of each
// direction which terminator it waits for, what a frame is, and what in it is secret. It sees bytes beside their way:
// nothing that it does, fails to do or throws delays or changes what is passed on.
import type { Terminator } from '../../src/terminator.ts';

/** What a frame can be. The position is the number under which the journal keeps it. */
export const KINDS = ['command', 'reply', 'line', 'header', 'body', 'literal', 'secret', 'raw', 'tls'] as const;
export type Kind = (typeof KINDS)[number];

/** What one direction says next. Compared by identity: make each once. */
export interface Mode {
  readonly kind: Kind;
  readonly terminator: Terminator;
  /** Shown piece by piece as it comes; the profile is told of its end only. For what has no bound. */
  readonly piecewise?: true;
  /** As in TerminatorOptions: an end of data may be the first that comes. */
  readonly precededBy?: Uint8Array;
}

export const CRLF = Buffer.from('\r\n');
export const LF = Buffer.from('\n');
const DOT_END = Buffer.from('\r\n.\r\n');

/** Counted bytes up to this many are one frame; more are shown piece by piece. */
const WHOLE = 16_384;

/** A line that ends with LF; a CR before it is no part of it. */
export const lineOf = (kind: Kind): Mode => ({ kind, terminator: LF });
/** A line that ends with CRLF and nothing else. */
export const strictLineOf = (kind: Kind): Mode => ({ kind, terminator: CRLF });
/** Text up to CRLF.CRLF, of which the first CRLF may be that of the line before. */
export const DOTTED: Mode = { kind: 'body', terminator: DOT_END, precededBy: CRLF, piecewise: true };
/** Everything until the direction ends. */
export const ENDLESS: Mode = { kind: 'body', terminator: null, piecewise: true };
/** `count` bytes; at least one, since a terminator of 0 would collect for ever. */
export function counted(count: number, kind: Kind): Mode {
  return count > WHOLE ? { kind, terminator: count, piecewise: true } : { kind, terminator: count };
}

/** A complete frame, without its terminator. One object for all of them: valid during the call only. */
export class Frame {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** 'truncated': longer than the limit, this is the beginning. 'open': no terminator has come (yet). */
  state: 'whole' | 'truncated' | 'open' = 'whole';

  get length(): number {
    return this.end - this.start;
  }

  text(): string {
    return this.bytes.toString('latin1', this.start, this.end);
  }

  /** The first word in capitals, at most 16 bytes of it. */
  word(): string {
    const { bytes, start } = this;
    const limit = Math.min(this.end, start + 16);
    let end = start;
    while (end < limit && bytes[end] !== 0x20) end++;
    return bytes.toString('latin1', start, end).toUpperCase();
  }
}

/** One direction, as a profile sees it. */
export interface Side {
  /** What it says next: from the byte behind the frame in hand, or, for the other direction, from its next frame. */
  next(mode: Mode): void;
  /** Looks at nothing more of it until release(): what comes means one thing or another, as the peer will say. */
  hold(): void;
  release(): void;
}

/** What comes behind the end of a protocol. */
export type Rest = 'tls' | 'data' | 'broken';

/** What a profile is given: the two directions, and what it can say about the frame in hand. */
export interface Talk {
  readonly client: Side;
  readonly server: Side;
  /** These bytes of the frame are secret; without arguments all of it. Indices are those of frame.bytes. */
  hide(from?: number, to?: number): void;
  /** The message goes on in the next frame: a line of many, a literal inside of a command. */
  part(): void;
  /** A remark for whoever watches. */
  note(text: string): void;
  /**
   * The client has asked for something, at the end of the frame in hand. Answers come in the order of the requests,
   * but for those with a tag.
   */
  ask(what: string, tag?: string): void;
  /** The oldest request without an answer; '' when there is none. */
  readonly asked: string;
  /** How many have no answer. */
  readonly outstanding: number;
  /** The frame in hand answers the oldest request, or the one with this tag; not `final`: more of the answer follows. */
  answer(final?: boolean, tag?: string): string;
  /** The rest, both ways, is not of this protocol. 'tls' and 'data' may be shown, what is 'broken' may hold secrets. */
  raw(why: string, rest: Rest): void;
}

/** The state of one connection. Both functions are called with each complete frame of their side. */
export interface Conversation {
  client(frame: Frame): void;
  server(frame: Frame): void;
  /** A piece of what the client says in a mode that is piecewise. */
  clientPiece?(piece: Frame): void;
  /**
   * Of whole lines that end with LF nothing but their secrets matters now, and those are what Guess finds: they are
   * written down together, which is many times faster than asking about each.
   */
  skims?(from: 'client' | 'server'): boolean;
}

export interface Profile {
  readonly name: string;
  /** Tails without a terminator are prompts, which are shown when the other side speaks. */
  readonly prompts?: true;
  /** What both sides say first, and the state that is to be kept. */
  start(talk: Talk): Conversation;
}
