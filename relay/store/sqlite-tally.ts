// How many messages and recipients there are, without counting them each time: counted once when first asked, then
// followed. Kept in memory rather than in a table, where every message would pay for it. When another process has
// written to the file, it is counted anew.

import type { Database, Query } from './sqlite-database.ts';
import { RECIPIENT_SPAN } from './sqlite-schema.ts';
import type { Counts, RecipientState } from './store.ts';

type Subject = 'messages' | RecipientState;

export class Tally {
  readonly #db: Database;
  readonly #messages: Query<[number]>;
  readonly #states: Query<[RecipientState, number]>;
  readonly #version: Query<[number]>;
  readonly #oldest: Query<[number]>;
  #known: Map<Subject, number> | null = null;
  #knownVersion = 0;
  /** What the transaction under way has changed: counts only once it is committed. */
  readonly #changes = new Map<Subject, number>();

  constructor(db: Database) {
    this.#db = db;
    this.#messages = db.query('SELECT count(*) FROM message');
    this.#states = db.query('SELECT state, count(*) FROM recipient GROUP BY state');
    // The message that came first, not the least received_at, which takes a look at every message that waits. The sum
    // makes it read the index of what is due rather than all recipients.
    this.#oldest = db.query(
      `SELECT received_at FROM message
       WHERE seq = (SELECT min(id + 0) FROM recipient WHERE due_at IS NOT NULL) / ${RECIPIENT_SPAN}`,
    );
    // Changes when another connection has committed, not when this one has.
    this.#version = db.query('PRAGMA data_version');
  }

  add(subject: Subject, difference: number): void {
    this.#changes.set(subject, (this.#changes.get(subject) ?? 0) + difference);
  }

  committed(): void {
    if (this.#known) {
      for (const [subject, change] of this.#changes) this.#known.set(subject, (this.#known.get(subject) ?? 0) + change);
    }
    this.#changes.clear();
  }

  rolledBack(): void {
    this.#changes.clear();
  }

  counts(): Counts {
    const version = this.#version.first()?.[0] ?? 0;
    if (!this.#known || version !== this.#knownVersion) this.#count();
    const recipients: Partial<Record<RecipientState, number>> = {};
    let messages = 0;
    for (const [subject, count] of this.#known ?? []) {
      if (subject === 'messages') messages = count;
      else if (count > 0) recipients[subject] = count;
    }
    return { messages, recipients, oldestWaiting: this.#oldest.first()?.[0] ?? null };
  }

  #count(): void {
    // One read transaction, or another process could write between the two counts.
    this.#db.exec('BEGIN');
    try {
      this.#known = new Map<Subject, number>([['messages', this.#messages.first()?.[0] ?? 0], ...this.#states.all()]);
      this.#knownVersion = this.#version.first()?.[0] ?? 0;
    } finally {
      this.#db.exec('COMMIT');
    }
  }
}
