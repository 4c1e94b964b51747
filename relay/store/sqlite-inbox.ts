// What the inbox has the database thread write: rows that its own thread made of messages, marks, tags, namespaces,
// transcripts. Nothing here reads mail; lists and searches are answered elsewhere (relay/inbox/engine), over a
// connection of their own.

import type { Database } from './sqlite-database.ts';
import type { Handlers, InboxCallName, InboxTagging } from './sqlite-protocol.ts';
import type { Remover } from './sqlite-removal.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Tally } from './sqlite-tally.ts';

/** Messages that one call removes: as many as a purge's step. */
const TRIM_STEP = 1000;

const RECIPIENTS_OF = `recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}`;

export function inboxCalls(db: Database, tally: Tally, remover: Remover): Handlers<InboxCallName> {
  const insertRow = db.command(
    `INSERT OR IGNORE INTO inbox (seq, namespace, received_at, size, attachments, inlines)
     SELECT ?1, iif(EXISTS (SELECT 1 FROM namespace WHERE name = ?2), ?2, ''), received_at, size, ?3, ?4
     FROM message WHERE seq = ?1`,
  );
  const insertText = db.command(`INSERT INTO inbox_text VALUES (${Array(14).fill('?').join(', ')})`);
  const noteIndexed = db.command('UPDATE inbox_state SET indexed = max(indexed, ?)');
  const insertTranscript = db.command(
    'INSERT OR IGNORE INTO transcript (seq, lines) SELECT seq, ? FROM message WHERE id = ?',
  );
  const transcript = db.query<[string]>(
    'SELECT lines FROM transcript WHERE seq = (SELECT seq FROM message WHERE id = ?)',
  );
  const mark = db.query<[number]>(
    'UPDATE inbox SET read = ?1 WHERE read <> ?1 AND seq IN (SELECT value FROM json_each(?2)) RETURNING seq',
  );
  const addNamespace = db.command(
    'INSERT OR IGNORE INTO namespace (name, created_at, expires_at, members) VALUES (?, ?, ?, ?)',
  );
  const removeNamespace = db.command('DELETE FROM namespace WHERE name = ?');
  const trims = trimming(db);
  const taking = new Taking(db, tally, remover);
  const tagging = new Tagging(db);

  return {
    inboxIndex({ rows, upTo }) {
      for (const [seq, namespace, attachments, inlines, tags, ...texts] of rows) {
        // Gone meanwhile, or another process was faster.
        if (insertRow.run(seq, namespace, attachments, inlines).changes !== 1) continue;
        insertText.run(seq, ...texts);
        if (tags.length > 0) tagging.change({ seqs: [seq], remove: [], add: tags });
      }
      noteIndexed.run(upTo);
      return null;
    },

    inboxTranscripts(rows) {
      for (const [id, lines] of rows) insertTranscript.run(lines, id);
      return null;
    },

    inboxTranscript: (id) => transcript.first(id)?.[0] ?? null,

    inboxMark: ({ seqs, read }) => mark.all(read, JSON.stringify(seqs)).map(([seq]) => seq),

    inboxTag: (takes) => tagging.change(takes),

    inboxRemove: (seqs) => taking.remove(seqs),

    inboxTrim: (limits) => remover.remove(JSON.stringify(trims(limits))),

    namespaceAdd: ({ name, createdAt, expiresAt, members }) =>
      addNamespace.run(name, createdAt, expiresAt, members).changes === 1,

    namespaceRemove: (name) => removeNamespace.run(name).changes === 1,
  };
}

/** Finds what is too much, too old or too large: the oldest, at most a step of them. */
function trimming(db: Database) {
  const surplus = db.query<[number]>(
    `SELECT seq FROM message WHERE captured = 1 AND seq <= (
       SELECT seq FROM message WHERE captured = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?
     ) ORDER BY seq LIMIT ${TRIM_STEP}`,
  );
  const oldest = db.query<[number, number, number]>(
    `SELECT seq, received_at, size FROM message WHERE captured = 1 ORDER BY seq LIMIT ${TRIM_STEP}`,
  );
  const newest = db.query<[number]>('SELECT seq FROM message WHERE captured = 1 ORDER BY seq DESC LIMIT 1');
  const total = db.query<[number | null]>('SELECT sum(bytes) FROM inbox_count');

  return ({ max, before, bytes }: { max: number; before: number; bytes: number }): number[] => {
    if (max > 0) {
      const found = surplus.all(max).map(([seq]) => seq);
      if (found.length > 0) return found;
    }
    let excess = bytes > 0 ? (total.first()?.[0] ?? 0) - bytes : 0;
    if (excess <= 0 && before <= 0) return [];
    const found: number[] = [];
    const last = newest.first()?.[0];
    for (const [seq, receivedAt, size] of oldest.all()) {
      // What came later with an earlier time waits until all before it are old enough: a clock was set back.
      // A mail that is too large alone is shown all the same, until the next one comes.
      if (receivedAt >= before && (excess <= 0 || seq === last)) break;
      found.push(seq);
      excess -= size;
    }
    return found;
  };
}

