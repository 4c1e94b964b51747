// The commits that mail waits for: new messages, and those that are delivered and done with. What waits at a time goes
// into one statement, and so into one sync.
//
// The outcome for a new message is always known in the end: when the connection is lost before the answer, its id is
// looked up and, if it is not there, inserted once more. A first insert that is still under way somewhere cannot then
// come through as well, since ids are unique.

import type { NewMessage, Settlement } from '../store.ts';
import { type Arrival, arrivalValues, INSERTING, insertArrivals } from './arrivals.ts';
import { Batches } from './batches.ts';
import type { Connections, Statement, StoreError } from './connections.ts';
import type { Remover } from './removal.ts';
import { retried } from './retries.ts';
import { RECIPIENT_SPAN } from './schema.ts';
import { checkStorable, plain, texts } from './values.ts';

/** With $19 and $20, ids and fences of recipients that are delivered. Rows: whether it is a seq, the seq or the id, and
 * whether long content was freed. */
const COMMIT: Statement = {
  name: 'commit',
  text: `${INSERTING}, gone AS (
    DELETE FROM recipient USING unnest($19::bigint[], $20::int[]) AS given (id, fence)
    WHERE recipient.id = given.id AND recipient.fence = given.fence AND lease_owner IS NOT NULL AND recipient.alone
    RETURNING recipient.id, recipient.fence
  ), attempts AS (
    DELETE FROM attempt USING gone WHERE gone.fence > 1 AND recipient = gone.id
  ), forgotten AS (
    DELETE FROM message USING gone WHERE seq = gone.id / ${RECIPIENT_SPAN} RETURNING message.id, pieces, size
  ), freed AS (
    INSERT INTO loose (id, pieces, bytes, touched_at)
    SELECT id, pieces, size, 0 FROM forgotten WHERE pieces > 0 RETURNING 1
  )
  SELECT true, unnest(seqs), false FROM numbers
  UNION ALL SELECT false, id, EXISTS (SELECT FROM freed) FROM gone`,
};
const FIND: Statement = { name: 'find', text: 'SELECT id, seq FROM message WHERE id = ANY ($1::text[])' };

const MOST = 500;
const MOST_BYTES = 4 << 20;
const UNIQUE_VIOLATION = '23505';

/** One of the two. */
interface Entry {
  readonly arrival: Arrival | null;
  readonly delivered: Settlement | null;
}

export class Commits {
  readonly #connections: Connections;
  readonly #remover: Remover;
  readonly #onCommit: (ms: number, writes: number) => void;
  readonly #batches: Batches<Entry, number>;

  constructor(connections: Connections, remover: Remover, onCommit: (ms: number, writes: number) => void) {
    this.#connections = connections;
    this.#remover = remover;
    this.#onCommit = onCommit;
    this.#batches = new Batches<Entry, number>({
      run: (batch) => this.#run(batch),
      most: MOST,
      bytes: { of: ({ arrival }) => arrival?.content.tail.length ?? 0, most: MOST_BYTES },
      keys: ({ delivered }) => (delivered ? [delivered.recipientId] : []),
      isAlone: ({ arrival }) => (arrival?.content.pieces ?? 0) > 0,
    });
  }

  /** Resolves with the id of the first recipient once the message is committed and synced. */
  async accept(arrival: Arrival): Promise<number> {
    this.check(arrival.message);
    return (await this.#batches.add({ arrival, delivered: null })) * RECIPIENT_SPAN;
  }

  /** Removes a recipient that was delivered, with its message; false where it has others, or its lease is not valid. */
  async forget(delivered: Settlement): Promise<boolean> {
    return (await this.#batches.add({ arrival: null, delivered })) === 1;
  }

  /** Throws for what the database could not give back unchanged, before it is in a batch with others. */
  check({ sender, recipients }: NewMessage): void {
    try {
      checkStorable(sender);
      for (const { address } of recipients) checkStorable(address);
      if (recipients.length > RECIPIENT_SPAN) throw new RangeError(`more than ${RECIPIENT_SPAN} recipients`);
    } catch (error) {
      throw this.#connections.failure((error as Error).message);
    }
  }

  settled(): Promise<void> {
    return this.#batches.settled();
  }

  /** For an arrival its seq, for a delivered one whether it is gone. */
  async #run(batch: readonly Entry[]): Promise<number[]> {
    const started = performance.now();
    const arrivals = batch.flatMap(({ arrival }) => arrival ?? []);
    const delivered = batch.flatMap((entry) => entry.delivered ?? []);
    const seqs = new Map<string, number>();
    const gone = new Set<number>();
    let isUnsure = false;
    await retried(this.#connections.patience, ['lost', 'conflict'], async () => {
      if (isUnsure) await this.#find(arrivals, seqs);
      try {
        await this.#commit(
          arrivals.filter(({ id }) => !seqs.has(id)),
          delivered,
          seqs,
          gone,
        );
      } catch (error) {
        const { trouble, state } = error as StoreError;
        if (trouble === 'lost') isUnsure = true;
        if (!isUnsure || trouble !== 'refused') throw error;
        // The insert before this one may have come through after all: then there is less to do.
        const known = seqs.size;
        await this.#find(arrivals, seqs);
        throw seqs.size > known || state === UNIQUE_VIOLATION ? this.#connections.failure('again', 'conflict') : error;
      }
    });
    if (arrivals.length > 0) this.#onCommit(performance.now() - started, batch.length);
    return batch.map((entry) =>
      entry.arrival ? seqs.get(entry.arrival.id)! : Number(gone.has(entry.delivered!.recipientId)),
    );
  }

  async #commit(
    arrivals: readonly Arrival[],
    delivered: readonly Settlement[],
    seqs: Map<string, number>,
    gone: Set<number>,
  ): Promise<void> {
    if (arrivals[0] && arrivals[0].content.pieces > 0) {
      const [seq] = await insertArrivals(this.#connections, arrivals);
      if (seq === undefined) throw this.#connections.failure('a part of the content was not stored');
      seqs.set(arrivals[0].id, seq);
      return;
    }
    const rows = await this.#connections.ask<[boolean, number, boolean]>(COMMIT, [
      ...arrivalValues(arrivals),
      plain(delivered.map((one) => one.recipientId)),
      plain(delivered.map((one) => one.fence)),
    ]);
    let place = 0;
    for (const [isSeq, number, isFreed] of rows) {
      if (isSeq) seqs.set(arrivals[place++]!.id, number);
      else gone.add(number);
      if (isFreed) this.#remover.sweepSoon();
    }
  }

  async #find(arrivals: readonly Arrival[], seqs: Map<string, number>): Promise<void> {
    if (arrivals.length === 0) return;
    const rows = await this.#connections.ask<[string, number]>(FIND, [texts(arrivals.map(({ id }) => id))]);
    for (const [id, seq] of rows) seqs.set(id, seq);
  }
}
