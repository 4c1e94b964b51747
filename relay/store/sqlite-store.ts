// The store as the rest of the program sees it, with a database thread behind it: turns methods into calls.

import type { Clock } from '../../src/clock.ts';
import { COLLECT_PIECES, collect } from './collect.ts';
import { MessageIds } from './message-id.ts';
import { BlockPool } from './sqlite-blocks.ts';
import type { DatabaseLink } from './sqlite-link.ts';
import { claimFrom, messageFrom, settlementRow, summaryFrom } from './sqlite-rows.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import type { Claim, Counts, MessageSummary, MessageWriter, Settlement, Store, StoredMessage } from './store.ts';

export class SqliteStore implements Store {
  readonly #link: DatabaseLink;
  readonly #ids: MessageIds;
  readonly #pool = new BlockPool();
  #closing: Promise<void> | null = null;

  private constructor(link: DatabaseLink, ids: MessageIds) {
    this.#link = link;
    this.#ids = ids;
  }

  /** Waits for the thread to say that it has opened the database; rejects with its reason when it has not. */
  static async over(link: DatabaseLink, clock: Clock): Promise<SqliteStore> {
    const greeting = await link.greeting;
    if (greeting.opened) return new SqliteStore(link, new MessageIds(clock, greeting.greatestId));
    await link.over;
    throw link.failure(greeting.reason);
  }

  begin(): MessageWriter {
    return new SqliteWriter(this.#ids.next(), this.#link, this.#pool);
  }

  async claim(owner: string, now: number, leaseMs: number, limit: number): Promise<Claim[]> {
    return (await this.#link.call('claim', { owner, now, until: now + leaseMs, limit })).map(claimFrom);
  }

  async renew(leases: readonly { recipientId: number; fence: number }[], until: number): Promise<Set<number>> {
    const rows = leases.map(({ recipientId, fence }): [number, number] => [recipientId, fence]);
    return new Set(await this.#link.call('renew', { leases: rows, until }));
  }

  settle(results: readonly Settlement[], { forgetDelivered = false } = {}): Promise<number> {
    return this.#link.call('settle', { results: results.map(settlementRow), forget: forgetDelivered });
  }

  purge(before: number): Promise<number> {
    return this.#link.call('purge', before);
  }

  nextDue(): Promise<number | null> {
    return this.#link.call('nextDue', null);
  }

  async content(id: string): Promise<AsyncIterable<Buffer> | undefined> {
    const content = await this.#link.call('content', id);
    return content ? this.#piecesOf(id, content) : undefined;
  }

  async get(id: string): Promise<StoredMessage | undefined> {
    const rows = await this.#link.call('get', id);
    return rows ? messageFrom(rows) : undefined;
  }

  async list(limit: number, before?: number): Promise<MessageSummary[]> {
    return (await this.#link.call('list', { limit, before: before ?? null })).map(summaryFrom);
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.#link.call('delete', [...ids]);
  }

  trim(max: number): Promise<number> {
    return this.#link.call('trim', max);
  }

  counts(): Promise<Counts> {
    return this.#link.call('counts', null);
  }

  close(): Promise<void> {
    this.#closing ??= this.#link.close();
    return this.#closing;
  }

  /** Deleting a message while it is read must be an error for the reader, never a message that is too short. */
  async *#piecesOf(
    id: string,
    { size, pieces, tail }: { size: number; pieces: number; tail: Uint8Array },
  ): AsyncGenerator<Buffer> {
    let left = size - tail.length;
    for (let n = 0; n < pieces; n++) {
      const piece = await this.#link.call('contentPiece', { id, n });
      if (!piece) throw this.#link.failure(`message ${id} was deleted while it was read`);
      left -= piece.length;
      yield bufferOver(piece);
      if (n % COLLECT_PIECES === COLLECT_PIECES - 1) collect();
    }
    if (left !== 0) throw this.#link.failure(`the content of message ${id} is damaged`);
    if (tail.length > 0) yield bufferOver(tail);
  }
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
