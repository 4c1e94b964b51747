// The queue's side of the store: claiming what is due under a lease, prolonging it, recording results. A lease is
// due_at moved to its end: one index finds what is due and what was left behind alike. Each claim raises the fence.

import type { Database } from './sqlite-database.ts';
import type { ClaimedRow, DueRow, Handlers } from './sqlite-protocol.ts';
import type { Doomed, Remover } from './sqlite-removal.ts';
import { messageOf, RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Tally } from './sqlite-tally.ts';
import type { RecipientState } from './store.ts';

interface ClaimedMessage {
  message: DueRow;
  recipients: ClaimedRow[];
}

export function queueCalls(
  db: Database,
  tally: Tally,
  remover: Remover,
  accept: Handlers<'accept'>['accept'],
): Handlers<'claim' | 'renew' | 'settle' | 'nextDue'> {
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
  const leased = db.query<[RecipientState, number]>(
    'SELECT state, attempts FROM recipient WHERE id = ? AND fence = ? AND lease_owner IS NOT NULL',
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
  const wholly = db.query<Doomed>(
    `SELECT seq, id, pieces, size FROM message WHERE seq = ?1 AND NOT EXISTS (
       SELECT 1 FROM recipient
       WHERE recipient.id >= ?1 * ${RECIPIENT_SPAN} AND recipient.id < (?1 + 1) * ${RECIPIENT_SPAN}
       AND state <> 'delivered'
     )`,
  );
  const noteCaptured = db.command(
    `UPDATE message SET captured = NOT EXISTS (
       SELECT 1 FROM recipient
       WHERE id >= seq * ${RECIPIENT_SPAN} AND id < (seq + 1) * ${RECIPIENT_SPAN} AND state <> 'captured'
     ) WHERE seq = ?`,
  );
  const soonest = db.query<[number | null]>('SELECT min(due_at) FROM recipient WHERE due_at IS NOT NULL');

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
      let valid = 0;
      const fences = new Map<number, number>();
      const delivered = new Set<number>();
      for (const [id, fence, state, dueAt, attempt, delayNotified] of results) {
        const before = leased.first(id, fence);
        if (!before) continue;
        valid++;
        fences.set(id, fence);
        const [oldState, oldAttempts] = before;
        end.run(id, state, dueAt, attempt === null ? oldAttempts : oldAttempts + 1);
        if (attempt !== null) insertAttempt.run(id, fence, attempt);
        if (delayNotified) noteDelay.run(id);
        tally.add(oldState, -1);
        tally.add(state, 1);
        if (state === 'captured') noteCaptured.run(messageOf(id));
        if (state === 'delivered') delivered.add(messageOf(id));
      }
      for (const { message, about } of notices) {
        if (about.some(([id, fence]) => fences.get(id) === fence)) accept(message);
      }
      if (forget) {
        for (const seq of delivered) {
          const row = wholly.first(seq);
          if (row) remover.remove(row);
        }
      }
      return valid;
    },

    nextDue: () => soonest.first()?.[0] ?? null,
  };
}