/** Takes mail out of the inbox; what its queue has still to do stays. */
class Taking {
  readonly #tally: Tally;
  readonly #remover: Remover;
  readonly #isBusy;
  readonly #removeCaptured;
  readonly #removeRow;

  constructor(db: Database, tally: Tally, remover: Remover) {
    this.#tally = tally;
    this.#remover = remover;
    this.#isBusy = db.query<[number]>(
      `SELECT seq FROM message WHERE seq IN (SELECT value FROM json_each(?)) AND captured = 0
       AND EXISTS (SELECT 1 FROM recipient WHERE ${RECIPIENTS_OF} AND (due_at IS NOT NULL OR state = 'held'))`,
    );
    this.#removeCaptured = db.command(
      `DELETE FROM recipient WHERE id >= ?1 AND id < ?1 + ${RECIPIENT_SPAN} AND state = 'captured'`,
    );
    this.#removeRow = db.command('DELETE FROM inbox WHERE seq = ?');
  }

  remove(seqs: readonly number[]): number {
    const busy = new Set(this.#isBusy.all(JSON.stringify(seqs)).map(([seq]) => seq));
    let removed = 0;
    for (const seq of busy) {
      this.#tally.add('captured', -this.#removeCaptured.run(seq * RECIPIENT_SPAN).changes);
      removed += this.#removeRow.run(seq).changes;
    }
    return removed + this.#remover.remove(JSON.stringify(seqs.filter((seq) => !busy.has(seq))));
  }
}

class Tagging {
  readonly #row;
  readonly #spelling;
  readonly #add;
  readonly #remove;
  readonly #note;

  constructor(db: Database) {
    this.#row = db.query<[string, string]>('SELECT namespace, tags FROM inbox WHERE seq = ?');
    this.#spelling = db.query<[string]>('SELECT tag FROM inbox_tag WHERE tag = ? LIMIT 1');
    this.#add = db.command('INSERT OR IGNORE INTO inbox_tag (tag, seq, namespace) VALUES (?, ?, ?)');
    this.#remove = db.command('DELETE FROM inbox_tag WHERE tag = ? AND seq = ?');
    this.#note = db.command('UPDATE inbox SET tags = ? WHERE seq = ?');
  }

  /** Tells which mails are changed, with the tags that they have now. */
  change({ seqs, remove, add }: InboxTagging): [number, string[]][] {
    const changed: [number, string[]][] = [];
    const unwanted = remove === 'all' ? null : new Set(remove.map(keyOf));
    for (const seq of seqs) {
      const row = this.#row.first(seq);
      if (!row) continue;
      const [namespace, json] = row;
      const before = JSON.parse(json) as string[];
      const after = new Map<string, string>();
      for (const tag of before) if (unwanted && !unwanted.has(keyOf(tag))) after.set(keyOf(tag), tag);
      for (const tag of add) {
        const key = keyOf(tag);
        // One tag is written in one way, that of the mail that had it first; a change of case alone is meant.
        const isRespelled = unwanted?.has(key) ?? false;
        if (!after.has(key)) after.set(key, isRespelled ? tag : (this.#spelling.first(tag)?.[0] ?? tag));
      }
      const tags = [...after.values()].sort(byName);
      const text = JSON.stringify(tags);
      if (text === json) continue;
      const kept = new Set(tags);
      for (const tag of before) if (!kept.has(tag)) this.#remove.run(tag, seq);
      for (const tag of tags) this.#add.run(tag, seq, namespace);
      this.#note.run(text, seq);
      changed.push([seq, tags]);
    }
    return changed;
  }
}

/** As NOCASE compares. */
function keyOf(tag: string): string {
  return tag.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function byName(a: string, b: string): number {
  const [one, other] = [a.toLowerCase(), b.toLowerCase()];
  return one < other ? -1 : one > other ? 1 : 0;
}
