// Takes one message's content. A short message stays here and goes to the database with its commit; a long one goes ahead
// in pieces, of which only so many may be unanswered: that bounds memory whatever the message's length.

import { acceptedClaim } from '../rows.ts';
import type { Claim, Lease, MessageWriter, NewMessage } from '../store.ts';
import type { Commits } from './commits.ts';
import type { Connections, Statement } from './connections.ts';
import type { Remover } from './removal.ts';
import { PIECE_BYTES } from './schema.ts';

/** Pieces that may wait or be on their way: 1 MB. */
const MAX_UNANSWERED = 16;
const MAX_TOGETHER = 8;
const FIRST_BLOCK_BYTES = 4096;

/** Nobody is told that these are kept: the sync of the message's commit comes behind them and takes them along. */
const PIECES: Statement = {
  name: 'pieces',
  text: `WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true)), pieces AS (
    INSERT INTO piece (id, n, bytes)
    SELECT $1::text, $2::int + n::int - 1, substring($4::bytea FROM ((n - 1) * ${PIECE_BYTES} + 1)::int FOR ${PIECE_BYTES})
    FROM lazily, generate_series(1, $3::int) AS n
  )
  INSERT INTO loose (id, pieces, bytes, node, touched_at)
  VALUES ($1::text, $3::int, length($4::bytea), $5::text, extract(epoch FROM clock_timestamp()) * 1000)
  ON CONFLICT (id) DO UPDATE SET pieces = loose.pieces + excluded.pieces, bytes = loose.bytes + excluded.bytes,
    touched_at = excluded.touched_at`,
};

type Life = 'open' | 'waiting' | 'committing' | 'ended';

export interface WriterTools {
  readonly connections: Connections;
  readonly commits: Commits;
  readonly remover: Remover;
  /** Whose uploads these are. */
  readonly node: string;
  /** Called when a message is committed. */
  readonly committed: () => void;
  /** Commits that are under way, for close(). */
  readonly underWay: Set<Promise<unknown>>;
}

export class PostgresWriter implements MessageWriter {
  readonly id: string;
  readonly #tools: WriterTools;
  #life: Life = 'open';
  /** The piece that is being filled: the first `used` bytes of `block`. Grows, since most mail is short. */
  #block: Buffer | null = null;
  #used = 0;
  #size = 0;
  #pieces = 0;
  /** Full pieces, and those of them that are on their way. */
  #waiting: Buffer[] = [];
  #sending = 0;
  #failure: Error | null = null;
  /** Called when pieces are answered: there may be room again. */
  #wake: () => void = () => {};

  constructor(id: string, tools: WriterTools) {
    this.id = id;
    this.#tools = tools;
  }

  write(piece: Buffer): void | Promise<void> {
    if (this.#life !== 'open') return Promise.reject(this.#misused('write'));
    if (this.#failure) return Promise.reject(this.#failure);
    const taken = this.#take(piece, 0);
    if (taken === piece.length && this.#hasRoom()) return;
    this.#life = 'waiting';
    return this.#takeRest(piece, taken);
  }

  commit(message: NewMessage, lease: Lease | null = null): Promise<Claim | null> {
    if (this.#life !== 'open') return Promise.reject(this.#misused('commit'));
    this.#life = 'committing';
    const { underWay } = this.#tools;
    const committed = this.#commit(message, lease).finally(() => underWay.delete(committed));
    underWay.add(committed);
    return committed;
  }

  abort(): void {
    // A commit that is under way cannot be called back; when it fails it discards by itself.
    if (this.#life === 'committing' || this.#life === 'ended') return;
    this.#life = 'ended';
    this.#discard();
    this.#wake();
  }

  async #commit(message: NewMessage, lease: Lease | null): Promise<Claim | null> {
    try {
      while (this.#waiting.length + this.#sending > 0 && !this.#failure) await this.#answer();
      if (this.#failure) throw this.#failure;
      const tail = this.#block?.subarray(0, this.#used) ?? Buffer.alloc(0);
      const content = { size: this.#size, pieces: this.#pieces, tail };
      const first = await this.#tools.commits.accept({ id: this.id, message, content, lease });
      this.#tools.committed();
      return (
        lease && acceptedClaim(this.id, message, { size: this.#size, content: this.#pieces === 0 ? tail : null }, first)
      );
    } catch (error) {
      this.#discard();
      throw error;
    } finally {
      this.#life = 'ended';
    }
  }

  /** Copies as much as may be taken now; returns up to where. */
  #take(piece: Buffer, from: number): number {
    let at = from;
    while (at < piece.length) {
      if (this.#used === PIECE_BYTES) {
        if (!this.#hasRoom()) break;
        this.#waiting.push(this.#block!);
        this.#block = null;
        this.#used = 0;
        this.#pieces++;
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
    while (at < piece.length || !this.#hasRoom()) {
      await this.#answer();
      if ((this.#life as Life) === 'ended') return;
      if (this.#failure) break;
      at = this.#take(piece, at);
    }
    this.#life = 'open';
    if (this.#failure) throw this.#failure;
  }

  #hasRoom(): boolean {
    return this.#waiting.length + this.#sending < MAX_UNANSWERED;
  }

  #answer(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** One statement at a time, with what has gathered meanwhile. */
  #send(): void {
    if (this.#sending > 0 || this.#waiting.length === 0 || this.#failure) return;
    const { connections, node } = this.#tools;
    const pieces = this.#waiting.splice(0, MAX_TOGETHER);
    this.#sending = pieces.length;
    const first = this.#pieces - this.#waiting.length - pieces.length;
    connections.patient
      .ask(PIECES, [this.id, first, pieces.length, Buffer.concat(pieces), node])
      .catch((error: Error) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#sending = 0;
        if (this.#life === 'ended') this.#discard();
        else this.#send();
        this.#wake();
      });
  }

  /** Only pieces that went ahead need to be removed; without any, the database has never heard of this message. */
  #discard(): void {
    this.#block = null;
    this.#waiting = [];
    if (this.#pieces > 0 && this.#sending === 0) this.#tools.remover.discard(this.id);
  }

  #blockFor(bytes: number): Buffer {
    const old = this.#block;
    if (old && old.length >= bytes) return old;
    let length = this.#pieces > 0 ? PIECE_BYTES : (old?.length ?? FIRST_BLOCK_BYTES);
    while (length < bytes) length *= 2;
    const block = Buffer.allocUnsafeSlow(length);
    old?.copy(block, 0, 0, this.#used);
    this.#block = block;
    return block;
  }

  #misused(method: string): Error {
    return this.#tools.connections.failure(`${method}() on a message that is ${this.#life}`);
  }
}
