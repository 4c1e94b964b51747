// Finds the recipients that a filter means, a step at a time: a queue of 100,000 is gone through in some hundred steps
// of a few milliseconds each, between which sessions get their commits. Recipients are read in the order of their ids,
// which is that of their messages; an index for every filter would be paid for by all mail and used once a week.

import { addressMatcher } from './address-pattern.ts';
import type { Database, Query } from './sqlite-database.ts';
import type { QueueRow, ScanStep } from './sqlite-protocol.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import { type QueueFilter, RECIPIENT_STATES, type RecipientState } from './store.ts';

/** Recipients looked at in one step. */
const STEP = 1000;
/** Messages looked up by their ids in one step. */
const MESSAGES_A_STEP = 100;

const UNCAPTURED: readonly RecipientState[] = RECIPIENT_STATES.filter((state) => state !== 'captured');

export class Scan {
  readonly #newest: Query<[number | null]>;
  readonly #bound: Query<[number]>;
  readonly #rows: Query<QueueRow>;
  readonly #byId: Query<[number]>;
  readonly #byPrefix: Query<[number]>;

  constructor(db: Database) {
    this.#newest = db.query('SELECT max(id) FROM recipient');
    this.#bound = db.query(`SELECT id FROM recipient WHERE id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ${STEP}`);
    this.#rows = db.query(
      `SELECT seq, message.id, received_at, size, json_extract(envelope, '$.sender'), recipient.id, address, state,
         route, next_attempt, attempts, since, lease_owner IS NOT NULL AND due_at > ?4, ordered,
         (SELECT record FROM attempt WHERE recipient = recipient.id ORDER BY n DESC LIMIT 1)
       FROM recipient CROSS JOIN message ON seq = recipient.id / ${RECIPIENT_SPAN}
       WHERE recipient.id >= ?1 AND recipient.id < ?2 AND state IN (SELECT value FROM json_each(?3))
         AND received_at < ?5 AND received_at > ?6
       ORDER BY recipient.id`,
    );
    this.#byId = db.query(
      `SELECT seq FROM message WHERE id IN (SELECT value FROM json_each(?)) AND seq >= ? ORDER BY seq
       LIMIT ${MESSAGES_A_STEP}`,
    );
    this.#byPrefix = db.query(
      `SELECT seq FROM message WHERE id >= ?1 AND id < ?1 || '~' AND seq >= ?2 ORDER BY seq LIMIT ${MESSAGES_A_STEP}`,
    );
  }

  /** What matches from `from` on, as far as one step goes. `last` is what `next` of the first step came with. */
  step({ filter, from, last, now }: ScanStep): { rows: QueueRow[]; next: number | null; last: number } {
    const newest = last ?? this.#newest.first()?.[0] ?? 0;
    const chosen = this.#chosen(filter, Math.floor(from / RECIPIENT_SPAN));
    if (chosen === null) return { ...this.#range(filter, from, newest + 1, now), last: newest };
    const rows: QueueRow[] = [];
    for (const seq of chosen) {
      const end = (seq + 1) * RECIPIENT_SPAN;
      const part = this.#range(filter, Math.max(from, seq * RECIPIENT_SPAN), end, now);
      rows.push(...part.rows);
      if (part.next !== null) return { rows, next: part.next, last: newest };
      if (rows.length >= STEP || seq === chosen.at(-1)) return { rows, next: end, last: newest };
    }
    return { rows, next: null, last: newest };
  }

  #chosen({ ids, idPrefix }: QueueFilter, fromSeq: number): number[] | null {
    if (ids) return this.#byId.all(JSON.stringify(ids), fromSeq).map(([seq]) => seq);
    if (idPrefix) return this.#byPrefix.all(idPrefix, fromSeq).map(([seq]) => seq);
    return null;
  }

  #range(filter: QueueFilter, from: number, end: number, now: number): { rows: QueueRow[]; next: number | null } {
    const next = this.#bound.first(from, end)?.[0] ?? null;
    const { states = UNCAPTURED, receivedBefore = Number.MAX_SAFE_INTEGER, receivedAfter = -1 } = filter;
    const rows = this.#rows.all(from, next ?? end, JSON.stringify(states), now, receivedBefore, receivedAfter);
    const isSender = filter.sender === undefined ? null : addressMatcher(filter.sender);
    const isRecipient = filter.recipient === undefined ? null : addressMatcher(filter.recipient);
    if (!isSender && !isRecipient) return { rows, next };
    const meant = rows.filter((row) => (isSender?.(row[4]) ?? true) && (isRecipient?.(row[6]) ?? true));
    return { rows: meant, next };
  }
}
