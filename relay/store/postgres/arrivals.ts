// New messages as rows: the part of a statement that inserts them with their recipients, and the values that go with it.

import { envelopeText, parametersText } from '../rows.ts';
import type { Lease, NewMessage } from '../store.ts';
import type { Asker, Statement } from './connections.ts';
import { RECIPIENT_SPAN } from './schema.ts';
import { plain, texts } from './values.ts';

export interface NewContent {
  readonly size: number;
  /** Rows of `piece`, written before. */
  readonly pieces: number;
  readonly tail: Buffer;
}

export interface Arrival {
  readonly id: string;
  readonly message: NewMessage;
  readonly content: NewContent;
  readonly lease: Lease | null;
}

/**
 * The beginning of a statement. $1 ids, $2 received, $3 sizes, $4 captured, $5 senders, $6 envelopes, $7 lengths of tails,
 * $8 their ends, $9 the tails one behind the other, $10 lease ends, $11 owners; of the recipients $12 whose, $13 place,
 * $14 address, $15 parameters, $16 route, $17 alone; $18 pieces. `seqs` of the table `numbers` has a number for each.
 */
function inserting(numbers: string): string {
  return `WITH numbers AS MATERIALIZED (${numbers}),
  messages AS (
    INSERT INTO message (seq, id, received_at, size, captured, sender, envelope, tail, pieces)
    SELECT seqs[n::int], id, received_at, size, captured, sender, envelope,
      substring($9::bytea FROM ending - length + 1 FOR length), $18::int
    FROM numbers, unnest(
      $1::text[], $2::bigint[], $3::bigint[], $4::boolean[], $5::text[], $6::text[], $7::int[], $8::int[]
    ) WITH ORDINALITY AS given (id, received_at, size, captured, sender, envelope, length, ending, n)
  ),
  recipients AS (
    INSERT INTO recipient (id, address, parameters, route, state, alone, next_attempt, due_at, lease_owner, fence)
    SELECT seqs[n] * ${RECIPIENT_SPAN} + place, address, parameters, route,
      CASE route WHEN 'relay' THEN 'queued' WHEN 'capture' THEN 'captured' WHEN 'discard' THEN 'delivered' ELSE 'bounced' END,
      alone,
      CASE WHEN route = 'relay' THEN ($2::bigint[])[n] END,
      CASE WHEN route = 'relay' THEN coalesce(($10::bigint[])[n], ($2::bigint[])[n]) END,
      CASE WHEN route = 'relay' THEN ($11::text[])[n] END,
      CASE WHEN route = 'relay' AND ($11::text[])[n] IS NOT NULL THEN 1 ELSE 0 END
    FROM numbers, unnest($12::int[], $13::int[], $14::text[], $15::text[], $16::text[], $17::boolean[])
      AS given (n, place, address, parameters, route, alone)
  )`;
}

/** Of messages without pieces; also of none. */
export const INSERTING = inserting(
  `SELECT array_agg(nextval('message_seq')) AS seqs FROM generate_series(1, cardinality($1::text[]))`,
);

const INSERT: Statement = { name: 'insert', text: `${INSERTING} SELECT unnest(seqs) FROM numbers` };
/** Of a single message whose pieces are all there; $19 is how many bytes they have. */
const INSERT_LONG: Statement = {
  name: 'insert_long',
  text: `${inserting(
    `DELETE FROM loose WHERE id = ($1::text[])[1] AND pieces = $18::int AND bytes = $19::bigint
     RETURNING ARRAY[nextval('message_seq')] AS seqs`,
  )} SELECT unnest(seqs) FROM numbers`,
};

/** Resolves with a seq for each; with none for a message whose pieces are not all there, and which is alone. */
export async function insertArrivals(asker: Asker, batch: readonly Arrival[]): Promise<number[]> {
  const [first] = batch;
  if (!first) return [];
  const { pieces, size, tail } = first.content;
  const values = arrivalValues(batch);
  const rows =
    pieces === 0
      ? await asker.ask<[number]>(INSERT, values)
      : await asker.ask<[number]>(INSERT_LONG, [...values, size - tail.length]);
  return rows.map(([seq]) => seq);
}

/** In the order of inserting()'s comment. */
export function arrivalValues(batch: readonly Arrival[]): unknown[] {
  const tails: Buffer[] = [];
  const ends: number[] = [];
  const whose: number[] = [];
  const places: number[] = [];
  const addresses: string[] = [];
  const parameterTexts: string[] = [];
  const routes: string[] = [];
  const alone: boolean[] = [];
  let end = 0;
  for (const [i, { message, content }] of batch.entries()) {
    end += content.tail.length;
    tails.push(content.tail);
    ends.push(end);
    const { recipients } = message;
    for (const [place, { address, parameters: given, route }] of recipients.entries()) {
      whose.push(i + 1);
      places.push(place);
      addresses.push(address);
      parameterTexts.push(parametersText(given));
      routes.push(route);
      alone.push(recipients.length === 1);
    }
  }
  const all = <T>(of: (one: Arrival) => T): T[] => batch.map(of);
  return [
    texts(all(({ id }) => id)),
    plain(all(({ message }) => message.receivedAt)),
    plain(all(({ content }) => content.size)),
    plain(all(({ message }) => message.recipients.every(({ route }) => route === 'capture'))),
    texts(all(({ message }) => message.sender)),
    texts(all(({ message }) => envelopeText(message))),
    plain(tails.map(({ length }) => length)),
    plain(ends),
    tails.length === 1 ? tails[0] : Buffer.concat(tails, end),
    plain(all(({ lease }) => lease?.until ?? null)),
    texts(all(({ lease }) => lease?.owner ?? null)),
    ...[plain(whose), plain(places), texts(addresses), texts(parameterTexts), texts(routes), plain(alone)],
    batch[0]?.content.pieces ?? 0,
  ];
}
