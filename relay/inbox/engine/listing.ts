// Lists, single mails and counts, read over the inbox's own connection.
import { setImmediate as turn } from 'node:timers/promises';
import type { Database, Query } from '../../store/sqlite-database.ts';
import { RECIPIENT_SPAN } from '../../store/sqlite-schema.ts';
import type { InboxPage, InboxSummary, PageAsk, Scope, TagCount } from '../inbox.ts';
import { type Count, Counting } from './counting.ts';
import { Finding } from './finding.ts';
import { envelopeSummary, type KeptSummary, type StoredMail } from './mail-row.ts';
import { EVERYTHING, Matches, type Question } from './matches.ts';
import type { Span } from './search-sql.ts';

/** Rows that are read between two turns: a list of everything holds up no other question. */
const ROWS_A_TURN = 500;
/** Of mails that are not read yet. */
const MAX_UNREAD_SHOWN = 1000;

/** seq, namespace, read, received_at, size, attachments, inlines, tags, summary */
type SummaryColumns = [number, string, number, number, number, number, number, string, string];
/** seq, id, received_at, size, envelope, addresses */
type StoredColumns = [number, string, number, number, string, string];

const STORED = `SELECT seq, id, received_at, size, envelope, (
    SELECT json_group_array(address) FROM (
      SELECT address FROM recipient
      WHERE recipient.id >= seq * ${RECIPIENT_SPAN} AND recipient.id < (seq + 1) * ${RECIPIENT_SPAN}
      AND route = 'capture' ORDER BY recipient.id
    )
  ) FROM message`;

export class Listing {
  readonly #db: Database;
  readonly #counting: Counting;
  readonly #finding: Finding;
  readonly #summaries: Query<SummaryColumns>;
  readonly #stored: Query<StoredColumns>;
  readonly #storedNewest: Query<StoredColumns>;
  readonly #capturedAfter: Query<[number]>;
  readonly #storedOne: Query<StoredColumns>;
  readonly #seqs: Query<[string, number]>;
  readonly #seq: Query<[number]>;
  readonly #counts: Query<[number, number]>;
  readonly #tags: Query<[string, number]>;
  readonly #newest: Query<[number | null]>;

