// What the rows of both engines have in common: the first states, the JSON in some columns, and how rows become objects.

import type {
  Attempt,
  Claim,
  ClaimedRecipient,
  NewMessage,
  Order,
  Parameter,
  QueueEntry,
  QueueRecipient,
  RecipientState,
  RouteKind,
} from './store.ts';

/** What becomes of a recipient when its message is accepted: for the last two, nothing is left to do. */
export const FIRST_STATE: Readonly<Record<RouteKind, RecipientState>> = {
  capture: 'captured',
  relay: 'queued',
  discard: 'delivered',
  reject: 'bounced',
};

/** The states in which nothing is left to do. */
export const DONE: ReadonlySet<RecipientState> = new Set<RecipientState>([
  ...(['captured', 'delivered', 'bounced', 'expired'] as const),
]);

/** The states in which a recipient waits for its next attempt; the schemas check the same. */
export const WAITING: ReadonlySet<RecipientState> = new Set<RecipientState>(['queued', 'deferred', 'unknown']);

export type Envelope = Omit<NewMessage, 'receivedAt' | 'recipients'>;

export function envelopeText(message: NewMessage): string {
  const { sender, parameters, helo, clientAddress, protocol, tls, authUser, traits, port, isRelease } = message;
  // JSON leaves out what is undefined.
  const envelope: { readonly [K in keyof Required<Envelope>]: Envelope[K] | undefined } = {
    sender,
    parameters,
    helo,
    clientAddress,
    protocol,
    tls,
    authUser,
    traits,
    port,
    isRelease,
  };
  return JSON.stringify(envelope);
}

// Nearly every recipient has no parameters.
export function parametersText(parameters: readonly Parameter[]): string {
  return parameters.length === 0 ? '[]' : JSON.stringify(parameters);
}

export function parametersFrom(json: string): Parameter[] {
  return json === '[]' ? [] : (JSON.parse(json) as Parameter[]);
}

/**
 * Whether a message is only kept to be looked at, and may go when there is too much: some recipient is captured and for
 * no other is anything left to do. `OF` stands for what finds the recipients of a message by its `seq`.
 */
export function onlyKept(OF: string): string {
  return `(EXISTS (SELECT 1 FROM recipient WHERE ${OF} AND state = 'captured')
    AND NOT EXISTS (SELECT 1 FROM recipient WHERE ${OF} AND state IN ('queued', 'deferred', 'unknown', 'held')))`;
}

/** SQLite has no booleans. */
type Flag = boolean | number;

/** id, address, parameters as JSON, attempts, state, fence, since (null: received), delay_notified, ordered */
export type ClaimedColumns = readonly [
  ...[number, string, string, number, RecipientState, number, number | null, Flag, Order | null],
];

export function claimedFrom(row: ClaimedColumns, receivedAt: number): ClaimedRecipient {
  const [recipientId, address, parameters, attempts, state, fence, since, delayNotified, order] = row;
  return {
    recipientId,
    address,
    parameters: parametersFrom(parameters),
    attempts,
    state,
    fence,
    since: since ?? receivedAt,
    delayNotified: isSet(delayNotified),
    order,
  };
}

/** What a commit with a lease has claimed; null when no recipient waits for delivery. `content`: null when it is long. */
export function acceptedClaim(
  id: string,
  message: NewMessage,
  { size, content }: { readonly size: number; readonly content: Buffer | null },
  first: number,
): Claim | null {
  const { receivedAt, sender, parameters, traits } = message;
  const recipients: ClaimedRecipient[] = [];
  const fresh = { attempts: 0, fence: 1, since: receivedAt, delayNotified: false, order: null };
  for (const [i, { address, parameters: given, route }] of message.recipients.entries()) {
    const state = FIRST_STATE[route];
    if (WAITING.has(state)) recipients.push({ recipientId: first + i, address, parameters: given, state, ...fresh });
  }
  return recipients.length === 0 ? null : { id, receivedAt, sender, parameters, traits, size, content, recipients };
}

/**
 * seq, message id, received_at, size, sender, recipient id, address, state, route, next_attempt, attempts, since (null:
 * received), busy, ordered, last attempt as JSON
 */
export type QueueColumns = readonly [
  ...[number, string, number, number, string],
  ...[number, string, RecipientState, RouteKind, number | null, number, number | null, Flag],
  ...[Order | null, string | null],
];

/** Rows come message by message. */
export function queueEntries(rows: readonly QueueColumns[]): QueueEntry[] {
  const entries: (QueueEntry & { recipients: QueueRecipient[] })[] = [];
  for (const row of rows) {
    const [seq, id, receivedAt, size, sender] = row;
    let entry = entries.at(-1);
    if (entry?.seq !== seq) {
      entry = { seq, id, receivedAt, sender, size, recipients: [] };
      entries.push(entry);
    }
    entry.recipients.push(queueRecipientFrom(row));
  }
  return entries;
}

function queueRecipientFrom([, , receivedAt, , , ...row]: QueueColumns): QueueRecipient {
  const [recipientId, address, state, route, nextAttempt, attempts, since, busy, order, record] = row;
  const last = record === null ? null : (JSON.parse(record) as Attempt);
  return {
    ...{ recipientId, address, state, route, nextAttempt, attempts, since: since ?? receivedAt, order },
    busy: isSet(busy),
    lastReply: last?.reply ?? null,
    lastUpstream: last?.upstream ?? null,
  };
}

function isSet(flag: Flag): boolean {
  return flag === true || flag === 1;
}
