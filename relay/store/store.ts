// The store's interface: what the SMTP session, the queue and the views ask of it. Engines are beside this file;
// one contract test-suite runs against each. All times are milliseconds since the epoch.
//
// The promise that everything rests on: when MessageWriter.commit() resolves, message, envelope and content are
// committed and synced. Leases carry a fencing token: a settlement with an old token changes nothing, so a worker
// that only paused cannot overwrite what another has done since.

/** One ESMTP parameter as it came, `SIZE=1000` -> ['SIZE', '1000'], `SMTPUTF8` -> ['SMTPUTF8', '']. */
export type Parameter = readonly [keyword: string, value: string];

export type RouteKind = 'capture' | 'relay' | 'discard' | 'reject';

export type RecipientState =
  | 'captured'
  | 'queued'
  | 'deferred'
  | 'held'
  | 'delivered'
  | 'bounced'
  | 'expired'
  /** The final dot went out and no reply came: perhaps delivered. Retried late, with the same Message-ID. */
  | 'unknown';

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
}

/** The due recipients of one message, claimed together. */
export interface Claim {
  readonly id: string;
  readonly receivedAt: number;
  readonly sender: string;
  readonly parameters: readonly Parameter[];
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
  /** Strictly increasing in the order of commits: the order of every list. */
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

export interface Counts {
  readonly messages: number;
  /** Recipients by state. */
  readonly recipients: Readonly<Partial<Record<RecipientState, number>>>;
}

export interface Store {
  /** Starts a message. Rejects never: a store in trouble says so at write() or commit(). */
  begin(): MessageWriter;
  /**
   * Claims due recipients (queued, deferred or unknown with nextAttempt <= now, or whose lease ran out),
   * at most `limit` messages, oldest due first, and leases them to `owner` until now + leaseMs.
   */
  claim(owner: string, now: number, leaseMs: number, limit: number): Promise<Claim[]>;
  /** Prolongs leases of a long delivery; tells which recipients are still ours. */
  renew(leases: readonly { recipientId: number; fence: number }[], until: number): Promise<Set<number>>;
  /**
   * Records results and ends their leases, in one commit. Tells how many had a valid fence. With `forgetDelivered` a
   * message whose recipients are then all delivered is deleted in the same commit: it has done its work.
   */
  settle(results: readonly Settlement[], options?: { readonly forgetDelivered?: boolean }): Promise<number>;
  /**
   * Deletes messages received before `before` for which nothing is left to do (every recipient delivered, bounced or
   * expired), at most a thousand at a time; tells how many there were.
   */
  purge(before: number): Promise<number>;
  /** The earliest time at which claim() may find something; null when nothing waits. */
  nextDue(): Promise<number | null>;
  /** The content in bounded pieces, byte for byte; undefined when there is no such message. */
  content(id: string): Promise<AsyncIterable<Buffer> | undefined>;
  get(id: string): Promise<StoredMessage | undefined>;
  /** Newest first. `before` is a seq: the last one of the page before. */
  list(limit: number, before?: number): Promise<MessageSummary[]>;
  /** Deletes messages whole; tells how many there were. */
  delete(ids: readonly string[]): Promise<number>;
  /** Deletes the oldest messages whose recipients are all captured, until at most `max` such messages remain. */
  trim(max: number): Promise<number>;
  counts(): Promise<Counts>;
  /** Resolves when everything under way is committed and the database is closed. */
  close(): Promise<void>;
}
