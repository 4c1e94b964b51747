// The latest events of all connections, in a ring of columns: writing one makes no garbage, since it stores numbers and
// a reference to the chunk that is in memory anyway. Objects are made for those who read. The ring is bounded in
// records and in bytes that it keeps alive; a reader that falls behind has lost events and is told how many.

import { Guess } from '../profiles/guess.ts';
import { KINDS, type Kind } from '../profiles/profile.ts';
import { type DialogueEvent, type FrameEvent, type Happening, MASK, type SideName } from './event.ts';

/** Flags of a record. */
export const FROM_SERVER = 1;
export const MORE = 2;
export const PART = 4;
export const TRUNCATED = 8;
export const OPEN = 16;
/** What is secret is looked for when somebody reads it: most of what passes is read by nobody. */
const UNREAD = 32;

/** Which terminator stood behind the bytes. */
export const TERMINATORS: readonly Buffer[] = [Buffer.alloc(0), Buffer.from('\r\n'), Buffer.from('\n')];
const CR = 0x0d;
const LF = 0x0a;
const LF_ALONE = 2;

/** What lines that are written together have in common. */
export interface Alike {
  readonly conn: number;
  readonly time: number;
  /** Of the first one. */
  readonly offset: number;
  readonly kind: number;
  readonly flags: number;
}

/** A frame for those who write many; see FrameEvent. */
export class PlainFrame {
  seq = 0;
  conn = 0;
  time = 0;
  from: SideName = 'client';
  kind: Kind = 'line';
  offset = 0;
  /** One character for each byte, the terminator included. */
  text = '';
  terminator = 0;
}

export interface JournalLimits {
  /** A power of two. Default 32768. */
  readonly records?: number;
  /** Bytes of chunks kept alive. Default 16 MiB. */
  readonly bytes?: number;
}

export class Journal {
  /** Of the next record, and of the oldest that is still there. */
  next = 0;
  oldest = 0;
  // The columns. A record is written by claim(), and then by filling these at the slot that it gave.
  readonly conn: Float64Array;
  readonly time: Float64Array;
  readonly offset: Float64Array;
  readonly latency: Float64Array;
  readonly answers: Float64Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly hiddenFrom: Int32Array;
  readonly hiddenTo: Int32Array;
  readonly kind: Uint8Array;
  readonly flags: Uint8Array;
  readonly terminator: Uint8Array;
  private readonly chunks: (Buffer | null)[];
  private readonly happenings: (Happening | null)[];
  private readonly mask: number;
  private readonly maxBytes: number;
  private retained = 0;
  private last: Buffer | null = null;
  /** Which effects have touched a frame: few are. */
  private readonly touched = new Map<number, readonly string[]>();
  private readonly watchers = new Set<() => void>();
  private readonly frame = new PlainFrame();
  private readonly guess = new Guess();

  constructor({ records = 32_768, bytes = 16 * 1024 * 1024 }: JournalLimits = {}) {
    this.mask = records - 1;
    this.maxBytes = bytes;
    const numbers = (): Float64Array => new Float64Array(records);
    const places = (): Int32Array => new Int32Array(records);
    const small = (): Uint8Array => new Uint8Array(records);
    [this.conn, this.time, this.offset, this.latency, this.answers] = [
      numbers(),
      numbers(),
      numbers(),
      numbers(),
      numbers(),
    ];
    [this.start, this.end, this.hiddenFrom, this.hiddenTo] = [places(), places(), places(), places()];
    [this.kind, this.flags, this.terminator] = [small(), small(), small()];
    this.chunks = new Array<Buffer | null>(records).fill(null);
    this.happenings = new Array<Happening | null>(records).fill(null);
  }

  /** Room for a frame whose bytes are in `chunk`: the slot to fill. The bytes must not be changed afterwards. */
  claim(chunk: Buffer): number {
    const slot = this.take(chunk);
    if (this.watchers.size > 0) this.wake();
    return slot;
  }

  /**
   * Records for the lines of a chunk, which end with LF and are alike but for their places and secrets. Answers where the first one
   * begins that has no LF yet, or more than `most` bytes before it.
   */
  lines(chunk: Buffer, most: number, { conn, time, offset, kind, flags }: Alike): number {
    let from = 0;
    for (let end = chunk.indexOf(LF); end !== -1 && end - from <= most; end = chunk.indexOf(LF, from)) {
      const slot = this.take(chunk);
      this.conn[slot] = conn;
      this.time[slot] = time;
      this.offset[slot] = offset + from;
      this.latency[slot] = Number.NaN;
      this.answers[slot] = -1;
      this.start[slot] = from;
      this.end[slot] = end;
      this.hiddenFrom[slot] = this.hiddenTo[slot] = 0;
      this.kind[slot] = kind;
      this.flags[slot] = flags | UNREAD;
      this.terminator[slot] = LF_ALONE;
      from = end + 1;
    }
    if (from > 0 && this.watchers.size > 0) this.wake();
    return from;
  }

  private take(chunk: Buffer): number {
    const slot = this.next & this.mask;
    if (this.next - this.oldest > this.mask) this.evict();
    this.chunks[slot] = chunk;
    // The records of a chunk stand together, since it is framed in one go: each chunk counts once.
    if (chunk !== this.last) {
      this.retained += chunk.length;
      this.last = chunk;
      while (this.retained > this.maxBytes && this.oldest < this.next) this.evict();
    }
    this.next++;
    return slot;
  }

  /** Everything that is no frame: connections that open and end, remarks. */
  tell(conn: number, time: number, happening: Happening): void {
    const slot = this.claim(this.last ?? TERMINATORS[0]!);
    this.happenings[slot] = happening;
    this.conn[slot] = conn;
    this.time[slot] = time;
  }

