// How far each webhook has come, and the mails of the inbox as POP3 numbers them: ids and sizes, thousands at a time.

import type { Database } from './sqlite-database.ts';
import type { Handlers, MaildropRow } from './sqlite-protocol.ts';

export function hookCalls(db: Database): Handlers<'hookCursor' | 'setHookCursor' | 'maildrop'> {
  const cursor = db.query<[number]>('SELECT seq FROM hook WHERE name = ?');
  const set = db.command('INSERT OR REPLACE INTO hook (name, seq) VALUES (?, ?)');
  const mails = db.query<MaildropRow>(
    `SELECT seq, id, message.size, message.size > 0 AND substr(tail, -2) <> x'0D0A', length(tail) < 2
     FROM inbox JOIN message USING (seq)
     WHERE seq > ?1 AND (?2 IS NULL OR namespace = ?2) ORDER BY seq LIMIT ?3`,
  );

  return {
    hookCursor: (name) => cursor.first(name)?.[0] ?? null,

    setHookCursor([name, seq]) {
      set.run(name, seq);
      return null;
    },

    maildrop: ({ after, namespace, limit }) => mails.all(after, namespace, limit),
  };
}
