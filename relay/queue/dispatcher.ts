// Which mail goes into which lane, and what happens when it cannot go there. For each claim the routes are asked now, so
// a change of them reaches queued mail; what is to be relayed waits in the first lane of its route that is not paused,
// and goes to the next one when that upstream cannot be reached. When none is open it goes back into the store untried.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Claim, ClaimedRecipient, Settlement, Store } from '../store/store.ts';
import { type Content, type Delivery, type Envelope, LeaseLost, Unreachable } from '../upstream/courier.ts';
import type { Outcome } from '../upstream/outcome.ts';
import type { Lane } from './lane.ts';
import type { Leases } from './leases.ts';
import { type Parcel, partedFor } from './parcel.ts';
import { decisionOn } from './queue-decision.ts';
import { mayBeTold, putOff, type Result, tried } from './queue-result.ts';
import type { Route, Routes } from './routes.ts';
import type { RetryPolicy } from './schedule.ts';
import type { Settler } from './settler.ts';

export interface DispatcherOptions {
  readonly store: Pick<Store, 'content'>;
  readonly routes: Routes;
  /** In order of preference; the routes name no others. */
  readonly lanes: readonly Lane<Parcel>[];
  readonly leases: Leases;
  readonly settler: Settler;
  readonly retry: RetryPolicy;
  readonly log: Log;
  readonly clock: Clock;
  /** Called with each attempt's upstream and outcome, a recipient each. */
  readonly attempted: (upstream: string, fate: string) => void;
  /** Something has ended: there may be room for more. */
  readonly changed: () => void;
  /** A claim lost its lease before its turn came: the store knows whose it is now. */
  readonly lost: () => void;
}

/** Mail goes back to the store for so long when its lane has one on the way that tells how things are, or is full. */
const LOOK_AGAIN_MS = 2_000;
/** Results that wait for the store, for each mail that may be under way. */
const SETTLING_EACH = 8;

