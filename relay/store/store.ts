// The store's interface: what the SMTP session, the queue and the views ask of it. Engines are beside this file;
// one contract test-suite runs against each. All times are milliseconds since the epoch.
//
// The promise that everything rests on: when MessageWriter.commit() resolves, message, envelope and content are
// committed and synced. Leases carry a fencing token: a settlement with an old token changes nothing, so a worker
// that only paused cannot overwrite what another has done since.

/** One ESMTP parameter as it came, `SIZE=1000` -> ['SIZE', '1000'], `SMTPUTF8` -> ['SMTPUTF8', '']. */
export type Parameter = readonly [keyword: string, value: string];

export type RouteKind = 'capture' | 'relay' | 'discard' | 'reject';

/** `unknown`: the final dot went out and no reply came: perhaps delivered. Retried late, with the same Message-ID. */
export const RECIPIENT_STATES = [
  'captured',
  'queued',
  'deferred',
  'unknown',
  'held',
  'delivered',
  'bounced',
  'expired',
] as const;

export type RecipientState = (typeof RECIPIENT_STATES)[number];

/** What an upstream must be able to take to be given this message: found in the content, or promised in MAIL. */
export type Trait = 'eight-bit' | 'utf8-header' | 'binary';

export interface NewRecipient {
  /** As given in RCPT, without the angle brackets; never changed. */
  readonly address: string;
  readonly parameters: readonly Parameter[];
  readonly route: RouteKind;
}

/** The session's view of one accepted message: everything but the content. */
export interface NewMessage {
  readonly receivedAt: number;
  /** As given in MAIL, without the angle brackets; '' is the null sender. */
  readonly sender: string;
  readonly parameters: readonly Parameter[];
  readonly helo: string;
  readonly clientAddress: string;
  readonly protocol: string;
  readonly tls: string;
  readonly authUser: string;
  /** Empty for most mail. */
  readonly traits: readonly Trait[];
  /** Of the listener, 0 on a unix socket; absent where nobody asks, and of mail that an older version took in. */
  readonly port?: number;
  /** Somebody asked for it to be sent on: it goes to the upstreams whatever the routes say. */
  readonly isRelease?: true;
  readonly recipients: readonly NewRecipient[];
}

/** Who delivers, and until when nobody else may. */
export interface Lease {
  readonly owner: string;
  readonly until: number;
}

/** Takes one message's content in pieces. Bounded: await what write() returns before the next piece. */
export interface MessageWriter {
  /** The message's id: 22 characters base62, time-ordered, strictly increasing within a store; the queue id of the 250. */
  readonly id: string;
  /** Keeps no reference to `piece` after it returned, or after the promise that it returned resolved. */
  write(piece: Buffer): void | Promise<void>;
  /**
   * Resolves once message and content are committed and synced. Rejects with ChatError STORE_FAILED otherwise. With a
   * lease the recipients that are to be relayed are claimed in the same commit, so that their delivery can begin with
   * no further question to the store; resolves with that claim, or with null when there is none.
   */
  commit(message: NewMessage, lease?: Lease): Promise<Claim | null>;
  /** Forgets everything that was written. Also right after a failed commit; never throws. */
  abort(): void;
}

export interface Attempt {
  readonly at: number;
  readonly upstream: string;
  readonly tls: string;
  /** The last reply, or the error's text; cleaned of control characters. */
  readonly reply: string;
  readonly outcome: 'delivered' | 'deferred' | 'failed' | 'unknown';
}

/** A recipient that was claimed for delivery, with the lease that a settlement must show. */
export interface ClaimedRecipient {
  readonly recipientId: number;
  readonly address: string;
  readonly parameters: readonly Parameter[];
  readonly attempts: number;
  /** 'unknown' tells that the last attempt may have delivered. */
  readonly state: RecipientState;
  readonly fence: number;
  /** When its life in the queue began, from which its expiry counts: received, or put back by `requeue`. */
  readonly since: number;
  /** The sender was told that it is late. */
  readonly delayNotified: boolean;
  readonly order: Order | null;
}

/** What an operator wants of a recipient at its next claim: to be bounced without an attempt. */
export type Order = 'bounce';

/** The due recipients of one message, claimed together. */
export interface Claim {
  readonly id: string;
  readonly receivedAt: number;
  readonly sender: string;
  readonly parameters: readonly Parameter[];
  readonly traits: readonly Trait[];
  readonly isRelease?: true;
  readonly size: number;
  /** The whole content when it is short, so that it need not be asked for; null when it is long. */
  readonly content: Buffer | null;
  readonly recipients: readonly ClaimedRecipient[];
}

/** What became of one claimed recipient. */
export interface Settlement {
  readonly recipientId: number;
  readonly fence: number;
  readonly state: RecipientState;
  /** When to try again (deferred, unknown); null otherwise. */
  readonly nextAttempt: number | null;
  readonly attempt: Attempt | null;
  /** The sender is told with this settlement that it is late; remembered until `requeue`. */
  readonly delayNotified?: true;
}

