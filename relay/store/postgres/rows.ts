// Between the store's objects and the rows of PostgreSQL.

import { type ClaimedColumns, claimedFrom, type Envelope, parametersFrom } from '../rows.ts';
import type { Attempt, Claim, MessageSummary, RecipientState, RouteKind, StoredMessage } from '../store.ts';

/** id, received_at, size, envelope as JSON, the content if it is short, recipients */
export type ClaimRow = readonly [string, number, number, string, Buffer | null, readonly ClaimedColumns[]];

export function claimFrom([id, receivedAt, size, json, content, rows]: ClaimRow): Claim {
  const { sender, parameters, traits, isRelease } = JSON.parse(json) as Envelope;
  const recipients = rows.map((row) => claimedFrom(row, receivedAt));
  const marks = isRelease ? { isRelease } : {};
  return { id, receivedAt, sender, parameters, traits, ...marks, size, content, recipients };
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
