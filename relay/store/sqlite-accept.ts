// Takes messages in: pieces of long content ahead of the message, then the message with its recipients.

import type { Database } from './sqlite-database.ts';
import { type ContentFiles, FIRST_IN_FILE } from './sqlite-files.ts';
import { type Handlers, PIECE_BYTES } from './sqlite-protocol.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Tally } from './sqlite-tally.ts';

export function acceptCalls(db: Database, tally: Tally, files: ContentFiles): Handlers<'accept' | 'piece'> {
  const insertMessage = db.command(
    'INSERT INTO message (id, received_at, size, captured, pieces, envelope, tail) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const insertRecipient = db.command(
    `INSERT INTO recipient (id, address, parameters, route, state, next_attempt, due_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)`,
  );
  const insertLeased = db.command(
    `INSERT INTO recipient (id, address, parameters, route, state, next_attempt, due_at, lease_owner, fence)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)`,
  );
  const insertPiece = db.command('INSERT INTO piece (id, n, bytes) VALUES (?, ?, ?)');
  const noteLoose = db.command(
    `INSERT INTO loose (id, pieces, bytes) VALUES (?, 1, ?)
     ON CONFLICT (id) DO UPDATE SET pieces = pieces + 1, bytes = bytes + excluded.bytes`,
  );
  const bindLoose = db.command('DELETE FROM loose WHERE id = ? AND pieces = ? AND bytes = ?');

  return {
    piece({ id, n, bytes }) {
      if (n < FIRST_IN_FILE) {
        insertPiece.run(id, n, bytes);
        noteLoose.run(id, bytes.length);
      } else files.write(id, n, bytes);
      return bytes;
    },

    accept({ id, receivedAt, size, captured, pieces, envelope, tail, recipients, lease }) {
      if (recipients.length > RECIPIENT_SPAN) throw new RangeError(`more than ${RECIPIENT_SPAN} recipients`);
      // A piece may have failed in a transaction before this one: then the message must not be.
      if (pieces > 0) {
        const inFile = Math.max(0, pieces - FIRST_IN_FILE);
        const bytes = size - tail.length - inFile * PIECE_BYTES;
        if (bindLoose.run(id, pieces - inFile, bytes).changes !== 1) {
          throw new Error('a part of the content was not stored');
        }
        if (inFile > 0) files.bind(id, pieces);
      }
      const message = insertMessage.run(id, receivedAt, size, captured, pieces, envelope, tail);
      tally.add('messages', 1);
      const first = Number(message.lastInsertRowid) * RECIPIENT_SPAN;
      for (const [i, [address, parameters, route, state, dueAt]] of recipients.entries()) {
        if (lease === null || dueAt === null) insertRecipient.run(first + i, address, parameters, route, state, dueAt);
        else insertLeased.run(first + i, address, parameters, route, state, dueAt, lease.until, lease.owner);
        tally.add(state, 1);
      }
      return lease && { first, tail };
    },
  };
}