  /** Effects did something to the latest frame. */
  touch(effects: readonly string[]): void {
    this.touched.set(this.next - 1, effects);
  }

  /** Whether anybody reads it. */
  get isWatched(): boolean {
    return this.watchers.size > 0;
  }

  /** Calls `wake` after each record, which must be quick; the function that is returned stops it. */
  watch(wake: () => void): () => void {
    this.watchers.add(wake);
    return () => void this.watchers.delete(wake);
  }

  /** A record as an object, its secrets overwritten with asterisks unless `keepSecrets`. Undefined when it is gone. */
  event(seq: number, keepSecrets = false): DialogueEvent | undefined {
    if (seq < this.oldest || seq >= this.next) return undefined;
    const slot = seq & this.mask;
    const conn = this.conn[slot]!;
    const time = this.time[slot]!;
    const happening = this.happenings[slot];
    if (happening) return { seq, conn, time, ...happening };
    this.read(slot);
    const flags = this.flags[slot]!;
    const latency = this.latency[slot]!;
    const answers = this.answers[slot]!;
    const [from, to] = [this.hiddenFrom[slot]!, this.hiddenTo[slot]!];
    const secret = to > from ? { from: from - this.start[slot]!, to: to - this.start[slot]! } : null;
    let bytes = wholeFrame(this.chunks[slot]!, this.start[slot]!, this.end[slot]!, this.terminator[slot]!);
    if (secret && !keepSecrets) bytes = Buffer.from(bytes).fill(MASK, secret.from, secret.to);
    const effects = this.touched.size > 0 ? this.touched.get(seq) : undefined;
    // Field by field: a spread would cost more than all the rest.
    const event: FrameEvent = {
      seq,
      conn,
      time,
      type: 'frame',
      from: flags & FROM_SERVER ? 'server' : 'client',
      kind: KINDS[this.kind[slot]!]!,
      offset: this.offset[slot]!,
      bytes,
      terminator: TERMINATORS[this.terminator[slot]!]!.length,
      secret,
      latency: Number.isNaN(latency) ? null : latency,
      answers: answers < 0 ? null : answers,
      more: (flags & MORE) !== 0,
      part: (flags & PART) !== 0,
      truncated: (flags & TRUNCATED) !== 0,
      open: (flags & OPEN) !== 0,
    };
    return effects ? { ...event, effects } : event;
  }

  /**
   * A frame of which there is nothing to tell but its bytes: none are secret, and it is whole. Most are such, and this
   * makes no objects. Null for any other record; what is returned holds until the next call.
   */
  plain(seq: number): PlainFrame | null {
    const slot = seq & this.mask;
    const chunk = this.chunks[slot];
    if (!chunk || this.happenings[slot] !== null) return null;
    this.read(slot);
    const flags = this.flags[slot]!;
    const isPlain =
      (flags & ~FROM_SERVER) === 0 &&
      this.hiddenTo[slot] === this.hiddenFrom[slot] &&
      this.answers[slot]! < 0 &&
      Number.isNaN(this.latency[slot]) &&
      this.touched.size === 0;
    if (!isPlain) return null;
    const terminator = TERMINATORS[this.terminator[slot]!]!;
    const end = this.end[slot]! + terminator.length;
    // Cut by the network, the terminator is not behind the bytes in this chunk.
    for (let i = 1; i <= terminator.length; i++) if (chunk[end - i] !== terminator[terminator.length - i]) return null;
    const { frame } = this;
    frame.seq = seq;
    frame.conn = this.conn[slot]!;
    frame.time = this.time[slot]!;
    frame.from = flags === FROM_SERVER ? 'server' : 'client';
    frame.kind = KINDS[this.kind[slot]!]!;
    frame.offset = this.offset[slot]!;
    frame.text = chunk.toString('latin1', this.start[slot]!, end);
    frame.terminator = terminator.length;
    return frame;
  }

  /** The first who reads a line looks for its secret. */
  private read(slot: number): void {
    if ((this.flags[slot]! & UNREAD) === 0) return;
    this.flags[slot]! &= ~UNREAD;
    const chunk = this.chunks[slot]!;
    const [start, end] = [this.start[slot]!, this.end[slot]!];
    const textEnd = end > start && chunk[end - 1] === CR ? end - 1 : end;
    const at = this.guess.find(chunk, start, textEnd);
    if (at === -1) return;
    this.hiddenFrom[slot] = at;
    this.hiddenTo[slot] = textEnd;
  }

  private evict(): void {
    const slot = this.oldest & this.mask;
    const chunk = this.chunks[slot]!;
    if (this.touched.size > 0) this.touched.delete(this.oldest);
    this.oldest++;
    const next = this.oldest < this.next ? this.chunks[this.oldest & this.mask] : this.last;
    if (chunk !== next) this.retained -= chunk.length;
    this.chunks[slot] = null;
    this.happenings[slot] = null;
  }

  private wake(): void {
    for (const wake of this.watchers) wake();
  }
}

/** The bytes of a frame with its terminator, which is given as an index of TERMINATORS. */
export function wholeFrame(chunk: Buffer, start: number, end: number, number: number): Buffer {
  const terminator = TERMINATORS[number]!;
  let full = end;
  for (const byte of terminator) if (chunk[full] === byte) full++;
  // A terminator that was cut by the network is not behind the bytes in this chunk.
  if (full === end + terminator.length) return chunk.subarray(start, full);
  return Buffer.concat([chunk.subarray(start, end), terminator]);
}
