// What the two threads of the SQLite engine say to each other: plain rows, ready to be bound, because cloning flat
// arrays and strings between threads is cheap and cloning nested objects is not. Types only, no behaviour.

import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../src/errors.ts';
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

/** `isOpen`: it does not end in CRLF; with `isShort` only a part of its end was seen. */
export type MaildropRow = [seq: number, id: string, size: number, isOpen: 0 | 1, isShort: 0 | 1];

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

/**
 * A mail as the inbox shows and finds it: seq, namespace, attachments, inlines, tags, summary as JSON, then the columns of
 * inbox_text from sent_by on.
 */
export type InboxRow = [
  ...[seq: number, namespace: string, attachments: number, inlines: number, tags: string[], summary: string],
  ...[sentBy: string, sentTo: string, cc: string, bcc: string, replyTo: string, subject: string, messageId: string],
  ...[rcpt: string, other: string, headers: string, folded: string | null, body: string],
];

export interface InboxTagging {
  seqs: number[];
  remove: readonly string[] | 'all';
  add: readonly string[];
}

/** What the inbox may hold; 0 for any. `before` is a time. */
export interface InboxLimits {
  max: number;
  before: number;
  bytes: number;
}

/** Calls of the inbox. */
export interface InboxCalls {
  /** Every message up to `upTo` has been looked at; these are in the inbox. */
  inboxIndex: { takes: { rows: InboxRow[]; upTo: number }; gives: null };
  inboxTranscripts: { takes: [id: string, lines: string][]; gives: null };
  inboxTranscript: { takes: string; gives: string | null };
  /** Gives the seqs that it changed. */
  inboxMark: { takes: { seqs: number[]; read: 0 | 1 }; gives: number[] };
  inboxTag: { takes: InboxTagging; gives: [seq: number, tags: string[]][] };
  inboxRemove: { takes: number[]; gives: number };
  /** One step; gives how many it removed, 0 when nothing is too much. */
  inboxTrim: { takes: InboxLimits; gives: number };
  /** False when there is one of that name. */
  namespaceAdd: {
    takes: { name: string; createdAt: number; expiresAt: number | null; members: string };
    gives: boolean;
  };
  namespaceRemove: { takes: string; gives: boolean };
}

export type InboxCallName = keyof InboxCalls;

/** Every call: what it takes and what it gives. */
export interface Calls extends InboxCalls {
  /** Serves another thread on this port as well, and looks after the inbox from now on. */
  attach: { takes: MessagePort; gives: null };
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
  hookCursor: { takes: string; gives: number | null };
  setHookCursor: { takes: [name: string, seq: number]; gives: null };
  maildrop: { takes: { after: number; namespace: string | null; limit: number }; gives: MaildropRow[] };
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
  | 'notePauses'
  | 'setHookCursor'
  | Exclude<InboxCallName, 'inboxTranscript'>;
export type ReadName =
  | 'inboxTranscript'
  | 'hookCursor'
  | 'maildrop'
  | 'nextDue'
  | 'content'
  | 'contentPiece'
  | 'get'
  | 'list'
  | 'counts'
  | 'queue'
  | 'pauses';

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
  /** With a code where it is not the database that failed. */
  failed: [number, reason: string, code?: ErrorCode][];
  /** Each commit that was made for them: how long it took, sync included, and how many calls it carried. */
  commits: [ms: number, writes: number][];
}

/** Said unasked, after `watch`: another process has committed something. */
export interface Changed {
  changed: true;
}

/** Said unasked by the inbox's thread: its events. */
export interface Told {
  told: readonly unknown[];
}

export interface ServeOptions {
  file: string;
  /** How long to wait for the lock of another process. */
  busyMs: number;
  /** false: commits are not synced. For a database that no one opens again. */
  synced: boolean;
}
