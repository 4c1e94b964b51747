// The JSON of our own API, /api/lonedot/v1: the store's shapes as they are, times as ISO 8601 in UTC.
import type { Attempt, MessageSummary, StoredMessage, StoredRecipient } from '../../relay/store/store.ts';
import { answerProblem, NO_MESSAGE } from './answers.ts';
import type { Handler } from './context.ts';
import { findMessage, listMessages } from './messages.ts';
import { DEFAULT_LIMIT, numberFrom } from './query.ts';

/** `{ messages, older }`, newest first; `older` is the `before` of the next page, null at the end. */
export const getMessages: Handler = async (c, { store }) => {
  const limit = numberFrom(c.req.query('limit')) ?? DEFAULT_LIMIT;
  const { messages, older } = await listMessages(store, limit, numberFrom(c.req.query('before')));
  return c.json({ messages: messages.map(summaryJson), older });
};

export const getMessage: Handler = async (c, { store }) => {
  const message = await findMessage(store, c.req.param('id') ?? '');
  return message ? c.json(messageJson(message)) : answerProblem(c, 404, NO_MESSAGE);
};

export const deleteMessage: Handler = async (c, { store }) => {
  const message = await findMessage(store, c.req.param('id') ?? '');
  // Deleted by somebody else in between is deleted, but not by this request.
  const deleted = message ? await store.delete([message.id]) : 0;
  return deleted > 0 ? c.body(null, 204) : answerProblem(c, 404, NO_MESSAGE);
};

function summaryJson({ seq, id, receivedAt, sender, recipients, size }: MessageSummary) {
  return { seq, id, receivedAt: iso(receivedAt), sender, recipients, size };
}

function messageJson(message: StoredMessage) {
  const { seq, id, receivedAt, size, sender, parameters, helo, clientAddress, protocol, tls, authUser } = message;
  const session = { helo, clientAddress, protocol, tls, authUser };
  const recipients = message.recipients.map(recipientJson);
  return { seq, id, receivedAt: iso(receivedAt), size, sender, parameters, ...session, recipients };
}

function recipientJson({ address, parameters, route, state, nextAttempt, attempts }: StoredRecipient) {
  const next = nextAttempt === null ? null : iso(nextAttempt);
  return { address, parameters, route, state, nextAttempt: next, attempts: attempts.map(attemptJson) };
}

function attemptJson({ at, upstream, tls, reply, outcome }: Attempt) {
  return { at: iso(at), upstream, tls, reply, outcome };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
