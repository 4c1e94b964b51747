// Takes one message's content. A short message stays here and goes to the database thread together with its commit; a
// long one goes ahead in pieces, of which only so many may be unanswered: that bounds memory whatever the message's
// length. Bytes are copied once, into blocks of our own that are then moved, not copied, to the other thread.

import type { ChatError } from '../../src/errors.ts';
import { piecePassed } from './collect.ts';
import { acceptedClaim } from './rows.ts';
import { allocateBlock, type BlockPool } from './sqlite-blocks.ts';
import type { DatabaseLink } from './sqlite-link.ts';
import { PIECE_BYTES } from './sqlite-protocol.ts';
import { newMessageRow } from './sqlite-rows.ts';
import type { Claim, Lease, MessageWriter, NewMessage } from './store.ts';

/** Pieces that may be on their way: 1 MB. */
const MAX_UNANSWERED = 16;
const FIRST_BLOCK_BYTES = 4096;

type Life = 'open' | 'waiting' | 'committing' | 'ended';

export class SqliteWriter implements MessageWriter {
  readonly id: string;
  readonly #link: DatabaseLink;
  readonly #pool: BlockPool;
  #life: Life = 'open';
  /** The piece that is being filled: the first `used` bytes of `block`. Grows, since most mail is short. */
  #block: Buffer | null = null;
  #used = 0;
  #size = 0;
  #pieces = 0;
  #unanswered = 0;
  #failure: ChatError | null = null;
  /** Called when a piece is answered: there may be room again. */
  #wake: () => void = () => {};

  constructor(id: string, link: DatabaseLink, pool: BlockPool) {
    this.id = id;
    this.#link = link;
    this.#pool = pool;
  }

  write(piece: Buffer): void | Promise<void> {
    if (this.#life !== 'open') return Promise.reject(this.#misused('write'));
    if (this.#failure) return Promise.reject(this.#failure);
    const taken = this.#take(piece, 0);
    if (taken === piece.length && this.#unanswered < MAX_UNANSWERED) return;
    this.#life = 'waiting';
    return this.#takeRest(piece, taken);
  }

  async commit(message: NewMessage, lease: Lease | null = null): Promise<Claim | null> {
    if (this.#life !== 'open') throw this.#misused('commit');
    this.#life = 'committing';
    try {
      if (this.#failure) throw this.#failure;
      const tail = this.#filled();
      const row = newMessageRow(this.id, message, { size: this.#size, pieces: this.#pieces, tail }, lease);
      this.#block = null;
      const accepted = await this.#link.call('accept', row, tail.buffer);
      if (!accepted) return null;
      const content =
        row.pieces === 0 ? Buffer.from(accepted.tail.buffer, accepted.tail.byteOffset, accepted.tail.length) : null;
      return acceptedClaim(this.id, message, { size: row.size, content }, accepted.first);
    } catch (error) {
      this.#discard();
      throw error;
    } finally {
      this.#life = 'ended';
    }
  }

  abort(): void {
    // A commit that is under way cannot be called back; when it fails it discards by itself.
    if (this.#life === 'committing' || this.#life === 'ended') return;
    this.#life = 'ended';
    this.#block = null;
    this.#discard();
    this.#wake();
  }

  /** Copies as much as may be taken now; returns up to where. */
  #take(piece: Buffer, from: number): number {
    let at = from;
    while (at < piece.length) {
      if (this.#used === PIECE_BYTES) {
        if (this.#unanswered >= MAX_UNANSWERED) break;
        this.#send();
      }
      const end = Math.min(piece.length, at + PIECE_BYTES - this.#used);
      const block = this.#blockFor(this.#used + end - at);
      this.#used += piece.copy(block, this.#used, at, end);
      at = end;
    }
    this.#size += at - from;
    return at;
  }

  async #takeRest(piece: Buffer, from: number): Promise<void> {
    let at = from;
    while (at < piece.length || this.#unanswered >= MAX_UNANSWERED) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      if (this.#life === 'ended') return;
      if (this.#failure) break;
      at = this.#take(piece, at);
    }
    this.#life = 'open';
    if (this.#failure) throw this.#failure;
  }

  #send(): void {
    const bytes = this.#filled();
    this.#block = null;
    this.#used = 0;
    this.#unanswered++;
    // The chunks that these bytes came in are as short-lived as the pieces of a content that is read.
    piecePassed();
    this.#link.call('piece', { id: this.id, n: this.#pieces++, bytes }, bytes.buffer).then(
      (returned) => {
        this.#pool.giveBack(returned.buffer);
        this.#answered(null);
      },
      (error: ChatError) => this.#answered(error),
    );
  }

  #answered(failure: ChatError | null): void {
    this.#unanswered--;
    this.#failure ??= failure;
    this.#wake();
  }

  /** Only pieces that went ahead need to be removed; without any, the database has never heard of this message. */
  #discard(): void {
    this.#block = null;
    if (this.#pieces === 0) return;
    this.#link.call('discard', this.id).catch(() => {
      // The thread has ended: what is left is removed at the next start.
    });
  }

  #filled(): Uint8Array<ArrayBuffer> {
    const block = this.#blockFor(0);
    return new Uint8Array(block.buffer as ArrayBuffer, 0, this.#used);
  }

  #blockFor(bytes: number): Buffer {
    const old = this.#block;
    if (old && old.length >= bytes) return old;
    let length = old?.length ?? FIRST_BLOCK_BYTES;
    while (length < bytes) length *= 2;
    // Whoever has sent a piece is likely to fill another.
    const block = length === PIECE_BYTES || this.#pieces > 0 ? this.#pool.take() : allocateBlock(length);
    old?.copy(block, 0, 0, this.#used);
    this.#block = block;
    return block;
  }

  #misused(method: string): ChatError {
    return this.#link.failure(`${method}() on a message that is ${this.#life}`);
  }
}
