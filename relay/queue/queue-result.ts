// What an attempt, or a decision without one, makes of a claimed recipient: the row that the store gets, and what the
// sender may have to be told about it.

import type { Claim, ClaimedRecipient, RecipientState, Settlement } from '../store/store.ts';
import { attemptOf, type Outcome } from '../upstream/outcome.ts';
import { notifies } from './notify.ts';
import { type RetryPolicy, retryDelay } from './schedule.ts';

export interface Result {
  readonly recipient: ClaimedRecipient;
  readonly settlement: Settlement;
  /** What was said, or what happened. */
  readonly outcome: Outcome;
  /** The host that was spoken to; '' when none was. */
  readonly host: string;
}

/** Where and when an attempt was made. What is decided here is noted as an attempt whose upstream is ''. */
export interface Trial {
  readonly at: number;
  readonly upstream: string;
  readonly tls: string;
  readonly host: string;
}

/** What an attempt that ended with `outcome` makes of a recipient. */
export function tried(claim: Claim, one: ClaimedRecipient, outcome: Outcome, trial: Trial, retry: RetryPolicy): Result {
  const { at, upstream, tls, host } = trial;
  const [state, nextAttempt] = stateAfter(outcome, one, at, retry);
  const { recipientId, fence } = one;
  const settlement = { recipientId, fence, state, nextAttempt, attempt: attemptOf(outcome, at, upstream, tls) };
  return noteDelay(claim, { recipient: one, settlement, outcome, host }, at, retry);
}

function stateAfter(
  { fate }: Outcome,
  { since, attempts }: ClaimedRecipient,
  now: number,
  retry: RetryPolicy,
): [RecipientState, number | null] {
  if (fate === 'delivered') return ['delivered', null];
  if (fate === 'failed') return ['bounced', null];
  const givenUpAt = since + retry.expire;
  if (now >= givenUpAt) return ['expired', null];
  if (fate === 'unknown') {
    // Perhaps delivered: the longest wait, so that an upstream which only answered late is not sent a copy at once.
    return retry.unknown === 'hold' ? ['held', null] : ['unknown', now + retry.max];
  }
  // The last attempt comes when the time is over, and not when the wait is.
  return ['deferred', Math.min(now + retryDelay(retry, attempts + 1), Math.max(givenUpAt, now + retry.min))];
}

/** It was not tried, since there was nobody to give it to. It waits until then, and that counts as no attempt. */
export function putOff(
  claim: Claim,
  one: ClaimedRecipient,
  why: string,
  until: number,
  now: number,
  retry: RetryPolicy,
): Result {
  const { recipientId, fence, since } = one;
  const givenUpAt = since + retry.expire;
  const [state, nextAttempt] =
    now >= givenUpAt ? (['expired', null] as const) : ([one.state, Math.min(until, givenUpAt)] as const);
  const settlement = { recipientId, fence, state, nextAttempt, attempt: null };
  return noteDelay(
    claim,
    { recipient: one, settlement, outcome: { fate: 'deferred', reply: why }, host: '' },
    now,
    retry,
  );
}

/** Whether somebody may have to be told. A quick look, for nearly every mail is delivered and that is all. */
export function mayBeTold({ recipient, settlement }: Result): boolean {
  if (settlement.state === 'delivered') return recipient.parameters.length > 0;
  return settlement.state === 'bounced' || settlement.state === 'expired' || settlement.delayNotified === true;
}

/** What waits on is marked when its sender is told now that it is late: once, when it is that old. */
function noteDelay(claim: Claim, result: Result, now: number, { delayNotice }: RetryPolicy): Result {
  const { recipient, settlement } = result;
  if (settlement.nextAttempt === null || delayNotice === 0) return result;
  const isLate = now - recipient.since >= delayNotice && !recipient.delayNotified;
  if (!isLate || claim.sender === '' || !notifies(recipient.parameters, 'DELAY')) return result;
  return { ...result, settlement: { ...settlement, delayNotified: true } };
}
