// What is told about queued mail, as plain records: field names that programs may rely on, times as ISO 8601, and in a
// sentence why a recipient is where it is. How it looks on a terminal is the command line's business.
import type { Attempt, PausedUpstream, QueueEntry, QueueRecipient, StoredMessage } from '../store/store.ts';

export interface RecipientReport {
  readonly address: string;
  readonly state: string;
  readonly route: string;
  /** Since it was received or requeued. */
  readonly attempts: number;
  readonly since: string;
  readonly nextAttempt: string | null;
  /** Under a running lease: being delivered at this moment, or about to be. */
  readonly busy: boolean;
  readonly order: string | null;
  readonly lastUpstream: string | null;
  readonly lastReply: string | null;
}

export interface MessageReport<R extends RecipientReport = RecipientReport> {
  readonly id: string;
  readonly receivedAt: string;
  /** '' is the null sender. */
  readonly sender: string;
  readonly size: number;
  readonly recipients: readonly R[];
}

export type EnvelopeReport = MessageReport &
  Pick<StoredMessage, 'parameters' | 'helo' | 'clientAddress' | 'protocol' | 'tls' | 'authUser' | 'traits'> & {
    /** The lines of the header as they stand in the content, folded ones included. */
    readonly header: readonly string[];
  };

export interface WhyReport extends RecipientReport {
  readonly reason: string;
  readonly history: readonly (Omit<Attempt, 'at'> & { readonly at: string })[];
}

/** An upstream that mail is kept away from for a while. */
export type PauseReport = Omit<PausedUpstream, 'until'> & { readonly until: string };

export function reportMessage({ id, receivedAt, sender, size, recipients }: QueueEntry): MessageReport {
  return { id, receivedAt: isoTime(receivedAt), sender, size, recipients: recipients.map(reportRecipient) };
}

/** The whole envelope; `header` as headerOf() gives it. */
export function reportEnvelope(entry: QueueEntry, message: StoredMessage, header: readonly string[]): EnvelopeReport {
  const { parameters, helo, clientAddress, protocol, tls, authUser, traits } = message;
  return { ...reportMessage(entry), parameters, helo, clientAddress, protocol, tls, authUser, traits, header };
}

/** Every recipient with the reason why it is where it is, and all that was tried for it. */
export function reportWhy(
  entry: QueueEntry,
  message: StoredMessage,
  pauses: readonly PausedUpstream[],
  now: number,
): MessageReport<WhyReport> & { readonly paused: readonly PauseReport[] } {
  const tried = new Map(message.recipients.map((one) => [one.recipientId, one.attempts]));
  return {
    ...reportMessage(entry),
    recipients: entry.recipients.map((one) => ({
      ...reportRecipient(one),
      reason: reasonOf(one, now),
      history: (tried.get(one.recipientId) ?? []).map((attempt) => ({ ...attempt, at: isoTime(attempt.at) })),
    })),
    paused: pauses.map((one) => ({ ...one, until: isoTime(one.until) })),
  };
}

/** The lines of a content up to the first empty one, of which at most `limit` bytes are read. */
export async function headerOf(content: AsyncIterable<Buffer>, limit = 65536): Promise<string[]> {
  let text = '';
  for await (const piece of content) {
    // As latin1, so that a character that is cut in two is put together again below.
    text += piece.toString('latin1');
    if (text.length >= limit || /\r?\n\r?\n/.test(text)) break;
  }
  const [header = ''] = text.slice(0, limit).split(/\r?\n\r?\n/, 1);
  return Buffer.from(header, 'latin1').toString('utf8').split(/\r?\n/);
}

function reportRecipient(one: QueueRecipient): RecipientReport {
  const { address, state, route, attempts, busy, order, lastUpstream, lastReply } = one;
  const nextAttempt = one.nextAttempt === null ? null : isoTime(one.nextAttempt);
  return {
    address,
    state,
    route,
    attempts,
    since: isoTime(one.since),
    nextAttempt,
    busy,
    order,
    lastUpstream,
    lastReply,
  };
}

/** Why a recipient waits, or no longer does; without a full stop. */
function reasonOf({ state, order, busy, attempts, nextAttempt }: QueueRecipient, now: number): string {
  if (busy) return 'it is being delivered at this moment, or about to be';
  if (order === 'bounce') return 'an operator ordered it to bounce: the relay does so as soon as it gets to it';
  const isDue = nextAttempt !== null && nextAttempt <= now;
  const due = 'it is due: a running relay takes it when it has room and its upstream is not paused';
  switch (state) {
    case 'queued':
      if (!isDue) return 'it was put back for a moment: its upstream is paused or has enough to do';
      return attempts === 0 ? `it has not been tried yet; ${due}` : due;
    case 'deferred':
      return isDue ? `the last attempt did not succeed; ${due}` : 'the last attempt did not succeed; it is tried again';
    case 'unknown':
      return `the connection was lost when the whole mail had been sent: perhaps it was delivered; it is tried again`;
    case 'held':
      return 'it is held until it is released';
    case 'bounced':
      return 'it was refused or given up for good';
    case 'expired':
      return 'it could not be delivered in time';
    case 'delivered':
      return 'it was delivered';
    case 'captured':
      return 'it was captured for the inbox and is not to be delivered';
  }
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}
