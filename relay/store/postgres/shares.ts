// The limits of an upstream, divided among the nodes. Slots are what may be under way at a time: each node says how many
// it could use, and is given an equal part, or what the others leave. Starts are what may begin in a period: they are
// given for a moment, and count until a whole period after that moment's end, so that no period ever sees more than its
// number, wherever one begins to count. Times are the server's.

import type { Share, ShareAsk } from '../store.ts';
import type { Connections, Statement } from './connections.ts';
import { retried } from './retries.ts';

/** A share that is not asked for again ends; what its node has under way then, others begin as well. */
const SLOTS_MS = 10_000;
const MOST_STARTS_MS = 1_000;
/** How often what cannot be divided goes to somebody else. */
const TURN_MS = 5_000;
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** Whoever asks about one upstream waits for the others that do. */
const LOCK: Statement = {
  name: 'share_lock',
  text: `SELECT pg_advisory_xact_lock(${0x4c6f6e65}, hashtext($1::text)), set_config('synchronous_commit', 'off', true)`,
};
const OTHERS: Statement = {
  name: 'share_others',
  text: `WITH over AS (DELETE FROM share WHERE until <= ${NOW}), past AS (DELETE FROM start WHERE until <= ${NOW})
    SELECT owner, wanted, slots, NULL, NULL FROM share
    WHERE upstream = $1::text AND owner <> $2::text AND until > ${NOW}
    UNION ALL SELECT $2::text, 0, 0, ${NOW}, coalesce(sum(n), 0)::int FROM start
    WHERE upstream = $1::text AND until > ${NOW}`,
};
const TAKE: Statement = {
  name: 'share_take',
  text: `WITH given AS (
    INSERT INTO start (upstream, until, n) SELECT $1::text, ${NOW} + $6::int, $5::int WHERE $5::int > 0
  ), gone AS (
    DELETE FROM share WHERE upstream = $1::text AND owner = $2::text AND $3::int = 0 AND $4::int = 0
  )
  INSERT INTO share (upstream, owner, wanted, slots, until)
  SELECT $1::text, $2::text, $3::int, $4::int, ${NOW} + ${SLOTS_MS} WHERE $3::int > 0 OR $4::int > 0
  ON CONFLICT (upstream, owner) DO UPDATE SET wanted = excluded.wanted, slots = excluded.slots, until = excluded.until`,
};

/** owner, wanted, slots; in the row of the one who asks the time and the starts of all */
type OtherRow = readonly [string, number, number, number | null, number | null];

export class ShareTable {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  share({ upstream, owner, concurrency, wanted, running, rate, starts }: ShareAsk): Promise<Share> {
    return retried(this.#connections.patience, ['conflict'], () =>
      this.#connections.transaction(async (asker) => {
        await asker.ask(LOCK, [upstream]);
        const rows = await asker.ask<OtherRow>(OTHERS, [upstream, owner]);
        const all = new Map(rows.map(([name, theirs]) => [name, theirs]));
        all.set(owner, wanted);
        for (const [name, theirs] of all) if (theirs === 0) all.delete(name);
        const [, , , now = 0, started = 0] = rows.find(([, , , time]) => time !== null) ?? [];
        const free = rows.reduce((left, [, , slots]) => left - slots, concurrency);
        const fair = wanted === 0 ? 0 : fairPart(concurrency, owner, all, Math.floor(now! / TURN_MS));
        // What is under way cannot be given back before its end.
        const slots = Math.max(0, running, Math.min(fair, free));
        const startsMs = rate ? Math.min(MOST_STARTS_MS, Math.ceil(rate.perMs / 10)) : 0;
        const left = rate ? Math.max(0, rate.count - started!) : 0;
        const given = Math.min(starts, left, Math.max(1, Math.floor(left / Math.max(1, all.size))));
        await asker.ask(TAKE, [upstream, owner, wanted, slots, given, startsMs + (rate?.perMs ?? 0)]);
        return { slots, slotsMs: SLOTS_MS, starts: given, startsMs };
      }),
    );
  }
}

/**
 * What `owner` gets of `all` when everybody gets the same but nobody more than he wants. What cannot be divided goes to
 * some at one turn and to others at the next: with more nodes than slots each has one now and then.
 */
export function fairPart(all: number, owner: string, wanted: ReadonlyMap<string, number>, turn: number): number {
  const names = [...wanted.keys()].sort();
  const first = turn % names.length;
  const order = [...names.slice(first), ...names.slice(0, first)].sort((a, b) => wanted.get(a)! - wanted.get(b)!);
  let left = all;
  for (const [i, name] of order.entries()) {
    const part = Math.min(wanted.get(name)!, Math.floor(left / (order.length - i)));
    if (name === owner) return part;
    left -= part;
  }
  return 0;
}
