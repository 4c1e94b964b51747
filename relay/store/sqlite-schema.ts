// The tables of the SQLite engine and how older files are brought up to date: user_version counts the migrations that
// a file has seen, application_id tells our files from those of other programs.
//
// Built for few and narrow statements, since what a statement costs is mostly its parameters:
// - What is only ever read as a whole (the envelope, an attempt) is one JSON column.
// - The last <= 64 KB of the content stand in the message's own row, which for most mail is all of it. Only longer
//   content has rows in `piece`, written before the message exists.
//   Since version 3 only the first of these: the others are in a file (sqlite-files.ts).
// - A recipient's id is seq * 65536 + its place in the envelope: a message's recipients lie together without an
//   index, and since a seq is never used twice, neither is a recipient's id.
// - due_at is the one time that claim() looks at: the next attempt, or while a lease runs, its end.

import { INBOX } from './sqlite-schema-inbox.ts';

/** 'Lone': at byte 68 of the file, where file(1) and other programs look for it. */
export const APPLICATION_ID = 0x4c6f6e65;

export const RECIPIENT_SPAN = 65536;

/** The seq of a recipient's message. */
export function messageOf(recipientId: number): number {
  return Math.floor(recipientId / RECIPIENT_SPAN);
}

const FIRST = `
CREATE TABLE message (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 22),
  received_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  -- 1 while all recipients are captured: what trim() counts and deletes
  captured INTEGER NOT NULL,
  pieces INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  -- last, so that reading the other columns never walks the pages of a long one
  tail BLOB NOT NULL
) STRICT;
CREATE INDEX message_captured ON message (seq) WHERE captured = 1;

CREATE TABLE recipient (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  parameters TEXT NOT NULL,
  route TEXT NOT NULL,
  state TEXT NOT NULL,
  next_attempt INTEGER,
  due_at INTEGER,
  lease_owner TEXT,
  fence INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- a recipient that waits without a time would be stranded, one that is done with a time would be sent again
  CHECK ((state IN ('queued', 'deferred', 'unknown')) = (due_at IS NOT NULL))
) STRICT;
CREATE INDEX recipient_due ON recipient (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE attempt (
  recipient INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (recipient, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE piece (
  id TEXT NOT NULL,
  n INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (id, n)
) STRICT;

-- ids with pieces but no message: content on its way in, or a deleted message's on its way out
CREATE TABLE loose (
  id TEXT PRIMARY KEY,
  pieces INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

const SECOND = `
-- when its life in the queue began, if not when the message was received: a requeue gives it another
ALTER TABLE recipient ADD COLUMN since INTEGER;
ALTER TABLE recipient ADD COLUMN delay_notified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN ordered TEXT CHECK (ordered IN ('bounce'));

-- upstreams that a process keeps mail away from, for others to see
CREATE TABLE pause (
  owner TEXT NOT NULL,
  upstream TEXT NOT NULL,
  until INTEGER NOT NULL,
  why TEXT NOT NULL,
  alarm INTEGER NOT NULL,
  PRIMARY KEY (owner, upstream)
) STRICT, WITHOUT ROWID;
`;

const THIRD = `
-- where the pieces from the second on are: in files in this folder, of which no other database knows the name
CREATE TABLE content_folder (name TEXT NOT NULL) STRICT;
INSERT INTO content_folder VALUES (lower(hex(randomblob(8))));
`;

const HOOKS = `
-- the last mail that each webhook was told of, or that was not for it
CREATE TABLE hook (
  name TEXT PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Migration n brings a file from user_version n to n + 1. Never changed once released, only added to. */
export const MIGRATIONS: readonly string[] = [FIRST, SECOND, THIRD, INBOX, HOOKS];
