// Takes messages out. The message, its recipients and attempts go at once; the pieces of long content only become
// loose and are swept away a few at a time, because removing a gigabyte in one go would hold up every session's 250.

import type { Command, Database, Query } from './sqlite-database.ts';
import type { Handlers } from './sqlite-protocol.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Sweeper } from './sqlite-sweeper.ts';
import type { Tally } from './sqlite-tally.ts';
import type { RecipientState } from './store.ts';

/** What has to be known of a message to remove it: seq, id, pieces, size. */
export type Doomed = [number, string, number, number];

/** A thousand removals hold up the others' commits for some ten milliseconds. */
const PURGE_STEP = 1000;

export class Remover {
  readonly #tally: Tally;
  readonly #sweeper: Sweeper;
  readonly #states: Query<[RecipientState, number]>;
  readonly #removeRecipients: Command;
  readonly #removeMessage: Command;
  readonly #loosen: Command;

  constructor(db: Database, tally: Tally, sweeper: Sweeper) {
    this.#tally = tally;
    this.#sweeper = sweeper;
    this.#states = db.query('SELECT state, count(*) FROM recipient WHERE id >= ? AND id < ? GROUP BY state');
    this.#removeRecipients = db.command('DELETE FROM recipient WHERE id >= ? AND id < ?');
    this.#removeMessage = db.command('DELETE FROM message WHERE seq = ?');
    this.#loosen = db.command('INSERT INTO loose (id, pieces, bytes) VALUES (?, ?, ?)');
  }

  remove([seq, id, pieces, size]: Doomed): void {
    const first = seq * RECIPIENT_SPAN;
    for (const [state, count] of this.#states.all(first, first + RECIPIENT_SPAN)) this.#tally.add(state, -count);
    this.#removeRecipients.run(first, first + RECIPIENT_SPAN);
    this.#removeMessage.run(seq);
    this.#tally.add('messages', -1);
    this.#sweeper.noteFreed();
    if (pieces === 0) return;
    this.#loosen.run(id, pieces, size);
    this.#sweeper.add(id);
  }

  /** After the commit: the pieces of an upload that was given up. */
  sweep(id: string): void {
    this.#sweeper.add(id);
  }
}

export function removalCalls(db: Database, remover: Remover): Handlers<'delete' | 'trim' | 'purge' | 'discard'> {
  const find = db.query<Doomed>('SELECT seq, id, pieces, size FROM message WHERE id = ?');
  const surplus = db.query<Doomed>(
    `SELECT seq, id, pieces, size FROM message WHERE captured = 1 AND seq <= (
       SELECT seq FROM message WHERE captured = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?
     )`,
  );
  const done = db.query<Doomed>(
    `SELECT seq, id, pieces, size FROM message WHERE captured = 0 AND received_at < ? AND NOT EXISTS (
       SELECT 1 FROM recipient
       WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
       AND state NOT IN ('delivered', 'bounced', 'expired')
     ) LIMIT ${PURGE_STEP}`,
  );

  function removeAll(rows: readonly Doomed[]): number {
    for (const row of rows) remover.remove(row);
    return rows.length;
  }

  return {
    // One after the other: an id that is named twice is found once.
    delete: (ids) => ids.reduce((removed, id) => removed + removeAll(find.all(id)), 0),
    trim: (max) => removeAll(surplus.all(Math.max(0, max))),
    purge: (before) => removeAll(done.all(before)),

    discard(id) {
      remover.sweep(id);
      return null;
    },
  };
}
