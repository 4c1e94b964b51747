// Between the store's objects and the rows that cross threads and are bound to statements.

import {
  type Accept,
  type Calls,
  type ClaimedRow,
  type NewRecipientRow,
  type NoticeRow,
  PIECE_BYTES,
  type QueueRow,
  type SettlementRow,
  type SummaryRow,
} from './sqlite-protocol.ts';
import type {
  Attempt,
  Claim,
  ClaimedRecipient,
  Lease,
  MessageSummary,
  NewMessage,
  NewRecipient,
  Notice,
  Parameter,
  QueueEntry,
  QueueRecipient,
  RecipientState,
  RouteKind,
  Settlement,
  StoredMessage,
} from './store.ts';

/** What becomes of a recipient when its message is accepted: for the last two, nothing is left to do. */
const FIRST_STATE: Readonly<Record<RouteKind, RecipientState>> = {
  capture: 'captured',
  relay: 'queued',
  discard: 'delivered',
  reject: 'bounced',
};

/** The states in which a recipient waits for its next attempt; the schema checks the same. */
const WAITING: ReadonlySet<RecipientState> = new Set<RecipientState>(['queued', 'deferred', 'unknown']);

type Envelope = Omit<NewMessage, 'receivedAt' | 'recipients'>;

export function newMessageRow(
  id: string,
  message: NewMessage,
  content: { size: number; pieces: number; tail: Uint8Array<ArrayBuffer> },
  lease: Lease | null,
): Accept {
  const { sender, parameters, helo, clientAddress, protocol, tls, authUser, traits } = message;
  const envelope: Envelope = { sender, parameters, helo, clientAddress, protocol, tls, authUser, traits };
  return {
    id,
    receivedAt: message.receivedAt,
    captured: message.recipients.every((recipient) => recipient.route === 'capture') ? 1 : 0,
    envelope: JSON.stringify(envelope),
    recipients: message.recipients.map((recipient) => newRecipientRow(recipient, message.receivedAt)),
    ...content,
    lease: lease && { owner: lease.owner, until: lease.until },
  };
}

/** What a commit with a lease has claimed; null when no recipient waits for delivery. */
export function acceptedClaim(row: Accept, message: NewMessage, first: number, tail: Uint8Array): Claim | null {
  const recipients: ClaimedRecipient[] = [];
  const fresh = { attempts: 0, fence: 1, since: row.receivedAt, delayNotified: false, order: null };
  for (const [i, { address, parameters, route }] of message.recipients.entries()) {
    const state = FIRST_STATE[route];
    if (!WAITING.has(state)) continue;
    recipients.push({ recipientId: first + i, address, parameters, state, ...fresh });
  }
  if (recipients.length === 0) return null;
  const content = row.pieces === 0 ? Buffer.from(tail.buffer, tail.byteOffset, tail.length) : null;
  const { id, receivedAt, size } = row;
  const { sender, parameters, traits } = message;
  return { id, receivedAt, sender, parameters, traits, size, content, recipients };
}

function newRecipientRow({ address, parameters, route }: NewRecipient, receivedAt: number): NewRecipientRow {
  const state = FIRST_STATE[route];
  return [address, JSON.stringify(parameters), route, state, WAITING.has(state) ? receivedAt : null];
}

export function settlementRow(settlement: Settlement): SettlementRow {
  const { recipientId, fence, state, nextAttempt, attempt, delayNotified = false } = settlement;
  const dueAt = WAITING.has(state) ? nextAttempt : null;
  return [recipientId, fence, state, dueAt, attempt && JSON.stringify(attempt), delayNotified];
}

export function noticeRow({ id, message, content, about }: Notice): NoticeRow {
  if (content.length > PIECE_BYTES) throw new RangeError(`a notice of more than ${PIECE_BYTES} bytes`);
  // Copied: what the other thread is sent must not be a view of memory that others share.
  const tail = new Uint8Array(content);
  return {
    message: newMessageRow(id, message, { size: content.length, pieces: 0, tail }, null),
    about: about.map(({ recipientId, fence }) => [recipientId, fence]),
  };
}

export function claimFrom({ message, recipients }: Calls['claim']['gives'][number]): Claim {
  const [, id, receivedAt, size, json, short] = message;
  const { sender, parameters, traits } = envelopeFrom(json);
  const content = short && Buffer.from(short.buffer, short.byteOffset, short.length);
  const claimed = recipients.map((row) => claimedFrom(row, receivedAt));
  return { id, receivedAt, sender, parameters, traits, size, content, recipients: claimed };
}

function claimedFrom(row: ClaimedRow, receivedAt: number): ClaimedRecipient {
  const [recipientId, address, parameters, attempts, state, fence, since, delayNotified, order] = row;
  return {
    recipientId,
    address,
    parameters: parametersFrom(parameters),
    attempts,
    state,
    fence,
    since: since ?? receivedAt,
    delayNotified: delayNotified === 1,
    order,
  };
}

export function messageFrom({ message, recipients, attempts }: NonNullable<Calls['get']['gives']>): StoredMessage {
  const [seq, id, receivedAt, size, envelope] = message;
  const attemptsOf = new Map<number, Attempt[]>();
  for (const [recipientId] of recipients) attemptsOf.set(recipientId, []);
  for (const [recipientId, record] of attempts) attemptsOf.get(recipientId)?.push(JSON.parse(record) as Attempt);
  return {
    ...envelopeFrom(envelope),
    seq,
    id,
    receivedAt,
    size,
    recipients: recipients.map(([recipientId, address, parameters, route, state, nextAttempt]) => ({
      recipientId,
      address,
      parameters: parametersFrom(parameters),
      route,
      state,
      nextAttempt,
      attempts: attemptsOf.get(recipientId) ?? [],
    })),
  };
}

export function summaryFrom([seq, id, receivedAt, size, envelope, addresses]: SummaryRow): MessageSummary {
  const { sender } = envelopeFrom(envelope);
  return { seq, id, receivedAt, sender, recipients: JSON.parse(addresses) as string[], size };
}

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
    ...{ recipientId, address, state, route, nextAttempt, attempts, since: since ?? receivedAt, order },
    busy: busy === 1,
    lastReply: last?.reply ?? null,
    lastUpstream: last?.upstream ?? null,
  };
}

function envelopeFrom(json: string): Envelope {
  // Mail that an older version took in has no traits.
  const envelope = JSON.parse(json) as Omit<Envelope, 'traits'> & Partial<Envelope>;
  return { ...envelope, traits: envelope.traits ?? [] };
}

function parametersFrom(json: string): Parameter[] {
  // Nearly every recipient has none.
  return json === '[]' ? [] : (JSON.parse(json) as Parameter[]);
}
