// What is due: claimed under a lease, and the lease prolonged. Nodes that claim at the same time pass over what another
// has just locked. Each claim raises the fence.

import type { Claim } from '../store.ts';
import type { Connections, Statement } from './connections.ts';
import { retried } from './retries.ts';
import { type ClaimRow, claimFrom } from './rows.ts';
import { RECIPIENT_SPAN } from './schema.ts';
import { plain } from './values.ts';

/** How many recipients were leased; then the claims. A message's other recipients that are due are taken with the first. */
const CLAIM: Statement = {
  name: 'claim',
  text: `WITH first AS MATERIALIZED (
    SELECT id, due_at FROM recipient WHERE due_at <= $1::bigint ORDER BY due_at, id LIMIT $4::int FOR UPDATE SKIP LOCKED
  ), chosen AS MATERIALIZED (
    SELECT others.id, seq, since_due
    FROM (SELECT id / ${RECIPIENT_SPAN} AS seq, min(due_at) AS since_due FROM first GROUP BY 1) AS mails, LATERAL (
      SELECT id FROM recipient
      WHERE id >= seq * ${RECIPIENT_SPAN} AND id < (seq + 1) * ${RECIPIENT_SPAN} AND due_at <= $1::bigint
      FOR UPDATE SKIP LOCKED
    ) AS others
  ), leased AS (
    UPDATE recipient SET due_at = $2::bigint, lease_owner = $3::text, fence = fence + 1
    FROM chosen WHERE recipient.id = chosen.id
    RETURNING recipient.*, seq, since_due
  ), claims AS (
    SELECT seq, min(since_due) AS since_due, count(*) AS taken, json_agg(
      json_build_array(id, address, parameters, attempts, state, fence, since, delay_notified, ordered) ORDER BY id
    ) AS recipients FROM leased GROUP BY seq
  )
  SELECT message.id, received_at, size, envelope, CASE WHEN pieces = 0 THEN tail END, recipients, taken
  FROM claims JOIN message USING (seq) ORDER BY since_due, seq`,
};
const RENEW: Statement = {
  name: 'renew',
  text: `WITH given AS MATERIALIZED (
    SELECT recipient.id FROM unnest($1::bigint[], $2::int[]) AS held (id, fence) JOIN recipient USING (id, fence)
    WHERE lease_owner IS NOT NULL ORDER BY recipient.id FOR UPDATE OF recipient
  )
  UPDATE recipient SET due_at = $3::bigint FROM given WHERE recipient.id = given.id RETURNING recipient.id`,
};
const HASTEN: Statement = {
  name: 'hasten',
  text: `UPDATE recipient SET due_at = CASE WHEN lease_owner IS NULL THEN $1::bigint ELSE $3::bigint END,
      next_attempt = CASE WHEN lease_owner IS NULL THEN $1::bigint ELSE next_attempt END
    WHERE due_at > $2::bigint RETURNING id`,
};
const NEXT_DUE: Statement = {
  name: 'next_due',
  text: 'SELECT due_at FROM recipient WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1',
};

/** Claims of messages with very many recipients fill up in as many rounds. */
const MOST_ROUNDS = 100;

export class Claims {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async claim(owner: string, now: number, leaseMs: number, limit: number): Promise<Claim[]> {
    const claims: Claim[] = [];
    const until = Math.max(now + leaseMs, now + 1);
    for (let round = 0; claims.length < limit && round < MOST_ROUNDS; round++) {
      const wanted = limit - claims.length;
      const rows = await retried(this.#connections.patience, ['conflict'], () =>
        this.#connections.ask<[...ClaimRow, number]>(CLAIM, [now, until, owner, wanted]),
      );
      let taken = 0;
      for (const [id, receivedAt, size, envelope, content, recipients, count] of rows) {
        claims.push(claimFrom([id, receivedAt, size, envelope, content, recipients]));
        taken += count;
      }
      if (taken < wanted) break;
    }
    return claims;
  }

  async renew(leases: readonly { recipientId: number; fence: number }[], until: number): Promise<Set<number>> {
    if (leases.length === 0) return new Set();
    const values = [plain(leases.map((one) => one.recipientId)), plain(leases.map((one) => one.fence)), until];
    const rows = await retried(this.#connections.patience, ['conflict'], () =>
      this.#connections.ask<[number]>(RENEW, values),
    );
    return new Set(rows.map(([id]) => id));
  }

  async hasten(now: number, longestMs: number, leaseMs: number): Promise<number> {
    const values = [now, now + longestMs, now + leaseMs];
    return (await retried(this.#connections.patience, ['conflict'], () => this.#connections.ask(HASTEN, values)))
      .length;
  }

  async nextDue(): Promise<number | null> {
    return (await this.#connections.ask<[number]>(NEXT_DUE, []))[0]?.[0] ?? null;
  }
}
