// Takes messages out. The message, its recipients and attempts go at once; the pieces of long content only become
// loose and are swept away a few at a time, because removing a gigabyte in one go would hold up every session's 250.

import type { Database } from './sqlite-database.ts';
import type { Handlers } from './sqlite-protocol.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Sweeper } from './sqlite-sweeper.ts';
import type { Tally } from './sqlite-tally.ts';
import type { RecipientState } from './store.ts';

export function removalCalls(db: Database, tally: Tally, sweeper: Sweeper): Handlers<'delete' | 'trim' | 'discard'> {
  const find = db.query<[number, string, number, number]>('SELECT seq, id, pieces, size FROM message WHERE id = ?');
  const surplus = db.query<[number, string, number, number]>(
    `SELECT seq, id, pieces, size FROM message WHERE captured = 1 AND seq <= (
       SELECT seq FROM message WHERE captured = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?
     )`,
  );
  const states = db.query<[RecipientState, number]>(
    'SELECT state, count(*) FROM recipient WHERE id >= ? AND id < ? GROUP BY state',
  );
  const removeRecipients = db.command('DELETE FROM recipient WHERE id >= ? AND id < ?');
  const removeMessage = db.command('DELETE FROM message WHERE seq = ?');
  const loosen = db.command('INSERT INTO loose (id, pieces, bytes) VALUES (?, ?, ?)');

  function remove(seq: number, id: string, pieces: number, size: number): void {
    const first = seq * RECIPIENT_SPAN;
    for (const [state, count] of states.all(first, first + RECIPIENT_SPAN)) tally.add(state, -count);
    removeRecipients.run(first, first + RECIPIENT_SPAN);
    removeMessage.run(seq);
    tally.add('messages', -1);
    sweeper.noteFreed();
    if (pieces === 0) return;
    loosen.run(id, pieces, size);
    sweeper.add(id);
  }

  return {
    delete(ids) {
      let removed = 0;
      for (const id of ids) {
        const row = find.first(id);
        if (!row) continue;
        remove(...row);
        removed++;
      }
      return removed;
    },

    trim(max) {
      const rows = surplus.all(Math.max(0, max));
      for (const row of rows) remove(...row);
      return rows.length;
    },

    discard(id) {
      sweeper.add(id);
      return null;
    },
  };
}
