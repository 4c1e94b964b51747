// BDAT (RFC 3030): the message in chunks of announced length. Whatever is wrong, the octets of a chunk are never read as
// commands: they are counted off, or the connection ends where their number is not known.
import { REPLIES, type Reply, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const SYNTAX = reply(501, '5.5.4', 'Syntax: BDAT octets [LAST]');
const HELLO_FIRST = reply(503, '5.5.1', 'Send EHLO first');
const NO_MAIL = reply(503, '5.5.1', 'Send MAIL and RCPT first');
const NO_RECIPIENTS = reply(554, '5.5.1', 'No valid recipients');
const DISCARDED = reply(551, '5.0.0', 'Discarded: an earlier chunk of this message was refused');
const TOO_MANY = reply(554, '5.5.0', 'Too many small chunks');
const NULL_CHUNK = reply(250, '2.0.0', 'Ok, nothing taken');

/** Octets that are read only to be dropped; a client that announces more than any limit is better told at once. */
const MAX_DROPPED = 64 * 1024 * 1024;
/** Chunks may be small, but ever smaller ones cost more than they bring: beyond these, one for each so many octets. */
const FREE_CHUNKS = 10_000;
const OCTETS_A_CHUNK = 1024;

export function bdat(session: SmtpSession, argument: string): Step {
  const match = /^(\d{1,20})(?:[ \t]+(LAST))?$/i.exec(argument);
  const size = Number(match?.[1]);
  if (!match || !Number.isSafeInteger(size)) return { reply: SYNTAX, next: 'closing' };
  // Behind HELO nothing was offered, and yet there are clients that send chunks there: what they mean is clear.
  if (session.state === 'connected') return { reply: HELLO_FIRST, next: 'closing' };
  const chunk = { size, isLast: match[2] !== undefined };
  const refusal = check(session, chunk.size);
  if (refusal === null) {
    if (size === 0 && !chunk.isLast) return { reply: NULL_CHUNK, next: 'chunks' };
    return { reply: null, next: 'chunk', chunk };
  }
  const { recipients } = session.envelope;
  // LMTP answers to the message once for each recipient.
  const answersAll = session.isLmtp && chunk.isLast && recipients.length > 0;
  const answer = answersAll ? recipients.map(() => refusal) : refusal;
  if (size > Math.max(MAX_DROPPED, 2 * session.limits.maxSize)) return { reply: answer, next: 'closing' };
  return { reply: answer, next: 'chunk', chunk };
}

/** Why the octets that follow are dropped; null when the message is open to take them. */
function check({ envelope, state, limits, intake }: SmtpSession, size: number): Reply | null {
  if (state === 'chunks' && !intake.isOpen) return DISCARDED;
  if (envelope.recipients.length === 0) return envelope.isAddressed ? NO_RECIPIENTS : NO_MAIL;
  if (state !== 'chunks') intake.begin('chunks');
  const isTooBig = intake.size + size > limits.maxSize;
  if (!isTooBig && ++envelope.chunks <= FREE_CHUNKS + intake.size / OCTETS_A_CHUNK) return null;
  intake.drop();
  return isTooBig ? REPLIES.tooBig : TOO_MANY;
}
