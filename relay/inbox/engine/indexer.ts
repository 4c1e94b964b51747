// Reads new mail, one after the other in the order of the store, and has the database thread write down what lists and
// searches need. Where it stands is in the database, so it goes on there after a crash, and with the mail of a file that
// had no inbox yet. It reads at most a batch ahead of what is written.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../../store/sqlite-database.ts';
import type { DatabaseLink } from '../../store/sqlite-link.ts';
import type { InboxRow } from '../../store/sqlite-protocol.ts';
import { INDEX_WAIT_MS, type InboxEvent } from '../inbox.ts';
import { parseMail } from '../parse-mail.ts';
import type { ParsedMail } from '../parsed-mail.ts';
import type { InboxSettings } from './inbox-protocol.ts';
import type { Listing } from './listing.ts';
import { inboxRow, type StoredMail } from './mail-row.ts';
import type { MailSource } from './mail-source.ts';
import { Matches } from './matches.ts';
import type { Namespaces, OwnerOf } from './namespaces.ts';
import { broughtTags } from './tag-names.ts';

/** More in one commit would be cheaper, and hold up the mail that comes in meanwhile. */
const MAILS_A_BATCH = 16;
/** Mails up to this size are all read at once for a batch. */
const SHORT_BYTES = 64 << 10;
/** A batch is over when it has taken so long: what it has can be shown. */
const BATCH_MS = 50;
/** Between two mails of a batch: questions come in between. */
const TURN_MS = 5;
/** Of longer mail only the beginning is read for lists and searches. */
const READ_BYTES = 10 << 20;
const RETRY_MS = 1000;
/** How long the way is left to others after a batch: so many times what it took. */
const WAY = 2;
const LONGEST_WAY_MS = 50;
/** Mails that may lie unread meanwhile: they are read within the time that a question waits. */
const MOST_BEHIND = 5000;

export interface IndexerParts {
  readonly db: Database;
  readonly listing: Listing;
  readonly source: MailSource;
  readonly store: DatabaseLink;
  readonly namespaces: Pick<Namespaces, 'owners'>;
  readonly settings: () => InboxSettings;
  /** The seq of the mail that is read at this moment. */
  readonly reading: Float64Array;
  /** A mail of which this thread died before; 0 for none. */
  readonly spared: number;
  readonly emit: (events: () => readonly InboxEvent[]) => void;
  readonly indexed: () => void;
  readonly failed: (error: unknown) => void;
}

export class Indexer {
  readonly #parts: IndexerParts;
  readonly #waiting = new Set<{ readonly seq: number; readonly reached: () => void }>();
  #upTo: number;
  #isRunning = false;
  #isRung = false;
  #isStopped = false;
  /** Ends a pause. */
  #goOn: () => void = () => {};

  constructor(parts: IndexerParts) {
    this.#parts = parts;
    this.#upTo = this.#noted();
  }

  /** Every mail up to this seq can be shown and found. */
  get upTo(): number {
    return this.#upTo;
  }

