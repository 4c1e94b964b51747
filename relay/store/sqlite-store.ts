// The store as the rest of the program sees it, with a database thread behind it: turns methods into calls.

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';
import { piecePassed } from './collect.ts';
import { MessageIds } from './message-id.ts';
import { queueEntries } from './rows.ts';
import { BlockPool } from './sqlite-blocks.ts';
import type { DatabaseLink } from './sqlite-link.ts';
import type { Calls, PauseRow, QueueRow, ServeOptions } from './sqlite-protocol.ts';
import { claimFrom, messageFrom, noticeRow, settlementRow, summaryFrom } from './sqlite-rows.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import type {
  Claim,
  Counts,
  MaildropMail,
  MessageSummary,
  MessageWriter,
  PausedUpstream,
  QueueAction,
  QueueEntry,
  QueueFilter,
  Settlement,
  SettleOptions,
  Store,
  StoredMessage,
} from './store.ts';

/** Between two steps of a change, or another process that wants to commit would hardly ever find the file unlocked. */
const CHANGE_PAUSE_MS = 10;

export class SqliteStore implements Store {
  /** For the inbox, which has calls and a thread of its own. */
  readonly link: DatabaseLink;
  readonly place: ServeOptions | null;
  /** Whether there was no mail in it when it was opened. */
  readonly wasEmpty: boolean;
  readonly #ids: MessageIds;
  readonly #clock: Clock;
  readonly #pool = new BlockPool();
  #closing: Promise<void> | null = null;

  private constructor(link: DatabaseLink, place: ServeOptions | null, clock: Clock, greatestId: string | null) {
    this.link = link;
    this.place = place;
    this.wasEmpty = greatestId === null;
    this.#clock = clock;
    this.#ids = new MessageIds(clock, greatestId);
  }

  /** Waits for the thread to say that it has opened the database; rejects with its reason when it has not. */
  static async over(link: DatabaseLink, clock: Clock, place: ServeOptions | null = null): Promise<SqliteStore> {
    const greeting = await link.greeting;
    if (greeting.opened) return new SqliteStore(link, place, clock, greeting.greatestId);
    await link.over;
    throw link.failure(greeting.reason);
  }

