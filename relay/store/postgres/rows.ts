// Between the store's objects and the rows of PostgreSQL.

import type {
  Attempt,
  Claim,
  ClaimedRecipient,
  MessageSummary,
  NewMessage,
  Order,
  Parameter,
  QueueEntry,
  QueueRecipient,
  RecipientState,
  RouteKind,
  StoredMessage,
} from '../store.ts';

/** What becomes of a recipient when its message is accepted: for the last two, nothing is left to do. */
export const FIRST_STATE: Readonly<Record<RouteKind, RecipientState>> = {
  capture: 'captured',
  relay: 'queued',
  discard: 'delivered',
  reject: 'bounced',
};

/** The states in which a recipient waits for its next attempt; the schema checks the same. */
export const WAITING: ReadonlySet<RecipientState> = new Set<RecipientState>(['queued', 'deferred', 'unknown']);

type Envelope = Omit<NewMessage, 'receivedAt' | 'recipients'>;

export function envelopeText(message: NewMessage): string {
  const { sender, parameters, helo, clientAddress, protocol, tls, authUser, traits } = message;
  const envelope: Envelope = { sender, parameters, helo, clientAddress, protocol, tls, authUser, traits };
  return JSON.stringify(envelope);
}

export function parametersText(parameters: readonly Parameter[]): string {
  return parameters.length === 0 ? '[]' : JSON.stringify(parameters);
}

/** id, address, parameters as JSON, attempts, state, fence, since (null: received), delay_notified, ordered */
export type ClaimedRow = readonly [
  ...[number, string, string, number, RecipientState, number, number | null, boolean, Order | null],
];
/** id, received_at, size, envelope as JSON, the content if it is short, recipients */
export type ClaimRow = readonly [string, number, number, string, Buffer | null, readonly ClaimedRow[]];

export function claimFrom([id, receivedAt, size, json, content, rows]: ClaimRow): Claim {
  const { sender, parameters, traits } = JSON.parse(json) as Envelope;
  const recipients = rows.map((row): ClaimedRecipient => {
    const [recipientId, address, texts, attempts, state, fence, since, delayNotified, order] = row;
    const rest = { attempts, state, fence, since: since ?? receivedAt, delayNotified, order };
    return { recipientId, address, parameters: parametersFrom(texts), ...rest };
  });
  return { id, receivedAt, sender, parameters, traits, size, content, recipients };
}

/** seq, id, received_at, size, envelope as JSON */
export type MessageRow = readonly [number, string, number, number, string];
/** id, address, parameters as JSON, route, state, next_attempt, attempts as JSON texts in an array */
export type RecipientRow = readonly [number, string, string, RouteKind, RecipientState, number | null, string[]];

export function messageFrom(row: MessageRow, recipients: readonly RecipientRow[]): StoredMessage {
  const [seq, id, receivedAt, size, envelope] = row;
  return {
    ...(JSON.parse(envelope) as Envelope),
    ...{ seq, id, receivedAt, size },
    recipients: recipients.map(([recipientId, address, parameters, route, state, nextAttempt, attempts]) => ({
      ...{ recipientId, address, parameters: parametersFrom(parameters), route, state, nextAttempt },
      attempts: attempts.map((record) => JSON.parse(record) as Attempt),
    })),
  };
}

/** seq, id, received_at, size, sender, addresses */
export type SummaryRow = readonly [number, string, number, number, string, string[]];

export function summaryFrom([seq, id, receivedAt, size, sender, recipients]: SummaryRow): MessageSummary {
  return { seq, id, receivedAt, sender, recipients, size };
}

/**
 * seq, message id, received_at, size, sender, recipient id, address, state, route, next_attempt, attempts, since (null:
 * received), busy, ordered, last attempt as JSON
 */
export type QueueRow = readonly [
  ...[number, string, number, number, string],
  ...[number, string, RecipientState, RouteKind, number | null, number, number | null, boolean],
  ...[Order | null, string | null],
];

/** Rows come message by message. */
export function queueEntries(rows: readonly QueueRow[]): QueueEntry[] {
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

function queueRecipientFrom([, , receivedAt, , , ...row]: QueueRow): QueueRecipient {
  const [recipientId, address, state, route, nextAttempt, attempts, since, busy, order, record] = row;
  const last = record === null ? null : (JSON.parse(record) as Attempt);
  return {
    ...{ recipientId, address, state, route, nextAttempt, attempts, since: since ?? receivedAt, busy, order },
    lastReply: last?.reply ?? null,
    lastUpstream: last?.upstream ?? null,
  };
}

function parametersFrom(json: string): Parameter[] {
  // Nearly every recipient has none.
  return json === '[]' ? [] : (JSON.parse(json) as Parameter[]);
}