  constructor(db: Database, failed: (error: unknown) => void) {
    this.#db = db;
    this.#counting = new Counting(db, failed);
    this.#finding = new Finding(db, this.#counting);
    this.#summaries = db.query(
      `SELECT i.seq, namespace, read, received_at, size, attachments, inlines, tags, summary
       FROM inbox AS i JOIN inbox_text AS t ON t.seq = i.seq WHERE i.seq IN (SELECT value FROM json_each(?))`,
    );
    this.#stored = db.query(`${STORED} WHERE seq > ? ORDER BY seq LIMIT ?`);
    this.#storedNewest = db.query(`${STORED} WHERE seq > ? ORDER BY seq DESC LIMIT ?`);
    this.#capturedAfter = db.query('SELECT count(*) FROM message WHERE captured = 1 AND seq > ?');
    this.#storedOne = db.query(`${STORED} WHERE id = ?`);
    this.#seqs = db.query('SELECT id, seq FROM message WHERE id IN (SELECT value FROM json_each(?))');
    this.#seq = db.query('SELECT seq FROM message WHERE id = ?');
    // Null: all namespaces.
    this.#counts = db.query(
      'SELECT total(messages), total(unread) FROM inbox_count WHERE ?1 IS NULL OR namespace = ?1',
    );
    this.#tags = db.query(
      `SELECT min(tag), sum(messages) FROM inbox_tag_count WHERE ?1 IS NULL OR namespace = ?1
       GROUP BY tag ORDER BY lower(tag)`,
    );
    this.#newest = db.query('SELECT max(seq) FROM message');
  }

  /** `indexed`: what came behind this seq is not read yet. */
  async page(ask: PageAsk, indexed: number): Promise<InboxPage> {
    const { namespace, start = 0, limit, oldestFirst = false } = ask;
    this.#counting.asked();
    const question = questionOf(ask);
    const matches = new Matches(this.#db, question);
    const { total, tags, late, all } = this.#db.snapshot(() => ({
      total: this.#countOf(namespace),
      tags: this.tags(namespace === undefined ? {} : { namespace }).map(({ tag }) => tag),
      late: isPlain(ask) ? this.#notRead(indexed) : NONE_UNREAD,
      all: matches.all(),
    }));
    const counted: Span = { from: Math.max(all.from, ask.afterSeq ?? 0), to: all.to };
    const shown: Span = { from: counted.from, to: Math.min(all.to, (ask.beforeSeq ?? Number.POSITIVE_INFINITY) - 1) };
    const first = oldestFirst ? [] : late.shown.slice(start, start + limit);
    const wanted = { oldestFirst, start: Math.max(0, start - late.messages), limit: limit - first.length };
    const isAll = ask.query === undefined && ask.before === undefined && ask.afterSeq === undefined;
    const found = isAll
      ? { seqs: await this.#finding.page(matches, shown, wanted), count: total, isLeast: false }
      : await this.#finding.find(question, matches, counted, shown, wanted);
    const messages = [...first];
    for (let at = 0; at < found.seqs.length; at += ROWS_A_TURN) {
      if (at > 0) await turn();
      messages.push(...this.summariesOf(found.seqs.slice(at, at + ROWS_A_TURN)));
    }
    return {
      messages,
      total: total.messages + late.messages,
      unread: total.unread + late.messages,
      matching: found.count.messages + late.messages,
      matchingUnread: found.count.unread + late.messages,
      ...(found.isLeast ? { isLeast: true } : {}),
      tags,
    };
  }

  async latest(ask: Pick<PageAsk, 'namespace' | 'query'>, indexed: number): Promise<InboxSummary | undefined> {
    this.#counting.asked();
    const [late] = isPlain(ask) ? this.#notRead(indexed).shown : [];
    if (late) return late;
    const matches = new Matches(this.#db, questionOf(ask));
    const [seq] = await this.#finding.page(matches, matches.all(), { oldestFirst: false, start: 0, limit: 1 });
    return seq === undefined ? undefined : this.summariesOf([seq])[0];
  }

  stop(): void {
    this.#counting.stop();
  }

  summary(id: string): InboxSummary | undefined {
    return this.#db.snapshot(() => {
      const seq = this.seqOf(id);
      if (seq === undefined) return undefined;
      const [summary] = this.summariesOf([seq]);
      if (summary) return summary;
      const stored = this.storedById(id);
      return stored && stored.recipients.length > 0 ? unread(stored) : undefined;
    });
  }

  counts({ namespace }: Scope, indexed: number): { messages: number; unread: number } {
    const { messages, unread } = this.#countOf(namespace);
    const late = namespace === undefined ? this.#notRead(indexed).messages : 0;
    return { messages: messages + late, unread: unread + late };
  }

  tags({ namespace }: Scope): TagCount[] {
    return this.#tags.all(namespace ?? null).map(([tag, messages]) => ({ tag, messages }));
  }

  /** The greatest seq that any message has. */
  newest(): number {
    return this.#newest.first()?.[0] ?? 0;
  }

  seqOf(id: string): number | undefined {
    return this.#seq.first(id)?.[0];
  }

  seqsOf(ids: readonly string[]): Map<string, number> {
    return new Map(this.#seqs.all(JSON.stringify(ids)));
  }

  storedById(id: string): StoredMail | undefined {
    const row = this.#storedOne.first(id);
    return row && storedFrom(row);
  }

  /** The messages behind a seq, in their order; those without a captured recipient have none. */
  storedAfter(seq: number, limit: number): StoredMail[] {
    return this.#stored.all(seq, limit).map(storedFrom);
  }

  /** In the order of the seqs; without those that are gone. */
  summariesOf(seqs: readonly number[]): InboxSummary[] {
    if (seqs.length === 0) return [];
    const rows = new Map(this.#summaries.all(JSON.stringify(seqs)).map((row) => [row[0], row]));
    return seqs.flatMap((seq) => {
      const row = rows.get(seq);
      return row ? summaryFrom(row) : [];
    });
  }

  #countOf(namespace: string | undefined): Count {
    const [messages, unread] = this.#counts.first(namespace ?? null)!;
    return { messages, unread };
  }

  /** The newest of those that are not read yet, newest first, and how many there are. */
  #notRead(indexed: number): { readonly shown: readonly InboxSummary[]; readonly messages: number } {
    if (this.newest() <= indexed) return NONE_UNREAD;
    const stored = this.#storedNewest.all(indexed, MAX_UNREAD_SHOWN).map(storedFrom);
    const shown = stored.filter(({ recipients }) => recipients.length > 0).map(unread);
    // Those that are all captured can be counted; of the others, there are as many as are shown.
    const messages = shown.length < MAX_UNREAD_SHOWN ? shown.length : (this.#capturedAfter.first(indexed)?.[0] ?? 0);
    return { shown, messages };
  }
}

const NONE_UNREAD = { shown: [], messages: 0 };

export function questionOf({ query, namespace, before }: Pick<PageAsk, 'query' | 'namespace' | 'before'>): Question {
  return { query: query ?? EVERYTHING, namespace, before };
}

/** Whether everything is meant: only then is it known that a mail belongs to it that is not read yet. */
function isPlain(ask: Partial<PageAsk>): boolean {
  const { query, namespace, before, beforeSeq, afterSeq } = ask;
  return [query, namespace, before, beforeSeq, afterSeq].every((one) => one === undefined);
}

function summaryFrom(row: SummaryColumns): InboxSummary {
  const [seq, namespace, read, receivedAt, size, attachments, inlines, tags, summary] = row;
  return {
    ...{ seq, namespace, read: read === 1, tags: JSON.parse(tags) as string[], receivedAt, size },
    ...(JSON.parse(summary) as KeptSummary),
    ...{ attachments, inlines },
  };
}

function unread(stored: StoredMail): InboxSummary {
  const { seq, receivedAt, size } = stored;
  return {
    ...{ seq, namespace: '', read: false, tags: [], receivedAt, size },
    ...envelopeSummary(stored),
    ...{ attachments: 0, inlines: 0 },
  };
}

function storedFrom([seq, id, receivedAt, size, json, addresses]: StoredColumns): StoredMail {
  const envelope = JSON.parse(json) as { sender: string; authUser: string; port?: number };
  return {
    ...{ seq, id, receivedAt, size, sender: envelope.sender, username: envelope.authUser },
    port: envelope.port ?? null,
    recipients: JSON.parse(addresses) as string[],
  };
}
