// Migration 4: the inbox's tables. All of them but tags, read marks, namespaces and transcripts can be made again from
// the messages.
//
// - `inbox` is narrow, since lists and searches walk it; what is shown of a mail and what is searched in it is in
//   `inbox_text`, the longest column last. Its fields are in lower case (JavaScript's, which knows more than ASCII), as
//   LIKE compares: only `body` is as it came, for regular expressions, and `folded` stands beside it where lower case
//   differs from it by more than ASCII letters.
// - Two tables of trigrams serve search in turn. They tell only which mails have which three characters; the texts of
//   those that have them all are read. With the places of the trigrams, which would make that unnecessary, they would be
//   ten times as large, and slower for most that is looked for. To take single mails out of such a table costs a millisecond each, so
//   what is deleted stays in it, unseen, until the other one has been made anew without it (sqlite-trigrams.ts).
// - Triggers keep the counts and remove what belongs to a message that goes, whoever deletes it.
export const INBOX = `
CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  read INTEGER NOT NULL DEFAULT 0,
  received_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  attachments INTEGER NOT NULL,
  inlines INTEGER NOT NULL,
  -- a JSON array, sorted
  tags TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX inbox_namespace ON inbox (namespace) WHERE namespace > '';
CREATE INDEX inbox_unread ON inbox (seq) WHERE read = 0;

CREATE TABLE inbox_text (
  seq INTEGER PRIMARY KEY,
  -- what lists show, as JSON
  summary TEXT NOT NULL,
  sent_by TEXT NOT NULL,
  sent_to TEXT NOT NULL,
  cc TEXT NOT NULL,
  bcc TEXT NOT NULL,
  reply_to TEXT NOT NULL,
  subject TEXT NOT NULL,
  message_id TEXT NOT NULL,
  -- the envelope's recipients: a JSON array
  rcpt TEXT NOT NULL,
  -- names of attachments, the return path
  other TEXT NOT NULL,
  -- JSON: [[name, value], ...]
  headers TEXT NOT NULL,
  folded TEXT,
  body TEXT NOT NULL
) STRICT;

CREATE VIRTUAL TABLE inbox_trigrams_a USING fts5 (
  text, content = '', columnsize = 0, detail = none, tokenize = 'trigram'
);
CREATE VIRTUAL TABLE inbox_trigrams_b USING fts5 (
  text, content = '', columnsize = 0, detail = none, tokenize = 'trigram'
);

-- one row
CREATE TABLE inbox_state (
  -- every message up to this seq has been looked at
  indexed INTEGER NOT NULL,
  -- which of the two tables of trigrams is searched, the last seq in it, and how many of its mails are gone
  trigrams TEXT NOT NULL,
  searchable INTEGER NOT NULL,
  stale INTEGER NOT NULL,
  -- the last seq in the other one, while it is made
  renewed INTEGER NOT NULL,
  -- goes up with every change that is not a new mail
  version INTEGER NOT NULL
) STRICT;
INSERT INTO inbox_state VALUES (0, 'a', 0, 0, 0, 0);

CREATE TABLE inbox_count (
  namespace TEXT PRIMARY KEY,
  messages INTEGER NOT NULL,
  unread INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_tag (
  tag TEXT NOT NULL COLLATE NOCASE,
  seq INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  PRIMARY KEY (tag, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_tag_seq ON inbox_tag (seq);

CREATE TABLE inbox_tag_count (
  namespace TEXT NOT NULL,
  tag TEXT NOT NULL COLLATE NOCASE,
  messages INTEGER NOT NULL,
  PRIMARY KEY (namespace, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE namespace (
  -- in the order of creation, in which they are asked whether a mail is theirs
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  -- JSON: recipients, users, ports, headers
  members TEXT NOT NULL
) STRICT;

CREATE TABLE transcript (
  seq INTEGER PRIMARY KEY,
  lines TEXT NOT NULL
) STRICT;

CREATE TRIGGER inbox_added AFTER INSERT ON inbox BEGIN
  INSERT INTO inbox_count VALUES (new.namespace, 1, new.read = 0, new.size)
  ON CONFLICT DO UPDATE SET messages = messages + 1, unread = unread + (new.read = 0), bytes = bytes + new.size;
END;
CREATE TRIGGER inbox_marked AFTER UPDATE OF read ON inbox WHEN new.read <> old.read BEGIN
  UPDATE inbox_count SET unread = unread + old.read - new.read WHERE namespace = old.namespace;
  UPDATE inbox_state SET version = version + 1;
END;
CREATE TRIGGER inbox_removed AFTER DELETE ON inbox BEGIN
  UPDATE inbox_count SET messages = messages - 1, unread = unread - (old.read = 0), bytes = bytes - old.size
  WHERE namespace = old.namespace;
  DELETE FROM inbox_count WHERE namespace = old.namespace AND messages = 0;
  DELETE FROM inbox_text WHERE seq = old.seq;
  DELETE FROM inbox_tag WHERE seq = old.seq;
  UPDATE inbox_state SET version = version + 1, stale = stale + (old.seq <= searchable);
END;
CREATE TRIGGER inbox_tagged AFTER INSERT ON inbox_tag BEGIN
  INSERT INTO inbox_tag_count VALUES (new.namespace, new.tag, 1) ON CONFLICT DO UPDATE SET messages = messages + 1;
  UPDATE inbox_state SET version = version + 1;
END;
CREATE TRIGGER inbox_untagged AFTER DELETE ON inbox_tag BEGIN
  UPDATE inbox_tag_count SET messages = messages - 1 WHERE namespace = old.namespace AND tag = old.tag;
  DELETE FROM inbox_tag_count WHERE namespace = old.namespace AND tag = old.tag AND messages = 0;
  UPDATE inbox_state SET version = version + 1;
END;
-- The question first: a relay deletes many messages that have nothing here.
CREATE TRIGGER message_removed AFTER DELETE ON message
WHEN EXISTS (SELECT 1 FROM inbox WHERE seq = old.seq) OR EXISTS (SELECT 1 FROM transcript WHERE seq = old.seq) BEGIN
  DELETE FROM inbox WHERE seq = old.seq;
  DELETE FROM transcript WHERE seq = old.seq;
END;
`;
