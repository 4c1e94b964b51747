// The bytes that a framer was fed and has not delivered: one chunk with a position in it, and the chunks behind it.
// Joins what is held back with the next chunk, copying little; lets go of a big chunk when few bytes of it are left.
// Only framer.ts uses it; the fields are open because its hot loop works on them.

const EMPTY = Buffer.alloc(0);
/** A next chunk up to this size is joined whole to what is held; of a larger one only a head of JOIN_HEAD bytes. */
const JOIN_WHOLE = 4096;
const JOIN_HEAD = 512;

export class Unparsed {
  /** What is not delivered starts at buf[pos]. */
  buf: Buffer = EMPTY;
  pos = 0;
  /** The first bytes there that are virtual: they count in searching and are never delivered. */
  lead = 0;
  /** buf holds too little to decide anything: the next chunk must be joined to it. */
  stalled = false;
  /** Bytes that may be appended behind buf without copying it. */
  private room = 0;
  private queue: Buffer[] = [];

  get empty(): boolean {
    return this.pos === this.buf.length && this.queue.length === 0;
  }

  /** Bytes that are held back, virtual ones not counted. */
  get held(): number {
    return this.stalled ? this.buf.length - this.pos - this.lead : 0;
  }

  get waiting(): boolean {
    return this.queue.length > 0;
  }

  add(chunk: Buffer): void {
    if (this.empty) this.load(chunk);
    else this.queue.push(chunk);
  }

  /** Lets the whole chunk go. */
  release(): void {
    this.load(EMPTY);
  }

  /** Forgets virtual bytes and looks at held ones anew: the terminator has changed. */
  reconsider(): void {
    this.pos += this.lead;
    this.lead = 0;
    this.stalled = false;
  }

  /** Puts virtual bytes before everything that is not delivered. */
  precede(bytes: Uint8Array): void {
    if (this.pos < this.buf.length) this.queue.unshift(this.buf.subarray(this.pos));
    this.load(Buffer.from(bytes));
    this.lead = bytes.length;
    this.stalled = true;
  }

  /**
   * Forgets the virtual bytes where the next chunk shows that no needle begins in them: to be joined to them it would
   * have to be copied.
   */
  shed(needles: readonly { readonly bytes: Buffer; readonly length: number }[]): void {
    const chunk = this.queue[0];
    if (chunk === undefined || this.buf.length - this.pos !== this.lead) return;
    for (const { bytes, length } of needles) {
      if (chunk.length < length) return;
      // A match takes at least one virtual byte, and goes on with the chunk's first.
      for (let own = Math.min(this.lead, length - 1); own > 0; own--) if (chunk[0] === bytes[own]) return;
    }
    this.reconsider();
  }

  /** Keeps a copy of the few bytes that are held, so that the chunk they came in can be freed. */
  stall(): void {
    if (this.room === 0 && this.pos > 0) this.load(Buffer.from(this.buf.subarray(this.pos)), this.lead);
    this.stalled = true;
  }

  /**
   * Goes on to the next chunk, joined to what is held. `wholly` joins all of it; otherwise a big one is cut, since a
   * cut in another place changes nothing and saves the copy.
   */
  next(wholly: boolean, longest: number): void {
    let chunk = this.queue.shift() ?? EMPTY;
    const held = this.buf.length - this.pos;
    if (held === 0) return this.load(chunk);
    this.stalled = false;
    if (!wholly && chunk.length > JOIN_WHOLE) {
      const head = Math.max(JOIN_HEAD, longest);
      this.queue.unshift(chunk.subarray(head));
      chunk = chunk.subarray(0, head);
    }
    if (this.room < chunk.length) {
      // Grows by doubling where it is held whole: what dribbles in is not copied again for every byte.
      const store = Buffer.allocUnsafe(wholly ? 2 * (held + chunk.length) : held + chunk.length);
      this.buf.copy(store, 0, this.pos);
      this.buf = store.subarray(0, held);
      this.pos = 0;
      this.room = store.length - held;
    }
    const { buffer, byteOffset, length } = this.buf;
    const joined = Buffer.from(buffer, byteOffset, length + chunk.length);
    chunk.copy(joined, length);
    this.buf = joined;
    this.room -= chunk.length;
  }

  /** Hands everything back but the virtual bytes: they stand before whatever comes next. */
  take(): Buffer {
    const virtual = this.buf.subarray(this.pos, this.pos + this.lead);
    const rest = [this.buf.subarray(this.pos + this.lead), ...this.queue].filter((part) => part.length > 0);
    this.clear();
    if (virtual.length > 0) this.precede(virtual);
    return rest.length === 1 ? rest[0]! : Buffer.concat(rest);
  }

  clear(): void {
    this.queue = [];
    this.release();
  }

  private load(chunk: Buffer, lead = 0): void {
    this.buf = chunk;
    this.pos = 0;
    this.lead = lead;
    this.room = 0;
    this.stalled = false;
  }
}

/** A view of the same bytes that can be searched. */
export function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
