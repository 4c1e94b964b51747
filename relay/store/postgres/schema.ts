// The tables of the PostgreSQL engine, in a schema of their own, and how they came about: migration n brings a database
// from version n to n + 1. Never changed once released, only added to.
//
// Built so that a mail that goes straight through costs little: two rows and four index entries when it is taken in, the
// same gone when it is delivered.
// - A recipient's id is seq * 65536 + its place in the envelope, as in the SQLite engine: a message's recipients lie
//   together without an index, and no id is ever used twice.
// - due_at is the one time that claims look at: the next attempt, or while a lease runs, its end.
// - `alone` tells that the message has no other recipient: the two can be removed without looking for others.
// - Contents up to 64 KB stand in the message's own row, uncompressed and up to a page of it not moved elsewhere;
//   longer ones have rows in `piece`, written before the message exists.
// - The tables are emptied as fast as they are filled: they are vacuumed early, and never wait for it.

export const RECIPIENT_SPAN = 65536;

/** Content is cut into rows of this many bytes; the message's own row holds what is left, at most as much. */
export const PIECE_BYTES = 65536;

/** The seq of a recipient's message. */
export function messageOf(recipientId: number): number {
  return Math.floor(recipientId / RECIPIENT_SPAN);
}

const BUSY = `autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.5, autovacuum_vacuum_insert_scale_factor = 1`;

const FIRST = `
CREATE SEQUENCE message_seq;

CREATE TABLE message (
  seq bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE CHECK (length(id) = 22),
  received_at bigint NOT NULL,
  size bigint NOT NULL,
  -- true while all recipients are captured: what trim() counts and deletes
  captured boolean NOT NULL,
  pieces integer NOT NULL,
  sender text NOT NULL,
  envelope text NOT NULL,
  tail bytea NOT NULL
) WITH (toast_tuple_target = 8160, ${BUSY});
ALTER TABLE message ALTER COLUMN tail SET STORAGE EXTERNAL;
CREATE INDEX message_captured ON message (seq) WHERE captured;

CREATE TABLE recipient (
  id bigint PRIMARY KEY,
  address text NOT NULL,
  parameters text NOT NULL,
  route text NOT NULL,
  state text NOT NULL,
  alone boolean NOT NULL,
  delay_notified boolean NOT NULL DEFAULT false,
  next_attempt bigint,
  due_at bigint,
  lease_owner text,
  fence integer NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  -- when its life in the queue began, if not when the message was received
  since bigint,
  ordered text CHECK (ordered IN ('bounce')),
  -- a recipient that waits without a time would be stranded, one that is done with a time would be sent again
  CHECK ((state IN ('queued', 'deferred', 'unknown')) = (due_at IS NOT NULL))
) WITH (${BUSY});
CREATE INDEX recipient_due ON recipient (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE attempt (
  recipient bigint NOT NULL,
  n integer NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (recipient, n)
) WITH (${BUSY});

CREATE TABLE piece (
  id text COLLATE "C" NOT NULL,
  n integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (id, n)
) WITH (${BUSY});
ALTER TABLE piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- ids with pieces but no message: content on its way in (with the node that takes it), or on its way out (without)
CREATE TABLE loose (
  id text COLLATE "C" PRIMARY KEY,
  pieces integer NOT NULL,
  bytes bigint NOT NULL,
  node text,
  touched_at bigint NOT NULL
) WITH (${BUSY});

-- upstreams that a process keeps mail away from, for others to see
CREATE TABLE pause (
  owner text NOT NULL,
  upstream text NOT NULL,
  until bigint NOT NULL,
  why text NOT NULL,
  alarm boolean NOT NULL,
  PRIMARY KEY (owner, upstream)
);

-- what each node may have under way to an upstream, and what they have begun lately; see shares.ts
CREATE TABLE share (
  upstream text NOT NULL,
  owner text NOT NULL,
  wanted integer NOT NULL,
  slots integer NOT NULL,
  until bigint NOT NULL,
  PRIMARY KEY (upstream, owner)
) WITH (fillfactor = 50);
CREATE TABLE start (
  upstream text NOT NULL,
  until bigint NOT NULL,
  n integer NOT NULL
);
CREATE INDEX start_upstream ON start (upstream, until);

-- the processes that take in and deliver; seen_at and since are the server's time
CREATE TABLE node (
  id text PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  version text NOT NULL,
  since bigint NOT NULL,
  seen_at bigint NOT NULL,
  -- by how much its clock is ahead of the server's
  clock_ahead bigint NOT NULL
) WITH (fillfactor = 50);
`;

/** Runs with the schema as the search path. */
export const MIGRATIONS: readonly string[] = [FIRST];
