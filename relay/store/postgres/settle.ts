// Records what became of what was claimed. Nearly all mail has one recipient and is delivered: it goes with the commits
// (commits.ts). All else goes the long way, in one transaction for as many as wait.

import { DONE, onlyKept, WAITING } from '../rows.ts';
import type { Notice, Settlement, SettleOptions } from '../store.ts';
import { type Arrival, insertArrivals } from './arrivals.ts';
import { Batches } from './batches.ts';
import type { Commits } from './commits.ts';
import type { Asker, Connections, Statement } from './connections.ts';
import type { Remover } from './removal.ts';
import { retried } from './retries.ts';
import { messageOf, PIECE_BYTES, RECIPIENT_SPAN } from './schema.ts';
import { plain, texts } from './values.ts';

const RECIPIENTS_OF = `recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}`;

/** Whoever settles the last recipients of a message at the same time must see each other. */
const LOCK: Statement = {
  name: 'settle_lock',
  text: 'SELECT seq FROM message WHERE seq = ANY ($1::bigint[]) ORDER BY seq FOR NO KEY UPDATE',
};
/** An order stands until it is done: whoever gives the recipient back undone leaves it in a state that waits. Attempts
 * are numbered by the fence, which only grows: what happened before a requeue stays on record. */
const END: Statement = {
  name: 'settle',
  text: `WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::text[], $6::boolean[])
      AS given (id, fence, state, due, record, told)
  ), ended AS (
    UPDATE recipient SET state = given.state, next_attempt = due, due_at = due, lease_owner = NULL,
      attempts = attempts + CASE WHEN record IS NULL THEN 0 ELSE 1 END, delay_notified = delay_notified OR told,
      ordered = CASE WHEN due IS NOT NULL THEN ordered END
    FROM given WHERE recipient.id = given.id AND recipient.fence = given.fence AND lease_owner IS NOT NULL
    RETURNING recipient.id, recipient.fence, record
  ), recorded AS (
    INSERT INTO attempt (recipient, n, record) SELECT id, fence, record FROM ended WHERE record IS NOT NULL
  )
  SELECT id FROM ended`,
};
const NOTE_CAPTURED: Statement = {
  name: 'note_captured',
  text: `UPDATE message SET captured = NOT captured WHERE seq = ANY ($1::bigint[]) AND captured <> ${onlyKept(RECIPIENTS_OF)}`,
};
const DELIVERED: Statement = {
  name: 'wholly_delivered',
  text: `SELECT seq FROM unnest($1::bigint[]) AS given (seq) WHERE NOT EXISTS (
    SELECT 1 FROM recipient
    WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN} AND state <> 'delivered'
  )`,
};

interface Call {
  readonly results: readonly Settlement[];
  readonly forget: boolean;
  readonly notices: readonly Notice[];
}

const MOST = 200;

export class Settling {
  readonly #connections: Connections;
  readonly #commits: Commits;
  readonly #remover: Remover;
  readonly #long: Batches<Call, number>;

  constructor(connections: Connections, commits: Commits, remover: Remover) {
    this.#connections = connections;
    this.#commits = commits;
    this.#remover = remover;
    this.#long = new Batches<Call, number>({
      run: (batch) => retried(this.#connections.patience, ['conflict'], () => this.#settle(batch)),
      most: MOST,
      keys: ({ results }) => results.map(({ recipientId }) => recipientId),
    });
  }

  /** Tells how many had a valid fence. */
  async settle(results: readonly Settlement[], options: SettleOptions): Promise<number> {
    const { forgetDelivered: forget = false, notices = [] } = options;
    for (const { content, message } of notices) {
      if (content.length > PIECE_BYTES) throw new RangeError(`a notice of more than ${PIECE_BYTES} bytes`);
      this.#commits.check(message);
    }
    const [only] = results;
    if (only && results.length === 1 && forget && notices.length === 0 && only.state === 'delivered') {
      if (await this.#commits.forget(only)) return 1;
    }
    return results.length === 0 ? 0 : this.#long.add({ results, forget, notices });
  }

  async settled(): Promise<void> {
    await this.#long.settled();
  }

  async #settle(calls: readonly Call[]): Promise<number[]> {
    const delivered = new Set<number>();
    /** Messages of which a recipient is done with and that stay, perhaps only to be looked at. */
    const done = new Set<number>();
    for (const { results, forget } of calls) {
      for (const { recipientId, state } of results) {
        if (forget && state === 'delivered') delivered.add(messageOf(recipientId));
        if (DONE.has(state)) done.add(messageOf(recipientId));
      }
    }
    const needsMore = delivered.size + done.size > 0 || calls.some(({ notices }) => notices.length > 0);
    if (!needsMore) return counted(calls, await end(this.#connections, calls));
    let freed = 0;
    const counts = await this.#connections.transaction(async (asker) => {
      const touched = plain([...new Set([...delivered, ...done])]);
      if (delivered.size + done.size > 0) await asker.ask(LOCK, [touched]);
      const ended = await end(asker, calls);
      await insertArrivals(asker, arrivals(calls, ended));
      if (delivered.size > 0) {
        const rows = await asker.ask<[number]>(DELIVERED, [plain([...delivered])]);
        for (const [seq] of rows) done.delete(seq);
        if (rows.length > 0)
          freed = (
            await this.#remover.remove(
              asker,
              rows.map(([seq]) => seq),
            )
          ).freed;
      }
      if (done.size > 0) await asker.ask(NOTE_CAPTURED, [plain([...done])]);
      return counted(calls, ended);
    });
    if (freed > 0) this.#remover.sweepSoon();
    return counts;
  }
}

/** The recipients whose lease was valid, and is ended. */
async function end(asker: Asker, calls: readonly Call[]): Promise<Set<number>> {
  const results = calls.flatMap((call) => call.results);
  const all = <T>(of: (one: Settlement) => T): T[] => results.map(of);
  const rows = await asker.ask<[number]>(END, [
    plain(all((one) => one.recipientId)),
    plain(all((one) => one.fence)),
    texts(all((one) => one.state)),
    plain(all((one) => (WAITING.has(one.state) ? one.nextAttempt : null))),
    texts(all((one) => one.attempt && JSON.stringify(one.attempt))),
    plain(all((one) => one.delayNotified ?? false)),
  ]);
  return new Set(rows.map(([id]) => id));
}

function counted(calls: readonly Call[], ended: ReadonlySet<number>): number[] {
  return calls.map(({ results }) => results.filter(({ recipientId }) => ended.has(recipientId)).length);
}

/** The notices of which at least one recipient was settled here under the fence that they name. */
function arrivals(calls: readonly Call[], ended: ReadonlySet<number>): Arrival[] {
  return calls.flatMap(({ results, notices }) => {
    const fences = new Map(results.map(({ recipientId, fence }) => [recipientId, fence]));
    const isMeant = ({ about }: Notice): boolean =>
      about.some(({ recipientId, fence }) => ended.has(recipientId) && fences.get(recipientId) === fence);
    return notices.filter(isMeant).map(({ id, message, content }): Arrival => {
      return { id, message, content: { size: content.length, pieces: 0, tail: content }, lease: null };
    });
  });
}
