// Which upstreams are paused, told by the process that paused them to those that look at the queue from outside.

import type { Database } from './sqlite-database.ts';
import type { Handlers, PauseRow } from './sqlite-protocol.ts';
import { PAUSE_KEPT_MS } from './store.ts';

export function pauseCalls(db: Database): Handlers<'notePauses' | 'pauses'> {
  // Also what is over, of owners that are gone.
  const forget = db.command('DELETE FROM pause WHERE owner = ? OR until <= ?');
  const note = db.command('INSERT OR REPLACE INTO pause (owner, upstream, until, why, alarm) VALUES (?, ?, ?, ?, ?)');
  const beyond = db.query<PauseRow>(
    `SELECT upstream, until, why, alarm FROM pause WHERE until > ?1 AND (?2 IS NULL OR owner = ?2)
    ORDER BY upstream, owner`,
  );

  return {
    notePauses({ owner, now, rows }) {
      forget.run(owner, now - PAUSE_KEPT_MS);
      for (const row of rows) note.run(owner, ...row);
      return null;
    },

    pauses: ({ now, owner }) => beyond.all(now - PAUSE_KEPT_MS, owner),
  };
}
