// What is only read: messages, lists, content, counts.

import type { Database } from './sqlite-database.ts';
import { type ContentFiles, FIRST_IN_FILE } from './sqlite-files.ts';
import type { AttemptRow, Handlers, MessageRow, ReadName, RecipientRow, SummaryRow } from './sqlite-protocol.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Tally } from './sqlite-tally.ts';

export function viewCalls(
  db: Database,
  tally: Tally,
  files: ContentFiles,
): Handlers<Exclude<ReadName, 'nextDue' | 'queue' | 'pauses' | 'inboxTranscript' | 'hookCursor' | 'maildrop'>> {
  const message = db.query<MessageRow>('SELECT seq, id, received_at, size, envelope FROM message WHERE id = ?');
  const recipients = db.query<RecipientRow>(
    `SELECT id, address, parameters, route, state, next_attempt
     FROM recipient WHERE id >= ? AND id < ? ORDER BY id`,
  );
  const attempts = db.query<AttemptRow>(
    'SELECT recipient, record FROM attempt WHERE recipient >= ? AND recipient < ? ORDER BY recipient, n',
  );
  const summaries = db.query<SummaryRow>(
    `SELECT seq, id, received_at, size, envelope, (
       SELECT json_group_array(address) FROM (
         SELECT address FROM recipient
         WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
         ORDER BY recipient.id
       )
     )
     FROM message WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
  );
  const content = db.query<[number, number, Uint8Array]>('SELECT size, pieces, tail FROM message WHERE id = ?');
  const piece = db.query<[Uint8Array]>('SELECT bytes FROM piece WHERE id = ? AND n = ?');

  return {
    get(id) {
      const row = message.first(id);
      if (!row) return null;
      const first = row[0] * RECIPIENT_SPAN;
      const end = first + RECIPIENT_SPAN;
      return { message: row, recipients: recipients.all(first, end), attempts: attempts.all(first, end) };
    },

    list: ({ limit, before }) => summaries.all(before ?? Number.MAX_SAFE_INTEGER, Math.max(0, limit)),

    content(id) {
      const row = content.first(id);
      return row ? { size: row[0], pieces: row[1], tail: row[2] } : null;
    },

    // First in the database: until version 3 all pieces were there.
    contentPiece: ({ id, n }) => piece.first(id, n)?.[0] ?? (n < FIRST_IN_FILE ? null : files.read(id, n)),

    counts: () => tally.counts(),
  };
}
