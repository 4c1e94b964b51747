// The queue's side of the store: claiming what is due under a lease, prolonging it, recording results. A lease is
// due_at moved to its end: one index finds what is due and what was left behind alike. Each claim raises the fence.

import { DONE, onlyKept } from './rows.ts';
import type { Database } from './sqlite-database.ts';
import type { ClaimedRow, DueRow, Handlers, SettlementRow } from './sqlite-protocol.ts';
import type { Remover } from './sqlite-removal.ts';
import { messageOf, RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Tally } from './sqlite-tally.ts';
import type { RecipientState } from './store.ts';

const RECIPIENTS_OF = `recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}`;

interface ClaimedMessage {
  message: DueRow;
  recipients: ClaimedRow[];
}

type Leased = [state: RecipientState, attempts: number, hasUndeliveredNeighbours: 0 | 1];

/** A settlement that showed the fence of its lease, and how its recipient was before. */
interface ValidSettlement {
  result: SettlementRow;
  before: Leased;
}

export function queueCalls(
  db: Database,
  tally: Tally,
  remover: Remover,
  accept: Handlers<'accept'>['accept'],
): Handlers<'claim' | 'renew' | 'settle' | 'hasten' | 'nextDue'> {
  const dueMessages = db.query<DueRow>(
    `SELECT seq, message.id, received_at, size, envelope, CASE WHEN pieces = 0 THEN tail END
     FROM recipient JOIN message ON seq = recipient.id / ${RECIPIENT_SPAN}
     WHERE due_at <= ? ORDER BY due_at, recipient.id LIMIT ?`,
  );
  const lease = db.query<ClaimedRow>(
    `UPDATE recipient SET due_at = ?, lease_owner = ?, fence = fence + 1
     FROM json_each(?) AS chosen
     WHERE recipient.id >= chosen.value * ${RECIPIENT_SPAN} AND recipient.id < (chosen.value + 1) * ${RECIPIENT_SPAN}
     AND +due_at <= ?
     RETURNING id, address, parameters, attempts, state, fence, since, delay_notified, ordered`,
  );
  const prolong = db.command('UPDATE recipient SET due_at = ? WHERE id = ? AND fence = ? AND lease_owner IS NOT NULL');
  const leased = db.query<Leased>(
    `SELECT state, attempts, EXISTS (
       SELECT 1 FROM recipient AS other
       WHERE other.id >= one.id / ${RECIPIENT_SPAN} * ${RECIPIENT_SPAN}
       AND other.id < (one.id / ${RECIPIENT_SPAN} + 1) * ${RECIPIENT_SPAN}
       AND other.id <> one.id AND other.state <> 'delivered'
     ) FROM recipient AS one WHERE id = ? AND fence = ? AND lease_owner IS NOT NULL`,
  );
  const end = db.command(
    // An order stands until it is done: whoever gives the recipient back undone leaves it in a state that waits.
    `UPDATE recipient SET state = ?2, next_attempt = ?3, due_at = ?3, attempts = ?4, lease_owner = NULL,
       ordered = CASE WHEN ?3 IS NOT NULL THEN ordered END
     WHERE id = ?1`,
  );
  const noteDelay = db.command('UPDATE recipient SET delay_notified = 1 WHERE id = ?');
  // Numbered by the fence, which only grows. The recipient's own count does not: a requeue sets it back, and what
  // happened before stays on record.
  const insertAttempt = db.command('INSERT INTO attempt (recipient, n, record) VALUES (?, ?, ?)');
  const undelivered = db.query<[number]>(
    `SELECT count(*) FROM recipient
     WHERE id >= ?1 * ${RECIPIENT_SPAN} AND id < (?1 + 1) * ${RECIPIENT_SPAN} AND state <> 'delivered'`,
  );
  const noteCaptured = db.command(
    `UPDATE message SET captured = NOT captured WHERE seq = ? AND captured <> ${onlyKept(RECIPIENTS_OF)}`,
  );
  // In the order of an index, from its end: with nothing to change it costs next to nothing.
  const hasten = db.command(
    `UPDATE recipient SET due_at = iif(lease_owner IS NULL, ?1, ?3), next_attempt = iif(lease_owner IS NULL, ?1, next_attempt)
     WHERE due_at > ?2`,
  );
  const soonest = db.query<[number | null]>('SELECT min(due_at) FROM recipient WHERE due_at IS NOT NULL');

  /** The messages of which nothing is left to deliver after these settlements. */
  function whollyDelivered(valid: Iterable<ValidSettlement>): Set<number> {
    const whole = new Set<number>();
    const several = new Map<number, number>();
    for (const { result, before } of valid) {
      if (result[2] !== 'delivered') continue;
      const seq = messageOf(result[0]);
      if (before[2] === 0) whole.add(seq);
      else several.set(seq, (several.get(seq) ?? 0) + 1);
    }
    for (const [seq, delivered] of several) {
      if (delivered > 1 && undelivered.first(seq)?.[0] === delivered) whole.add(seq);
    }
    return whole;
  }

  function record([id, fence, state, dueAt, attempt, delayNotified]: SettlementRow, before: Leased): void {
    const [oldState, oldAttempts] = before;
    end.run(id, state, dueAt, attempt === null ? oldAttempts : oldAttempts + 1);
    if (attempt !== null) insertAttempt.run(id, fence, attempt);
    if (delayNotified) noteDelay.run(id);
    tally.add(oldState, -1);
    tally.add(state, 1);
    // One that is alone and not captured leaves nothing to be looked at.
    if (state === 'captured' || (before[2] === 1 && DONE.has(state))) noteCaptured.run(messageOf(id));
  }

  return {
    claim({ owner, now, until, limit }) {
      const claimed = new Map<number, ClaimedMessage>();
      // Rows are recipients: a message with many of them may leave room for others, hence the loop. Each round
      // leases what it found, so the next one finds something else.
      while (claimed.size < limit) {
        const rows = dueMessages.all(now, limit - claimed.size);
        const round = new Map<number, ClaimedMessage>();
        for (const message of rows) round.set(message[0], { message, recipients: [] });
        if (round.size === 0) break;
        for (const row of lease.all(Math.max(until, now + 1), owner, JSON.stringify([...round.keys()]), now)) {
          round.get(messageOf(row[0]))?.recipients.push(row);
        }
        for (const [seq, message] of round) claimed.set(seq, message);
      }
      for (const { recipients } of claimed.values()) recipients.sort((a, b) => a[0] - b[0]);
      return [...claimed.values()];
    },

    renew({ leases, until }) {
      return leases.filter(([id, fence]) => prolong.run(until, id, fence).changes === 1).map(([id]) => id);
    },

    settle({ results, forget, notices }) {
      const valid = new Map<number, ValidSettlement>();
      for (const result of results) {
        const [id, fence] = result;
        if (valid.has(id) || remover.isDoomed(messageOf(id))) continue;
        const before = leased.first(id, fence);
        if (before) valid.set(id, { result, before });
      }
      const forgotten = forget ? whollyDelivered(valid.values()) : new Set<number>();
      for (const { result, before } of valid.values()) if (!forgotten.has(messageOf(result[0]))) record(result, before);
      // Without a record: what is forgotten in the same commit need not be written first.
      for (const seq of forgotten) remover.doom(seq);
      for (const { message, about } of notices) {
        if (about.some(([id, fence]) => valid.get(id)?.result[1] === fence)) accept(message);
      }
      return valid.size;
    },

    hasten: ({ now, latest, leaseEnd }) => hasten.run(now, latest, leaseEnd).changes,

    nextDue: () => soonest.first()?.[0] ?? null,
  };
}
