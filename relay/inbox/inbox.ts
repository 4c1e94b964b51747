// The inbox: the captured mail of a store as people and tests look at it. Everything here but tags, read marks and
// namespaces is derived from the message and can be made again from it.
//
// What is asked is answered as if every mail were indexed that was accepted before: an answer waits for the indexer, at
// most INDEX_WAIT_MS, and then shows what is not read yet with what the envelope tells (`parsed` is false).
//
// Order is the store's seq, which strictly increases: `latest`, pages and cursors are exact in a burst.

import type { Checksums, Mailbox, ParsedMail } from './parsed-mail.ts';
import type { SearchQuery } from './search-query.ts';
import type { TranscriptLine } from './transcript.ts';

export const INDEX_WAIT_MS = 2000;

/** What lists show of a mail. */
export interface InboxSummary {
  readonly seq: number;
  readonly id: string;
  /** '' for a mail that is in none. */
  readonly namespace: string;
  readonly read: boolean;
  /** Sorted, without duplicates. */
  readonly tags: readonly string[];
  /** Milliseconds since the epoch: when it was accepted. */
  readonly receivedAt: number;
  /** Bytes as stored. */
  readonly size: number;
  /** AUTH user of the session; ''. */
  readonly username: string;
  /** The envelope's: '' is the null sender. */
  readonly sender: string;
  /** The envelope's. */
  readonly recipients: readonly string[];
  /** False while it is not read yet: then what follows is empty, but `from` and `to`, which the envelope tells. */
  readonly parsed: boolean;
  /** Without the angle brackets. */
  readonly messageId: string;
  readonly from: Mailbox | null;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  /** The header's, and behind them every recipient of the envelope that no header names. */
  readonly bcc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  readonly subject: string;
  readonly snippet: string;
  readonly attachments: number;
  readonly inlines: number;
}

export interface InboxPage {
  readonly messages: readonly InboxSummary[];
  /** All in the scope, whatever the search. */
  readonly total: number;
  readonly unread: number;
  /** Those that match, on all pages. */
  readonly matching: number;
  readonly matchingUnread: number;
  /** `matching` and `matchingUnread` are what was counted in a moment, thousands: asked again, they are exact. */
  readonly isLeast?: true;
  /** Every tag in the scope, sorted. */
  readonly tags: readonly string[];
}

/** Which part of the inbox is meant; without a namespace all of it. */
export interface Scope {
  readonly namespace?: string;
}

export interface PageAsk extends Scope {
  /** Everything when it is absent. */
  readonly query?: SearchQuery;
  /** How many newer ones to leave out. */
  readonly start?: number;
  /** Infinity for all. */
  readonly limit: number;
  /** Only what was accepted before this time, in milliseconds. */
  readonly before?: number;
  /** Only what stands before this seq: the next page, whatever comes in meanwhile. */
  readonly beforeSeq?: number;
  /** Only what stands behind this seq: what came since a cursor. */
  readonly afterSeq?: number;
  /** Oldest first instead of newest first. */
  readonly oldestFirst?: boolean;
}

/** Which mails are meant: these, or all that match, or (neither) all in the scope. */
export interface Selection extends Scope {
  readonly ids?: readonly string[];
  readonly query?: SearchQuery;
}

/** A mail whole, but for its bytes. */
export interface InboxMessage {
  readonly summary: InboxSummary;
  readonly mail: ParsedMail;
}

export interface PartContent {
  readonly partId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly contentId: string;
  /** Decoded. */
  readonly bytes: Uint8Array;
  readonly checksums: Checksums;
}

export interface TagCount {
  readonly tag: string;
  readonly messages: number;
}

/** A part of the inbox that one test or project owns. */
export interface Namespace {
  readonly name: string;
  readonly createdAt: number;
  /** Milliseconds; it and its mail are removed then. Null: never. */
  readonly expiresAt: number | null;
  /** Mail belongs to it when any of these holds. Address patterns as in routes: `*+name@*`, `@name.test`. */
  readonly recipients: readonly string[];
  /** AUTH users. */
  readonly users: readonly string[];
  /** Listener ports. */
  readonly ports: readonly number[];
  /** Header fields: `X-Test-Run: 17`, name and value compared without case; the whole value. */
  readonly headers: readonly string[];
}

export type NewNamespace = Omit<Namespace, 'createdAt'>;

/** What changed, in the order of the changes. */
export type InboxEvent =
  | { readonly type: 'new'; readonly message: InboxSummary }
  | { readonly type: 'read'; readonly id: string; readonly namespace: string; readonly read: boolean }
  | { readonly type: 'tags'; readonly id: string; readonly namespace: string; readonly tags: readonly string[] }
  | { readonly type: 'deleted'; readonly id: string; readonly namespace: string }
  /** So many at once that they are not told one by one: look again. */
  | { readonly type: 'pruned'; readonly namespace: string | null }
  /** Everything of the scope was deleted. */
  | { readonly type: 'truncated'; readonly namespace: string | null };

export interface Inbox {
  page(ask: PageAsk): Promise<InboxPage>;
  /** The newest that matches; undefined when none does. */
  latest(ask: Scope & { readonly query?: SearchQuery }): Promise<InboxSummary | undefined>;
  summary(id: string): Promise<InboxSummary | undefined>;
  /** Reads it anew from its bytes: nothing of it is kept. Undefined when there is no such mail. */
  message(id: string): Promise<InboxMessage | undefined>;
  /** One part, decoded; undefined when there is no such mail or part. */
  part(id: string, partId: string): Promise<PartContent | undefined>;
  /** The bytes as stored, in bounded pieces. */
  content(id: string): Promise<AsyncIterable<Buffer> | undefined>;
  /** The dialogue in which it came; empty when none was kept. */
  transcript(id: string): Promise<readonly TranscriptLine[]>;
  counts(scope?: Scope): Promise<{ readonly messages: number; readonly unread: number }>;
  tags(scope?: Scope): Promise<TagCount[]>;
  /** Each tells how many mails it changed. */
  setRead(which: Selection, read: boolean): Promise<number>;
  /** Replaces the tags of these mails. */
  setTags(ids: readonly string[], tags: readonly string[]): Promise<number>;
  addTags(which: Selection, tags: readonly string[]): Promise<number>;
  removeTags(which: Selection, tags: readonly string[]): Promise<number>;
  renameTag(tag: string, name: string): Promise<number>;
  deleteTag(tag: string): Promise<number>;
  delete(which: Selection): Promise<number>;
  namespaces(): Promise<Namespace[]>;
  /** Rejects with NAMESPACE_EXISTS when the name is taken. */
  createNamespace(namespace: NewNamespace): Promise<Namespace>;
  /** With its mail. False when there is none. */
  deleteNamespace(name: string): Promise<boolean>;
  /** The seq of the newest mail that is indexed: what a cursor starts from. 0 for an empty store. */
  cursor(): Promise<number>;
  /** Calls back after each change, until what it returns is called. Many calls in a burst; never before the change can be read. */
  subscribe(heed: (event: InboxEvent) => void): () => void;
  close(): Promise<void>;
}
