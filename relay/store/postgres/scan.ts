// Finds the recipients that a filter means, a step at a time, in the order of their ids, which is that of their
// messages; and changes them, each step in a commit of its own. What is under a running lease is not touched: whoever
// delivers it would settle what is no longer there. A lease that ran out is ended instead, so that its fence is void.

import { addressMatcher } from '../address-pattern.ts';
import type { QueueColumns } from '../rows.ts';
import { type QueueAction, type QueueFilter, RECIPIENT_STATES, type RecipientState } from '../store.ts';
import type { Asker, Connections, Statement } from './connections.ts';
import type { Remover } from './removal.ts';
import { retried } from './retries.ts';
import { messageOf, RECIPIENT_SPAN } from './schema.ts';
import { plain, texts } from './values.ts';

/** Recipients looked at in one step. */
const STEP = 1000;
const UNCAPTURED: readonly RecipientState[] = RECIPIENT_STATES.filter((state) => state !== 'captured');
const LAST_ID = Number.MAX_SAFE_INTEGER;

/** $1 from, $2 states, $3 now, $4 received before, $5 received after. */
const rows = (
  where: string,
): string => `SELECT seq, message.id, received_at, size, sender, recipient.id, address, state,
    route, next_attempt, attempts, since, lease_owner IS NOT NULL AND due_at > $3::bigint, ordered,
    (SELECT record FROM attempt WHERE recipient = recipient.id ORDER BY n DESC LIMIT 1)
  FROM ${where}
    AND state = ANY ($2::text[]) AND received_at < $4::bigint AND received_at > $5::bigint
  ORDER BY recipient.id`;
const ALL: Statement = {
  name: 'queue',
  text: rows(`(SELECT * FROM recipient WHERE id >= $1::bigint ORDER BY id LIMIT ${STEP}) AS recipient
    JOIN message ON seq = recipient.id / ${RECIPIENT_SPAN} WHERE true`),
};
/** The id of the last recipient that a step of ALL looks at. */
const STEP_END: Statement = {
  name: 'queue_step',
  text: `SELECT max(id), count(*) FROM (SELECT id FROM recipient WHERE id >= $1::bigint ORDER BY id LIMIT ${STEP}) AS step`,
};
const chosen = (where: string): string =>
  `${rows(`message JOIN recipient ON recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
    WHERE ${where} AND recipient.id >= $1::bigint`)} LIMIT ${STEP}`;
const BY_ID: Statement = { name: 'queue_by_id', text: chosen('message.id = ANY ($6::text[])') };
const BY_PREFIX: Statement = {
  name: 'queue_by_prefix',
  text: chosen(`message.id >= $6::text AND message.id < $6::text || '~'`),
};

const WAITING: readonly RecipientState[] = ['queued', 'deferred', 'unknown'];
const UNDONE: readonly RecipientState[] = [...WAITING, 'held'];
const FREE = '(lease_owner IS NULL OR due_at <= $2::bigint)';

/** By action: the states that it changes, and what it sets. */
const CHANGES: Readonly<Record<Exclude<QueueAction, 'delete'>, readonly [readonly RecipientState[], string]>> = {
  hold: [WAITING, `state = 'held', next_attempt = NULL, due_at = NULL, ordered = NULL`],
  release: [['held'], `state = 'queued', next_attempt = $2::bigint, due_at = $2::bigint`],
  flush: [WAITING, 'next_attempt = $2::bigint, due_at = $2::bigint'],
  requeue: [
    [...UNDONE, 'bounced', 'expired'],
    `state = 'queued', next_attempt = $2::bigint, due_at = $2::bigint, since = $2::bigint, attempts = 0,
     delay_notified = false, ordered = NULL`,
  ],
  // What is held must wait again, or no claim would find it.
  bounce: [
    UNDONE,
    `state = CASE state WHEN 'held' THEN 'queued' ELSE state END, next_attempt = $2::bigint, due_at = $2::bigint,
     ordered = 'bounce'`,
  ],
};
const update = (action: Exclude<QueueAction, 'delete'>): Statement => ({
  name: `change_${action}`,
  text: `UPDATE recipient SET ${CHANGES[action][1]}, lease_owner = NULL
    WHERE id = ANY ($1::bigint[]) AND state = ANY ($3::text[]) AND ${FREE} RETURNING id`,
});
const UNKEEP: Statement = {
  name: 'change_unkeep',
  text: 'UPDATE message SET captured = false WHERE seq = ANY ($1::bigint[]) AND captured',
};
const REMOVE: Statement = {
  name: 'change_delete',
  text: `WITH gone AS (
    DELETE FROM recipient WHERE id = ANY ($1::bigint[]) AND state = ANY ($3::text[]) AND ${FREE} RETURNING id
  ), attempts AS (DELETE FROM attempt USING gone WHERE recipient = gone.id)
  SELECT id FROM gone`,
};
const LOCK: Statement = {
  name: 'change_lock',
  text: 'SELECT seq FROM message WHERE seq = ANY ($1::bigint[]) ORDER BY seq FOR UPDATE',
};
/** After some recipients of messages are gone: whether it is only captured now, and whether there are others at all. */
const LEFT: Statement = {
  name: 'change_left',
  text: `UPDATE message SET captured = kept.captured FROM (
    SELECT seq, count(recipient.id) AS others, coalesce(bool_or(state = 'captured')
      AND NOT bool_or(state IN ('queued', 'deferred', 'unknown', 'held')), false) AS captured
    FROM unnest($1::bigint[]) AS given (seq)
    LEFT JOIN recipient ON recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
    GROUP BY seq
  ) AS kept WHERE message.seq = kept.seq RETURNING message.seq, others`,
};