/** A mail of our own, put into the queue by the very commit that makes it necessary: a bounce, a delay notice, a report. */
export interface Notice {
  /** From nextId(). */
  readonly id: string;
  readonly message: NewMessage;
  /** At most 65536 bytes. */
  readonly content: Buffer;
  /** Stored only if the fence of at least one of these is valid in this settlement. */
  readonly about: readonly { readonly recipientId: number; readonly fence: number }[];
}

export interface SettleOptions {
  /** A message whose recipients are then all delivered is deleted in the same commit: it has done its work. */
  readonly forgetDelivered?: boolean;
  readonly notices?: readonly Notice[];
}

export interface StoredRecipient {
  readonly recipientId: number;
  readonly address: string;
  readonly parameters: readonly Parameter[];
  readonly route: RouteKind;
  readonly state: RecipientState;
  readonly nextAttempt: number | null;
  readonly attempts: readonly Attempt[];
}

export interface MessageSummary {
  /**
   * Increasing in the order of commits: the order of every list. Strictly so for what one process commits; what two
   * processes commit at the same moment may be numbered either way.
   */
  readonly seq: number;
  readonly id: string;
  readonly receivedAt: number;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly size: number;
}

export interface StoredMessage extends Omit<NewMessage, 'recipients'> {
  readonly seq: number;
  readonly id: string;
  readonly size: number;
  readonly recipients: readonly StoredRecipient[];
}

/** A mail as POP3 needs it. */
export interface MaildropMail {
  readonly seq: number;
  readonly id: string;
  /** Bytes as stored. */
  readonly size: number;
  /** It does not end in CRLF. */
  readonly isOpen: boolean;
}

export interface Counts {
  readonly messages: number;
  /** Recipients by state. */
  readonly recipients: Readonly<Partial<Record<RecipientState, number>>>;
  /** When the first message was received that still waits for an attempt; null when none does. */
  readonly oldestWaiting: number | null;
}

/**
 * Which recipients of which messages are meant: those for which everything holds that is given. Address patterns are an
 * address, `@domain`, or hold `*` for anything; they ignore case. The sender `<>` is the null sender.
 */
export interface QueueFilter {
  /** Whole ids. */
  readonly ids?: readonly string[];
  /** How the id begins; not together with `ids`. */
  readonly idPrefix?: string;
  /** All but `captured` when it is not given. */
  readonly states?: readonly RecipientState[];
  readonly sender?: string;
  readonly recipient?: string;
  readonly receivedBefore?: number;
  readonly receivedAfter?: number;
}

export interface QueueRecipient {
  readonly recipientId: number;
  readonly address: string;
  readonly state: RecipientState;
  readonly route: RouteKind;
  readonly nextAttempt: number | null;
  /** Since it was received or requeued. */
  readonly attempts: number;
  readonly since: number;
  readonly lastReply: string | null;
  readonly lastUpstream: string | null;
  /** Under a running lease: somebody is delivering it at this moment, or is about to. */
  readonly busy: boolean;
  readonly order: Order | null;
}

/** A message with those of its recipients that a filter matches. */
export interface QueueEntry {
  readonly seq: number;
  readonly id: string;
  readonly receivedAt: number;
  readonly sender: string;
  readonly size: number;
  readonly recipients: readonly QueueRecipient[];
}

/**
 * What change() does, and to recipients in which state:
 * - hold: queued, deferred, unknown; they are held until released.
 * - release: held; queued and due now.
 * - flush: queued, deferred, unknown; due now. The pauses of upstreams end now as well.
 * - requeue: all but delivered; queued and due now as if just received: attempts and expiry count from now.
 * - bounce: queued, deferred, unknown, held; due now, with the order to bounce them.
 * - delete: all; a message without recipients goes whole.
 * Never to those that are captured or busy.
 */
export type QueueAction = 'hold' | 'release' | 'flush' | 'requeue' | 'bounce' | 'delete';

/** How long a pause is remembered after its end when nobody takes it back. */
export const PAUSE_KEPT_MS = 15 * 60_000;

/** An upstream to which nothing is sent for a while, because it failed and not the mail. */
export interface PausedUpstream {
  readonly upstream: string;
  readonly until: number;
  /** What the last failure said. */
  readonly why: string;
  /** Somebody has to see to it: password, certificate, set-up. */
  readonly alarm: boolean;
}

/** What a process asks for of an upstream's limits, which hold for all processes on the store together. */
export interface ShareAsk {
  readonly upstream: string;
  readonly owner: string;
  /** Mails at a time, for all together. */
  readonly concurrency: number;
  /** Mails that this one could have under way; 0 gives its share back. */
  readonly wanted: number;
  /** Mails that it has under way. */
  readonly running: number;
  /** Mails that may begin in a period, for all together. */
  readonly rate: { readonly count: number; readonly perMs: number } | null;
  /** Mails that this one could begin at once; only with a rate. */
  readonly starts: number;
}

