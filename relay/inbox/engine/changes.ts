// What people and tests do to mail: marks, tags, deletions. Which mails are meant is found over the inbox's own
// connection, what is to be done is written by the database thread, in steps between which mail is taken in. Events are
// told when a step is committed, so that whoever hears one finds it done.
import { setImmediate as turn } from 'node:timers/promises';
import type { Database, Query } from '../../store/sqlite-database.ts';
import type { DatabaseLink } from '../../store/sqlite-link.ts';
import type { InboxEvent, Selection } from '../inbox.ts';
import type { Listing } from './listing.ts';
import { EVERYTHING, Matches, steps } from './matches.ts';
import { checkTag } from './tag-names.ts';

/** Mails of one step. */
const STEP = 500;
/** Seqs that are looked through between two turns. */
const SPAN = 16_384;
/** More than these are not told one by one. */
const TOLD_ONE_BY_ONE = 500;

/** seq, id, namespace */
type Named = [number, string, string];
type NamedEvent = (id: string, namespace: string, seq: number) => InboxEvent;

export interface ChangesParts {
  readonly db: Database;
  readonly listing: Listing;
  readonly store: DatabaseLink;
  /** Mail behind this seq is not read yet. */
  readonly indexed: () => number;
  readonly emit: (events: () => readonly InboxEvent[]) => void;
}

export class Changes {
  readonly #parts: ChangesParts;
  readonly #names: Query<Named>;
  readonly #tagged: Query<[number]>;

  constructor(parts: ChangesParts) {
    this.#parts = parts;
    this.#names = parts.db.query(
      `SELECT i.seq, m.id, i.namespace FROM inbox AS i JOIN message AS m ON m.seq = i.seq
       WHERE i.seq IN (SELECT value FROM json_each(?))`,
    );
    this.#tagged = parts.db.query('SELECT seq FROM inbox_tag WHERE tag = ? ORDER BY seq');
  }

  async setRead(which: Selection, read: boolean): Promise<number> {
    const event: NamedEvent = (id, namespace) => ({ type: 'read', id, namespace, read });
    const seqs = await this.#meant(which);
    const mark = (step: number[]) => this.#parts.store.call('inboxMark', { seqs: step, read: read ? 1 : 0 });
    return this.#inSteps(seqs, which.namespace, mark, event);
  }

  async setTags(ids: readonly string[], tags: readonly string[]): Promise<number> {
    return this.#tag(await this.#meant({ ids }), undefined, 'all', tags.map(checkTag));
  }

  async addTags(which: Selection, tags: readonly string[]): Promise<number> {
    const add = tags.map(checkTag);
    return this.#tag(await this.#meant(which), which.namespace, [], add);
  }

  async removeTags(which: Selection, tags: readonly string[]): Promise<number> {
    return this.#tag(await this.#meant(which), which.namespace, tags, []);
  }

  async renameTag(tag: string, name: string): Promise<number> {
    const add = [checkTag(name)];
    return this.#tag(this.#having(tag), undefined, [tag], add);
  }

  deleteTag(tag: string): Promise<number> {
    return this.#tag(this.#having(tag), undefined, [tag], []);
  }

  async delete(which: Selection): Promise<number> {
    const isAll = which.ids === undefined && which.query === undefined;
    const seqs = await this.#meant(which);
    // Not read yet: neither do they have a row, nor can they be in a namespace.
    if (isAll && which.namespace === undefined) seqs.push(...this.#notRead());
    const removed = await this.#remove(seqs, isAll ? null : which.namespace);
    const event: InboxEvent = { type: 'truncated', namespace: which.namespace ?? null };
    if (isAll) this.#parts.emit(() => [event]);
    return removed;
  }

  /** `scope` null: nobody is told. */
  async #remove(seqs: readonly number[], scope: string | undefined | null): Promise<number> {
    const { db, store, emit } = this.#parts;
    const isToldOne = scope !== null && seqs.length <= TOLD_ONE_BY_ONE;
    let removed = 0;
    for (let start = 0; start < seqs.length; start += STEP) {
      const step = seqs.slice(start, start + STEP);
      const named = isToldOne ? db.snapshot(() => this.#names.all(JSON.stringify(step))) : [];
      removed += await store.call('inboxRemove', step);
      emit(() => named.map(([, id, namespace]) => ({ type: 'deleted', id, namespace })));
    }
    if (scope !== null && !isToldOne) emit(() => [{ type: 'pruned', namespace: scope ?? null }]);
    return removed;
  }

  async #tag(
    seqs: readonly number[],
    scope: string | undefined,
    remove: readonly string[] | 'all',
    add: readonly string[],
  ): Promise<number> {
    const tagsOf = new Map<number, readonly string[]>();
    const change = async (step: number[]): Promise<number[]> => {
      const changed = await this.#parts.store.call('inboxTag', { seqs: step, remove, add });
      tagsOf.clear();
      for (const [seq, tags] of changed) tagsOf.set(seq, tags);
      return changed.map(([seq]) => seq);
    };
    return this.#inSteps(seqs, scope, change, (id, namespace, seq) => ({
      type: 'tags',
      id,
      namespace,
      tags: tagsOf.get(seq) ?? [],
    }));
  }

  async #inSteps(
    seqs: readonly number[],
    scope: string | undefined,
    change: (step: number[]) => Promise<number[]>,
    event: NamedEvent,
  ): Promise<number> {
    const { emit } = this.#parts;
    let changes = 0;
    for (let start = 0; start < seqs.length; start += STEP) {
      const changed = await change(seqs.slice(start, start + STEP));
      changes += changed.length;
      if (seqs.length > TOLD_ONE_BY_ONE || changed.length === 0) continue;
      emit(() => this.#names.all(JSON.stringify(changed)).map(([seq, id, namespace]) => event(id, namespace, seq)));
    }
    if (seqs.length > TOLD_ONE_BY_ONE && changes > 0) emit(() => [{ type: 'pruned', namespace: scope ?? null }]);
    return changes;
  }

  /** Oldest first. */
  async #meant({ ids, query, namespace }: Selection): Promise<number[]> {
    const { db, listing, indexed } = this.#parts;
    if (ids !== undefined) {
      const seqs = new Set<number>();
      for (let start = 0; start < ids.length; start += STEP) {
        for (const [id, seq] of listing.seqsOf(ids.slice(start, start + STEP))) {
          const isLate = seq > indexed() && (listing.storedById(id)?.recipients.length ?? 0) > 0;
          const [named] = isLate ? [] : this.#names.all(`[${seq}]`);
          const isInScope = namespace === undefined || named?.[2] === namespace;
          if ((named || isLate) && isInScope) seqs.add(seq);
        }
      }
      return [...seqs].sort((a, b) => a - b);
    }
    const found: number[] = [];
    const matches = new Matches(db, { query: query ?? EVERYTHING, namespace, before: undefined });
    for (const step of steps(matches.all(), true, SPAN)) {
      for (const seq of db.snapshot(() => matches.seqs(step))) found.push(seq);
      await turn();
    }
    return found;
  }

  #having(tag: string): number[] {
    return this.#tagged.all(tag).map(([seq]) => seq);
  }

  #notRead(): number[] {
    const { listing, indexed } = this.#parts;
    const seqs: number[] = [];
    let after = indexed();
    for (let mails = listing.storedAfter(after, STEP); mails.length > 0; mails = listing.storedAfter(after, STEP)) {
      for (const { seq, recipients } of mails) if (recipients.length > 0) seqs.push(seq);
      after = mails.at(-1)!.seq;
    }
    return seqs;
  }
}
