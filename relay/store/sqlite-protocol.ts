// What the two threads of the SQLite engine say to each other: plain rows, ready to be bound, because cloning flat
// arrays and strings between threads is cheap and cloning nested objects is not. Types only, no behaviour.

import type { Counts, Order, QueueAction, QueueFilter, RecipientState, RouteKind } from './store.ts';

/** Content is cut into rows of this many bytes; the message's own row holds what is left, at most as much. */
export const PIECE_BYTES = 65536;

/** address, parameters as JSON, route, state, due_at */
export type NewRecipientRow = [string, string, RouteKind, RecipientState, number | null];
/** recipient id, fence, state, due_at, attempt as JSON, whether the sender is told of the delay */
export type SettlementRow = [number, number, RecipientState, number | null, string | null, boolean];
/** recipient id, address, parameters as JSON, attempts, state, fence, since (null: received), delay_notified, ordered */
export type ClaimedRow = [number, string, string, number, RecipientState, number, number | null, 0 | 1, Order | null];
/** seq, id, received_at, size, envelope as JSON */
export type MessageRow = [number, string, number, number, string];
/** seq, id, received_at, size, envelope as JSON, the content if it is short */
export type DueRow = [number, string, number, number, string, Uint8Array | null];
/** seq, id, received_at, size, envelope as JSON, addresses as JSON */
export type SummaryRow = [number, string, number, number, string, string];
/** recipient id, address, parameters as JSON, route, state, next_attempt */
export type RecipientRow = [number, string, string, RouteKind, RecipientState, number | null];
/** recipient id, attempt as JSON */
export type AttemptRow = [number, string];

/**
 * seq, message id, received_at, size, sender, recipient id, address, state, route, next_attempt, attempts, since (null:
 * received), busy, ordered, last attempt as JSON
 */
export type QueueRow = [
  ...[number, string, number, number, string],
  ...[number, string, RecipientState, RouteKind, number | null, number, number | null, 0 | 1],
  ...[Order | null, string | null],
];

export interface Accept {
  id: string;
  receivedAt: number;
  size: number;
  captured: 0 | 1;
  pieces: number;
  envelope: string;
  tail: Uint8Array<ArrayBuffer>;
  recipients: NewRecipientRow[];
  /** Claims the recipients that wait. */
  lease: { owner: string; until: number } | null;
}

/** upstream, until, why, alarm */
export type PauseRow = [string, number, string, 0 | 1];

export interface NoticeRow {
  message: Accept;
  about: [recipientId: number, fence: number][];
}

/** One step through the recipients that a filter means. */
export interface ScanStep {
  filter: QueueFilter;
  /** A recipient id: the first one, or `next` of the step before. */
  from: number;
  /** Recipients with greater ids came later and are not meant; null at the first step, which gives it. */
  last: number | null;
  now: number;
}

/** Every call: what it takes and what it gives. */
export interface Calls {
  /** With a lease: the id of the first recipient, and the tail back for the delivery. */
  accept: { takes: Accept; gives: { first: number; tail: Uint8Array<ArrayBuffer> } | null };
  /** Gives the bytes back, so that their memory can be used again. */
  piece: { takes: { id: string; n: number; bytes: Uint8Array<ArrayBuffer> }; gives: Uint8Array<ArrayBuffer> };
  claim: {
    takes: { owner: string; now: number; until: number; limit: number };
    gives: { message: DueRow; recipients: ClaimedRow[] }[];
  };
  renew: { takes: { leases: [recipientId: number, fence: number][]; until: number }; gives: number[] };
  check: { takes: null; gives: null };
  settle: { takes: { results: SettlementRow[]; forget: boolean; notices: NoticeRow[] }; gives: number };
  hasten: { takes: { now: number; latest: number; leaseEnd: number }; gives: number };
  purge: { takes: number; gives: number };
  delete: { takes: string[]; gives: number };
  trim: { takes: number; gives: number };
  discard: { takes: string; gives: null };
  nextDue: { takes: null; gives: number | null };
  content: { takes: string; gives: { size: number; pieces: number; tail: Uint8Array } | null };
  contentPiece: { takes: { id: string; n: number }; gives: Uint8Array | null };
  get: { takes: string; gives: { message: MessageRow; recipients: RecipientRow[]; attempts: AttemptRow[] } | null };
  list: { takes: { limit: number; before: number | null }; gives: SummaryRow[] };
  counts: { takes: null; gives: Counts };
  queue: { takes: ScanStep; gives: { rows: QueueRow[]; next: number | null; last: number } };
  change: {
    takes: ScanStep & { action: QueueAction };
    gives: { changed: number; busy: number; next: number | null; last: number };
  };
  notePauses: { takes: { owner: string; now: number; rows: PauseRow[] }; gives: null };
  pauses: { takes: { now: number; owner: string | null }; gives: PauseRow[] };
  watch: { takes: null; gives: null };
  close: { takes: null; gives: null };
}

export type CallName = keyof Calls;

/** The calls that change something and therefore share a transaction. */
export type WriteName =
  | 'accept'
  | 'piece'
  | 'claim'
  | 'renew'
  | 'check'
  | 'settle'
  | 'hasten'
  | 'purge'
  | 'delete'
  | 'trim'
  | 'change'
  | 'notePauses';
export type ReadName = 'nextDue' | 'content' | 'contentPiece' | 'get' | 'list' | 'counts' | 'queue' | 'pauses';

export type Handlers<Name extends CallName> = {
  [N in Name]: (takes: Calls[N]['takes']) => Calls[N]['gives'];
};

/** One call on its way: its number comes back with the answer. */
export type Call<Name extends CallName = CallName> = { [N in Name]: [number, N, Calls[N]['takes']] }[Name];

/** The first thing that the worker says. */
export type Greeting = { opened: true; greatestId: string | null } | { opened: false; reason: string };

/** Answers: done[i] got values[i]; what failed has its reason. */
export interface Answers {
  done: number[];
  values: unknown[];
  failed: [number, reason: string][];
  /** Each commit that was made for them: how long it took, sync included, and how many calls it carried. */
  commits: [ms: number, writes: number][];
}

/** Said unasked, after `watch`: another process has committed something. */
export interface Changed {
  changed: true;
}

export interface ServeOptions {
  file: string;
  /** How long to wait for the lock of another process. */
  busyMs: number;
  /** false: commits are not synced. For a database that no one opens again. */
  synced: boolean;
}