/** What it may use, and for how many milliseconds from when it asked. */
export interface Share {
  /** At least what it has under way: that much cannot be taken from it. */
  readonly slots: number;
  readonly slotsMs: number;
  readonly starts: number;
  readonly startsMs: number;
}

/** A process that takes in and delivers on a store that several share. Durations, by the server's clock. */
export interface NodeView {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly upMs: number;
  /** Since it last said that it lives: a few seconds, or it is gone, or stands still. */
  readonly unseenMs: number;
  /** By how much its clock is ahead of the server's; negative when behind. Leases rest on the clocks. */
  readonly clockAheadMs: number;
}

export interface Store {
  /** Starts a message. Rejects never: a store in trouble says so at write() or commit(). */
  begin(): MessageWriter;
  /** An id for a Notice, of the kind that MessageWriter.id has. */
  nextId(): string;
  /**
   * Claims due recipients (queued, deferred or unknown with nextAttempt <= now, or whose lease ran out),
   * at most `limit` messages, oldest due first, and leases them to `owner` until now + leaseMs.
   */
  claim(owner: string, now: number, leaseMs: number, limit: number): Promise<Claim[]>;
  /** Prolongs leases of a long delivery; tells which recipients are still ours. */
  renew(leases: readonly { recipientId: number; fence: number }[], until: number): Promise<Set<number>>;
  /** Rejects with STORE_FAILED where a commit of a new message would: nothing can be written, or the file is gone. */
  check(): Promise<void>;
  /** Records results, ends their leases and stores the notices, in one commit. Tells how many had a valid fence. */
  settle(results: readonly Settlement[], options?: SettleOptions): Promise<number>;
  /**
   * Deletes messages received before `before` for which nothing is left to do (every recipient delivered, bounced or
   * expired), at most a thousand at a time; tells how many there were.
   */
  purge(before: number): Promise<number>;
  /**
   * For a clock that was set back: what would be due later than `longestMs` from now is due now, and a lease that would
   * last as long ends leaseMs from now. Tells how many recipients that were.
   */
  hasten(now: number, longestMs: number, leaseMs: number): Promise<number>;
  /** The earliest time at which claim() may find something; null when nothing waits. */
  nextDue(): Promise<number | null>;
  /** The content in bounded pieces, byte for byte; undefined when there is no such message. */
  content(id: string): Promise<AsyncIterable<Buffer> | undefined>;
  get(id: string): Promise<StoredMessage | undefined>;
  /** Newest first. `before` is a seq: the last one of the page before. */
  list(limit: number, before?: number): Promise<MessageSummary[]>;
  /** Deletes messages whole; tells how many there were. */
  delete(ids: readonly string[]): Promise<number>;
  /** Deletes the oldest messages that are only kept to be looked at (rows.ts), until at most `max` such remain. */
  trim(max: number): Promise<number>;
  counts(): Promise<Counts>;
  /** At most `limit` messages, oldest first. `after` is a seq: the last one of the page before. */
  queue(filter: QueueFilter, limit: number, after?: number): Promise<QueueEntry[]>;
  /**
   * Changes every recipient that matches, of what is in the store when it is called. Not one commit but many short
   * ones, so that mail is taken in meanwhile. Tells how many recipients were changed, and how many matched but were busy.
   */
  change(filter: QueueFilter, action: QueueAction, now: number): Promise<{ changed: number; busy: number }>;
  /**
   * Says which upstreams `owner` has paused, for other processes to see; replaces what it said before. A pause counts
   * until it is taken back, also when its time is over and nothing was sent since; PAUSE_KEPT_MS later it is forgotten,
   * so that an owner that died leaves no alarm behind for ever.
   */
  notePauses(owner: string, pauses: readonly PausedUpstream[], now: number): Promise<void>;
  /** What this owner has paused, or any owner. */
  pauses(now: number, owner?: string): Promise<PausedUpstream[]>;
  /**
   * Calls `changed` within about a second whenever another process has changed the database, until close() or until what
   * is returned is called.
   */
  watch(changed: () => void): () => void;
  /** Divides an upstream's limits among the processes that share the store; absent where there is only one. */
  share?(ask: ShareAsk): Promise<Share>;
  /** The processes that share the store; absent where there is only one. */
  nodes?(): Promise<NodeView[]>;
  /** The seq of the last mail that a webhook has done with; null for one that is new. Absent where there is no inbox. */
  hookCursor?(name: string): Promise<number | null>;
  setHookCursor?(name: string, seq: number): Promise<void>;
  /** At most `limit` mails of the inbox, or of one namespace, behind a seq, oldest first. Absent where there is no inbox. */
  maildrop?(after: number, namespace: string | null, limit: number): Promise<readonly MaildropMail[]>;
  /** Resolves when everything under way is committed and the database is closed. */
  close(): Promise<void>;
}
