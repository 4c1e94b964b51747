// Recipients about whom nobody has to be asked: an operator has ordered it, or their route is no longer to be relayed.

import type { Reply } from '../smtp/replies.ts';
import type { Claim, ClaimedRecipient } from '../store/store.ts';
import { madeHere, type Outcome } from '../upstream/outcome.ts';
import { type Result, tried } from './queue-result.ts';
import type { Route } from './routes.ts';
import type { RetryPolicy } from './schedule.ts';

const BOUNCED_BY_ORDER = madeHere('failed', '5.0.0', 'It was bounced by the operator of this server');

/** What is decided here; null for a recipient that is to be relayed. */
export function decisionOn(
  claim: Claim,
  one: ClaimedRecipient,
  route: Route,
  now: number,
  retry: RetryPolicy,
): Result | null {
  if (one.order === 'bounce') return refused(claim, one, BOUNCED_BY_ORDER, now, retry);
  switch (route.kind) {
    case 'relay':
      return null;
    case 'capture':
      return done(one, 'captured');
    case 'discard':
      return done(one, 'delivered');
    case 'reject':
      return refused(claim, one, refusal(route.reply), now, retry);
  }
}

/** On record like an attempt, so that whoever asks why finds the answer; its upstream is ''. */
function refused(claim: Claim, one: ClaimedRecipient, outcome: Outcome, at: number, retry: RetryPolicy): Result {
  return tried(claim, one, outcome, { at, upstream: '', tls: '', host: '' }, retry);
}

function done(one: ClaimedRecipient, state: 'captured' | 'delivered'): Result {
  const { recipientId, fence } = one;
  const settlement = { recipientId, fence, state, nextAttempt: null, attempt: null };
  return { recipient: one, settlement, outcome: { fate: 'delivered', reply: '' }, host: '' };
}

/** A route's reply, as an upstream would have given it. */
function refusal({ code, status, text }: Reply): Outcome {
  const reply = [code, status, text].filter((part) => part !== undefined).join(' ');
  const fate = code >= 500 ? 'failed' : 'deferred';
  return status === undefined ? { fate, reply } : { fate, reply, status };
}
