// A file as version 1 wrote it, as SQL: a captured message, one deferred twice, one held. Never to be changed.

export const VERSION_1 = `
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
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
INSERT INTO message VALUES(1,'000000WG000000yl3yrIjV',1000,10,1,0,'{"sender":"a@x.example","parameters":[["BODY","8BITMIME"]],"helo":"c.example","clientAddress":"192.0.2.1","protocol":"ESMTP","tls":"","authUser":""}',X'63617074757265640d0a');
INSERT INTO message VALUES(2,'000000WG000001yl3yrIjV',2000,10,0,0,'{"sender":"a@x.example","parameters":[["BODY","8BITMIME"]],"helo":"c.example","clientAddress":"192.0.2.1","protocol":"ESMTP","tls":"","authUser":""}',X'64656665727265640d0a');
INSERT INTO message VALUES(3,'000000WG000002yl3yrIjV',3000,6,0,0,'{"sender":"a@x.example","parameters":[["BODY","8BITMIME"]],"helo":"c.example","clientAddress":"192.0.2.1","protocol":"ESMTP","tls":"","authUser":""}',X'68656c640d0a');
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
INSERT INTO recipient VALUES(65536,'b@x.example','[]','capture','captured',NULL,NULL,NULL,0,0);
INSERT INTO recipient VALUES(131072,'b@x.example','[]','relay','deferred',8000,8000,NULL,2,2);
INSERT INTO recipient VALUES(196608,'b@x.example','[]','relay','held',NULL,NULL,NULL,1,0);
CREATE TABLE attempt (
  recipient INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (recipient, n)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt VALUES(131072,1,'{"at":2000,"upstream":"u","tls":"","reply":"451 one","outcome":"deferred"}');
INSERT INTO attempt VALUES(131072,2,'{"at":4000,"upstream":"u","tls":"","reply":"451 two","outcome":"deferred"}');
CREATE TABLE piece (
  id TEXT NOT NULL,
  n INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (id, n)
) STRICT;
CREATE TABLE loose (
  id TEXT PRIMARY KEY,
  pieces INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('message',3);
CREATE INDEX message_captured ON message (seq) WHERE captured = 1;
CREATE INDEX recipient_due ON recipient (due_at) WHERE due_at IS NOT NULL;
COMMIT;
PRAGMA application_id=1282371173;
PRAGMA user_version=1;
`;
