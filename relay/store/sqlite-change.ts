// What an operator does to the queue: holds, releases, hurries, bounces, deletes. Each call is one step of a change, in
// a transaction of its own (sqlite-scan.ts tells why), and touches nothing that is under a running lease: whoever
// delivers it would settle what is no longer there. A lease that ran out is ended instead, so that its fence is void.

import { onlyKept } from './rows.ts';
import type { Command, Database, Query } from './sqlite-database.ts';
import type { Handlers, QueueRow } from './sqlite-protocol.ts';
import type { Remover } from './sqlite-removal.ts';
import type { Scan } from './sqlite-scan.ts';
import { messageOf, RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Tally } from './sqlite-tally.ts';
import type { QueueAction, RecipientState } from './store.ts';

const WAITING: readonly RecipientState[] = ['queued', 'deferred', 'unknown'];
const UNDONE: readonly RecipientState[] = [...WAITING, 'held'];

const RECIPIENTS_OF = `recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}`;

/** By action: the states that it changes, and what it sets; ?1 is the time. */
const CHANGES: Readonly<Record<Exclude<QueueAction, 'delete'>, readonly [readonly RecipientState[], string]>> = {
  hold: [WAITING, `state = 'held', next_attempt = NULL, due_at = NULL, ordered = NULL`],
  release: [['held'], `state = 'queued', next_attempt = ?1, due_at = ?1`],
  flush: [WAITING, 'next_attempt = ?1, due_at = ?1'],
  requeue: [
    [...UNDONE, 'bounced', 'expired'],
    `state = 'queued', next_attempt = ?1, due_at = ?1, since = ?1, attempts = 0, delay_notified = 0, ordered = NULL`,
  ],
  // What is held must wait again, or no claim would find it.
  bounce: [UNDONE, `state = iif(state = 'held', 'queued', state), next_attempt = ?1, due_at = ?1, ordered = 'bounce'`],
};

export function changeCalls(db: Database, tally: Tally, remover: Remover, scan: Scan): Handlers<'queue' | 'change'> {
  const updates = new Map<QueueAction, Query<[RecipientState]>>();
  for (const [action, [, sets]] of Object.entries(CHANGES)) {
    const sql = `UPDATE recipient SET ${sets}, lease_owner = NULL WHERE id IN (SELECT value FROM json_each(?2)) RETURNING state`;
    updates.set(action as QueueAction, db.query(sql));
  }
  const endPauses = db.command('UPDATE pause SET until = ?1 WHERE until > ?1');
  const unkeep = db.command(
    'UPDATE message SET captured = 0 WHERE seq IN (SELECT value FROM json_each(?)) AND captured = 1',
  );
  const removals = new Removals(db, remover);

  return {
    queue: (step) => scan.step(step),

    change({ action, filter, from, last, now }) {
      if (action === 'flush') endPauses.run(now);
      const allowed = action === 'delete' ? filter.states : statesFor(CHANGES[action][0], filter.states);
      const found = scan.step({ filter: allowed ? { ...filter, states: allowed } : filter, from, last, now });
      const meant = found.rows.filter((row) => row[7] !== 'captured');
      const free = meant.filter((row) => row[12] === 0);
      const ids = JSON.stringify(free.map((row) => row[5]));
      if (action === 'delete') removals.remove(free, ids);
      else for (const [state] of updates.get(action)!.all(now, ids)) tally.add(state, 1);
      // What is to be delivered again must not go because it is old.
      if (action === 'requeue') unkeep.run(JSON.stringify([...new Set(free.map((row) => messageOf(row[5])))]));
      for (const row of free) tally.add(row[7], -1);
      return { changed: free.length, busy: meant.length - free.length, next: found.next, last: found.last };
    },
  };
}

function statesFor(possible: readonly RecipientState[], wanted?: readonly RecipientState[]): readonly RecipientState[] {
  return wanted ? possible.filter((state) => wanted.includes(state)) : possible;
}

/** Takes single recipients out of their messages, and a message with its last one. */
class Removals {
  readonly #remover: Remover;
  readonly #removeRecipients: Command;
  readonly #isEmpty: Query<[number]>;
  readonly #noteCaptured: Command;

  constructor(db: Database, remover: Remover) {
    this.#remover = remover;
    this.#removeRecipients = db.command('DELETE FROM recipient WHERE id IN (SELECT value FROM json_each(?))');
    this.#isEmpty = db.query(
      `SELECT 1 FROM message WHERE seq = ? AND NOT EXISTS (SELECT 1 FROM recipient WHERE ${RECIPIENTS_OF})`,
    );
    this.#noteCaptured = db.command(
      `UPDATE message SET captured = NOT captured WHERE seq = ? AND captured <> ${onlyKept(RECIPIENTS_OF)}`,
    );
  }

  remove(rows: readonly QueueRow[], ids: string): void {
    this.#removeRecipients.run(ids);
    const empty: number[] = [];
    for (const seq of new Set(rows.map((row) => messageOf(row[5])))) {
      if (this.#isEmpty.first(seq)) empty.push(seq);
      else this.#noteCaptured.run(seq);
    }
    this.#remover.remove(JSON.stringify(empty));
  }
}