  ring(): void {
    this.#isRung = true;
    if (!this.#isRunning && !this.#isStopped) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when all mail is indexed that is in the store now, or INDEX_WAIT_MS later. */
  async caughtUp(): Promise<void> {
    const seq = this.#parts.listing.newest();
    if (seq <= this.#upTo) return;
    await new Promise<void>((resolve) => {
      const waiting = {
        seq,
        reached: () => {
          this.#waiting.delete(waiting);
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(waiting.reached, INDEX_WAIT_MS);
      this.#waiting.add(waiting);
      this.#goOn();
      this.ring();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isRung && !this.#isStopped) {
      this.#isRung = false;
      try {
        for (let began = performance.now(); !this.#isStopped && (await this.#batch()); began = performance.now()) {
          await this.#giveWay(performance.now() - began);
        }
      } catch (error) {
        if (this.#isStopped) break;
        this.#parts.failed(error);
        this.#isRung = true;
        await pause(RETRY_MS, undefined, { ref: false });
      }
    }
    this.#isRunning = false;
  }

  /** While mail comes in faster than it is read, and nobody waits for it, taking in goes first. */
  async #giveWay(workedMs: number): Promise<void> {
    if (!this.#isRung || this.#waiting.size > 0 || this.#isStopped) return;
    if (this.#parts.listing.newest() - this.#upTo > MOST_BEHIND) return;
    this.#isRung = false;
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      setTimeout(resolve, Math.min(LONGEST_WAY_MS, workedMs * WAY)).unref();
    });
  }

  /** False when there is no more. */
  async #batch(): Promise<boolean> {
    // Another process may have been at work.
    this.#upTo = Math.max(this.#upTo, this.#noted());
    const from = this.#upTo;
    const { mails, contents, ownerOf } = this.#read(from);
    if (mails.length === 0) {
      this.#reach(from);
      return false;
    }
    const rows: InboxRow[] = [];
    const started = performance.now();
    let turned = started;
    let to = from;
    for (const mail of mails) {
      if (mail.recipients.length > 0) rows.push(await this.#row(mail, contents.get(mail.seq), ownerOf));
      to = mail.seq;
      const now = performance.now();
      if (now - started > BATCH_MS) break;
      if (now - turned < TURN_MS) continue;
      turned = now;
      await turn();
    }
    await this.#write(rows, to);
    await this.#applyRules({ from, to });
    this.#reach(to);
    const seqs = rows.map(([seq]) => seq);
    this.#parts.emit(() => this.#parts.listing.summariesOf(seqs).map((message) => ({ type: 'new', message })));
    this.#parts.indexed();
    return true;
  }

  /** A batch as it is at one moment: whose a mail is was decided by the namespaces that were there before it. */
  #read(from: number): { mails: StoredMail[]; contents: Map<number, Buffer | undefined>; ownerOf: OwnerOf } {
    const { db, listing, source, namespaces } = this.#parts;
    return db.snapshot(() => {
      const mails = listing.storedAfter(from, MAILS_A_BATCH);
      const contents = new Map<number, Buffer | undefined>();
      for (const { seq, size, recipients } of mails) {
        if (size <= SHORT_BYTES && recipients.length > 0) contents.set(seq, source.read(seq, SHORT_BYTES));
      }
      return { mails, contents, ownerOf: namespaces.owners() };
    });
  }

  async #row(mail: StoredMail, content: Buffer | undefined, ownerOf: OwnerOf): Promise<InboxRow> {
    const { reading, spared, settings, source } = this.#parts;
    let parsed: ParsedMail | null = null;
    if (mail.seq !== spared) {
      reading[0] = mail.seq;
      const bytes = content ?? source.read(mail.seq, READ_BYTES);
      // A mail that cannot be read is shown as its envelope.
      if (bytes) parsed = await parseMail(bytes).catch(() => null);
      reading[0] = 0;
    }
    const namespace = ownerOf(mail, parsed?.headers ?? []);
    return inboxRow(mail, parsed, { namespace, tags: broughtTags(mail, parsed?.tags ?? [], settings()) });
  }

  /** A row that cannot be stored must not keep the others out. */
  async #write(rows: InboxRow[], upTo: number): Promise<void> {
    const { store } = this.#parts;
    await store.call('inboxIndex', { rows, upTo }).catch(async (error) => {
      if (rows.length < 2 || this.#isStopped) throw error;
      for (const row of rows) await store.call('inboxIndex', { rows: [row], upTo: row[0] });
      await store.call('inboxIndex', { rows: [], upTo });
    });
  }

  async #applyRules(span: { from: number; to: number }): Promise<void> {
    const { db, store, settings, failed } = this.#parts;
    for (const { tag, query } of settings().tagRules) {
      try {
        const matches = new Matches(db, { query, namespace: undefined, before: undefined });
        const seqs = matches.seqs(span);
        if (seqs.length > 0) await store.call('inboxTag', { seqs, remove: [], add: [tag] });
      } catch (error) {
        failed(error);
      }
    }
  }

  #reach(seq: number): void {
    this.#upTo = Math.max(this.#upTo, seq);
    for (const waiting of this.#waiting) if (waiting.seq <= this.#upTo) waiting.reached();
  }

  #noted(): number {
    return this.#parts.db.query<[number]>('SELECT indexed FROM inbox_state').first()?.[0] ?? 0;
  }
}