export class Dispatcher {
  /** Results that are being committed. */
  settling = 0;
  /** Counts what went back into the store untried. */
  putBacks = 0;
  private readonly options: DispatcherOptions;
  private readonly lanesOf = new Map<Route, readonly Lane<Parcel>[]>();
  private readonly mostSettling: number;
  private readonly timers = new Map<Lane<Parcel>, TimerHandle>();
  private returned: Settlement[] = [];
  private pumping: 'no' | 'yes' | 'again' = 'no';
  private isStopped = false;

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.mostSettling =
      SETTLING_EACH *
      Math.max(
        1,
        sum(options.lanes, ({ concurrency }) => concurrency),
      );
  }

  /** Starts nothing more. */
  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers.values()) this.options.clock.clearTimeout(timer);
  }

  /** Takes out what has not begun. */
  takeWaiting(): Parcel[] {
    return this.options.lanes.flatMap((lane) => lane.waiting.splice(0));
  }

  /** Sends a claim on its way; pump() lets it begin. */
  take(claim: Claim): void {
    const { routes, clock, retry } = this.options;
    const decisions: Result[] = [];
    const parcels: Parcel[] = [];
    for (const one of claim.recipients) {
      const route = claim.isRelease ? routes.all : routes.find(claim.sender, one.address);
      const decision = decisionOn(claim, one, route, clock.now(), retry);
      if (decision) decisions.push(decision);
      else this.addTo(parcels, claim, one, this.lanesFor(route));
    }
    if (parcels.length + decisions.length === 0) return;
    if (decisions.length > 0 || parcels.length > 1) {
      const family = parcels.length === 0 ? null : { open: parcels.length + 1, failed: [] };
      for (const parcel of parcels) parcel.family = family;
      void this.conclude({ claim, family }, decisions);
    }
    for (const parcel of parcels) this.place(parcel);
  }

  /** Begins what may begin, and sends back what could not go anywhere. */
  pump(): void {
    // What ends in the course of it asks for more: a round more, and not one inside the other thousands deep.
    if (this.pumping !== 'no') {
      this.pumping = 'again';
      return;
    }
    do {
      this.pumping = 'yes';
      for (const lane of this.options.lanes) this.pumpLane(lane);
    } while ((this.pumping as string) === 'again');
    this.pumping = 'no';
    this.giveBack();
  }

  private lanesFor(route: Route): readonly Lane<Parcel>[] {
    let lanes = this.lanesOf.get(route);
    if (lanes === undefined) {
      const names = route.kind === 'relay' ? route.upstreams : [];
      lanes = names.flatMap((name) => this.options.lanes.find((lane) => lane.name === name) ?? []);
      this.lanesOf.set(route, lanes);
    }
    return lanes;
  }

  private addTo(parcels: Parcel[], claim: Claim, one: ClaimedRecipient, lanes: readonly Lane<Parcel>[]): void {
    const parcel = parcels.find((other) => other.lanes === lanes);
    if (parcel) parcel.recipients.push(one);
    else parcels.push({ claim, recipients: [one], lanes, next: 0, scope: '', failure: null, family: null });
  }

  /** Puts a parcel into the first of its lanes that is open. */
  private place(parcel: Parcel): void {
    const now = this.options.clock.now();
    let until = Number.POSITIVE_INFINITY;
    let why = 'there is no upstream for it';
    for (; parcel.next < parcel.lanes.length; parcel.next++) {
      const lane = parcel.lanes[parcel.next]!;
      const parts = partedFor(parcel, lane);
      if (parts.length > 1) {
        for (const part of parts) this.place(part);
        return;
      }
      const gate = lane.gate(parcel.scope, now);
      if (gate === 'open' || (gate === 'probe' && !lane.waiting.some(({ scope }) => scope === parcel.scope))) {
        if (lane.hasRoom()) lane.waiting.push(parcel);
        else this.putBack(parcel, 'the upstream is busy', now + LOOK_AGAIN_MS);
        return;
      }
      why = lane.why(parcel.scope);
      until = Math.min(until, gate === 'paused' ? lane.pausedUntil(parcel.scope, now) : now + LOOK_AGAIN_MS);
    }
    if (parcel.failure !== null) this.fail(parcel, parcel.failure);
    else this.putBack(parcel, why, Number.isFinite(until) ? until : now + this.options.retry.min);
  }

  private pumpLane(lane: Lane<Parcel>): void {
    const { clock, leases, lost } = this.options;
    while (lane.waiting.length > 0 && lane.hasSlot()) {
      if (this.isStopped || this.settling >= this.mostSettling) return;
      const now = clock.now();
      const wait = lane.rateWait(now);
      if (wait > 0) return this.pumpLater(lane, wait);
      const parcel = lane.waiting.shift()!;
      const gate = lane.gate(parcel.scope, now);
      if (!leases.areOurs(parcel.recipients)) {
        leases.drop(parcel.recipients);
        void this.conclude(parcel, []);
        lost();
      } else if (gate === 'open' || gate === 'probe') void this.run(parcel, lane);
      // Paused while it waited.
      else this.place(parcel);
    }
  }

  private pumpLater(lane: Lane<Parcel>, ms: number): void {
    if (this.timers.has(lane)) return;
    const timer = this.options.clock.setTimeout(() => {
      this.timers.delete(lane);
      this.pump();
    }, ms);
    this.timers.set(lane, timer);
  }

  private async run(parcel: Parcel, lane: Lane<Parcel>): Promise<void> {
    const { clock, log, leases } = this.options;
    const { claim, scope } = parcel;
    const start = lane.begin(scope, clock.now());
    let delivery: Delivery;
    try {
      const isOurs = (): boolean => leases.areOurs(parcel.recipients);
      delivery = await lane.courier.deliver(envelopeOf(parcel), () => this.contentOf(claim), isOurs);
    } catch (error) {
      if (error instanceof Unreachable) return this.goOn(parcel, lane, start, error);
      // Our own trouble: the lease runs out and the mail is tried again.
      lane.ended(scope, start);
      const isLost = error instanceof LeaseLost;
      if (isLost) log.warn('queue.lease_lost', { id: claim.id, lost: parcel.recipients.length });
      else log.error('queue.delivery_broken', { id: claim.id, error: (error as Error).message });
      leases.drop(parcel.recipients);
      if (isLost) this.options.lost();
      return this.conclude(parcel, []);
    }
    // An upstream that takes mails and answers to none of them does not pass for one that works.
    if (delivery.outcomes.every(({ fate }) => fate === 'unknown')) lane.ended(scope, start);
    else if (lane.succeeded(scope))
      log.info('upstream.resumed', { upstream: lane.name, ...(scope && { domain: scope }) });
    return this.conclude(parcel, this.resultsOf(parcel, delivery.outcomes, { upstream: lane.name, ...delivery }));
  }

  /** The upstream cannot be reached: this parcel, and those that wait for the same, go to the next one. */
  private goOn(parcel: Parcel, lane: Lane<Parcel>, start: number, error: Unreachable): void {
    const { clock, log } = this.options;
    const { scope } = parcel;
    lane.failed(scope, start, error, clock.now());
    const until = new Date(lane.pausedUntil(scope, clock.now())).toISOString();
    const fields = { upstream: lane.name, ...(scope && { domain: scope }), error: error.message, until };
    // A wrong password or certificate does not go away by itself: somebody has to look.
    log[error.blame === 'route' ? 'error' : 'warn']('upstream.unreachable', fields);
    parcel.failure = { upstream: lane.name, why: error.message };
    parcel.next++;
    this.place(parcel);
    for (const other of lane.leave(scope)) this.place(other);
    this.pump();
    this.options.changed();
  }

  /** Nobody could be reached. */
  private fail(parcel: Parcel, { upstream, why }: { upstream: string; why: string }): void {
    const outcome: Outcome = { fate: 'deferred', reply: why };
    const outcomes = parcel.recipients.map(() => outcome);
    void this.conclude(parcel, this.resultsOf(parcel, outcomes, { upstream, tls: '', host: '' }));
  }

  private resultsOf(
    { claim, recipients }: Parcel,
    outcomes: readonly Outcome[],
    { upstream, tls, host }: { upstream: string; tls: string; host: string },
  ): Result[] {
    const { clock, retry, attempted } = this.options;
    const trial = { at: clock.now(), upstream, tls, host };
    return recipients.map((one, i) => {
      const outcome = outcomes[i]!;
      attempted(upstream, outcome.fate);
      return tried(claim, one, outcome, trial, retry);
    });
  }

  /** Untried, to be claimed again later. Most need no more than a new time, and share a commit with others. */
  private putBack(parcel: Parcel, why: string, until: number): void {
    const { clock, retry } = this.options;
    this.putBacks++;
    const now = clock.now();
    const results = parcel.recipients.map((one) => putOff(parcel.claim, one, why, until, now, retry));
    if (parcel.family !== null || results.some(mayBeTold)) return void this.conclude(parcel, results);
    for (const { settlement } of results) this.returned.push(settlement);
  }

  private giveBack(): void {
    if (this.returned.length === 0) return;
    const settlements = this.returned;
    this.returned = [];
    this.settling++;
    void this.options.settler.giveBack(settlements).then(() => this.ended());
  }

  /** The next mail need not wait until this one's result is on disk; the results of many share one sync. */
  private async conclude(parcel: Pick<Parcel, 'claim' | 'family'>, results: readonly Result[]): Promise<void> {
    this.settling++;
    this.pump();
    try {
      await this.options.settler.finish(parcel, results);
    } catch (error) {
      this.options.log.error('queue.delivery_broken', { id: parcel.claim.id, error: (error as Error).message });
    }
    this.ended();
  }

  private ended(): void {
    this.settling--;
    this.pump();
    this.options.changed();
  }

  private async contentOf(claim: Claim): Promise<Content> {
    const content = claim.content ? [claim.content] : await this.options.store.content(claim.id);
    if (!content) throw new Error('its content is gone');
    return content;
  }
}

function envelopeOf({ claim, recipients }: Parcel): Envelope {
  const { sender, size, parameters, traits } = claim;
  return { sender, recipients, size, parameters, traits };
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
