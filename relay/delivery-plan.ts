// What the options say about delivery, read and checked: upstreams, routes, who may relay, waits. Made of values only, so
// that `lonedot check` and the start read them the same way.
import { PeerList } from '../src/cidr.ts';
import { ChatError } from '../src/errors.ts';
import type { DeliveryOptions } from './options-delivery.ts';
import { copiedOf, type ReleaseOptions } from './options-release.ts';
import { DomainList, Routes } from './queue/routes.ts';
import type { Backoff, RetryPolicy } from './queue/schedule.ts';
import { parseUpstream, type Upstream } from './upstream/upstream.ts';

export interface DeliveryPlan {
  /** In order of preference; no two have the same name. */
  readonly upstreams: readonly Upstream[];
  readonly routes: Routes;
  /** The clients that may relay to anywhere, and the domains to which anyone may relay. */
  readonly relayFrom: PeerList;
  readonly relayTo: DomainList;
  /** Mails at a time to an upstream that does not say how many it takes. */
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly pause: Backoff;
  readonly notices: { readonly from: string; readonly returnSize: number; readonly perHour: number };
}

/** Throws ChatError BAD_OPTION with one line. */
export function planDelivery(options: DeliveryOptions & Partial<ReleaseOptions>): DeliveryPlan {
  const { mode, concurrency, retryMin, retryMax, pauseMin, pauseMax, expire, unknown, delayNotice } = options;
  if (retryMin > retryMax) throw bad('retry-min is longer than retry-max');
  if (pauseMin > pauseMax) throw bad('pause-min is longer than pause-max');
  if (expire < retryMin) throw bad('expire is shorter than retry-min: nothing would be retried');
  const upstreams = (options.upstream ?? []).map(({ href }) => parseUpstream(href));
  const names = upstreams.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw bad(`two upstreams are named ${twice}; give one of them another name with ?name=`);
  return {
    upstreams,
    routes: new Routes({
      rules: options.route ?? [],
      upstreams: names,
      otherwise: mode === 'relay' ? 'relay' : (copiedOf(options, names.length > 0) ?? 'capture'),
    }),
    relayFrom: new PeerList(options.relayFrom),
    relayTo: new DomainList(options.relayTo ?? []),
    concurrency,
    retry: { min: retryMin, max: retryMax, expire, unknown, delayNotice },
    // Who asks for quick retries does not want to wait for a long pause instead.
    pause: { min: Math.min(pauseMin, retryMax), max: Math.min(pauseMax, retryMax) },
    notices: {
      from: options.noticeFrom ?? '',
      returnSize: options.bounceSize,
      perHour: options.noticeLimit || Number.POSITIVE_INFINITY,
    },
  };
}

function bad(why: string): ChatError {
  return new ChatError('BAD_OPTION', why);
}
