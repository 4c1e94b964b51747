// What is only read: messages, lists, content, counts. And what nodes tell each other of their upstreams.

import {
  type Counts,
  type MessageSummary,
  PAUSE_KEPT_MS,
  type PausedUpstream,
  type RecipientState,
  type StoredMessage,
} from '../store.ts';
import type { Connections, Statement } from './connections.ts';
import { retried } from './retries.ts';
import { type MessageRow, messageFrom, type RecipientRow, type SummaryRow, summaryFrom } from './rows.ts';
import { RECIPIENT_SPAN } from './schema.ts';
import { plain, texts } from './values.ts';

const OF_MESSAGE = `recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}`;
/** One statement, so that message, recipients and attempts are of the same moment. */
const GET: Statement = {
  name: 'get',
  text: `SELECT seq, id, received_at, size, envelope, (
    SELECT coalesce(json_agg(json_build_array(recipient.id, address, parameters, route, state, next_attempt, (
      SELECT coalesce(json_agg(record ORDER BY n), '[]') FROM attempt WHERE recipient = recipient.id
    )) ORDER BY recipient.id), '[]') FROM recipient WHERE ${OF_MESSAGE}
  ) FROM message WHERE id = $1::text`,
};
const LIST: Statement = {
  name: 'list',
  text: `SELECT seq, id, received_at, size, sender, (
    SELECT coalesce(json_agg(address ORDER BY recipient.id), '[]') FROM recipient WHERE ${OF_MESSAGE}
  ) FROM message WHERE seq < $1::bigint ORDER BY seq DESC LIMIT $2::int`,
};
const CONTENT: Statement = { name: 'content', text: 'SELECT size, pieces, tail FROM message WHERE id = $1::text' };
const PIECE: Statement = { name: 'piece_get', text: 'SELECT bytes FROM piece WHERE id = $1::text AND n = $2::int' };
/** Counted: a number kept at hand would be a row that all nodes wait for. */
const COUNTS: Statement = {
  name: 'counts',
  text: `SELECT (SELECT count(*) FROM message),
    (SELECT coalesce(json_object_agg(state, n), '{}') FROM (SELECT state, count(*) AS n FROM recipient GROUP BY state) AS states),
    (SELECT received_at FROM message
     WHERE seq = (SELECT min(id + 0) FROM recipient WHERE due_at IS NOT NULL) / ${RECIPIENT_SPAN})`,
};
const NOTE_PAUSES: Statement = {
  name: 'note_pauses',
  text: `WITH gone AS (
    DELETE FROM pause WHERE until <= $2::bigint OR owner = $1::text AND upstream <> ALL ($3::text[])
  )
  INSERT INTO pause (owner, upstream, until, why, alarm)
  SELECT $1::text, * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::boolean[])
  ON CONFLICT (owner, upstream) DO UPDATE SET until = excluded.until, why = excluded.why, alarm = excluded.alarm`,
};
const END_PAUSES: Statement = {
  name: 'end_pauses',
  text: 'UPDATE pause SET until = $1::bigint WHERE until > $1::bigint',
};
const PAUSES: Statement = {
  name: 'pauses',
  text: `SELECT upstream, until, why, alarm FROM pause WHERE until > $1::bigint
    AND ($2::text IS NULL OR owner = $2::text) ORDER BY upstream COLLATE "C", owner COLLATE "C"`,
};

/** What took longer to count than the first is good for so many times as long: a page that is looked at every second must
 * not keep the database busy. */
const QUICK_MS = 200;
const KEPT_FACTOR = 5;
const AGAIN_MS = 500;

export class Views {
  readonly #connections: Connections;
  #counts: Counts | null = null;
  #countsUntil = 0;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async get(id: string): Promise<StoredMessage | undefined> {
    const [row] = await this.#ask<readonly [...MessageRow, RecipientRow[]]>(GET, [id]);
    if (!row) return undefined;
    const [seq, itsId, receivedAt, size, envelope, recipients] = row;
    return messageFrom([seq, itsId, receivedAt, size, envelope], recipients);
  }

  async list(limit: number, before: number = Number.MAX_SAFE_INTEGER): Promise<MessageSummary[]> {
    const rows = await this.#ask<SummaryRow>(LIST, [before, Math.max(0, limit)]);
    return rows.map(summaryFrom);
  }

  async content(id: string): Promise<AsyncIterable<Buffer> | undefined> {
    const [row] = await this.#ask<[number, number, Buffer]>(CONTENT, [id]);
    return row && this.#piecesOf(id, ...row);
  }

  async counts(): Promise<Counts> {
    if (this.#counts && performance.now() < this.#countsUntil) return this.#counts;
    const begun = performance.now();
    this.#counts = await this.#count();
    const cost = performance.now() - begun;
    this.#countsUntil = cost < QUICK_MS ? 0 : performance.now() + cost * KEPT_FACTOR;
    return this.#counts;
  }

  /** The next counts() is no older than this. */
  countAnew(): void {
    this.#countsUntil = 0;
  }

  async #count(): Promise<Counts> {
    type Row = [number, Partial<Record<RecipientState, number>>, number | null];
    const [row] = await this.#ask<Row>(COUNTS, []);
    const [messages, recipients, oldestWaiting] = row!;
    return { messages, recipients, oldestWaiting };
  }

  async notePauses(owner: string, pauses: readonly PausedUpstream[], now: number): Promise<void> {
    const all = <T>(of: (one: PausedUpstream) => T): T[] => pauses.map(of);
    await this.#connections.patient.ask(NOTE_PAUSES, [
      ...[owner, now - PAUSE_KEPT_MS],
      ...[texts(all((one) => one.upstream)), plain(all((one) => one.until))],
      ...[texts(all((one) => one.why)), plain(all((one) => one.alarm))],
    ]);
  }

  async pauses(now: number, owner: string | null = null): Promise<PausedUpstream[]> {
    const rows = await this.#ask<[string, number, string, boolean]>(PAUSES, [now - PAUSE_KEPT_MS, owner]);
    return rows.map(([upstream, until, why, alarm]) => ({ upstream, until, why, alarm }));
  }

  async endPauses(now: number): Promise<void> {
    await this.#connections.patient.ask(END_PAUSES, [now]);
  }

  /** Reading can be done again: a connection that has ended since it was last used is no reason to fail. */
  #ask<Row extends readonly unknown[]>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return retried(AGAIN_MS, ['lost'], () => this.#connections.patient.ask<Row>(statement, values));
  }

  /** Deleting a message while it is read must be an error for the reader, never a message that is too short. */
  async *#piecesOf(id: string, size: number, pieces: number, tail: Buffer): AsyncGenerator<Buffer> {
    let left = size - tail.length;
    for (let n = 0; n < pieces; n++) {
      const [row] = await this.#ask<[Buffer]>(PIECE, [id, n]);
      if (!row) throw this.#connections.failure(`message ${id} was deleted while it was read`);
      left -= row[0].length;
      yield row[0];
    }
    if (left !== 0) throw this.#connections.failure(`the content of message ${id} is damaged`);
    if (tail.length > 0) yield tail;
  }
}
