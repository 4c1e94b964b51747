// The JSON of our own API: the inbox's and the store's shapes as they are, times as ISO 8601 in UTC.
import type { InboxMessage, InboxSummary, Namespace } from '../../../relay/inbox/inbox.ts';
import type { Attempt, MessageSummary, StoredMessage, StoredRecipient } from '../../../relay/store/store.ts';

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function summaryJson(summary: InboxSummary) {
  return { ...summary, receivedAt: iso(summary.receivedAt) };
}

/** Of a server that keeps no inbox. */
export function storedSummaryJson({ seq, id, receivedAt, sender, recipients, size }: MessageSummary) {
  return { seq, id, receivedAt: iso(receivedAt), sender, recipients, size };
}

export function envelopeJson(message: StoredMessage) {
  const { seq, id, receivedAt, size, sender, parameters, helo, clientAddress, protocol, tls, authUser } = message;
  const session = { helo, clientAddress, protocol, tls, authUser };
  const recipients = message.recipients.map(recipientJson);
  return { seq, id, receivedAt: iso(receivedAt), size, sender, parameters, ...session, recipients };
}

/** What the inbox adds to it. */
export function contentJson({ summary, mail }: InboxMessage) {
  const { namespace, read, tags, snippet } = summary;
  return {
    namespace,
    read,
    tags,
    snippet,
    mail: { ...mail, bcc: summary.bcc, date: mail.date === null ? null : iso(mail.date) },
  };
}

export function namespaceJson(namespace: Namespace) {
  const { createdAt, expiresAt, ...rules } = namespace;
  return { ...rules, createdAt: iso(createdAt), expiresAt: expiresAt === null ? null : iso(expiresAt) };
}

function recipientJson({ address, parameters, route, state, nextAttempt, attempts }: StoredRecipient) {
  const next = nextAttempt === null ? null : iso(nextAttempt);
  return { address, parameters, route, state, nextAttempt: next, attempts: attempts.map(attemptJson) };
}

function attemptJson({ at, upstream, tls, reply, outcome }: Attempt) {
  return { at: iso(at), upstream, tls, reply, outcome };
}
