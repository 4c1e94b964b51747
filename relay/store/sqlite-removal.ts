// Takes messages out. The messages, their recipients and attempts go at once; the pieces of long content only become
// loose and are swept away a few at a time, because removing a gigabyte in one go would hold up every session's 250.
// Many messages go with the same few statements as one: a sink removes as much as it takes in.

import type { Command, Database, Query } from './sqlite-database.ts';
import type { Handlers } from './sqlite-protocol.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Sweeper } from './sqlite-sweeper.ts';
import type { Tally } from './sqlite-tally.ts';
import type { RecipientState } from './store.ts';

/** A thousand removals hold up the others' commits for some ten milliseconds. */
const PURGE_STEP = 1000;

/** The recipients of the messages whose seqs are in a JSON array; found message by message. */
const RECIPIENTS_OF_LIST = `
  json_each(?) AS listed CROSS JOIN recipient
  ON recipient.id >= listed.value * ${RECIPIENT_SPAN} AND recipient.id < (listed.value + 1) * ${RECIPIENT_SPAN}`;

export class Remover {
  readonly #tally: Tally;
  readonly #sweeper: Sweeper;
  readonly #states: Query<[RecipientState, number]>;
  readonly #loosen: Query<[string]>;
  readonly #removeRecipients: Command;
  readonly #removeMessages: Command;
  /** The seqs of what is removed by the end of the transaction under way. */
  readonly #doomed = new Set<number>();

  constructor(db: Database, tally: Tally, sweeper: Sweeper) {
    this.#tally = tally;
    this.#sweeper = sweeper;
    this.#states = db.query(`SELECT state, count(*) FROM ${RECIPIENTS_OF_LIST} GROUP BY state`);
    this.#loosen = db.query(
      `INSERT INTO loose (id, pieces, bytes)
       SELECT id, pieces, size FROM message WHERE seq IN (SELECT value FROM json_each(?)) AND pieces > 0 RETURNING id`,
    );
    this.#removeRecipients = db.command(
      `DELETE FROM recipient WHERE id IN (SELECT recipient.id FROM ${RECIPIENTS_OF_LIST})`,
    );
    this.#removeMessages = db.command('DELETE FROM message WHERE seq IN (SELECT value FROM json_each(?))');
  }

  /** Removes a message by the end of the transaction: many calls that remove one each then cost little more than one. */
  doom(seq: number): void {
    this.#doomed.add(seq);
  }

  isDoomed(seq: number): boolean {
    return this.#doomed.has(seq);
  }

  /** Before the commit, and before whatever would still see what is doomed. */
  removeDoomed(): void {
    if (this.#doomed.size === 0) return;
    this.remove(JSON.stringify([...this.#doomed]));
    this.#doomed.clear();
  }

  rolledBack(): void {
    this.#doomed.clear();
  }

  /** Removes the messages whose seqs are in a JSON array; tells how many there were. */
  remove(seqs: string): number {
    if (seqs === '[]') return 0;
    for (const [state, count] of this.#states.all(seqs)) this.#tally.add(state, -count);
    for (const [id] of this.#loosen.all(seqs)) this.#sweeper.add(id);
    this.#removeRecipients.run(seqs);
    const removed = this.#removeMessages.run(seqs).changes;
    this.#tally.add('messages', -removed);
    this.#sweeper.noteFreed();
    return removed;
  }

  /** An upload that was given up. */
  abandon(id: string): void {
    this.#sweeper.abandon(id);
  }
}

export function removalCalls(db: Database, remover: Remover): Handlers<'delete' | 'trim' | 'purge' | 'discard'> {
  const find = db.query<[number]>('SELECT seq FROM message WHERE id = ?');
  const surplus = db.query<[string]>(
    `SELECT json_group_array(seq) FROM message WHERE captured = 1 AND seq <= (
       SELECT seq FROM message WHERE captured = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?
     )`,
  );
  const done = db.query<[string]>(
    `SELECT json_group_array(seq) FROM (
       SELECT seq FROM message WHERE captured = 0 AND received_at < ? AND NOT EXISTS (
         SELECT 1 FROM recipient
         WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
         AND state NOT IN ('delivered', 'bounced', 'expired')
       ) LIMIT ${PURGE_STEP}
     )`,
  );
  const remove = (found: [string] | undefined): number => remover.remove(found?.[0] ?? '[]');

  return {
    // An id that is named twice is found once.
    delete: (ids) => remover.remove(JSON.stringify([...new Set(ids)].flatMap((id) => find.first(id) ?? []))),
    trim: (max) => remove(surplus.first(Math.max(0, max))),
    purge: (before) => remove(done.first(before)),

    discard(id) {
      remover.abandon(id);
      return null;
    },
  };
}
