// Group commit: all writes that wait share one transaction and so one sync. Only after its COMMIT does any of them
// count as done.
//
// A write that fails must not take its neighbours along. Savepoints around each would be paid for by all mail; failures
// are so rare that it is cheaper to roll back and do the group again, one transaction each. Only when the commit itself
// fails, or the lock is not to be had, has every write failed: trying each again would meet the same disk.

import type { Tally } from './sqlite-tally.ts';

/** A commit that was made: how long it took, sync included, and how many writes it carried. */
export type Committed = (ms: number, writes: number) => void;

export type Outcome = { ok: true; value: unknown } | { ok: false; reason: string };

/** The part of the database that a group needs; narrow, so that a test can let a commit fail. */
export interface Transactions {
  begin(): void;
  commit(): void;
  rollback(): void;
}

export class GroupCommit {
  readonly #db: Transactions;
  readonly #tally: Pick<Tally, 'committed' | 'rolledBack'>;
  readonly #onCommit: Committed;

  constructor(db: Transactions, tally: Pick<Tally, 'committed' | 'rolledBack'>, onCommit: Committed = () => {}) {
    this.#db = db;
    this.#tally = tally;
    this.#onCommit = onCommit;
  }

  /** Runs the writes in their order; the outcomes are in the same order. Never throws. */
  run(writes: readonly (() => unknown)[]): Outcome[] {
    try {
      this.#db.begin();
    } catch (error) {
      return failAll(writes, error);
    }
    const values: unknown[] = [];
    try {
      for (const write of writes) values.push(write());
    } catch (error) {
      this.#rollBack();
      return writes.length === 1 ? failAll(writes, error) : writes.flatMap((write) => this.run([write]));
    }
    const started = performance.now();
    try {
      this.#db.commit();
    } catch (error) {
      this.#rollBack();
      return failAll(writes, error);
    }
    this.#onCommit(performance.now() - started, writes.length);
    this.#tally.committed();
    return values.map((value) => ({ ok: true, value }));
  }

  #rollBack(): void {
    this.#tally.rolledBack();
    try {
      this.#db.rollback();
    } catch {
      // begin() sees that a transaction is still open and tries again.
    }
  }
}

export function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: unknown; code?: unknown };
  return typeof code === 'string' ? `${message} (${code})` : String(message ?? error);
}

function failAll(writes: readonly unknown[], error: unknown): Outcome[] {
  const reason = reasonOf(error);
  return writes.map(() => ({ ok: false, reason }));
}
