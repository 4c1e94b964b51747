// The latest events of all connections, in a ring of columns: writing one makes no garbage, since it stores numbers and
// a reference to the chunk that is in memory anyway. Objects are made for those who read. The ring is bounded in
// records and in bytes that it keeps alive; a reader that falls behind has lost events and is told how many.

import { KINDS } from '../profiles/profile.ts';
import { type DialogueEvent, type Happening, MASK } from './event.ts';

/** Flags of a record. */
export const FROM_SERVER = 1;
export const MORE = 2;
export const PART = 4;
export const TRUNCATED = 8;
export const OPEN = 16;

/** Which terminator stood behind the bytes. */
export const TERMINATORS: readonly Buffer[] = [Buffer.alloc(0), Buffer.from('\r\n'), Buffer.from('\n')];

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
  private readonly watchers = new Set<() => void>();

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
    if (this.watchers.size > 0) this.wake();
    return slot;
  }

  /** Everything that is no frame: connections that open and end, remarks. */
  tell(conn: number, time: number, happening: Happening): void {
    const slot = this.claim(this.last ?? TERMINATORS[0]!);
    this.happenings[slot] = happening;
    this.conn[slot] = conn;
    this.time[slot] = time;
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
    const flags = this.flags[slot]!;
    const latency = this.latency[slot]!;
    const answers = this.answers[slot]!;
    const [from, to] = [this.hiddenFrom[slot]!, this.hiddenTo[slot]!];
    const secret = to > from ? { from: from - this.start[slot]!, to: to - this.start[slot]! } : null;
    let bytes = this.bytes(slot);
    if (secret && !keepSecrets) bytes = Buffer.from(bytes).fill(MASK, secret.from, secret.to);
    // Field by field: a spread would cost more than all the rest.
    return {
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
  }

  private bytes(slot: number): Buffer {
    const chunk = this.chunks[slot]!;
    const [start, end] = [this.start[slot]!, this.end[slot]!];
    const terminator = TERMINATORS[this.terminator[slot]!]!;
    let full = end;
    for (const byte of terminator) if (chunk[full] === byte) full++;
    // A terminator that was cut by the network is not behind the bytes in this chunk.
    if (full === end + terminator.length) return chunk.subarray(start, full);
    return Buffer.concat([chunk.subarray(start, end), terminator]);
  }

  private evict(): void {
    const slot = this.oldest & this.mask;
    const chunk = this.chunks[slot]!;
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
