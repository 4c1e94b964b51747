// Takes messages out. The message, its recipients and attempts go at once; the pieces of long content only become loose
// and are swept away a few at a time by whichever node gets to it.

import type { Asker, Connections, Statement } from './connections.ts';
import { retried } from './retries.ts';
import { RECIPIENT_SPAN } from './schema.ts';
import { checkStorable, plain, texts } from './values.ts';

/** Messages removed in one transaction. */
const PURGE_STEP = 1000;
/** 4 MB of content. */
const PIECES_A_STEP = 64;

const REMOVE: Statement = {
  name: 'remove',
  text: `WITH recipients AS (
    DELETE FROM recipient USING unnest($1::bigint[]) AS given (seq)
    WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
  ), attempts AS (
    DELETE FROM attempt USING unnest($1::bigint[]) AS given (seq)
    WHERE recipient >= seq * ${RECIPIENT_SPAN} AND recipient < (seq + 1) * ${RECIPIENT_SPAN}
  ), messages AS (
    DELETE FROM message WHERE seq = ANY ($1::bigint[]) RETURNING id, pieces, size
  ), freed AS (
    INSERT INTO loose (id, pieces, bytes, touched_at) SELECT id, pieces, size, 0 FROM messages WHERE pieces > 0 RETURNING 1
  )
  SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM freed)`,
};
const BY_ID: Statement = {
  name: 'lock_by_id',
  text: 'SELECT seq FROM message WHERE id = ANY ($1::text[]) ORDER BY seq FOR UPDATE',
};
const SURPLUS: Statement = {
  name: 'lock_surplus',
  text: `SELECT seq FROM message WHERE captured AND seq <= (
    SELECT seq FROM message WHERE captured ORDER BY seq DESC LIMIT 1 OFFSET $1::int
  ) ORDER BY seq LIMIT ${PURGE_STEP} FOR UPDATE SKIP LOCKED`,
};
const DONE: Statement = {
  name: 'lock_done',
  text: `SELECT seq FROM message WHERE NOT captured AND received_at < $1::bigint AND NOT EXISTS (
    SELECT 1 FROM recipient
    WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
      AND state NOT IN ('delivered', 'bounced', 'expired')
  ) ORDER BY seq LIMIT ${PURGE_STEP} FOR UPDATE SKIP LOCKED`,
};
/** Somebody may have requeued one in the meantime. */
const UNDONE: Statement = {
  name: 'lock_undone',
  text: `SELECT seq, state NOT IN ('delivered', 'bounced', 'expired')
    FROM unnest($1::bigint[]) AS given (seq)
    JOIN recipient ON recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
    ORDER BY recipient.id FOR UPDATE OF recipient`,
};
/** One id with pieces that are nobody's: of a deleted message, or of an upload whose node is gone. Nothing is lost when
 * the server forgets it, so nobody waits for the disk. */
const SWEEP: Statement = {
  name: 'sweep',
  text: `WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true)), one AS MATERIALIZED (
    SELECT loose.id FROM lazily, loose
    WHERE node IS NULL OR (
      touched_at < extract(epoch FROM clock_timestamp()) * 1000 - 600000
      AND NOT EXISTS (SELECT 1 FROM node WHERE node.id = loose.node AND seen_at > extract(epoch FROM clock_timestamp()) * 1000 - 60000)
    ) LIMIT 1 FOR UPDATE OF loose SKIP LOCKED
  ), gone AS (
    DELETE FROM piece WHERE (id, n) IN (SELECT piece.id, n FROM one JOIN piece USING (id) LIMIT ${PIECES_A_STEP}) RETURNING 1
  ), done AS (
    DELETE FROM loose USING one WHERE loose.id = one.id AND (SELECT count(*) FROM gone) < ${PIECES_A_STEP}
  )
  SELECT id FROM one`,
};
const ABANDON: Statement = { name: 'abandon', text: 'UPDATE loose SET node = NULL WHERE id = $1::text' };

export class Remover {
  readonly #connections: Connections;
  #sweeping: Promise<void> | null = null;
  #isStopped = false;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Within a transaction that has locked the messages. Tells how many there were, and how many of them leave pieces. */
  async remove(asker: Asker, seqs: readonly number[]): Promise<{ removed: number; freed: number }> {
    const [row] = await asker.ask<[number, number]>(REMOVE, [plain(seqs)]);
    return { removed: row![0], freed: row![1] };
  }

  delete(ids: readonly string[]): Promise<number> {
    try {
      for (const id of ids) checkStorable(id);
    } catch (error) {
      return Promise.reject(this.#connections.failure((error as Error).message));
    }
    return this.#removeFound(BY_ID, [texts(ids)]);
  }

  async trim(max: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const step = await this.#removeFound(SURPLUS, [Math.max(0, max)]);
      removed += step;
      if (step < PURGE_STEP) return removed;
    }
  }

  purge(before: number): Promise<number> {
    return this.#removeFound(DONE, [before], async (asker, seqs) => {
      const rows = await asker.ask<[number, boolean]>(UNDONE, [plain(seqs)]);
      const undone = new Set(rows.filter(([, isUndone]) => isUndone).map(([seq]) => seq));
      return seqs.filter((seq) => !undone.has(seq));
    });
  }

  /** The pieces of an upload that was given up. */
  discard(id: string): void {
    this.#connections.patient
      .ask(ABANDON, [id])
      .then(() => this.sweepSoon())
      // Found again when this node is gone.
      .catch(() => {});
  }

  /** There may be loose pieces. */
  sweepSoon(): void {
    if (this.#isStopped) return;
    this.#sweeping ??= this.#sweep()
      .catch(() => {})
      .finally(() => {
        this.#sweeping = null;
      });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    for (;;) {
      const [found] = await this.#connections.patient.ask<[string]>(SWEEP, []);
      if (!found || this.#isStopped) return;
    }
  }

  async #removeFound(
    lock: Statement,
    values: readonly unknown[],
    sift: (asker: Asker, seqs: readonly number[]) => Promise<readonly number[]> = async (_, seqs) => seqs,
  ): Promise<number> {
    const { removed, freed } = await retried(this.#connections.patience, ['conflict'], () =>
      this.#connections.patient.transaction(async (asker) => {
        const found = (await asker.ask<[number]>(lock, values)).map(([seq]) => seq);
        const seqs = found.length === 0 ? found : await sift(asker, found);
        return seqs.length === 0 ? { removed: 0, freed: 0 } : this.remove(asker, seqs);
      }),
    );
    if (freed > 0) this.sweepSoon();
    return removed;
  }
}