interface Step {
  readonly rows: readonly QueueColumns[];
  /** Where the next step begins; null when there is none. */
  readonly next: number | null;
}

export class Scan {
  readonly #connections: Connections;
  readonly #remover: Remover;

  constructor(connections: Connections, remover: Remover) {
    this.#connections = connections;
    this.#remover = remover;
  }

  /** What matches from the recipient `from` on, as far as one step goes. */
  async step(filter: QueueFilter, from: number, now: number): Promise<Step> {
    const { ids, idPrefix, states = UNCAPTURED, receivedBefore = LAST_ID, receivedAfter = -1 } = filter;
    const values = [from, texts(states), now, receivedBefore, receivedAfter];
    const { patient } = this.#connections;
    if (ids || idPrefix) {
      const found = await patient.ask<QueueColumns>(ids ? BY_ID : BY_PREFIX, [...values, ids ? texts(ids) : idPrefix]);
      return { rows: this.#matching(filter, found), next: found.length < STEP ? null : found.at(-1)![5] + 1 };
    }
    const [[end, count] = [null, 0]] = await patient.ask<[number | null, number]>(STEP_END, [from]);
    if (end === null) return { rows: [], next: null };
    const found = await patient.ask<QueueColumns>(ALL, values);
    return {
      rows: this.#matching(filter, found),
      next: count < STEP ? null : Math.max(end, found.at(-1)?.[5] ?? 0) + 1,
    };
  }

  /** Changes what matches from `from` on, as far as one step goes. */
  async change(
    filter: QueueFilter,
    action: QueueAction,
    from: number,
    now: number,
  ): Promise<{ changed: number; busy: number; next: number | null }> {
    const possible = action === 'delete' ? UNCAPTURED : CHANGES[action][0];
    const states = possible.filter((state) => filter.states?.includes(state) ?? true);
    const { rows: meant, next } = await this.step({ ...filter, states }, from, now);
    const free = meant.filter((row) => !row[12]).map((row) => row[5]);
    const values = [plain(free), now, texts(states)];
    const changed =
      free.length === 0
        ? 0
        : await retried(this.#connections.patience, ['conflict'], async () =>
            action === 'delete' ? this.#remove(values) : this.#update(action, values, free),
          );
    // What has been claimed since it was looked at is busy, too.
    return { changed, busy: meant.length - changed, next };
  }

  async #update(action: Exclude<QueueAction, 'delete'>, values: readonly unknown[], ids: readonly number[]) {
    const { patient } = this.#connections;
    // What is to be delivered again must not go because it is old.
    if (action === 'requeue') await patient.ask(UNKEEP, [plain([...new Set(ids.map(messageOf))])]);
    return (await patient.ask(update(action), values)).length;
  }

  /** Takes single recipients out of their messages, and a message with its last one. */
  async #remove(values: readonly unknown[]): Promise<number> {
    let freed = 0;
    const removed = await this.#connections.patient.transaction(async (asker: Asker) => {
      const gone = (await asker.ask<[number]>(REMOVE, values)).map(([id]) => id);
      const seqs = [...new Set(gone.map(messageOf))];
      if (seqs.length === 0) return 0;
      await asker.ask(LOCK, [plain(seqs)]);
      const left = await asker.ask<[number, number]>(LEFT, [plain(seqs)]);
      const empty = left.filter(([, others]) => others === 0).map(([seq]) => seq);
      if (empty.length > 0) freed = (await this.#remover.remove(asker, empty)).freed;
      return gone.length;
    });
    if (freed > 0) this.#remover.sweepSoon();
    return removed;
  }

  #matching({ sender, recipient }: QueueFilter, found: readonly QueueColumns[]): readonly QueueColumns[] {
    const isSender = sender === undefined ? null : addressMatcher(sender);
    const isRecipient = recipient === undefined ? null : addressMatcher(recipient);
    if (!isSender && !isRecipient) return found;
    return found.filter((row) => (isSender?.(row[4]) ?? true) && (isRecipient?.(row[6]) ?? true));
  }
}