  begin(): MessageWriter {
    return new SqliteWriter(this.#ids.next(), this.link, this.#pool);
  }

  nextId(): string {
    return this.#ids.next();
  }

  async claim(owner: string, now: number, leaseMs: number, limit: number): Promise<Claim[]> {
    return (await this.link.call('claim', { owner, now, until: now + leaseMs, limit })).map(claimFrom);
  }

  async renew(leases: readonly { recipientId: number; fence: number }[], until: number): Promise<Set<number>> {
    const rows = leases.map(({ recipientId, fence }): [number, number] => [recipientId, fence]);
    return new Set(await this.link.call('renew', { leases: rows, until }));
  }

  async check(): Promise<void> {
    await this.link.call('check', null);
  }

  async settle(results: readonly Settlement[], options: SettleOptions = {}): Promise<number> {
    const { forgetDelivered: forget = false, notices = [] } = options;
    const rows = { results: results.map(settlementRow), forget, notices: notices.map(noticeRow) };
    return this.link.call('settle', rows);
  }

  hasten(now: number, longestMs: number, leaseMs: number): Promise<number> {
    return this.link.call('hasten', { now, latest: now + longestMs, leaseEnd: now + leaseMs });
  }

  purge(before: number): Promise<number> {
    return this.link.call('purge', before);
  }

  nextDue(): Promise<number | null> {
    return this.link.call('nextDue', null);
  }

  async content(id: string): Promise<AsyncIterable<Buffer> | undefined> {
    const content = await this.link.call('content', id);
    return content ? this.#piecesOf(id, content) : undefined;
  }

  async get(id: string): Promise<StoredMessage | undefined> {
    const rows = await this.link.call('get', id);
    return rows ? messageFrom(rows) : undefined;
  }

  async list(limit: number, before?: number): Promise<MessageSummary[]> {
    return (await this.link.call('list', { limit, before: before ?? null })).map(summaryFrom);
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.link.call('delete', [...ids]);
  }

  trim(max: number): Promise<number> {
    return this.link.call('trim', max);
  }

  counts(): Promise<Counts> {
    return this.link.call('counts', null);
  }

  async queue(filter: QueueFilter, limit: number, after = 0): Promise<QueueEntry[]> {
    const rows: QueueRow[] = [];
    const messages = new Set<number>();
    let from: number | null = (after + 1) * RECIPIENT_SPAN;
    let last: number | null = null;
    // One more than asked for: only then it is known that the last one has all its recipients.
    while (from !== null && messages.size <= limit) {
      const now = this.#clock.now();
      const step: Calls['queue']['gives'] = await this.link.call('queue', { filter, from, last, now });
      for (const row of step.rows) messages.add(row[0]);
      rows.push(...step.rows);
      from = step.next;
      last = step.last;
    }
    return queueEntries(rows).slice(0, Math.max(0, limit));
  }

  async change(filter: QueueFilter, action: QueueAction, now: number): Promise<{ changed: number; busy: number }> {
    let changed = 0;
    let busy = 0;
    let from: number | null = 0;
    let last: number | null = null;
    while (from !== null) {
      const step: Calls['change']['gives'] = await this.link.call('change', { filter, action, from, last, now });
      changed += step.changed;
      busy += step.busy;
      from = step.next;
      last = step.last;
      if (from !== null && step.changed > 0) await pause(CHANGE_PAUSE_MS);
    }
    return { changed, busy };
  }

  async notePauses(owner: string, pauses: readonly PausedUpstream[], now: number): Promise<void> {
    const rows = pauses.map(({ upstream, until, why, alarm }): PauseRow => [upstream, until, why, alarm ? 1 : 0]);
    await this.link.call('notePauses', { owner, now, rows });
  }

  async pauses(now: number, owner: string | null = null): Promise<PausedUpstream[]> {
    const rows = await this.link.call('pauses', { now, owner });
    return rows.map(([upstream, until, why, alarm]) => ({ upstream, until, why, alarm: alarm === 1 }));
  }

  hookCursor(name: string): Promise<number | null> {
    return this.link.call('hookCursor', name);
  }

  async setHookCursor(name: string, seq: number): Promise<void> {
    await this.link.call('setHookCursor', [name, seq]);
  }

  async maildrop(after: number, namespace: string | null, limit: number): Promise<MaildropMail[]> {
    const mails: MaildropMail[] = [];
    for (const [seq, id, size, isOpen, isShort] of await this.link.call('maildrop', { after, namespace, limit })) {
      mails.push({ seq, id, size, isOpen: isOpen === 1 && !(isShort === 1 && (await this.#endsInCrlf(id))) });
    }
    return mails;
  }

  watch(changed: () => void): () => void {
    const { watchers } = this.link;
    watchers.add(changed);
    // Fails only when the store is closed or lost, which every other call tells, too.
    this.link.call('watch', null).catch(() => {});
    return () => watchers.delete(changed);
  }

  close(): Promise<void> {
    this.#closing ??= this.link.close();
    return this.#closing;
  }

  /** Reads all of it: for a content whose last two bytes are apart. */
  async #endsInCrlf(id: string): Promise<boolean> {
    let last = '';
    for await (const piece of (await this.content(id)) ?? [])
      last = (last + piece.subarray(-2).toString('latin1')).slice(-2);
    return last === '\r\n';
  }

  /** Deleting a message while it is read must be an error for the reader, never a message that is too short. */
  async *#piecesOf(
    id: string,
    { size, pieces, tail }: { size: number; pieces: number; tail: Uint8Array },
  ): AsyncGenerator<Buffer> {
    let left = size - tail.length;
    for (let n = 0; n < pieces; n++) {
      const piece = await this.link.call('contentPiece', { id, n });
      if (!piece)
        throw this.link.failure(`message ${id} was deleted while it was read, or the file with its content is missing`);
      left -= piece.length;
      yield bufferOver(piece);
      piecePassed();
    }
    if (left !== 0) throw this.link.failure(`the content of message ${id} is damaged`);
    if (tail.length > 0) yield bufferOver(tail);
  }
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
