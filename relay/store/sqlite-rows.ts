// Between the store's objects and the rows that cross threads and are bound to statements.

import type { Accept, Calls, ClaimedRow, NewRecipientRow, SettlementRow, SummaryRow } from './sqlite-protocol.ts';
import type {
  Attempt,
  Claim,
  ClaimedRecipient,
  Lease,
  MessageSummary,
  NewMessage,
  NewRecipient,
  Parameter,
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

type Envelope = Pick<NewMessage, 'sender' | 'parameters' | 'helo' | 'clientAddress' | 'protocol' | 'tls' | 'authUser'>;

export function newMessageRow(
  id: string,
  message: NewMessage,
  content: { size: number; pieces: number; tail: Uint8Array<ArrayBuffer> },
  lease: Lease | null,
): Accept {
  const { sender, parameters, helo, clientAddress, protocol, tls, authUser } = message;
  const envelope: Envelope = { sender, parameters, helo, clientAddress, protocol, tls, authUser };
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
  for (const [i, { address, parameters, route }] of message.recipients.entries()) {
    const state = FIRST_STATE[route];
    if (!WAITING.has(state)) continue;
    recipients.push({ recipientId: first + i, address, parameters, attempts: 0, state, fence: 1 });
  }
  if (recipients.length === 0) return null;
  const content = row.pieces === 0 ? Buffer.from(tail.buffer, tail.byteOffset, tail.length) : null;
  const { id, receivedAt, size } = row;
  return { id, receivedAt, sender: message.sender, parameters: message.parameters, size, content, recipients };
}

function newRecipientRow({ address, parameters, route }: NewRecipient, receivedAt: number): NewRecipientRow {
  const state = FIRST_STATE[route];
  return [address, JSON.stringify(parameters), route, state, WAITING.has(state) ? receivedAt : null];
}

export function settlementRow({ recipientId, fence, state, nextAttempt, attempt }: Settlement): SettlementRow {
  const dueAt = WAITING.has(state) ? nextAttempt : null;
  return [recipientId, fence, state, dueAt, attempt && JSON.stringify(attempt)];
}

export function claimFrom({ message, recipients }: Calls['claim']['gives'][number]): Claim {
  const [, id, receivedAt, size, envelope, short] = message;
  const { sender, parameters } = JSON.parse(envelope) as Envelope;
  const content = short && Buffer.from(short.buffer, short.byteOffset, short.length);
  return { id, receivedAt, sender, parameters, size, content, recipients: recipients.map(claimedFrom) };
}

function claimedFrom([recipientId, address, parameters, attempts, state, fence]: ClaimedRow): ClaimedRecipient {
  return { recipientId, address, parameters: parametersFrom(parameters), attempts, state, fence };
}

export function messageFrom({ message, recipients, attempts }: NonNullable<Calls['get']['gives']>): StoredMessage {
  const [seq, id, receivedAt, size, envelope] = message;
  const attemptsOf = new Map<number, Attempt[]>();
  for (const [recipientId] of recipients) attemptsOf.set(recipientId, []);
  for (const [recipientId, record] of attempts) attemptsOf.get(recipientId)?.push(JSON.parse(record) as Attempt);
  return {
    ...(JSON.parse(envelope) as Envelope),
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
  const { sender } = JSON.parse(envelope) as Envelope;
  return { seq, id, receivedAt, sender, recipients: JSON.parse(addresses) as string[], size };
}

function parametersFrom(json: string): Parameter[] {
  // Nearly every recipient has none.
  return json === '[]' ? [] : (JSON.parse(json) as Parameter[]);
}
