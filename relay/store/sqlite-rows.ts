// Between the store's objects and the rows that cross threads and are bound to statements.

import {
  claimedFrom,
  type Envelope,
  envelopeText,
  FIRST_STATE,
  parametersFrom,
  parametersText,
  WAITING,
} from './rows.ts';
import {
  type Accept,
  type Calls,
  type NewRecipientRow,
  type NoticeRow,
  PIECE_BYTES,
  type SettlementRow,
  type SummaryRow,
} from './sqlite-protocol.ts';
import type {
  Attempt,
  Claim,
  Lease,
  MessageSummary,
  NewMessage,
  NewRecipient,
  Notice,
  Settlement,
  StoredMessage,
} from './store.ts';

export function newMessageRow(
  id: string,
  message: NewMessage,
  content: { size: number; pieces: number; tail: Uint8Array<ArrayBuffer> },
  lease: Lease | null,
): Accept {
  return {
    id,
    receivedAt: message.receivedAt,
    captured: message.recipients.every((recipient) => recipient.route === 'capture') ? 1 : 0,
    envelope: envelopeText(message),
    recipients: message.recipients.map((recipient) => newRecipientRow(recipient, message.receivedAt)),
    ...content,
    lease: lease && { owner: lease.owner, until: lease.until },
  };
}

function newRecipientRow({ address, parameters, route }: NewRecipient, receivedAt: number): NewRecipientRow {
  const state = FIRST_STATE[route];
  return [address, parametersText(parameters), route, state, WAITING.has(state) ? receivedAt : null];
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
  const { sender, parameters, traits, isRelease } = envelopeFrom(json);
  const content = short && Buffer.from(short.buffer, short.byteOffset, short.length);
  const claimed = recipients.map((row) => claimedFrom(row, receivedAt));
  const marks = isRelease ? { isRelease } : {};
  return { id, receivedAt, sender, parameters, traits, ...marks, size, content, recipients: claimed };
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

function envelopeFrom(json: string): Envelope {
  // Mail that an older version took in has no traits.
  const envelope = JSON.parse(json) as Omit<Envelope, 'traits'> & Partial<Envelope>;
  return { ...envelope, traits: envelope.traits ?? [] };
}
